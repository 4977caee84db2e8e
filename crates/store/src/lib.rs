//! The journal and what it refers to, durable.
//!
//! Invariants:
//!
//! * **Append-only.** Nothing here changes or removes an event or a blob, and the database forbids it too.
//! * **A receipt means durable.** [`Store::append`] makes the only [`Receipt`]s, after the disk has the events.
//! * **One history.** An append names the sequence it expects; of two that expect the same one, one loses.
//! * **Tamper-evident.** Each event's hash covers the hash before it; the chain is verified when a journal is
//!   opened.
//!
//! Absent on purpose: any decision, the network, and whatever an event means.
#![deny(missing_docs)]

mod chain;
mod error;
mod memory;
mod sqlite;

#[cfg(test)]
mod contract;

use std::future::Future;

use evenkeel_fleet::{Digest, Event, Receipt, Sequence};

pub use error::StoreError;
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// Largest blob: nothing that configures a server is larger.
pub const BLOB_BYTES_MAX: usize = 512 * 1024 * 1024;

/// An event and its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, the first being 1.
    pub sequence: Sequence,
    /// The event.
    pub event: Event,
}

/// The end of a verified journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The number of its last event; 0 when it is empty.
    pub sequence: Sequence,
    /// The hash of its last event, which covers all before it.
    pub head: Digest,
}

/// A journal and its blobs.
pub trait Store {
    /// Appends `events` after `expected`, all or none, and returns once they are durable. No events is an
    /// append too.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the journal is not at `expected`: replay and decide again. Else
    /// [`StoreError`] says what stands in the way; nothing was appended.
    fn append(
        &mut self,
        expected: Sequence,
        events: &[Event],
    ) -> impl Future<Output = Result<Receipt, StoreError>>;

    /// The events after `after`, in their order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Newer`] when one cannot be read.
    fn read(&mut self, after: Sequence) -> impl Future<Output = Result<Vec<Recorded>, StoreError>>;

    /// The number of the last event.
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be asked.
    fn sequence(&mut self) -> impl Future<Output = Result<Sequence, StoreError>>;

    /// Keeps `bytes` and returns their digest (BLAKE3). Keeping the same bytes again does nothing.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] above [`BLOB_BYTES_MAX`]; else [`StoreError`] says what stands in the way.
    fn put_blob(&mut self, bytes: &[u8]) -> impl Future<Output = Result<Digest, StoreError>>;

    /// The bytes with that digest, if they were kept; checked against it.
    ///
    /// # Errors
    /// [`StoreError::CorruptBlob`] when they are not what was kept.
    fn blob(&mut self, digest: Digest) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>>;

    /// Walks the whole chain.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the first event that is not what was appended.
    fn verify(&mut self) -> impl Future<Output = Result<Verified, StoreError>>;
}

/// The digest under which a store keeps `bytes`.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}
