//! What the connections from this host's real position say about a tree.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use evenkeel_model::{Config, ListenAddress};

use crate::finding::{Finding, Severity};
use crate::inventory::covers;
use crate::machine::Machine;
use crate::reach::{Address, Reach, Reached, Target};
use crate::report::Upstream;
use crate::watch::millis;

/// The targets that are asked from here: all but those that the tree itself listens on and those that come later, which nobody
/// serves yet.
pub(crate) fn to_ask(
    targets: Vec<Target>,
    config: &Config,
    machine: &Machine,
    later: &[SocketAddr],
) -> Vec<Target> {
    let listens = config.listens();
    let own = |target: &Target| match &target.address {
        Address::Inet(at) if later.contains(at) => true,
        Address::Inet(at) => machine.owns(at.ip()) && listens.iter().any(|listen| covers(listen, *at)),
        Address::Name { host, port } => machine.host(host).into_iter().any(|ip| {
            let at = SocketAddr::new(ip, *port);
            machine.owns(ip) && listens.iter().any(|listen| covers(listen, at))
        }),
        Address::Unix(path) => listens.contains(&ListenAddress::Unix(path.clone())),
    };
    targets.into_iter().filter(|target| !own(target)).collect()
}

/// Each address of the new tree once, with what came of asking it, and what is wrong with it.
pub(crate) fn judge(
    new: &[Target],
    live: Option<&[Target]>,
    reached: &[Reached],
) -> (Vec<Upstream>, Vec<Finding>) {
    let mut by_address: BTreeMap<&Address, Vec<&Reach>> = BTreeMap::new();
    for one in reached {
        by_address.entry(&one.address).or_default().push(&one.reach);
    }
    let mut told: Vec<Upstream> = Vec::new();
    let mut findings = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for target in new {
        let Some(outcomes) = by_address.get(&target.address) else { continue };
        if !seen.insert(&target.address) {
            continue;
        }
        let Some(&best) = outcomes.iter().min_by_key(|reach| rank(reach)) else { continue };
        let of_live = || live.into_iter().flatten().filter(|old| old.address == target.address);
        let in_live = of_live().next().is_some();
        let took_ms = match best {
            Reach::Accepted { took } => millis(*took),
            _ => 0,
        };
        told.push(Upstream {
            address: target.address.to_string(),
            upstream: target.upstream.clone(),
            file: target.file.clone(),
            line: target.line,
            accepts: matches!(best, Reach::Accepted { .. }),
            said: said(best),
            took_ms,
            in_live,
        });
        // One address may stand in several places, marked down in one and used in another.
        let here = new.iter().find(|it| it.address == target.address && !is_idle(it)).unwrap_or(target);
        let unresolved = matches!(best, Reach::NoSuchName(_));
        let old = of_live().any(|old| unresolved || !is_idle(old));
        findings.extend(finding(here, best).map(|finding| finding.old(old)));
    }
    (told, findings)
}

/// A name with several addresses is as good as its best one: nginx tries the others.
fn rank(reach: &Reach) -> u8 {
    match reach {
        Reach::Accepted { .. } => 0,
        Reach::Refused => 1,
        Reach::TimedOut => 2,
        Reach::Unreachable(_) => 3,
        Reach::NoSuchName(_) => 4,
        Reach::NotAsked(_) => 5,
    }
}

fn said(reach: &Reach) -> String {
    match reach {
        Reach::Accepted { .. } => "accepted".to_owned(),
        other => other.to_string(),
    }
}

/// Whether nobody connects to it: a server that is marked down, say. Its name must exist all the same.
fn is_idle(target: &Target) -> bool {
    target.down || !target.used || target.kind.is_datagram()
}

fn finding(target: &Target, reach: &Reach) -> Option<Finding> {
    let (rule, what, help) = match reach {
        Reach::Accepted { .. } | Reach::NotAsked(_) => return None,
        Reach::NoSuchName(why) => (
            "upstream-name-unknown",
            format!("cannot be resolved here ({why})"),
            "nginx resolves it when it loads and refuses the whole tree: make the name resolvable on this host first",
        ),
        _ if is_idle(target) => return None,
        Reach::Refused => (
            "upstream-refuses",
            "refuses connections from this host".to_owned(),
            "nobody listens there, or a firewall rejects this host: start it, or open the port, before nginx sends users there",
        ),
        Reach::TimedOut => (
            "upstream-times-out",
            "does not answer this host (timed out)".to_owned(),
            "a firewall drops the packets, or the machine is down: open the port for this host, before nginx sends users there",
        ),
        Reach::Unreachable(why) => (
            "upstream-unreachable",
            format!("cannot be reached from this host: {why}"),
            "look at the routes and the firewall of this host, or, for a unix socket, at its owner and mode",
        ),
    };
    let whose = match &target.upstream {
        Some(upstream) if target.backup => format!("backup {} of upstream {upstream}", target.address),
        Some(upstream) => format!("{} of upstream {upstream}", target.address),
        None => target.address.to_string(),
    };
    let place = Some((target.file.clone(), target.line));
    Some(Finding::new(rule, Severity::Error, format!("{whose} {what}")).at(place).help(help))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reach::TargetKind;
    use crate::testing::config;

    fn target(address: &str, upstream: Option<&str>) -> Target {
        Target {
            address: Address::Inet(address.parse().unwrap()),
            kind: TargetKind::Http { tls: false },
            node: config("events {}").root().id(),
            file: "conf.d/app.conf".to_owned(),
            line: 3,
            upstream: upstream.map(str::to_owned),
            backup: false,
            down: false,
            used: true,
        }
    }

    fn reached(address: &str, reach: Reach) -> Reached {
        let at: SocketAddr = address.parse().unwrap();
        Reached { address: Address::Inet(at), at: Some(at), reach }
    }

    #[test]
    fn dead_upstream_is_new_unless_the_live_tree_has_it() {
        let new = [target("10.0.0.5:80", Some("app")), target("10.0.0.6:80", Some("app"))];
        let live = [target("10.0.0.6:80", Some("old"))];
        let seen = [reached("10.0.0.5:80", Reach::Refused), reached("10.0.0.6:80", Reach::TimedOut)];
        let (told, findings) = judge(&new, Some(&live), &seen);
        assert_eq!(told.len(), 2);
        let rules: Vec<_> = findings.iter().map(|it| (it.rule, it.old)).collect();
        assert_eq!(rules, [("upstream-refuses", false), ("upstream-times-out", true)]);
        assert_eq!(findings[0].message, "10.0.0.5:80 of upstream app refuses connections from this host");
        assert_eq!(findings[0].line, Some(3));
    }

    #[test]
    fn name_is_as_good_as_the_best_of_its_addresses() {
        let new = [target("10.0.0.5:80", None)];
        let accepted = Reach::Accepted { took: Duration::from_millis(2) };
        let seen = [reached("10.0.0.5:80", Reach::Refused), reached("10.0.0.5:80", accepted)];
        let (told, findings) = judge(&new, None, &seen);
        assert!(told[0].accepts && findings.is_empty());
    }

    #[test]
    fn server_that_is_marked_down_must_exist_and_need_not_accept() {
        let mut down = target("10.0.0.5:80", Some("app"));
        down.down = true;
        let refused = judge(&[down.clone()], None, &[reached("10.0.0.5:80", Reach::Refused)]).1;
        assert!(refused.is_empty());
        let unknown = Reach::NoSuchName("no such name".to_owned());
        let unknown = judge(&[down], None, &[reached("10.0.0.5:80", unknown)]).1;
        assert_eq!(unknown[0].rule, "upstream-name-unknown");
    }

    #[test]
    fn address_that_the_tree_serves_itself_is_not_asked() {
        let config = config("events {}\nhttp { server { listen 8081; } }");
        let targets = vec![target("127.0.0.1:8081", None), target("10.9.9.9:8081", None)];
        let asked = to_ask(targets, &config, &Machine::default(), &[]);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].address.to_string(), "10.9.9.9:8081");
    }

    #[test]
    fn address_where_somebody_listens_later_is_not_asked() {
        let targets = vec![target("10.0.0.5:80", None), target("10.0.0.5:81", None)];
        let later = ["10.0.0.5:80".parse().unwrap()];
        let asked = to_ask(targets, &config("events {}"), &Machine::default(), &later);
        assert_eq!(asked.iter().map(|it| it.address.to_string()).collect::<Vec<_>>(), ["10.0.0.5:81"]);
    }
}
