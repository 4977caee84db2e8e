//! Incidents: opened by evidence, merged when they are one, taken care of, and over when the evidence is gone.
//!
//! [`Incidents`] is a fold over the journal like [`Fleet`](crate::Fleet), of the same journal and beside it. [`Incidents::step`]
//! decides; what it decides is [`Decided`]: events, and deliveries that are handed out against the receipt of their append.
//!
//! * **Suppress, never skip.** What is held back is only that somebody is alerted, and only at the opening; the incident itself
//!   is watched, written down and resolved like any other. One hop of dependency is enough: what a thing depends on
//!   has an incident of its own even when that one is held back as well.
//! * **Nothing is lost.** An alert is an event, appended together with what it tells of; what was created and neither accepted
//!   nor given up is still to be delivered ([`Outbox`]).

mod decided;
mod fold;
mod input;
mod one;
mod outbox;
mod said;
mod settings;
mod step;
#[cfg(test)]
mod tests;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use decided::{Decided, Delivery, Refused};
pub use input::Input;
pub use one::{Evidence, Incident, Note, State};
pub use outbox::{Alert, Outbox, Parcel, ParcelState};
pub use said::{held, kind_said, said};
pub use settings::{Channel, Settings};
pub use times::Times;

use crate::journal::{Held, IncidentStep};
use crate::{AlertId, Event, HostId, IncidentId, Sequence, Timestamp};

/// Incidents, maintenance and alerts, as the journal tells them. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incidents {
    sequence: Sequence,
    all: BTreeMap<IncidentId, Arc<Incident>>,
    open: Vec<IncidentId>,
    windows: BTreeMap<String, Window>,
    outbox: Outbox,
}

/// A time in which somebody works on hosts on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The hosts; all when there is none.
    pub hosts: Vec<HostId>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

impl Incidents {
    /// What these events tell of.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut incidents = Self::default();
        for event in events {
            incidents.apply(event);
        }
        incidents
    }

    /// Decides what `input` means at `now`. Equal state, settings, time and input give an equal decision.
    pub fn step(&mut self, now: Timestamp, settings: &Settings, input: Input) -> Decided {
        let expected = self.sequence;
        let mut step = step::Step::new(self, settings, now);
        let refused = step.take(input).err();
        let (events, deliveries) = step.done();
        Decided::new(expected, events, deliveries, refused)
    }

    /// Whether a tick could decide anything: something is open, or is still to be delivered.
    pub fn restless(&self) -> bool {
        !self.open.is_empty() || self.outbox.pending() > 0
    }

    /// How many events this state rests on.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// An incident.
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.all.get(&id).map(Arc::as_ref)
    }

    /// Every incident, the oldest first.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.all.values().map(Arc::as_ref)
    }

    /// The incidents that are not over, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter().filter_map(|id| self.incident(*id))
    }

    /// The alerts, and what became of them.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The maintenance that covers a host now.
    pub fn maintenance(&self, host: Option<&HostId>, now: Timestamp) -> Option<&str> {
        let covers = |window: &Window| {
            let here = window.hosts.is_empty() || host.is_some_and(|host| window.hosts.contains(host));
            here && window.from <= now && now < window.until
        };
        self.windows.iter().find(|(_, window)| covers(window)).map(|(name, _)| name.as_str())
    }

    /// Every maintenance that is planned or has been.
    pub fn windows(&self) -> impl Iterator<Item = (&str, &Window)> {
        self.windows.iter().map(|(name, window)| (name.as_str(), window))
    }

    /// What is known of the times of an incident.
    pub fn times(&self, id: IncidentId) -> Option<Times> {
        self.incident(id).map(|incident| Times::of(incident, &self.outbox))
    }

    fn next_incident(&self) -> IncidentId {
        IncidentId(self.all.last_key_value().map_or(0, |(id, _)| id.0) + 1)
    }

    fn next_alert(&self) -> AlertId {
        AlertId(self.outbox.last() + 1)
    }

    /// What an incident is held back by now: `None` when it should alert.
    fn held_by(&self, incident: &Incident, settings: &Settings, now: Timestamp) -> Option<Held> {
        let hosts: Vec<&HostId> = incident.hosts().collect();
        let maintained = if hosts.is_empty() {
            self.maintenance(None, now)
        } else {
            // Every host of it must be covered, or users of another one would not be heard of.
            let mut names = hosts.iter().map(|host| self.maintenance(Some(host), now));
            names.next().flatten().filter(|_| names.all(|name| name.is_some()))
        };
        if let Some(name) = maintained {
            return Some(Held::Maintenance(name.to_owned()));
        }
        if hosts.is_empty() {
            return None;
        }
        let below = |host: &&HostId| {
            let wanted = settings.depends.get(*host)?;
            let about = |other: &&Incident| {
                other.id != incident.id
                    && other.mitigated.is_none()
                    && other.hosts().any(|it| wanted.contains(it))
            };
            self.open().find(about).map(|other| other.id)
        };
        let mut others = hosts.iter().map(below);
        let first = others.next().flatten()?;
        others.all(|other| other.is_some()).then_some(Held::Dependency(first))
    }
}

/// The name of a step, for people who look for it in a journal.
pub fn step_name(step: &IncidentStep) -> &'static str {
    match step {
        IncidentStep::Opened { .. } => "opened",
        IncidentStep::Evidence { .. } => "evidence",
        IncidentStep::Cleared { .. } => "cleared",
        IncidentStep::Merged { .. } => "merged",
        IncidentStep::Diagnosed { .. } => "diagnosed",
        IncidentStep::Replayed { .. } => "replayed",
        IncidentStep::Acked { .. } => "acked",
        IncidentStep::Noted { .. } => "noted",
        IncidentStep::Tasked { .. } => "tasked",
        IncidentStep::Silenced { .. } => "silenced",
        IncidentStep::Held { .. } => "held",
        IncidentStep::Mitigated { .. } => "mitigated",
        IncidentStep::Resolved { .. } => "resolved",
    }
}
