//! The journal of a fleet of one: every input goes through `Fleet::step`, its events are durable before its effects are
//! handed out, and what another process appended meanwhile is caught up with.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_fleet::{Effect, Event, Fleet, Input, Refusal, ReleaseId, Sequence, Timestamp};
use evenkeel_store::{SqliteStore, Store as _, StoreError};
use tokio::runtime::Runtime;

/// How often an append is tried again when somebody else was faster.
const TRIES_MAX: u32 = 20;

/// The journal and what it adds up to.
#[derive(Debug)]
pub struct Journal {
    store: SqliteStore,
    fleet: Fleet,
    events: Vec<Event>,
}

/// What came of an input.
#[derive(Debug)]
#[must_use]
pub struct Told {
    /// What must be done now; its events are durable.
    pub effects: Vec<Effect>,
    /// Why the input was not followed.
    pub refusal: Option<Refusal>,
    /// The release that it opened.
    pub proposed: Option<ReleaseId>,
}

/// The present time.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Journal {
    /// Opens the journal for appending, and makes it where there is none. The whole chain is verified.
    ///
    /// # Errors
    /// [`StoreError`] says whether it is corrupt, newer, locked, or cannot be written.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Journal, StoreError> {
        let store = runtime.block_on(SqliteStore::open(path))?;
        Journal::replay(runtime, store)
    }

    /// Opens the journal to look at it.
    ///
    /// # Errors
    /// [`StoreError`] as [`Journal::open`].
    pub fn read(runtime: &Runtime, path: &Path) -> Result<Journal, StoreError> {
        let store = runtime.block_on(SqliteStore::open_read_only(path))?;
        Journal::replay(runtime, store)
    }

    fn replay(runtime: &Runtime, store: SqliteStore) -> Result<Journal, StoreError> {
        let mut journal = Journal { store, fleet: Fleet::default(), events: Vec::new() };
        journal.catch_up(runtime)?;
        Ok(journal)
    }

    /// What the journal adds up to.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Everything that happened.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Follows what others appended.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn catch_up(&mut self, runtime: &Runtime) -> Result<(), StoreError> {
        let after: Sequence = self.fleet.sequence();
        for recorded in runtime.block_on(self.store.read(after))? {
            self.fleet.apply(&recorded.event);
            self.events.push(recorded.event);
        }
        Ok(())
    }

    /// Decides what an input means, writes that down, and hands out what must be done.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be written down; then nothing may be done either.
    pub fn tell(&mut self, runtime: &Runtime, input: &Input) -> Result<Told, StoreError> {
        self.tell_at(runtime, now(), input)
    }

    /// The same for what was so at an earlier time, and could not be written down then.
    ///
    /// # Errors
    /// [`StoreError`] as [`Journal::tell`].
    pub fn tell_at(&mut self, runtime: &Runtime, at: Timestamp, input: &Input) -> Result<Told, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut fleet = self.fleet.clone();
            let turn = fleet.step(at, input.clone());
            match runtime.block_on(self.store.append(turn.expected(), turn.events())) {
                Ok(receipt) => {
                    self.fleet = fleet;
                    self.events.extend_from_slice(turn.events());
                    let (refusal, proposed) = (turn.refusal().cloned(), turn.proposed());
                    return Ok(Told { effects: turn.perform(receipt), refusal, proposed });
                }
                Err(StoreError::Conflict { .. }) if tries < TRIES_MAX => self.catch_up(runtime)?,
                Err(error) => return Err(error),
            }
        }
    }
}
