//! How an event becomes bytes, and how a hash covers everything before it.

use std::path::Path;

use evenkeel_fleet::journal::{FORMAT, Format};
use evenkeel_fleet::{Digest, Event, Sequence};

use crate::StoreError;

/// Keeps these hashes apart from every other use of the function.
const CONTEXT: &str = "evenkeel journal, format 1: previous hash, sequence, event";

/// The hash before the first event.
pub(crate) const GENESIS: Digest = Digest([0; 32]);

/// The bytes of an event as they are stored and hashed.
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event)
        .expect("an event has no map with keys that are not text, and nothing that fails")
}

/// The event in these bytes.
pub(crate) fn decode(path: &Path, sequence: Sequence, bytes: &[u8]) -> Result<Event, StoreError> {
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        path: path.to_path_buf(),
        sequence: Some(sequence),
        what: error.to_string(),
    };
    let format: Format = serde_json::from_slice(bytes).map_err(corrupt)?;
    format.check().map_err(|newer| StoreError::Newer {
        path: path.to_path_buf(),
        found: newer.found.into(),
        understood: FORMAT.into(),
    })?;
    serde_json::from_slice(bytes).map_err(corrupt)
}

/// The hash of the event at `sequence`, which covers all before it.
pub(crate) fn link(before: Digest, sequence: Sequence, bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&before.0).update(&sequence.0.to_le_bytes()).update(bytes);
    Digest(*hasher.finalize().as_bytes())
}
