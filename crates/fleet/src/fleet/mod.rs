//! Everything as one machine: `replay`, `step`, `next_deadline`.

mod fold;
#[cfg(test)]
mod histories;
mod input;
mod silence;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use crate::journal::Proposal;
pub use input::{Input, Report};
pub use silence::Silence;

use crate::journal::DriftChange;
use crate::{Actor, BundleId, Event, Generation, HostId, Release, ReleaseId, Sequence, Timestamp, Turn};

/// Hosts, releases and freezes, as the journal tells them.
///
/// A clone is cheap enough to step on a copy and keep it once the append is durable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    sequence: Sequence,
    hosts: BTreeMap<HostId, Host>,
    releases: BTreeMap<ReleaseId, Release>,
    freezes: BTreeMap<Option<HostId>, Freeze>,
}

/// One host, as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    confirmed: Vec<BundleId>,
    open: Option<ReleaseId>,
    generation: Generation,
    doubt: Option<String>,
    drift: Option<Box<OpenDrift>>,
    silences: BTreeMap<String, Silence>,
}

/// A drift that has not ended, as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDrift {
    /// When it was first seen.
    pub since: Timestamp,
    /// What differs, by path, with who made it so.
    pub changes: BTreeMap<String, DriftChange>,
    /// What it does to those who ask, as it was worked out last.
    pub meaning: Vec<String>,
    /// Until when nobody wants to hear of it.
    pub silent_until: Option<Timestamp>,
}

impl Host {
    /// What differs from the release, if somebody watched and it does.
    pub fn drift(&self) -> Option<&OpenDrift> {
        self.drift.as_deref()
    }

    /// The bundle that a person or a policy confirmed last.
    pub fn confirmed(&self) -> Option<BundleId> {
        self.confirmed.last().copied()
    }

    /// The newest bundle that was confirmed before the present one and differs from it.
    pub fn last_known_good(&self) -> Option<BundleId> {
        let present = self.confirmed()?;
        self.confirmed.iter().rev().copied().find(|bundle| *bundle != present)
    }

    /// Whether that bundle was ever confirmed here.
    pub fn was_confirmed(&self, bundle: BundleId) -> bool {
        self.confirmed.contains(&bundle)
    }

    /// Its open release.
    pub fn open(&self) -> Option<ReleaseId> {
        self.open
    }

    /// The number of the last order it was given.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Why the confirmed bundle may not be what serves: a revert that was not proven, a recovery that had to
    /// take another bundle.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }
}

/// No forward change, until somebody thaws or the time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Who.
    pub who: Actor,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

impl Fleet {
    /// The fleet that these events tell of.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut fleet = Self::default();
        for event in events {
            fleet.apply(event);
        }
        fleet
    }

    /// Decides what `input` means at `now`. Equal state, time and input give an equal turn.
    ///
    /// The fleet has applied the turn's events when this returns; see [`Turn`] for what to do when the append
    /// fails.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Turn {
        let expected = self.sequence;
        let mut step = step::Step::new(self, now);
        let refusal = step.take(input).err();
        let (events, effects) = step.done();
        Turn::new(expected, events, effects, refusal)
    }

    /// When to step with [`Input::Tick`] at the latest.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.releases.values().filter_map(Release::deadline).min()
    }

    /// How many events this state rests on.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// A host that the journal has heard of.
    pub fn host(&self, id: &HostId) -> Option<&Host> {
        self.hosts.get(id)
    }

    /// A release.
    pub fn release(&self, id: ReleaseId) -> Option<&Release> {
        self.releases.get(&id)
    }

    /// Every release, the oldest first.
    pub fn releases(&self) -> impl DoubleEndedIterator<Item = &Release> {
        self.releases.values()
    }

    /// The open release of a host.
    pub fn open(&self, host: &HostId) -> Option<&Release> {
        self.releases.get(&self.host(host)?.open?)
    }

    /// The freeze that is in force for a host: its own, or the whole fleet's.
    pub fn frozen(&self, host: &HostId, now: Timestamp) -> Option<&Freeze> {
        let scopes = [None, Some(host.clone())];
        let in_force = |freeze: &&Freeze| freeze.until.is_none_or(|until| now < until);
        scopes.iter().filter_map(|scope| self.freezes.get(scope)).find(in_force)
    }
}
