//! The moments of an incident, from the journal, and what is marked in its charts.

use super::case::Case;
use super::{Mark, MarkKind, Times};
use crate::incident::Incidents;
use crate::journal::{AlertStep, Drift, DriftHow, DriftStage, IncidentStep, NoteKind, PackageStage, Seen};
use crate::{HostId, Sequence, Span, Timestamp, What};

/// What drifts within so long of each other has one flag.
const TOGETHER: Span = Span::from_secs(2);

/// `known` is everything that the journal tells of incidents. The onset is the first sign of any part.
pub(super) fn times(case: &Case<'_>, known: &Incidents) -> Times {
    let told = known.times(case.id);
    Times {
        onset: Some(case.onset),
        detected: told.map(|it| it.detected),
        accepted: told.and_then(|it| it.accepted),
        acknowledged: told.and_then(|it| it.acked),
        diagnosed: diagnosed(case),
        mitigated: told.and_then(|it| it.mitigated),
        resolved: told.and_then(|it| it.resolved),
    }
}

/// The first time that the cause was named which is named at the end: by a finding that was sure of it, or by a person.
fn diagnosed(case: &Case<'_>) -> Option<Timestamp> {
    let last = case.cause().map(|(_, _, cause)| cause.name.as_str());
    let found = case.findings().find(|(_, _, finding)| {
        finding.confident && finding.causes.first().map(|cause| cause.name.as_str()) == last
    });
    let told = case.notes(NoteKind::Cause).last();
    match (found, told) {
        (Some((_, found, _)), Some((_, told, _))) => Some(found.min(told)),
        (found, told) => found.map(|(_, at, _)| at).or(told.map(|(_, at, _)| at)),
    }
}

pub(super) fn marks(case: &Case<'_>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut together: Vec<Together<'_>> = Vec::new();
    for (entry, event) in case.entries().filter(|(_, event)| case.tells(event)) {
        let Some(kind) = kind(&event.what) else { continue };
        if let What::Drift(drift) = &event.what {
            match together.iter_mut().find(|it| it.takes(event.at, kind, drift)) {
                Some(it) => it.drifts.push(drift),
                None => together.push(Together { at: event.at, kind, entry, drifts: vec![drift] }),
            }
            continue;
        }
        let once = matches!(kind, MarkKind::Opened | MarkKind::Alerted | MarkKind::Acknowledged);
        if once && marks.iter().any(|mark| mark.kind == kind) {
            continue;
        }
        let what = super::super::timeline::say(&event.what);
        marks.push(Mark { at: event.at, kind, what, entry });
    }
    marks.extend(together.iter().map(Together::mark));
    marks.sort_by_key(|mark| (mark.at, mark.entry));
    marks
}

/// Drifts of several hosts, or of several files, that are one event to a reader.
struct Together<'e> {
    at: Timestamp,
    kind: MarkKind,
    entry: Sequence,
    drifts: Vec<&'e Drift>,
}

impl Together<'_> {
    /// Whether another one belongs to it: soon after the first one, and of the same sort.
    fn takes(&self, at: Timestamp, kind: MarkKind, drift: &Drift) -> bool {
        let ends = |it: &Drift| match it.stage {
            DriftStage::Ended(how) => Some(how),
            _ => None,
        };
        let first = self.drifts.first().is_some_and(|first| ends(first) == ends(drift));
        first && kind == self.kind && at.since(self.at) <= TOGETHER
    }

    fn mark(&self) -> Mark {
        let what = match self.drifts.as_slice() {
            [only] => super::super::timeline::say(&What::Drift((*only).clone())),
            several => self.what(several),
        };
        Mark { at: self.at, kind: self.kind, what, entry: self.entry }
    }

    fn what(&self, several: &[&Drift]) -> String {
        let (mut hosts, mut paths): (Vec<HostId>, Vec<&str>) = (Vec::new(), Vec::new());
        for drift in several {
            if !hosts.contains(&drift.host) {
                hosts.push(drift.host.clone());
            }
            for change in &drift.changes {
                if !paths.contains(&change.path.as_str()) {
                    paths.push(&change.path);
                }
            }
        }
        let (hosts, is) = (super::list(&hosts), if hosts.len() == 1 { "is" } else { "are" });
        let ended = several.iter().find_map(|drift| match drift.stage {
            DriftStage::Ended(how) => Some(how),
            _ => None,
        });
        match ended {
            Some(how) => format!("{hosts} {is} as released again: {}", how.said()),
            None if self.kind == MarkKind::Action => {
                format!("{} of {hosts}: as released again", paths.join(", "))
            }
            None => {
                let changes = several.iter().flat_map(|drift| &drift.changes);
                let author = changes.filter_map(|change| change.author.as_ref()).min_by_key(|it| it.known_by);
                let by = author
                    .map_or_else(String::new, |it| format!(", {} by `{}`", it.known_by.sure(), it.command));
                format!("{hosts}: not as released any more: {}{by}", paths.join(", "))
            }
        }
    }
}

fn kind(what: &What) -> Option<MarkKind> {
    let alert = |step: &AlertStep| matches!(step, AlertStep::Accepted { .. }).then_some(MarkKind::Alerted);
    match what {
        What::Switched { .. } | What::Adopted(_) | What::Watch(Seen::Firewall(_)) => Some(MarkKind::Change),
        What::Drift(drift) => match drift.stage {
            DriftStage::Opened | DriftStage::Updated => {
                let back = drift.changes.iter().all(|change| change.how == DriftHow::Back);
                let kind = if back { MarkKind::Action } else { MarkKind::Change };
                (!drift.changes.is_empty()).then_some(kind)
            }
            DriftStage::Ended(_) => Some(MarkKind::Action),
            DriftStage::Silenced { .. } | DriftStage::SilenceOver => None,
        },
        What::Packages(run) => matches!(run.stage, PackageStage::Done).then_some(MarkKind::Change),
        What::RevertOrdered { .. } | What::Reverted { .. } => Some(MarkKind::Action),
        What::Alert(alert_of) => alert(&alert_of.step),
        What::Incident(crate::journal::Incident { step, .. }) => match step {
            IncidentStep::Opened { .. } => Some(MarkKind::Opened),
            IncidentStep::Acked { .. } => Some(MarkKind::Acknowledged),
            IncidentStep::Noted { kind: NoteKind::Action, .. } => Some(MarkKind::Action),
            IncidentStep::Resolved { .. } => Some(MarkKind::Resolved),
            _ => None,
        },
        _ => None,
    }
}
