//! The table, asked of evidence. Which layer failed decides which rows are asked; facts decide the rest.

use evenkeel_fleet::watch::Failure;
use evenkeel_fleet::{Span, Timestamp};
use evenkeel_model::Message;

use crate::evidence::{Change, ChangeKind, Evidence};
use crate::row::{Row, Shape};
use crate::{Cause, Confidence, Diagnosis, Finding, RuledOut, analyzers};

/// How long before the onset a change still counts as one that may have brought it.
const BEFORE_MS: u64 = 15 * 60 * 1000;
/// How far clocks of two hosts, and the second in which a log counts, may be apart.
const CLOCKS_MS: u64 = 2_000;
/// Below this share of failing answers a log without probes is healthy: one of this many.
const HEALTHY_ONE_OF: u64 = 100;
/// The most things that are named as missing.
const MISSING_MAX: usize = 6;

/// How it stands, before any cause is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A probe failed.
    Failing,
    /// Nobody probed: the logs decide.
    LogsOnly,
    /// Probes, or the logs, say that all is well.
    Healthy,
}

/// A row that the evidence fits.
struct Candidate<'r> {
    row: &'r Row,
    cause: Cause,
    /// Each fact that would settle it was looked at, and none did.
    unsettled: bool,
    open: Vec<String>,
    /// When the change came that it is blamed on.
    changed: Option<Timestamp>,
    /// How many facts hold.
    facts: usize,
}

/// Says what evidence means.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let state = state(evidence);
    let (mut ruled_out, mut unshown) = (Vec::new(), Vec::new());
    let mut candidates: Vec<_> = analyzers::rows()
        .filter(|row| is_asked(row, state, evidence))
        .filter_map(|row| judge(row, evidence, &mut ruled_out, &mut unshown))
        .collect();
    only_one_left(&mut candidates);
    candidates.extend(unexplained_change(&candidates, state, evidence));
    rank(&mut candidates);
    let settled = candidates.first().is_some_and(|first| first.cause.confidence == Confidence::Confident);
    let mut missing = Vec::new();
    if !settled && state != State::Healthy {
        let looks = if candidates.is_empty() { unlooked(evidence) } else { Vec::new() };
        for text in
            looks.iter().chain(candidates.iter().flat_map(|candidate| &candidate.open)).chain(&unshown)
        {
            if !missing.contains(text) && missing.len() < MISSING_MAX {
                missing.push(text.clone());
            }
        }
    }
    let causes = candidates.into_iter().map(|candidate| candidate.cause).collect();
    Diagnosis { failing: state == State::Failing, causes, ruled_out, missing }
}

/// Whether a change came shortly before the onset; without an onset every change that is told counts.
pub(crate) fn shortly_before(change: &Change, evidence: &Evidence) -> bool {
    evidence.onset.is_none_or(|onset| {
        let late = onset + Span::from_millis(CLOCKS_MS);
        change.at <= late && late.since(change.at).as_millis() <= BEFORE_MS + CLOCKS_MS
    })
}

fn state(evidence: &Evidence) -> State {
    if evidence.down().next().is_some() {
        return State::Failing;
    }
    if !evidence.samples.is_empty() {
        return State::Healthy;
    }
    match &evidence.access {
        None => State::LogsOnly,
        Some(access) => {
            let all: u64 = access.iter().map(|answers| answers.count).sum();
            let bad: u64 =
                access.iter().filter(|answers| answers.status >= 400).map(|answers| answers.count).sum();
            let redirects = access.iter().any(|answers| (300..400).contains(&answers.status));
            if bad * HEALTHY_ONE_OF < all.max(1) && !redirects { State::Healthy } else { State::LogsOnly }
        }
    }
}

/// Whether what clients see may be of this cause.
fn is_asked(row: &Row, state: State, evidence: &Evidence) -> bool {
    if row.seen.is_empty() {
        return true;
    }
    match state {
        State::Healthy => false,
        State::Failing => evidence.down().any(|(seen, _)| row.seen.iter().any(|shape| shape.fits(seen))),
        State::LogsOnly => {
            let statuses: Vec<u16> = row.seen.iter().copied().filter_map(Shape::status).collect();
            let logged =
                |status: &u16| evidence.access.iter().flatten().any(|answers| answers.status == *status);
            evidence.access.is_none() || statuses.len() < row.seen.len() || statuses.iter().any(logged)
        }
    }
}

/// Asks the facts of a row.
fn judge<'r>(
    row: &'r Row,
    evidence: &Evidence,
    ruled_out: &mut Vec<RuledOut>,
    missing: &mut Vec<String>,
) -> Option<Candidate<'r>> {
    let (mut rests_on, mut against, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for fact in row.shows {
        match fact.ask(evidence) {
            Finding::Yes(text) => rests_on.push(text),
            Finding::Unknown(text) => open.push(text),
            Finding::No(_) => return None,
        }
    }
    if rests_on.is_empty() || !open.is_empty() {
        // What shows a cause is known, or it is none; what would show it is worth a look.
        if !rests_on.is_empty() && !row.seen.is_empty() {
            missing.append(&mut open);
        }
        return None;
    }
    let fill = |text: &str| fill(text, row, evidence);
    for fact in row.excludes {
        if let Finding::Yes(because) = fact.ask(evidence) {
            ruled_out.push(RuledOut { id: row.id, says: fill(row.says), because });
            return None;
        }
    }
    let (mut settled, mut looked) = (row.settles.is_empty(), 0);
    for fact in row.settles {
        match fact.ask(evidence) {
            Finding::Yes(text) => {
                settled = true;
                if !rests_on.contains(&text) {
                    rests_on.push(text);
                }
            }
            Finding::No(text) => {
                looked += 1;
                against.push(text);
            }
            Finding::Unknown(text) => open.push(text),
        }
    }
    if settled {
        // What one fact settles, the others need not.
        against.clear();
        open.clear();
    }
    let mut confidence = if settled { Confidence::Confident } else { Confidence::Possible };
    for fact in row.doubts {
        if let Finding::Yes(text) = fact.ask(evidence) {
            against.push(text);
            confidence = confidence.min(Confidence::Likely);
        }
    }
    let unsettled = !settled && looked == row.settles.len();
    let change = blamed(row, evidence);
    if let Some(change) = change {
        rests_on.push(format!("shortly before: {}", change.what));
        if !unsettled {
            confidence = confidence.max(Confidence::Likely);
        }
    }
    let facts = rests_on.len();
    let cause = Cause {
        id: row.id,
        says: fill(row.says),
        confidence,
        rests_on,
        against,
        first_check: fill(row.check),
        fix: fill(row.fix),
        change: change.map(|change| change.what.clone()),
        rollback: change.and_then(|change| change.rollback.clone()),
    };
    let changed = change.map(|change| change.at);
    Some(Candidate { row, cause, unsettled, open, changed, facts })
}

/// A cause that is wholly shown, and that no other contends with, is likely.
fn only_one_left(candidates: &mut [Candidate<'_>]) {
    let mut contenders = candidates.iter_mut().filter(|candidate| !candidate.row.seen.is_empty());
    if let (Some(only), None) = (contenders.next(), contenders.next())
        && !only.unsettled
    {
        only.cause.confidence = only.cause.confidence.max(Confidence::Likely);
    }
}

/// The newest change that may have brought a cause.
fn blamed<'e>(row: &Row, evidence: &'e Evidence) -> Option<&'e Change> {
    let may = |change: &&Change| {
        row.changes.contains(&change.kind)
            && shortly_before(change, evidence)
            && on_path(change, evidence) != Some(false)
    };
    evidence.changes.iter().filter(may).max_by_key(|change| (on_path(change, evidence), change.at))
}

/// Whether a change touches what the failing request passes; `None`: nobody knows what it touches.
fn on_path(change: &Change, evidence: &Evidence) -> Option<bool> {
    if change.touches.is_empty() {
        return None;
    }
    // Who was never asked is not to blame.
    if change.kind == ChangeKind::Application && refused_before_upstream(evidence) {
        return Some(false);
    }
    let route = evidence.route.iter().flat_map(|route| {
        [Some(&route.server), route.location.as_ref(), route.upstream.as_ref(), route.file.as_ref()]
            .into_iter()
            .flatten()
            .chain(&route.servers)
    });
    // What the log says of an upstream counts unless the request is known to ask none.
    let asks_none = evidence.route.as_ref().is_some_and(|route| route.upstream.is_none());
    let lines = evidence.lines.iter().flatten().filter(|_| !asks_none);
    let logged = lines.filter_map(|lines| lines.upstream.as_ref());
    let path: Vec<&str> = route.chain(logged).map(|name| bare(name)).collect();
    Some(change.touches.iter().any(|touched| path.contains(&bare(touched))))
}

/// Whether nginx refused the request by itself, before it asked anybody.
fn refused_before_upstream(evidence: &Evidence) -> bool {
    let mut down = evidence.down().peekable();
    down.peek().is_some()
        && down.all(|(_, failure)| match failure {
            Failure::Status(401) if crate::Fact::WantsPassword.ask(evidence).is_yes() => true,
            Failure::Status(status @ 400..500) => crate::Fact::OwnStatus(*status).ask(evidence).is_yes(),
            _ => false,
        })
}

fn bare(name: &str) -> &str {
    name.rsplit("://").next().unwrap_or(name)
}

/// Something fails that the table does not explain, and something changed: that is worth a look.
fn unexplained_change(
    known: &[Candidate<'_>],
    state: State,
    evidence: &Evidence,
) -> Option<Candidate<'static>> {
    let explained = known.iter().any(|candidate| candidate.cause.confidence > Confidence::Possible);
    if state != State::Failing || explained {
        return None;
    }
    let may = |change: &&Change| shortly_before(change, evidence) && on_path(change, evidence) != Some(false);
    let change =
        evidence.changes.iter().filter(may).max_by_key(|change| (on_path(change, evidence), change.at))?;
    let (_, failure) = evidence.down().next()?;
    let touches = on_path(change, evidence) == Some(true);
    let peers = crate::Fact::PeersHealthy.ask(evidence);
    let mut against = Vec::new();
    if let (Finding::Yes(text), ChangeKind::Release) = (peers, change.kind) {
        against.push(text);
    }
    let likely = touches && against.is_empty();
    let cause = Cause {
        id: analyzers::RECENT_CHANGE.id,
        says: format!("what changed shortly before: {}", change.what),
        confidence: if likely { Confidence::Likely } else { Confidence::Possible },
        rests_on: vec![
            failure.to_string(),
            if touches {
                String::from("the change touches what the request passes")
            } else {
                String::from("the change came shortly before")
            },
        ],
        against,
        first_check: analyzers::RECENT_CHANGE.check.to_owned(),
        fix: analyzers::RECENT_CHANGE.fix.to_owned(),
        change: Some(change.what.clone()),
        rollback: change.rollback.clone(),
    };
    Some(Candidate {
        row: &analyzers::RECENT_CHANGE,
        cause,
        unsettled: false,
        open: unlooked(evidence),
        changed: Some(change.at),
        facts: 1,
    })
}

/// What a client sees, and is likely at least, first, then dangers; of equals the surest, then what the newest change may have
/// brought, then what more facts speak for. What follows from another cause comes behind it.
fn rank(candidates: &mut Vec<Candidate<'_>>) {
    candidates.sort_by_key(|candidate| {
        let danger = candidate.row.seen.is_empty();
        (
            danger || candidate.cause.confidence < Confidence::Likely,
            std::cmp::Reverse(candidate.cause.confidence),
            danger,
            std::cmp::Reverse(candidate.changed),
            std::cmp::Reverse(candidate.facts),
        )
    });
    // Each moves behind at most once, so this ends.
    for row in candidates.iter().map(|candidate| candidate.row).collect::<Vec<_>>() {
        let Some(at) = candidates.iter().position(|candidate| candidate.row.id == row.id) else { continue };
        let root = candidates.iter().rposition(|candidate| {
            row.follows.contains(&candidate.row.id) && candidate.cause.confidence >= Confidence::Likely
        });
        if let Some(root) = root.filter(|root| *root > at) {
            let moved = candidates.remove(at);
            candidates.insert(root, moved);
        }
    }
}

/// What nobody looked at.
fn unlooked(evidence: &Evidence) -> Vec<String> {
    let looks = [
        (evidence.samples.is_empty(), "a probe of the URL"),
        (evidence.lines.is_none(), "the error log of nginx"),
        (evidence.direct.is_none(), "the application, asked without nginx"),
        (evidence.access.is_none(), "the access log, with $upstream_status"),
        (evidence.nginx.is_none(), "whether nginx runs on the host"),
        (evidence.firewall.is_none(), "the rules of the firewall"),
    ];
    looks.into_iter().filter(|(open, _)| *open).map(|(_, look)| look.to_owned()).collect()
}

/// The names of this case in a text of the table.
fn fill(text: &str, row: &Row, evidence: &Evidence) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let lines = row.shows.iter().chain(row.settles).find_map(|fact| fact.lines(evidence));
    let route = evidence.route.as_ref();
    let of_lines = |pick: fn(&crate::evidence::Lines) -> Option<&String>| lines.and_then(pick).cloned();
    let name = |at: usize| lines.and_then(|lines| lines.names.get(at).cloned().flatten());
    let upstream = of_lines(|lines| lines.upstream.as_ref())
        .or_else(|| route.and_then(|route| route.servers.first().or(route.upstream.as_ref()).cloned()));
    let elsewhere = evidence.direct.iter().flatten().find(|one| !one.configured && one.failure.is_none());
    let values = [
        ("{upstream}", upstream.or_else(|| Some(String::from("the upstream")))),
        ("{elsewhere}", elsewhere.map(|one| one.at.clone())),
        (
            "{server}",
            of_lines(|lines| lines.server.as_ref()).or_else(|| route.map(|route| route.server.clone())),
        ),
        ("{request}", of_lines(|lines| lines.request.as_ref())),
        ("{location}", route.and_then(|route| route.location.clone())),
        ("{url}", evidence.samples.first().map(|seen| seen.url.clone())),
        ("{0}", name(0)),
        ("{1}", name(1)),
        ("{2}", name(2)),
        ("{line}", lines.filter(|lines| lines.message != Message::Other).map(|lines| lines.text.clone())),
    ];
    let mut filled = text.to_owned();
    for (key, value) in values {
        if filled.contains(key) {
            filled = filled.replace(key, value.as_deref().unwrap_or("it"));
        }
    }
    filled
}
