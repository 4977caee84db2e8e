//! The change that mattered: what the diagnosis names, else the newest one before the onset.

use super::Change;
use super::case::Case;
use crate::journal::{Drift, DriftStage, PackageRun, PackageStage, Seen};
use crate::{EvidenceKind, Fleet, HostId, ReleaseId, Sequence, Timestamp, What};

pub(super) fn change(case: &Case<'_>) -> Option<Change> {
    let (_, finding, cause) = case.cause()?;
    if let Some(release) = cause.release {
        return of_release(case, release);
    }
    if !finding.confident {
        return None;
    }
    // The cause is known, and the newest change before the onset is on its path unless the diagnosis says otherwise.
    let before = case.entries().filter(|(_, event)| event.at <= case.onset && case.near(event.at));
    before.filter_map(|(entry, event)| of_event(case, entry, event.at, &event.what)).last()
}

fn of_event(case: &Case<'_>, entry: Sequence, at: Timestamp, what: &What) -> Option<Change> {
    match what {
        What::Switched { release, .. } => of_release(case, *release),
        What::Drift(it) if matches!(it.stage, DriftStage::Opened | DriftStage::Updated) => {
            Some(of_drift(case, entry, at, it))
        }
        What::Packages(it) if it.stage == PackageStage::Done => Some(of_packages(entry, at, it)),
        What::Watch(Seen::Firewall(it)) => Some(Change {
            at: it.at,
            what: format!("a change of the firewall on {}: {}", it.host, it.says),
            by: it
                .author
                .as_ref()
                .map_or_else(|| "nobody that was seen".to_owned(), |it| format!("`{}`", it.command)),
            bundles: None,
            diff: it.diff.clone(),
            meaning: Vec::new(),
            elsewhere: Vec::new(),
            on: vec![entry],
        }),
        _ => None,
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

fn of_drift(case: &Case<'_>, entry: Sequence, at: Timestamp, it: &Drift) -> Change {
    let paths: Vec<&str> = it.changes.iter().map(|change| change.path.as_str()).collect();
    let author = it.changes.iter().find_map(|change| change.author.as_ref());
    // What it means is worked out once it is quiet, and told then.
    let meant =
        case.entries().filter(|(later, _)| *later >= entry).find_map(|(later, event)| match &event.what {
            What::Drift(told) if told.host == it.host && !told.meaning.is_empty() => {
                Some((later, told.meaning.clone()))
            }
            _ => None,
        });
    let mut on = vec![entry];
    on.extend(meant.as_ref().map(|(later, _)| *later).filter(|later| *later != entry));
    Change {
        at: it.changes.iter().map(|change| change.at).min().unwrap_or(at),
        what: format!("a change that nobody released on {}: {}", it.host, paths.join(", ")),
        by: author.map_or_else(
            || "nobody that was seen".to_owned(),
            |author| format!("`{}` ({})", author.command, author.known_by.sure()),
        ),
        bundles: None,
        diff: String::new(),
        meaning: meant.map(|(_, meaning)| meaning).unwrap_or_default(),
        elsewhere: Vec::new(),
        on,
    }
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
