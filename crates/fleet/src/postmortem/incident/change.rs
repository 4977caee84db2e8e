//! The change that mattered: what the diagnosis names, else the newest one before the onset on the hosts of the cause.

use std::collections::BTreeMap;

use super::case::Case;
use super::{Change, list};
use crate::journal::{
    Author, Cause, Drift, DriftChange, DriftHow, DriftStage, PackageRun, PackageStage, Replay, Seen, Started,
};
use crate::{EvidenceKind, Fleet, HostId, ReleaseId, Sequence, Span, Timestamp, What};

/// Clocks of two machines may be so far apart, and a change be seen so long after it hurt.
const CLOCKS: Span = Span::from_secs(2);
/// What package managers leave beside a file says that it was there.
const LEFT: [&str; 3] = [".dpkg-old", ".dpkg-dist", ".dpkg-new"];

pub(super) fn change(case: &Case<'_>) -> Option<Change> {
    let (entry, finding, cause) = case.cause()?;
    if let Some(release) = cause.release {
        return of_release(case, release);
    }
    if !finding.confident {
        return None;
    }
    if !cause.started.is_empty() {
        return Some(of_starts(entry, &cause.started));
    }
    // The cause is known, and the newest change on its way is the one, unless the diagnosis says otherwise.
    let (drifts, before) = (drifts(case, cause), before(case, cause));
    match (&before, drifts.is_empty()) {
        (Some(other), false) if other.at > newest(&drifts) => before,
        (_, true) => before,
        (_, false) => Some(of_drifts(case, cause, drifts)),
    }
}

/// Whether a change on this host may be behind a cause.
fn concerns(cause: &Cause, host: &HostId) -> bool {
    cause.hosts.is_empty() || cause.hosts.contains(host)
}

/// The newest change before the onset that is no drift.
fn before(case: &Case<'_>, cause: &Cause) -> Option<Change> {
    let before = case.entries().filter(|(_, event)| event.at <= case.onset && case.near(event.at));
    let change = |(entry, event): (Sequence, &crate::Event)| match &event.what {
        What::Switched { release, host } if concerns(cause, host) => of_release(case, *release),
        What::Packages(it) if it.stage == PackageStage::Done && concerns(cause, &it.host) => {
            Some(of_packages(entry, event.at, it))
        }
        What::Watch(Seen::Firewall(it)) if concerns(cause, &it.host) => Some(Change {
            at: it.at,
            what: format!("a change of the firewall on {}: {}", it.host, it.says),
            by: it.author.as_ref().map_or_else(nobody, |it| format!("`{}`", it.command)),
            bundles: None,
            diff: it.diff.clone(),
            meaning: Vec::new(),
            elsewhere: Vec::new(),
            on: vec![entry],
        }),
        _ => None,
    };
    before.filter_map(change).last()
}

fn nobody() -> String {
    "nobody that was seen".to_owned()
}

/// What stood otherwise than released on one host when users met it.
struct Drifted<'e> {
    changes: BTreeMap<&'e str, (Sequence, &'e DriftChange)>,
    meaning: Option<(Sequence, &'e [String])>,
}

/// What had drifted at the onset, of each host that concerns the cause. The last that was seen of a path before the onset
/// counts, else the first after it.
fn drifts<'e>(case: &Case<'e>, cause: &Cause) -> BTreeMap<&'e HostId, Drifted<'e>> {
    let mut hosts: BTreeMap<&HostId, Drifted<'_>> = BTreeMap::new();
    for (entry, event) in case.entries().filter(|(_, event)| case.near(event.at)) {
        let What::Drift(it) = &event.what else { continue };
        if !concerns(cause, &it.host) {
            continue;
        }
        let early = event.at <= case.onset;
        match &it.stage {
            DriftStage::Ended(_) if early => {
                hosts.remove(&it.host);
            }
            DriftStage::Opened | DriftStage::Updated => take(&mut hosts, case, (entry, event.at), it),
            DriftStage::Ended(_) | DriftStage::Silenced { .. } | DriftStage::SilenceOver => {}
        }
    }
    hosts.retain(|_, it| !it.changes.is_empty());
    hosts
}

fn take<'e>(
    hosts: &mut BTreeMap<&'e HostId, Drifted<'e>>,
    case: &Case<'e>,
    (entry, at): (Sequence, Timestamp),
    it: &'e Drift,
) {
    let host = hosts.entry(&it.host).or_insert_with(|| Drifted { changes: BTreeMap::new(), meaning: None });
    for change in &it.changes {
        let known = host.changes.get(change.path.as_str()).map(|(_, known)| *known);
        if change.how == DriftHow::Back && at <= case.onset {
            host.changes.remove(change.path.as_str());
            continue;
        }
        // The same once more, now with who did it.
        let named = known.is_some_and(|known| known.new == change.new && known.author.is_none());
        let late = at > case.onset && (known.is_some() || at > case.onset + CLOCKS);
        if change.how != DriftHow::Back && (named || !late) {
            host.changes.insert(&change.path, (entry, change));
        }
    }
    // What it means is worked out once it is quiet, and told then.
    if !it.meaning.is_empty() && host.meaning.is_none() {
        host.meaning = Some((entry, &it.meaning));
    }
}

fn newest(drifts: &BTreeMap<&HostId, Drifted<'_>>) -> Timestamp {
    let all = drifts.values().flat_map(|it| it.changes.values().map(|(_, change)| change.at));
    all.max().unwrap_or_default()
}

fn of_drifts(case: &Case<'_>, cause: &Cause, drifts: BTreeMap<&HostId, Drifted<'_>>) -> Change {
    let (mut paths, mut on): (Vec<&str>, Vec<Sequence>) = (Vec::new(), Vec::new());
    let mut author: Option<&Author> = None;
    let mut first: Option<Timestamp> = None;
    let mut meaning: &[String] = &[];
    for it in drifts.values() {
        for (path, (entry, change)) in &it.changes {
            if !paths.contains(path) {
                paths.push(path);
            }
            on.push(*entry);
            first = Some(first.map_or(change.at, |first| first.min(change.at)));
            // The one that is known best.
            author = change.author.iter().chain(author).min_by_key(|it| it.known_by);
        }
        if let Some((entry, told)) = it.meaning.filter(|_| meaning.is_empty()) {
            meaning = told;
            on.push(entry);
        }
    }
    let left = |path: &&str| LEFT.iter().any(|end| path.ends_with(end));
    if !paths.iter().all(left) {
        paths.retain(|path| !left(path));
    }
    let mut hosts: Vec<HostId> = drifts.keys().map(|host| (*host).clone()).collect();
    // In the order in which the cause names them.
    hosts.sort_by_key(|host| cause.hosts.iter().position(|named| named == host));
    let replay = replay_of(case, &hosts);
    on.extend(replay.map(|(entry, _)| entry));
    on.sort_unstable();
    on.dedup();
    Change {
        at: first.unwrap_or(case.onset),
        what: format!("a change that nobody released on {}: {}", list(&hosts), paths.join(", ")),
        by: author.map_or_else(nobody, said),
        bundles: replay.and_then(|(_, replay)| replay.bundles),
        diff: replay.map(|(_, replay)| replay.diff.clone()).unwrap_or_default(),
        meaning: meaning.to_vec(),
        elsewhere: Vec::new(),
        on,
    }
}

/// What was played once more on one of these hosts, the last time.
fn replay_of<'e>(case: &Case<'e>, hosts: &[HostId]) -> Option<(Sequence, &'e Replay)> {
    case.replays().filter(|(_, replay)| replay.bundles.is_some() && hosts.contains(&replay.host)).last()
}

fn said(author: &Author) -> String {
    let of = author.login.as_ref().or(author.user.as_ref());
    let of = of.map_or_else(String::new, |of| format!(" of {of}"));
    let above = author.above.first().map_or_else(String::new, |above| format!(", run by `{above}`"));
    format!(
        "`{}`{of}{above} ({}: known by {})",
        author.command,
        author.known_by.sure(),
        author.known_by.said()
    )
}

fn of_starts(entry: Sequence, starts: &[Started]) -> Change {
    let first = starts.iter().map(|it| it.at).min().unwrap_or_default();
    let mut hosts: Vec<HostId> = starts.iter().map(|it| it.host.clone()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut by: Vec<&str> = starts.iter().filter_map(|it| it.by.as_deref()).collect();
    by.dedup();
    Change {
        at: first,
        what: format!("the start of an application on {}, beside any release", list(&hosts)),
        by: if by.is_empty() { nobody() } else { by.join(", ") },
        bundles: None,
        diff: String::new(),
        meaning: starts.iter().map(|it| format!("{}: {}", it.host, it.what)).collect(),
        elsewhere: Vec::new(),
        on: vec![entry],
    }
}

fn of_release(case: &Case<'_>, id: ReleaseId) -> Option<Change> {
    let fleet = Fleet::replay(case.events);
    let release = fleet.release(id)?;
    let proposal = release.proposal();
    let on = case.entries().filter(|(_, event)| event.what.release() == Some(id));
    let (mut entries, mut meaning) = (Vec::new(), Vec::new());
    for (entry, event) in on {
        match &event.what {
            What::Proposed { .. } | What::Switched { .. } => entries.push(entry),
            What::Saw { evidence, .. } if evidence.kind == EvidenceKind::Diff => {
                entries.push(entry);
                meaning.push(evidence.summary.clone());
                meaning.extend(evidence.details.iter().cloned());
            }
            _ => {}
        }
    }
    let elsewhere: Vec<HostId> = Vec::new();
    Some(Change {
        at: release.switched_at().unwrap_or(release.proposed_at()),
        what: format!("release {id} on {}", proposal.host),
        by: format!("a release that says \"{}\"", proposal.why),
        bundles: Some((proposal.from, proposal.to)),
        diff: proposal.diff.clone(),
        meaning,
        elsewhere,
        on: entries,
    })
}

fn of_packages(entry: Sequence, at: Timestamp, run: &PackageRun) -> Change {
    let conffile =
        |it: &crate::journal::Conffile| format!("{} ({}): {}", it.path, it.package, it.outcome.said());
    Change {
        at,
        what: format!("an upgrade of packages on {}: {}", run.host, run.packages()),
        by: format!("`{}`", run.command),
        bundles: run.before.zip(run.after),
        diff: run.diff.clone(),
        meaning: (!run.effect.is_empty())
            .then(|| run.effect.clone())
            .into_iter()
            .chain(run.conffiles.iter().map(conffile))
            .collect(),
        elsewhere: Vec::new(),
        on: vec![entry],
    }
}
