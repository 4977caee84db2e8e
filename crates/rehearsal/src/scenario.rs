//! Upstreams down, in turn and all together: what do users see?

use std::time::{Duration, Instant};

use evenkeel_model::Request;

use crate::asker::{Asker, STUB_HEADER};
use crate::compare::Heard;
use crate::finding::{Finding, Severity};
use crate::inventory::{Around, Server, Spot};
use crate::report::Down;
use crate::stage::Stage;
use crate::stub::StubError;
use crate::world::World;

mod shown;

/// How many upstreams are taken down in turn.
pub(crate) const UPSTREAMS_MAX: usize = 100;
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(8);
/// What is down when everything is.
pub(crate) const EVERYTHING: &str = "everything";

/// An upstream, and a request that reaches it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) request: Request,
    /// What goes down first, while others could take over; empty when there are no others.
    pub(crate) first: Vec<Spot>,
    pub(crate) all: Vec<Spot>,
    /// Whether the others are backups.
    pub(crate) has_backup: bool,
    /// Whether the answer was the upstream's, and not a page of nginx's own that asked it for something beside.
    pub(crate) by_upstream: bool,
}

/// Finds for every upstream a request that reached it. The second says how many more of them there are.
pub(crate) fn units<'a>(
    around: &Around,
    asked: impl Iterator<Item = (&'a Request, &'a Heard)> + Clone,
) -> (Vec<Unit>, usize) {
    let mut left_out = 0;
    let mut units = Vec::new();
    for (name, servers) in &around.servers {
        let reaches = |heard: &Heard| heard.reached.as_ref().is_some_and(|it| it.names.contains(name));
        let serves = |heard: &Heard| heard.observed.status.is_some_and(|status| status < 500);
        let found = asked.clone().find(|(_, heard)| reaches(heard) && serves(heard));
        match found {
            Some((request, heard)) if units.len() < UPSTREAMS_MAX => {
                let by_upstream = heard.header(STUB_HEADER).is_some();
                units.push(unit(name, servers, request, by_upstream));
            }
            Some(_) => left_out += 1,
            None => {}
        }
    }
    (units, left_out)
}

fn unit(name: &str, servers: &[Server], request: &Request, by_upstream: bool) -> Unit {
    let has_backup = servers.iter().any(|server| server.backup);
    let primaries = servers.iter().filter(|server| !server.backup);
    let first: Vec<Spot> = match has_backup {
        true => primaries.map(|server| server.spot.clone()).collect(),
        false if servers.len() > 1 => primaries.take(1).map(|server| server.spot.clone()).collect(),
        false => Vec::new(),
    };
    let all = servers.iter().map(|server| server.spot.clone()).collect();
    Unit { name: name.to_owned(), request: request.clone(), first, all, has_backup, by_upstream }
}

/// Something that was down, and everything about the answer.
#[derive(Debug, Clone)]
pub(crate) struct Felt {
    pub(crate) down: Down,
    pub(crate) heard: Heard,
    pub(crate) request: Request,
    /// Whether other servers were there to take over.
    pub(crate) others: bool,
    pub(crate) has_backup: bool,
    /// Whether an upstream answered it before.
    pub(crate) by_upstream: bool,
}

/// Takes every upstream down in turn, then all together. nginx remembers a server that failed for a while
/// (`fail_timeout`), so this comes after all other questions.
pub(crate) async fn play(
    stage: &Stage,
    world: &mut World<'_>,
    around: &Around,
    asker: &Asker<'_>,
    units: &[Unit],
) -> Result<Vec<Felt>, StubError> {
    let began = Instant::now();
    let mut felt = Vec::new();
    for unit in units {
        if began.elapsed() > WITHIN {
            break;
        }
        if !unit.first.is_empty() {
            for spot in &unit.first {
                world.close(spot).await?;
            }
            let what = match unit.has_backup {
                true => format!("all but the backup of {}", unit.name),
                false => format!("one server of {}", unit.name),
            };
            felt.push(ask(stage, world, asker, unit, what, true).await?);
        }
        for spot in &unit.all {
            world.close(spot).await?;
        }
        felt.push(ask(stage, world, asker, unit, unit.name.clone(), false).await?);
        for spot in &unit.all {
            if let Some(stand) = around.stands.get(spot) {
                world.open(stage, spot, stand).await?;
            }
        }
    }
    if units.len() > 1 && began.elapsed() <= WITHIN {
        for spot in around.stands.keys() {
            world.close(spot).await?;
        }
        for unit in units {
            felt.push(ask(stage, world, asker, unit, EVERYTHING.to_owned(), false).await?);
        }
        world.fit(stage, around).await?;
    }
    Ok(felt)
}

async fn ask(
    stage: &Stage,
    world: &World<'_>,
    asker: &Asker<'_>,
    unit: &Unit,
    what: String,
    others: bool,
) -> Result<Felt, StubError> {
    let heard = asker.ask(stage, world, &unit.request).await?;
    let serves = heard.observed.status.is_some_and(|status| status < 500);
    let took_over = others && serves && heard.reached.is_some();
    let down = Down { what, request: unit.request.url(), seen: heard.observed.clone(), took_over };
    let Unit { request, has_backup, by_upstream, .. } = unit.clone();
    Ok(Felt { down, heard, request, others, has_backup, by_upstream })
}

/// Whether an answer is one that somebody gave before, who is down now: the backup was not asked.
fn is_cached(felt: &Felt) -> bool {
    felt.heard.header(STUB_HEADER).is_some()
}

/// What is worth saying of the outages that were played, held against those of the live tree.
pub(crate) fn judge(
    felt: &[Felt],
    live: &[Felt],
    page_of: impl Fn(&Request, u16) -> Option<(String, u32)>,
) -> Vec<Finding> {
    let serves = |it: &Felt| it.down.seen.status.is_some_and(|status| status < 500);
    let mut findings = Vec::new();
    for one in felt.iter().filter(|one| one.down.what != EVERYTHING) {
        let before =
            live.iter().find(|it| it.down.what == one.down.what && it.down.request == one.down.request);
        let (what, request) = (&one.down.what, &one.down.request);
        let shown = crate::compare::outcome_of(&one.down.seen);
        if before.is_some_and(serves) && !serves(one) {
            let message =
                format!("with {what} down {request} ends in {shown}; the live tree still serves it");
            let help = "keep a second server or a backup in the upstream, or an `error_page` that nginx itself serves";
            findings.push(Finding::new("upstream-down-worse", Severity::Warning, message).help(help));
        } else if one.others && one.has_backup && !one.down.took_over && !is_cached(one) {
            let message = format!("with {what} down no backup takes over: {request} ends in {shown}");
            let help = "look at `proxy_next_upstream`, and at what the backup is asked for";
            let old = before.is_some_and(|it| !it.down.took_over);
            findings
                .push(Finding::new("backup-does-not-serve", Severity::Warning, message).help(help).old(old));
        }
    }
    findings.extend(shown::judge(felt, live, page_of));
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Reached;
    use crate::report::Observed;

    fn spot(text: &str) -> Spot {
        Spot::World(text.parse().unwrap())
    }

    fn server(text: &str, backup: bool) -> Server {
        Server { spot: spot(text), backup }
    }

    fn around(servers: Vec<Server>) -> Around {
        Around { servers: [("app".to_owned(), servers)].into(), ..Around::default() }
    }

    fn heard(status: u16, reached: Option<&str>) -> Heard {
        let reached = reached.map(|name| Reached { names: vec![name.to_owned()], at: String::new() });
        Heard {
            observed: Observed { status: Some(status), ..Observed::default() },
            reached,
            ..Heard::default()
        }
    }

    pub(super) fn felt(what: &str, status: u16, took_over: bool) -> Felt {
        let body = format!("<title>{status} Bad</title><hr><center>nginx/1.22.1</center>").into_bytes();
        let heard = Heard { body, ..heard(status, None) };
        let request = Request::parse("GET http://a/").unwrap();
        let down =
            Down { what: what.to_owned(), request: request.url(), seen: heard.observed.clone(), took_over };
        let others = what.starts_with("all but");
        Felt { down, heard, request, others, has_backup: others, by_upstream: false }
    }

    #[test]
    fn backup_is_left_alone_at_first() {
        let request = Request::parse("GET http://a/").unwrap();
        let reached = heard(200, Some("app"));
        let asked = [(&request, &reached)];
        let take = |servers| units(&around(servers), asked.iter().copied());
        let (found, left_out) = take(vec![server("10.0.0.1:80", false), server("10.0.0.2:80", true)]);
        assert_eq!((found[0].first.len(), found[0].all.len(), left_out), (1, 2, 0));
        let (found, _) = take(vec![server("10.0.0.1:80", false)]);
        assert!(found[0].first.is_empty());
        let nobody: [(&Request, &Heard); 0] = [];
        assert!(units(&around(vec![server("10.0.0.1:80", false)]), nobody.iter().copied()).0.is_empty());
    }

    #[test]
    fn outage_that_the_live_tree_survives_is_worse() {
        let what = "all but the backup of app";
        let none = |_: &Request, _: u16| None;
        let rules = |felt: &[Felt], live: &[Felt]| {
            judge(felt, live, none).iter().map(|it| (it.rule, it.old)).collect::<Vec<_>>()
        };
        let (dead, alive) = ([felt(what, 502, false)], [felt(what, 200, true)]);
        assert_eq!(rules(&dead, &alive), [("upstream-down-worse", false)]);
        assert_eq!(rules(&dead, &dead), [("backup-does-not-serve", true)]);
        assert_eq!(rules(&alive, &dead), []);
        let mut cached = felt(what, 200, false);
        cached.heard.headers.push((STUB_HEADER.to_owned(), "app".to_owned()));
        assert_eq!(rules(&[cached], &[]), []);
    }

    #[test]
    fn error_page_that_nobody_sees_is_named() {
        let page = |_: &Request, _: u16| Some(("nginx.conf".to_owned(), 7));
        let found = judge(&[felt("app", 502, false)], &[], page);
        assert_eq!((found[0].rule, found[0].line), ("error-page-fails", Some(7)));
    }
}
