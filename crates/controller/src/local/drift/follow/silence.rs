//! Silences whose time is over: what they were about is told of again, once.

use std::time::{Duration, Instant};

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::journal::{Drift, DriftChange, DriftStage};

use super::{FollowError, Follower};
use crate::local::now;

impl Follower<'_> {
    /// The silences of what still stands there as it did: when each is over, and what it is about.
    fn silences(&self) -> impl Iterator<Item = (Timestamp, &DriftChange)> {
        let host = self.journal.fleet().host(&self.host.settings.name);
        let silences = host.into_iter().flat_map(evenkeel_fleet::Host::silences);
        silences.filter_map(|(path, it)| {
            let change = self.watch.differs(path).filter(|change| change.new == it.of)?;
            Some((it.until, change))
        })
    }

    /// When the next silence is over.
    pub(super) fn silence_over(&self) -> Option<Instant> {
        let until = self.silences().map(|(until, _)| until).min()?;
        Some(Instant::now() + Duration::from_millis(until.as_millis().saturating_sub(now().as_millis())))
    }

    /// Writes down that silences are over.
    pub(super) fn end_silences(&mut self) -> Result<Option<Drift>, FollowError> {
        let at = now();
        let over = self.silences().filter(|(until, _)| *until <= at).map(|(_, change)| change.clone());
        let changes: Vec<DriftChange> = over.collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let (host, released) = (self.host.settings.name.clone(), self.watch.released().bundle);
        let stage = DriftStage::SilenceOver;
        self.record(Some(Drift { host, released, stage, changes, more: 0, meaning: Vec::new() }))
    }
}
