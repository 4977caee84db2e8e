//! What changes, with the traffic that it touches beside it.

use std::collections::HashMap;

use evenkeel_model::{Change, ChangeKey, ClassCount, Distinct, Sides, Top, What};

use super::Report;

/// One row.
pub(super) struct Row<'r> {
    pub(super) what: Told<'r>,
    /// How much of the traffic it is; `None`: there is no log.
    pub(super) traffic: Option<Tally>,
}

/// Where a row is from.
pub(super) enum Told<'r> {
    /// The comparison found it.
    Change(&'r Change),
    /// The comparison did not; a request in a log shows it.
    Seen(&'r Sides, What),
}

/// Requests of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) clients: Distinct,
    pub(super) paths: Top,
}

impl Tally {
    fn add(&mut self, class: &ClassCount) {
        self.requests += class.requests;
        self.clients.merge(&class.clients);
        self.paths.merge(&class.paths);
    }
}

/// All rows, those with the most traffic first.
pub(super) fn rows<'r>(report: &'r Report<'_>) -> Vec<Row<'r>> {
    let changes = report.diff.changes.iter();
    let Some(traffic) = &report.traffic else {
        return changes.map(|change| Row { what: Told::Change(change), traffic: None }).collect();
    };
    let mut rows: Vec<Row<'_>> =
        changes.map(|change| Row { what: Told::Change(change), traffic: Some(Tally::default()) }).collect();
    let mut by_key: HashMap<ChangeKey, usize> = HashMap::new();
    for (at, change) in report.diff.changes.iter().enumerate() {
        for key in &change.keys {
            by_key.entry(*key).or_insert(at);
        }
    }
    for class in &traffic.counted.classes {
        let at = match (row_of(&by_key, &class.key), &class.first) {
            (Some(at), _) => at,
            (None, Some(first)) => {
                let what = Told::Seen(first, class.key.2);
                rows.push(Row { what, traffic: Some(Tally::default()) });
                rows.len() - 1
            }
            (None, None) => continue,
        };
        if let Some(tally) = &mut rows[at].traffic {
            tally.add(class);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.traffic.as_ref().map_or(0, |tally| tally.requests)));
    rows
}

/// The row of a class. What files or upstreams decide ends in one block for the comparison, which takes them as given, and
/// may stand open in a log: then the blocks before and after tell, or the block before alone.
fn row_of(by_key: &HashMap<ChangeKey, usize>, key: &ChangeKey) -> Option<usize> {
    let (old, new, _) = key;
    let least = |fits: &dyn Fn(&ChangeKey) -> bool| {
        by_key.iter().filter(|(known, _)| fits(known)).map(|(_, at)| *at).min()
    };
    let both = || least(&|(before, after, _)| before == old && after == new);
    let before = || least(&|(before, _, _)| before == old && old.is_some());
    by_key.get(key).copied().or_else(both).or_else(before)
}
