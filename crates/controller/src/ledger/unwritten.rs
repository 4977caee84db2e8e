//! What happened while the journal could not be written: kept in memory, within a bound, and appended when it can be.

use std::error::Error as _;

use evenkeel_fleet::Event;
use evenkeel_fleet::incident::{Incidents, Input};
use evenkeel_store::{SqliteStore, Store as _, StoreError};

/// Above this, answers of probes that turn are no longer kept.
const SEEN_MAX: usize = 20_000;
/// Above this, nothing is.
const EVENTS_MAX: usize = 100_000;
/// How often an append is tried again when somebody else was faster.
const TRIES_MAX: u32 = 20;

/// Events that are not in the journal yet.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// What the journal adds up to.
    durable: Incidents,
    events: Vec<Event>,
    why: String,
}

impl Unwritten {
    pub(super) fn new(durable: Incidents, error: &StoreError) -> Unwritten {
        let mut unwritten = Unwritten { durable, events: Vec::new(), why: String::new() };
        unwritten.because(error);
        unwritten
    }

    pub(super) fn because(&mut self, error: &StoreError) {
        self.why = match error.source() {
            Some(source) => format!("failed to {error}: {source}"),
            None => format!("failed to {error}"),
        };
    }

    pub(super) fn why(&self) -> &str {
        &self.why
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn has_room_for(&self, input: &Input) -> bool {
        let max = if matches!(input, Input::Seen(_) | Input::Drift(_)) { SEEN_MAX } else { EVENTS_MAX };
        self.events.len() < max
    }

    pub(super) fn keep(&mut self, events: &[Event]) {
        self.events.extend_from_slice(events);
    }

    /// Appends everything; what others appended meanwhile comes before it. Gives what the journal adds up to then.
    pub(super) async fn write(&mut self, store: &mut SqliteStore) -> Result<Incidents, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            for recorded in store.read(self.durable.sequence()).await? {
                self.durable.apply(&recorded.event);
            }
            match store.append(self.durable.sequence(), &self.events).await {
                Ok(_receipt) => {
                    let mut state = self.durable.clone();
                    self.events.iter().for_each(|event| state.apply(event));
                    return Ok(state);
                }
                Err(StoreError::Conflict { .. }) if tries < TRIES_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }
}
