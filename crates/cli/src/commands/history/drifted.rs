//! What the journal says of drift: a row for its beginning, each silence and its end; and the last one from its beginning.

use evenkeel_controller::local::Journal;
use evenkeel_controller::when;
use evenkeel_fleet::journal::{Drift, DriftEnd, DriftStage};
use evenkeel_fleet::{Timestamp, What};
use serde_json::{Value, json};

use super::Row;
use crate::commands::drift;

/// The row of an event; `None` for what came between.
pub(super) fn row(at: Timestamp, drift: &Drift) -> Option<Row> {
    let paths: Vec<&str> = drift.changes.iter().map(|change| change.path.as_str()).collect();
    let paths = paths.join(", ");
    let author = drift.changes.iter().find_map(|change| change.author.as_ref());
    let by = author.and_then(|author| author.login.clone().or_else(|| author.user.clone()));
    let command = author.map(|author| author.command.clone()).unwrap_or_default();
    let (outcome, who, why) = match &drift.stage {
        DriftStage::Opened => (format!("differs: {paths}"), by.unwrap_or_default(), command),
        DriftStage::Updated => return None,
        DriftStage::Silenced { until, who, why } => {
            (format!("silent until {}: {paths}", when::shown(*until)), who.to_string(), why.clone())
        }
        DriftStage::SilenceOver => (format!("silence over: {paths}"), String::new(), String::new()),
        DriftStage::Ended(end) => (format!("ended: {}", ended(*end)), String::new(), String::new()),
    };
    Some(Row { id: "drift".to_owned(), at, outcome, bundle: drift.released.short(), who, why })
}

fn ended(end: DriftEnd) -> &'static str {
    match end {
        DriftEnd::Undone => "put back as released",
        DriftEnd::Adopted => "adopted",
        DriftEnd::RolledBack => "rolled back",
        DriftEnd::Released => "released",
    }
}

/// The events of the last drift, from its beginning.
pub(super) fn last(journal: &Journal) -> Vec<(Timestamp, &Drift)> {
    let all = journal.events().iter().filter_map(|event| match &event.what {
        What::Drift(drift) => Some((event.at, drift)),
        _ => None,
    });
    let all: Vec<(Timestamp, &Drift)> = all.collect();
    let begins = all.iter().rposition(|(_, drift)| drift.stage == DriftStage::Opened).unwrap_or(0);
    all[begins..].to_vec()
}

pub(super) fn text(events: &[(Timestamp, &Drift)]) -> String {
    let one = |(at, drift): &(Timestamp, &Drift)| match drift.changes.is_empty() {
        true => format!("{}  {}", when::shown(*at), drift::event(drift)),
        false => drift::event(drift),
    };
    events.iter().map(one).collect()
}

pub(super) fn document(first: &(Timestamp, &Drift), events: &[(Timestamp, &Drift)]) -> Value {
    let list: Vec<Value> =
        events.iter().map(|(at, drift)| json!({ "at": when::rfc3339(*at), "drift": drift })).collect();
    json!({ "since": when::rfc3339(first.0), "host": first.1.host.as_str(), "events": list })
}
