//! The contract in code: a store that lives as long as its program.

use std::collections::HashMap;
use std::path::Path;

use evenkeel_fleet::{Digest, Event, Receipt, Sequence};

use crate::{BLOB_BYTES_MAX, Recorded, Store, StoreError, Verified, chain, digest_of};

/// A journal in memory, for tests and simulations. Durable only as long as nothing dies.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// The bytes and the hash of each event.
    events: Vec<(Vec<u8>, Digest)>,
    blobs: HashMap<Digest, Vec<u8>>,
}

impl MemoryStore {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    fn end(&self) -> Sequence {
        Sequence::default().after(self.events.len())
    }
}

impl Store for MemoryStore {
    async fn append(&mut self, expected: Sequence, events: &[Event]) -> Result<Receipt, StoreError> {
        if self.end() != expected {
            return Err(StoreError::Conflict { expected, found: self.end() });
        }
        for event in events {
            let bytes = chain::encode(event);
            let before = self.events.last().map_or(chain::GENESIS, |(_, hash)| *hash);
            let hash = chain::link(before, self.end().after(1), &bytes);
            self.events.push((bytes, hash));
        }
        Ok(Receipt::durable(expected, events.len()))
    }

    async fn read(&mut self, after: Sequence) -> Result<Vec<Recorded>, StoreError> {
        let numbered = (1..).map(Sequence).zip(&self.events).filter(|(sequence, _)| *sequence > after);
        let decoded = numbered.map(|(sequence, (bytes, _))| {
            let event = chain::decode(Path::new("(memory)"), sequence, bytes)?;
            Ok(Recorded { sequence, event })
        });
        decoded.collect()
    }

    async fn sequence(&mut self) -> Result<Sequence, StoreError> {
        Ok(self.end())
    }

    async fn put_blob(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: bytes.len() });
        }
        let digest = digest_of(bytes);
        self.blobs.entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    async fn blob(&mut self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blobs.get(&digest).cloned())
    }

    async fn verify(&mut self) -> Result<Verified, StoreError> {
        let mut head = chain::GENESIS;
        for (sequence, (bytes, hash)) in (1..).map(Sequence).zip(&self.events) {
            head = chain::link(head, sequence, bytes);
            assert_eq!(head, *hash, "memory that nobody else can reach has changed");
        }
        Ok(Verified { sequence: self.end(), head })
    }
}

#[cfg(test)]
mod tests {
    crate::contract::contract!(async { (super::MemoryStore::new(), ()) });
}
