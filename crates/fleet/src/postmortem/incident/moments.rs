//! The moments of an incident, from the journal, and what is marked in its charts.

use super::case::Case;
use super::{Mark, MarkKind, Times};
use crate::incident::Incidents;
use crate::journal::{AlertStep, DriftStage, IncidentStep, NoteKind, PackageStage, Seen};
use crate::{Timestamp, What};

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
    for (entry, event) in case.entries().filter(|(_, event)| case.tells(event)) {
        let Some(kind) = kind(&event.what) else { continue };
        let once = matches!(kind, MarkKind::Opened | MarkKind::Alerted | MarkKind::Acknowledged);
        if once && marks.iter().any(|mark| mark.kind == kind) {
            continue;
        }
        let what = super::super::timeline::say(&event.what);
        marks.push(Mark { at: event.at, kind, what, entry });
    }
    marks
}

fn kind(what: &What) -> Option<MarkKind> {
    let alert = |step: &AlertStep| matches!(step, AlertStep::Accepted { .. }).then_some(MarkKind::Alerted);
    match what {
        What::Switched { .. } | What::Adopted(_) | What::Watch(Seen::Firewall(_)) => Some(MarkKind::Change),
        What::Drift(drift) => match drift.stage {
            DriftStage::Opened | DriftStage::Updated => {
                (!drift.changes.is_empty()).then_some(MarkKind::Change)
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
