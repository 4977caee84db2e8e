//! Asks hosts whether they are ready, now and then and when something happens to them, and makes evidence of what they say.
//!
//! What a host says must hold for a while before it counts: a restart is no outage, and an edit is not always reloaded at once. Its
//! firewall's verdict is held against what the vantages meet; each may be wrong where the other is right.

mod against;
mod asking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_fleet::incident::{Incident, Input};
use evenkeel_fleet::journal::{Clue, Severity, Source};
use evenkeel_fleet::{HostId, Timestamp};
use tokio::sync::Notify;

use super::{Loop, clock};
use crate::ready::{Ill, Part, Readiness};
pub(super) use asking::start;

/// How long something must hold before it counts, when hosts are asked seldom.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is known of what hosts say of themselves.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Wakes whoever asks a host.
    nudges: BTreeMap<HostId, Arc<Notify>>,
    /// How long something must hold before it counts.
    patience: Duration,
    /// Since when each host says what it says, by key.
    first: BTreeMap<HostId, BTreeMap<String, Timestamp>>,
    /// How many connections each had turned away by then.
    turned_away: BTreeMap<HostId, BTreeMap<String, u64>>,
}

impl Known {
    pub(super) fn of<'h>(hosts: impl Iterator<Item = &'h HostId>, every: Duration) -> Known {
        let nudges = hosts.map(|host| (host.clone(), Arc::default())).collect();
        Known { nudges, patience: PATIENCE.min(every / 2), ..Known::default() }
    }

    /// Has a host asked when what it says now has held for long enough.
    fn nudge_later(&self, host: &HostId) {
        let Some(nudge) = self.nudges.get(host).map(Arc::clone) else { return };
        let patience = self.patience;
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            nudge.notify_one();
        });
    }

    /// Has a host asked soon.
    pub(super) fn nudge(&self, host: &HostId) {
        if let Some(nudge) = self.nudges.get(host) {
            nudge.notify_one();
        }
    }
}

impl Loop<'_> {
    /// Takes what a host says of itself.
    pub(super) async fn ready(&mut self, host: HostId, asked: Timestamp, says: Readiness) {
        let mut clues: Vec<Clue> = says.ills.iter().map(|ill| clue(&host, ill, asked)).collect();
        clues.extend(self.overflows(&host, &says).iter().map(|ill| clue(&host, ill, asked)));
        let against = against::probes(&self.plan.asked, &self.panel, &host, asked, &says);
        // What a verdict of the vantages rests on has held for long enough.
        let settled: BTreeSet<String> = against
            .iter()
            .filter(|clue| clue.severity > Severity::Note)
            .map(|clue| clue.key.clone())
            .collect();
        clues.extend(against);
        let before = self.ready.first.remove(&host).unwrap_or_default();
        let since = |clue: &Clue| (clue.key.clone(), before.get(&clue.key).copied().unwrap_or(asked));
        let first: BTreeMap<String, Timestamp> = clues.iter().map(since).collect();
        let of_host = |clue: &&Clue| clue.key.starts_with(&prefix(&host));
        let standing: Vec<String> = self
            .ledger
            .state()
            .open()
            .flat_map(Incident::standing)
            .filter(of_host)
            .map(|clue| clue.key.clone())
            .collect();
        let patience = clock::span(self.ready.patience);
        let counts = |clue: &Clue| {
            settled.contains(&clue.key)
                || standing.contains(&clue.key)
                || asked.since(first[&clue.key]) >= patience
        };
        for mut clue in clues.into_iter().filter(counts) {
            clue.since = clue.since.min(first[&clue.key]);
            self.tell(Input::Report(clue)).await;
        }
        if first.keys().any(|key| !before.contains_key(key)) {
            self.ready.nudge_later(&host);
        }
        let unseen = |key: &str| says.unseen.keys().any(|part| key.starts_with(&key_of(&host, *part, "")));
        for key in standing.into_iter().filter(|key| !first.contains_key(key) && !unseen(key)) {
            let why = format!("{host} says no more of it");
            self.tell(Input::Clear { key, at: asked, why }).await;
        }
        self.ready.first.insert(host, first);
    }

    /// The addresses at which more connections were turned away since the last look.
    fn overflows(&mut self, host: &HostId, says: &Readiness) -> Vec<Ill> {
        let before = self.ready.turned_away.insert(host.clone(), says.turned_away.clone());
        let Some(before) = before else { return Vec::new() };
        let more = |(address, count): (&String, &u64)| {
            // A socket that listens anew counts anew; one that was not there said nothing yet.
            let more = count.saturating_sub(*before.get(address)?);
            (more > 0).then(|| Ill {
                part: Part::Queues,
                about: format!("{address}, overflows"),
                says: format!("the accept queue of {address} overflows: connections are turned away"),
                details: vec![format!("{more} since the last look, {count} since nginx listens there")],
                severity: Severity::Warning,
            })
        };
        says.turned_away.iter().filter_map(more).collect()
    }
}

/// Whether evidence comes from what hosts say of themselves; which host.
pub(super) fn host_of(key: &str) -> Option<&str> {
    key.strip_prefix("ready:")?.split(':').next()
}

fn prefix(host: &HostId) -> String {
    format!("ready:{host}:")
}

fn key_of(host: &HostId, part: Part, about: &str) -> String {
    format!("{}{}:{about}", prefix(host), part.name())
}

fn clue(host: &HostId, ill: &Ill, since: Timestamp) -> Clue {
    let source = if ill.part == Part::Certificates { Source::Certificate } else { Source::Readiness };
    Clue {
        key: key_of(host, ill.part, &ill.about),
        source,
        host: Some(host.clone()),
        upstream: None,
        probe: None,
        class: None,
        says: ill.says.clone(),
        details: ill.details.clone(),
        since,
        severity: ill.severity,
    }
}
