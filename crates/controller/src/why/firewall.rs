//! What the firewall of this machine says of the addresses that fail.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evenkeel_diagnosis::evidence::{Firewall, Verdict};
use evenkeel_fleet::watch::{Failure, Layer};
use evenkeel_model::reach::Client;
use evenkeel_model::{LogPhase, Message};

use super::{Look, is_own};
use crate::reach::Machine;

/// The interface by which a machine speaks to itself.
const LOOPBACK: &str = "lo";

impl Look<'_> {
    pub(super) fn firewall(&mut self) {
        let (visited, seen) = self.refused();
        let upstreams = self.upstreams_that_fail();
        if visited.is_empty() && seen.is_empty() && upstreams.is_empty() {
            return;
        }
        let machine = match Machine::read() {
            Ok(machine) => machine,
            Err(error) => {
                let because = format!("failed to {error}");
                let all = visited.into_iter().chain(seen).chain(upstreams);
                self.verdicts(all.map(|to| (to, Verdict::Unknown { because: because.clone() })).collect());
                return;
            }
        };
        // What goes from this machine to itself goes by the loopback, from the address that it is for; by IPv4 to any of the
        // loopback's own addresses, from the first (`inet_select_addr`, net/ipv4/devinet.c of Linux).
        let from =
            |to: IpAddr| if to.is_ipv4() && to.is_loopback() { Ipv4Addr::LOCALHOST.into() } else { to };
        let myself =
            |to: SocketAddr| Client { address: Some(from(to.ip())), interface: Some(LOOPBACK.to_owned()) };
        let mut verdicts: Vec<(SocketAddr, Verdict)> =
            seen.into_iter().map(|to| (to, self.for_others(&machine, to))).collect();
        for to in visited.into_iter().chain(upstreams) {
            let known = |(other, verdict): &(SocketAddr, Verdict)| {
                *other == to && matches!(verdict, Verdict::Blocked { .. })
            };
            if verdicts.iter().any(known) {
                continue;
            }
            let verdict = if is_own(to.ip()) {
                machine.verdict(to, &myself(to))
            } else {
                Verdict::Unknown { because: format!("another machine: ask on {}", to.ip()) }
            };
            verdicts.retain(|(other, _)| *other != to);
            verdicts.push((to, verdict));
        }
        self.verdicts(verdicts);
    }

    /// What the firewall does with those who complain, each from where it is; with a stranger, where nobody says from where. What
    /// stops one of them counts.
    fn for_others(&self, machine: &Machine, to: SocketAddr) -> Verdict {
        let known = self.asked.seen.iter().filter_map(|seen| seen.from());
        let mut clients: Vec<Client> = known
            .filter(|from| from.is_ipv4() == to.is_ipv4())
            .map(|from| Client { address: Some(from), interface: None })
            .collect();
        if clients.is_empty() {
            clients.push(Client::default());
        }
        let mut all = clients.iter().map(|client| machine.verdict(to, client));
        let first = all.next().expect("there is a client");
        let stops = |verdict: &Verdict| matches!(verdict, Verdict::Blocked { .. });
        if stops(&first) { first } else { all.find(stops).unwrap_or(first) }
    }

    /// The addresses of the site that cannot be connected to or say nothing: from here, and as others see it.
    fn refused(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let stopped = |failure: &Failure| {
            matches!(failure.layer(), Layer::Connection)
                || matches!(failure, Failure::Silent | Failure::Reset | Failure::Slow)
        };
        let of = |here: bool| {
            let down = self.evidence.down().filter(|(_, failure)| stopped(failure));
            let mut all: Vec<SocketAddr> = down
                .filter(|(seen, _)| (seen.vantage == super::HERE) == here)
                .filter_map(|(seen, _)| seen.address)
                .filter(|address| here || is_own(address.ip()))
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        (of(true), of(false))
    }

    /// The addresses that nginx cannot connect to, or that do not answer it.
    fn upstreams_that_fail(&self) -> Vec<SocketAddr> {
        let fails = |line: &&evenkeel_diagnosis::evidence::Lines| match line.message {
            Message::ConnectFailed => true,
            Message::UpstreamTimedOut => {
                matches!(line.phase, Some(LogPhase::ConnectingToUpstream | LogPhase::ReadingHeader))
            }
            _ => false,
        };
        let lines = self.evidence.lines.iter().flatten().filter(fails);
        let mut all: Vec<SocketAddr> =
            lines.filter_map(|line| line.upstream.as_deref()?.rsplit("://").next()?.parse().ok()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn verdicts(&mut self, verdicts: Vec<(SocketAddr, Verdict)>) {
        let host = String::from("this host");
        let firewall = |(to, verdict)| Firewall { host: host.clone(), to, verdict };
        self.evidence.firewall = Some(verdicts.into_iter().map(firewall).collect());
    }
}
