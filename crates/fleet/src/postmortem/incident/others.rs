//! Other incidents: those of the same time, and those to compare with.

use super::case::Case;
use super::{Earlier, incidents, moments, words};
use crate::incident::Incidents;
use crate::{Event, IncidentId, Sequence, Timestamp};

/// So many earlier incidents are compared with.
const EARLIER_MAX: usize = 10;

/// Another incident that was open at the same time: a standby that could not take over, for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Its name.
    pub id: String,
    /// What it was.
    pub title: String,
    /// Its first sign.
    pub onset: Timestamp,
    /// What was behind it, as far as that was found out.
    pub cause: Option<String>,
    /// What that rests on.
    pub rests_on: Vec<String>,
    /// What would put it right.
    pub fix: String,
    /// The journal entries.
    pub on: Vec<Sequence>,
}

/// Other incidents that were open at the same time, and what was behind them.
pub(super) fn beside(events: &[Event], case: &Case<'_>) -> Vec<Beside> {
    let others = incidents(events).into_iter().filter(|id| *id != case.id);
    let cases = others
        .filter_map(|id| Case::of(events, id))
        .filter(|other| other.onset <= case.last && other.over().is_none_or(|over| over >= case.onset));
    let beside = |other: Case<'_>| {
        let cause = other.cause().map(|(entry, _, cause)| (entry, cause));
        Beside {
            id: other.id.to_string(),
            title: words::title(&other),
            onset: other.onset,
            cause: cause.map(|(_, cause)| cause.says.clone()),
            rests_on: cause.map(|(_, cause)| cause.rests_on.clone()).unwrap_or_default(),
            fix: cause.map(|(_, cause)| cause.fix.clone()).unwrap_or_default(),
            on: cause.map(|(entry, _)| entry).into_iter().collect(),
        }
    };
    cases.map(beside).collect()
}

pub(super) fn earlier(
    events: &[Event],
    known: &Incidents,
    incident: IncidentId,
    onset: Timestamp,
) -> Vec<Earlier> {
    let others = incidents(events).into_iter().rev().filter(|id| *id != incident);
    // One that was still open then is told beside it.
    let cases = others
        .filter_map(|id| Case::of(events, id))
        .filter(|case| case.onset < onset && case.over().is_some_and(|over| over < onset));
    let earlier = |case: Case<'_>| Earlier {
        id: case.id.to_string(),
        title: words::title(&case),
        times: moments::times(&case, known),
    };
    cases.take(EARLIER_MAX).map(earlier).collect()
}
