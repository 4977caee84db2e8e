//! What would have stopped the change, as far as the journal has it: what was played once more on the host, and what the watch
//! over the tree had told by then.

use super::case::Case;
use super::{Change, Gate, Verdict};
use crate::journal::Replay;
use crate::{Timestamp, What};

pub(super) fn gates(case: &Case<'_>, change: Option<&Change>) -> Vec<Gate> {
    let Some(replay) = replay(case) else { return Vec::new() };
    let mut gates = replay.gates.clone();
    gates.extend(change.and_then(|change| drift(case, change)));
    gates
}

/// The last one that could look at the change; else the last one.
fn replay<'e>(case: &Case<'e>) -> Option<&'e Replay> {
    let all = || case.replays().map(|(_, replay)| replay);
    all().filter(|replay| replay.bundles.is_some()).last().or(all().last())
}

/// The watch over the tree: what it told before anybody met it.
fn drift(case: &Case<'_>, change: &Change) -> Option<Gate> {
    let told = case.entries().filter(|(entry, event)| {
        change.on.contains(entry) && matches!(&event.what, What::Drift(drift) if !drift.changes.is_empty())
    });
    let first: Timestamp = told.map(|(_, event)| event.at).min()?;
    let when = if first <= case.onset {
        format!("{} before the first failing answer", case.onset.since(first))
    } else {
        format!("{} after the first failing answer", first.since(case.onset))
    };
    let said = format!("the change was in the journal {when}; it tells, and holds nothing up");
    Some(Gate { name: "drift --follow".to_owned(), verdict: Verdict::Tells, said, took: None })
}
