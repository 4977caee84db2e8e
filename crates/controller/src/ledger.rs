//! The journal as incidents see it: what is decided is durable before anything is sent, what others appended is followed, and a
//! full disk does not keep an alert from whoever is on call.

mod ballast;
mod stand;
mod unwritten;

use std::path::{Path, PathBuf};

use evenkeel_fleet::incident::{Decided, Delivery, Incidents, Input, Refused, Settings};
use evenkeel_fleet::{Event, Timestamp};
use evenkeel_store::{SqliteStore, Store as _, StoreError};

use ballast::Ballast;
use stand::Stand;
use unwritten::Unwritten;

/// How often an append is tried again when somebody else was faster.
const TRIES_MAX: u32 = 20;

/// The journal, and the incidents that it tells of.
#[derive(Debug)]
pub struct Ledger {
    store: SqliteStore,
    path: PathBuf,
    /// How the files of the journal stood when all that is in them was known.
    known: Option<Stand>,
    state: Incidents,
    settings: Settings,
    unwritten: Option<Unwritten>,
    /// Room for the time when the disk is full; whoever watches keeps some.
    ballast: Option<Ballast>,
}

/// What came of an input.
#[derive(Debug, Default)]
#[must_use]
pub struct Told {
    /// What is to be sent now; that it is being sent is durable.
    pub deliveries: Vec<Delivery>,
    /// What was written down.
    pub events: Vec<Event>,
    /// Why the input was not followed.
    pub refused: Option<Refused>,
}

impl Ledger {
    /// Opens the journal for appending, and makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError`] says whether it is corrupt, newer, locked, or cannot be written.
    pub async fn open(path: &Path, settings: Settings) -> Result<Ledger, StoreError> {
        Ledger::replay(path, SqliteStore::open(path).await?, settings).await
    }

    /// Opens the journal to look at it.
    ///
    /// # Errors
    /// [`StoreError`] as [`Ledger::open`].
    pub async fn read(path: &Path, settings: Settings) -> Result<Ledger, StoreError> {
        Ledger::replay(path, SqliteStore::open_read_only(path).await?, settings).await
    }

    /// Keeps room beside the journal, so that an incident is written down though the disk is full.
    pub fn keep_room(&mut self) {
        let path = self.path.with_file_name("ballast");
        self.ballast.get_or_insert_with(|| Ballast::at(path)).keep();
    }

    async fn replay(path: &Path, store: SqliteStore, settings: Settings) -> Result<Ledger, StoreError> {
        let (path, state) = (path.to_owned(), Incidents::default());
        let mut ledger = Ledger { store, path, known: None, state, settings, unwritten: None, ballast: None };
        ledger.catch_up().await?;
        Ok(ledger)
    }

    /// The incidents and their alerts.
    #[must_use]
    pub fn state(&self) -> &Incidents {
        &self.state
    }

    /// Everything that happened, from the journal.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn events(&mut self) -> Result<Vec<Event>, StoreError> {
        let recorded = self.store.read(evenkeel_fleet::Sequence(0)).await?;
        Ok(recorded.into_iter().map(|recorded| recorded.event).collect())
    }

    /// Follows what others appended, and gives it. Costs next to nothing when nobody did.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn catch_up(&mut self) -> Result<Vec<Event>, StoreError> {
        if self.unwritten.is_some() {
            return Ok(Vec::new());
        }
        let stand = Stand::of(&self.path);
        if stand.is_some() && stand == self.known {
            return Ok(Vec::new());
        }
        let recorded = self.store.read(self.state.sequence()).await?;
        self.known = stand.filter(Stand::is_settled);
        let events: Vec<Event> = recorded.into_iter().map(|recorded| recorded.event).collect();
        events.iter().for_each(|event| self.state.apply(event));
        Ok(events)
    }

    /// Decides what an input means, writes that down, and hands out what is to be sent.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be written down; then nothing may be done either.
    pub async fn tell(&mut self, now: Timestamp, input: Input) -> Result<Told, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut state = self.state.clone();
            let decided = state.step(now, &self.settings, input.clone());
            if decided.events().is_empty() {
                return Ok(Told { refused: decided.refused().cloned(), ..Told::default() });
            }
            match self.store.append(decided.expected(), decided.events()).await {
                Ok(receipt) => {
                    self.state = state;
                    return Ok(told(decided, |decided| decided.perform(&receipt)));
                }
                Err(StoreError::Conflict { .. }) if tries < TRIES_MAX => {
                    self.catch_up().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The same for whoever watches: what cannot be written down is kept in memory, and alerts go out all the same.
    pub async fn tell_or_keep(&mut self, now: Timestamp, input: Input) -> Told {
        if self.unwritten.is_none() {
            let mut came = self.tell(now, input.clone()).await;
            if came.is_err() && self.ballast.as_mut().is_some_and(Ballast::give) {
                came = self.tell(now, input.clone()).await;
            }
            match came {
                Ok(told) => return told,
                Err(error) => self.unwritten = Some(Unwritten::new(self.state.clone(), &error)),
            }
        }
        let Some(unwritten) = &mut self.unwritten else { return Told::default() };
        if !unwritten.has_room_for(&input) {
            return Told::default();
        }
        let decided = self.state.step(now, &self.settings, input);
        unwritten.keep(decided.events());
        told(decided, Decided::perform_unwritten)
    }

    /// What is kept in memory because it cannot be written down: how many events, and why.
    #[must_use]
    pub fn unwritten(&self) -> Option<(usize, &str)> {
        self.unwritten.as_ref().map(|it| (it.len(), it.why()))
    }

    /// Tries to write down what is kept in memory. Gives whether nothing is left.
    pub async fn write_down(&mut self) -> bool {
        let Some(unwritten) = &mut self.unwritten else {
            self.ballast.iter_mut().for_each(Ballast::keep);
            return true;
        };
        match unwritten.write(&mut self.store).await {
            Ok(state) => {
                self.state = state;
                self.unwritten = None;
                true
            }
            Err(error) => {
                unwritten.because(&error);
                false
            }
        }
    }
}

fn told(decided: Decided, perform: impl FnOnce(Decided) -> Vec<Delivery>) -> Told {
    let (events, refused) = (decided.events().to_vec(), decided.refused().cloned());
    Told { events, refused, deliveries: perform(decided) }
}
