//! What changed on hosts, as those are told who show changes beside incidents. Nothing hangs on it: it calls nobody.

use evenkeel_fleet::journal::{DriftStage, PackageStage, Seen};
use evenkeel_fleet::{Event, What, incident};

use crate::notify::Change;

/// The change that an event tells of.
pub(super) fn of(event: &Event) -> Option<Change> {
    let (host, summary) = match &event.what {
        What::Confirmed { release, host, .. } => (host, format!("{release} was confirmed")),
        What::Reverted { release, host, revert } => {
            (host, format!("{release} was taken back: {}", revert.why))
        }
        What::Packages(run) if run.stage == PackageStage::Done => {
            (&run.host, format!("{} changed packages: {}", run.who, run.packages()))
        }
        What::Served(it) => (&it.host, format!("{}: {}", it.who, it.action)),
        What::Drift(it) if matches!(it.stage, DriftStage::Opened | DriftStage::SilenceOver) => {
            (&it.host, incident::said(&event.what)?)
        }
        What::Watch(Seen::Firewall(it)) => (&it.host, incident::said(&event.what)?),
        _ => return None,
    };
    Some(Change { at: event.at, host: host.to_string(), summary: format!("{host}: {summary}") })
}
