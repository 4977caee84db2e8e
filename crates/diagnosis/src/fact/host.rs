//! What the host, its nginx and its firewall are like.

use std::net::{IpAddr, SocketAddr};

use super::Fact;
use crate::Finding;
use crate::engine::shortly_before;
use crate::evidence::{Certificate, Evidence, Listening, Session, Verdict};

/// How many sockets are listed.
const PLACES_SHOWN: usize = 4;

pub(super) fn ask(fact: Fact, evidence: &Evidence) -> Option<Finding> {
    Some(match fact {
        Fact::NginxRuns | Fact::NginxStopped => match &evidence.nginx {
            None => Finding::unknown("whether nginx runs on the host: systemctl status nginx"),
            Some(nginx) => Finding::of(
                nginx.runs == (fact == Fact::NginxRuns),
                if nginx.runs { "nginx runs" } else { "no nginx runs" },
                if nginx.runs { "nginx runs" } else { "no nginx runs" },
            ),
        },
        Fact::ListensThere => listens(evidence, |socket, asked| covers(socket.at, asked), "listens there"),
        Fact::ListensElsewhere => elsewhere(evidence),
        Fact::ListenUnnamed => match evidence.listen_named {
            Some(true) => Finding::No(String::from("the configuration, or the one before it, listens there")),
            Some(false) => {
                Finding::Yes(String::from("neither the configuration nor the one before it listens there"))
            }
            None => Finding::Yes(String::from("no configuration was read that listens there")),
        },
        Fact::QueueFull => {
            if evidence.listening.iter().flatten().all(|socket| socket.full.is_none()) {
                return Some(Finding::unknown("the queue of the socket: ss -ltn, Recv-Q against Send-Q"));
            }
            listens(
                evidence,
                |socket, asked| covers(socket.at, asked) && socket.full == Some(true),
                "has a full queue",
            )
        }
        Fact::PortTaken => taken(evidence),
        Fact::ConfigNewerThanWorkers => {
            match evidence
                .nginx
                .as_ref()
                .and_then(|nginx| Some((nginx, nginx.config_changed?, nginx.youngest_worker?)))
            {
                None => Finding::unknown("when the configuration changed, and when the workers started"),
                Some((nginx, changed, started)) => Finding::of(
                    nginx.may_have_read(changed) == Some(false),
                    format!(
                        "the configuration changed {} after the youngest worker started",
                        changed.since(started)
                    ),
                    "the workers are younger than the configuration",
                ),
            }
        }
        Fact::GenerationsOver(many) => match &evidence.nginx {
            None => Finding::unknown("the workers of nginx, by generation"),
            Some(nginx) => {
                let says = format!("{} generations of workers live", nginx.generations);
                Finding::of(nginx.generations > many, says.clone(), says)
            }
        },
        Fact::DiskRefused => match evidence.nginx.as_ref().and_then(|nginx| nginx.disk.as_ref()) {
            None => Finding::unknown("nginx -t"),
            Some(Ok(())) => Finding::No(String::from("nginx -t accepts what is on disk")),
            Some(Err(said)) => Finding::Yes(format!("nginx -t refuses what is on disk: {said}")),
        },
        Fact::FirewallBlocks | Fact::FirewallOpen | Fact::FirewallConditional => {
            verdict(fact, evidence, asked(evidence).collect::<Vec<_>>().as_slice())
        }
        Fact::DiskNewer => certificate(
            evidence,
            |one| {
                one.disk.as_ref().is_some_and(|disk| *disk != one.served) && one.disk_until > one.served_until
            },
            "the certificate on disk is newer than the one that is served",
            "the certificate on disk is not newer",
        ),
        Fact::DiskSame => certificate(
            evidence,
            |one| one.disk.as_ref() == Some(&one.served),
            "the certificate on disk is the one that is served",
            "another certificate lies on disk",
        ),
        Fact::Recent(kind) => {
            let change = evidence
                .changes
                .iter()
                .find(|change| change.kind == kind && shortly_before(change, evidence));
            match change {
                Some(change) => Finding::Yes(format!("shortly before: {}", change.what)),
                None => Finding::No(String::from("no such change came shortly before")),
            }
        }
        Fact::PeersHealthy => match evidence.peers.as_deref() {
            None | Some([]) => Finding::unknown("another host with the same configuration"),
            Some(peers) => {
                let healthy = peers.iter().filter(|peer| peer.healthy).count();
                let says =
                    format!("{healthy} of {} other hosts with the same configuration answer", peers.len());
                Finding::of(healthy == peers.len(), says.clone(), says)
            }
        },
        Fact::Session(code, status) => session(
            evidence,
            |session| session.code == code && session.status == status,
            "no session ended so",
        ),
        Fact::SessionWithoutServer => {
            session(evidence, |session| session.server.is_none(), "a server was chosen for each session")
        }
        Fact::Check(result) => session(
            evidence,
            |session| session.check.as_deref().is_some_and(|check| check.starts_with(result)),
            "no check ends so",
        ),
        _ => return None,
    })
}

/// The addresses that failed.
fn asked(evidence: &Evidence) -> impl Iterator<Item = SocketAddr> {
    evidence.down().filter_map(|(seen, _)| seen.address)
}

/// Whether a socket takes connections to an address. One that takes both families is told of under both.
pub(super) fn covers(at: SocketAddr, asked: SocketAddr) -> bool {
    let any = at.ip().is_unspecified() && at.is_ipv6() == asked.is_ipv6();
    at.port() == asked.port() && (any || at.ip() == asked.ip())
}

fn listens(evidence: &Evidence, has: impl Fn(&Listening, SocketAddr) -> bool, what: &str) -> Finding {
    let (Some(listening), Some(asked)) = (&evidence.listening, asked(evidence).next()) else {
        return Finding::unknown("the listening sockets of the host: ss -ltn");
    };
    match listening.iter().find(|socket| has(socket, asked)) {
        Some(socket) => {
            let program = socket.program.as_deref().unwrap_or("something");
            Finding::Yes(format!("{program} {what}: {}", socket.at))
        }
        None => Finding::No(format!("nothing {what} ({asked})")),
    }
}

fn is_nginx(socket: &Listening) -> bool {
    socket.program.as_deref().is_some_and(|program| program.starts_with("nginx"))
}

fn elsewhere(evidence: &Evidence) -> Finding {
    let (Some(listening), Some(asked)) = (&evidence.listening, asked(evidence).next()) else {
        return Finding::unknown("the listening sockets of the host: ss -ltn");
    };
    // Another nginx on the same machine is none of ours.
    if evidence.nginx.is_none() {
        return Finding::unknown("the nginx that reads this configuration");
    }
    let ours: Vec<_> = listening.iter().filter(|socket| is_nginx(socket)).collect();
    if ours.iter().any(|socket| covers(socket.at, asked)) {
        return Finding::No(format!("nginx listens at {asked}"));
    }
    let mut places: Vec<String> = ours.iter().map(|socket| socket.at.to_string()).collect();
    if places.is_empty() {
        return Finding::No(String::from("nginx listens nowhere"));
    }
    let more = places.len().saturating_sub(PLACES_SHOWN);
    places.truncate(PLACES_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Finding::Yes(format!("nginx listens at {}{more}, not at {asked}", places.join(", ")))
}

fn taken(evidence: &Evidence) -> Finding {
    let Some(listening) = &evidence.listening else {
        return Finding::unknown("who holds the port: ss -ltnp");
    };
    let wanted = Fact::SaidErrno(evenkeel_model::Message::BindFailed, &[98]).lines(evidence);
    let Some(address) = wanted.and_then(|lines| lines.names[0].clone()) else {
        return Finding::No(String::from("nginx does not miss a port"));
    };
    let port = address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    match listening.iter().find(|socket| Some(socket.at.port()) == port && !is_nginx(socket)) {
        Some(socket) => Finding::Yes(format!(
            "{} holds {}",
            socket.program.as_deref().unwrap_or("another program"),
            socket.at
        )),
        None => Finding::No(format!("no other program holds {address} now")),
    }
}

/// What the firewall decides of these addresses.
pub(super) fn verdict(fact: Fact, evidence: &Evidence, to: &[SocketAddr]) -> Finding {
    let Some(firewall) = &evidence.firewall else {
        return Finding::unknown("the rules of the firewall: nft list ruleset");
    };
    let Some(one) = firewall.iter().find(|one| to.contains(&one.to)) else {
        return Finding::unknown("the rules of the firewall for this address");
    };
    let (at, host) = (one.to, &one.host);
    match (&one.verdict, fact) {
        (Verdict::Unknown { because }, _) => {
            Finding::Unknown(format!("what the firewall does with {because}"))
        }
        (Verdict::Blocked { rule, .. }, Fact::FirewallBlocks | Fact::UpstreamBlocked) => {
            Finding::Yes(format!("the firewall of {host} stops connections to {at}: {rule}"))
        }
        (Verdict::Blocked { rule, .. }, _) => {
            Finding::No(format!("the firewall of {host} stops connections to {at}: {rule}"))
        }
        (Verdict::Reachable, Fact::FirewallOpen) => {
            Finding::Yes(format!("the firewall of {host} lets connections to {at} through"))
        }
        (Verdict::Reachable, _) => {
            Finding::No(format!("the firewall of {host} lets connections to {at} through"))
        }
        (Verdict::Conditional { on }, Fact::FirewallConditional | Fact::UpstreamConditional) => Finding::Yes(
            format!("the firewall of {host} lets connections to {at} through only on a condition: {on}"),
        ),
        (Verdict::Conditional { on }, _) => {
            Finding::No(format!("the firewall of {host} decides on a condition: {on}"))
        }
    }
}

fn certificate(evidence: &Evidence, has: impl Fn(&Certificate) -> bool, yes: &str, no: &str) -> Finding {
    let Some(certificates) = &evidence.certificates else {
        return Finding::unknown("the certificate on disk");
    };
    match certificates.iter().filter(|one| one.disk.is_some()).find(|one| has(one)) {
        Some(one) => Finding::Yes(match &one.path {
            Some(path) => format!("{yes} ({path})"),
            None => yes.to_owned(),
        }),
        None if certificates.iter().all(|one| one.disk.is_none()) => {
            Finding::unknown("the certificate on disk")
        }
        None => Finding::No(no.to_owned()),
    }
}

fn session(evidence: &Evidence, has: impl Fn(&Session) -> bool, no: &str) -> Finding {
    let Some(balancer) = &evidence.balancer else {
        return Finding::unknown("the log and the statistics of the balancer");
    };
    match balancer.iter().find(|session| has(session)) {
        Some(session) => Finding::Yes(format!(
            "the balancer ends {} sessions with {} {}, server {}{}",
            session.count,
            session.status,
            session.code,
            session.server.as_deref().unwrap_or("<none>"),
            session.check.as_ref().map(|check| format!(", whose check says {check}")).unwrap_or_default()
        )),
        None => Finding::No(no.to_owned()),
    }
}

/// The address of an upstream's server, as far as it is one: `http://127.0.0.1:9000` → `127.0.0.1:9000`.
pub(super) fn address(of: &str) -> Option<SocketAddr> {
    let bare = of.rsplit("://").next().unwrap_or(of);
    let bare = bare.split('/').next().unwrap_or(bare);
    bare.parse().ok().or_else(|| Some(SocketAddr::new(bare.parse::<IpAddr>().ok()?, 80)))
}
