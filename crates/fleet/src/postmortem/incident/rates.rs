//! Requests and failures over time: what every host that was followed answered, added up.

use std::collections::BTreeMap;

use super::Rate;
use super::case::Case;
use crate::journal::Seen;
use crate::{Span, Timestamp, What};

/// How long each point counts.
pub const RATE_STEP: Span = Span::from_secs(10);
/// How long before the onset and after the end the chart begins and ends.
const AROUND: Span = Span::from_secs(300);

/// What was answered around an incident, in steps of [`RATE_STEP`].
pub(super) fn rate(case: &Case<'_>) -> Vec<Rate> {
    let (from, until) = (case.onset - AROUND, case.last + AROUND);
    let mut steps: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (_, event) in case.entries() {
        let What::Watch(Seen::Answered(it)) = &event.what else { continue };
        for step in it.steps.iter().filter(|step| (from..=until).contains(&step.at)) {
            let sum = steps.entry(step.at.as_millis() / RATE_STEP.as_millis()).or_default();
            sum.0 += step.all;
            sum.1 += step.server + step.upstream;
        }
    }
    let point = |(number, (all, failed)): (u64, (u64, u64))| Rate {
        at: Timestamp::from_millis(number * RATE_STEP.as_millis()),
        all,
        failed,
    };
    steps.into_iter().map(point).collect()
}
