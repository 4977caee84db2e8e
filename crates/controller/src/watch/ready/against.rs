//! What a host's firewall should do, held against what the vantages meet.

use std::net::SocketAddr;

use evenkeel_fleet::journal::{Clue, Severity, Source};
use evenkeel_fleet::watch::verdict::{Panel, Verdict};
use evenkeel_fleet::{HostId, Timestamp};
use evenkeel_host::probe::{Ask, Target};

use super::key_of;
use crate::ready::{Listened, Part, Passage, Readiness};
use crate::watch::Asked;

/// The failures that a firewall brings about.
const BY_FIREWALL: [&str; 3] = ["filtered", "rejected", "refused"];

/// What the two say together, of each probe of a host. What the host said was asked at `asked`.
pub(super) fn probes(
    plan: &[Asked],
    panel: &Panel,
    host: &HostId,
    asked: Timestamp,
    says: &Readiness,
) -> Vec<Clue> {
    let mut clues: Vec<Clue> = Vec::new();
    for (probe, _, verdict) in panel.verdicts().filter(|(_, of, _)| *of == host) {
        let it = plan.iter().find(|it| it.probe == *probe && it.host == *host);
        let Some(it) = it.filter(|it| !matches!(it.spec.ask, Ask::Dns(_))) else { continue };
        let Target::Tcp(address) = it.spec.target else { continue };
        let Some(listen) = says.listens.iter().find(|listen| takes(listen, address)) else { continue };
        let at = &listen.address;
        let (about, says, rule, severity, since) = match (verdict, &listen.now) {
            (Verdict::Down(trouble), Passage::Blocked { rule })
                if BY_FIREWALL.contains(&trouble.class) && trouble.onset <= asked =>
            {
                let says = format!("the firewall of {host} blocks {at}: {rule}");
                (format!("{at} is blocked"), says, rule, Severity::Warning, trouble.onset)
            }
            // What was refused found no firewall: there a port is closed.
            (Verdict::Down(trouble), Passage::Reachable)
                if BY_FIREWALL[..2].contains(&trouble.class) && trouble.onset <= asked =>
            {
                let says = format!(
                    "{probe} is {} at {at}, and the firewall of {host} lets anybody in there: something in front of it stops \
                     them",
                    trouble.class
                );
                (format!("{at} is reachable, {probe}"), says, &trouble.says, Severity::Note, trouble.onset)
            }
            (Verdict::Up, Passage::Blocked { rule }) => {
                let says = format!(
                    "{probe} is answered at {at}, and the firewall of {host} blocks others there: users may not come where \
                     the vantages do"
                );
                (format!("{at} is blocked for others, {probe}"), says, rule, Severity::Note, asked)
            }
            _ => continue,
        };
        let key = key_of(host, Part::Firewall, &about);
        if clues.iter().all(|clue| clue.key != key) {
            clues.push(Clue {
                key,
                source: Source::Readiness,
                host: Some(host.clone()),
                upstream: None,
                probe: Some(probe.clone()),
                class: None,
                says,
                details: vec![rule.clone()],
                since,
                severity,
            });
        }
    }
    clues
}

/// Whether a `listen` is where a probe asks.
fn takes(listen: &Listened, address: SocketAddr) -> bool {
    let Ok(at) = listen.address.parse::<SocketAddr>() else { return false };
    let same = at.ip() == address.ip() || (at.ip().is_unspecified() && at.is_ipv4() == address.is_ipv4());
    listen.transport == "tcp" && at.port() == address.port() && same
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use evenkeel_fleet::Span;
    use evenkeel_fleet::watch::verdict::Rules;
    use evenkeel_fleet::watch::{Answer, Failure, ProbeId, Sample, VantageId};
    use evenkeel_host::probe::tcp::Tcp;
    use evenkeel_host::probe::{Limits, Spec};

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000_000);

    fn said(answer: &Answer, now: Passage) -> Vec<Clue> {
        let (host, probe, vantage) =
            (HostId::new("web1").unwrap(), ProbeId("home".to_owned()), VantageId("here".to_owned()));
        let spec = Spec {
            target: Target::Tcp("192.0.2.1:443".parse().unwrap()),
            ask: Ask::Tcp(Tcp {}),
            limits: Limits::default(),
            proxy_protocol: false,
        };
        let plan = Asked {
            probe: probe.clone(),
            host: host.clone(),
            vantage: vantage.clone(),
            every: Duration::from_secs(1),
            spec,
            upstream: None,
            severity: Severity::Critical,
        };
        let rules = Rules { fall: 1, ..Rules::default() };
        let mut panel = Panel::new(rules, [vantage.clone()].into(), AT);
        let took = Span::from_millis(1);
        let sample = Sample { at: AT, probe, host: host.clone(), vantage, took, answer: answer.clone() };
        let _verdict = panel.take(AT, &sample, &BTreeSet::new());
        let listen = |address: &str, now: &Passage| Listened {
            address: address.to_owned(),
            transport: "tcp".to_owned(),
            now: now.clone(),
            after_boot: now.clone(),
        };
        let blocked = Passage::Blocked { rule: "elsewhere".to_owned() };
        let listens =
            vec![listen("[::]:443", &blocked), listen("0.0.0.0:80", &blocked), listen("0.0.0.0:443", &now)];
        let says = Readiness { listens, ..Readiness::default() };
        probes(&[plan], &panel, &host, AT, &says)
    }

    #[test]
    fn rule_that_stops_what_vantages_do_not_get_through_is_named() {
        let blocked = || Passage::Blocked { rule: "inet filter input, rule 3: drop".to_owned() };
        for failure in [Failure::Filtered, Failure::Refused] {
            let said = said(&Answer::Down(failure), blocked());
            assert_eq!(said.len(), 1);
            assert!(
                said[0].says.ends_with("blocks 0.0.0.0:443: inet filter input, rule 3: drop"),
                "{said:?}"
            );
            assert_eq!(said[0].severity, Severity::Warning);
        }
        assert_eq!(said(&Answer::Down(Failure::Status(502)), blocked()), []);
    }

    #[test]
    fn firewall_and_vantages_that_contradict_each_other_are_told() {
        let let_in = said(&Answer::Down(Failure::Filtered), Passage::Reachable);
        assert!(let_in[0].says.contains("something in front of it stops them"), "{let_in:?}");
        let kept_out = said(&Answer::Up, Passage::Blocked { rule: "a rule".to_owned() });
        assert!(kept_out[0].says.contains("blocks others there"), "{kept_out:?}");
        assert!(let_in.iter().chain(&kept_out).all(|clue| clue.severity == Severity::Note));
        // A port that is closed is no firewall's, and what is not known contradicts nobody.
        assert_eq!(said(&Answer::Down(Failure::Refused), Passage::Reachable), []);
        assert_eq!(said(&Answer::Up, Passage::Reachable), []);
        assert_eq!(said(&Answer::Up, Passage::Unknown { because: "xt".to_owned() }), []);
    }
}
