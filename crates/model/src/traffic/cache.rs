//! What requests came to that were seen before: a table of fixed size, and fingerprints of what decides.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Verdict;
use crate::config::NodeId;
use crate::diff::What;

/// How many fingerprints are remembered, each in one of two places.
const PLACES: usize = 1 << 20;
/// In how many parts that are locked on their own.
const SHARDS: usize = 1 << 8;

/// A fingerprint of 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(u64, u64);

/// Without a pattern: digits of pi.
const KEYS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];

impl Digest {
    pub(super) fn new(seed: u64) -> Digest {
        Digest(seed ^ KEYS[0], seed.rotate_left(32) ^ KEYS[1])
    }

    /// The fingerprint of what came before and one more value.
    pub(super) fn with(self, value: &[u8]) -> Digest {
        let Digest(mut one, mut two) = self;
        let (whole, rest) = value.as_chunks::<16>();
        for chunk in whole {
            (one, two) = mix(one, two, chunk);
        }
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        (one, two) = mix(one, two, &last);
        // The length tells a value from one that ends in zeros, and from two that meet.
        let length = value.len() as u64;
        Digest(fold(one ^ length, KEYS[2]), fold(two.wrapping_add(length), KEYS[0]))
    }

    pub(super) fn first(self) -> u64 {
        self.0
    }
}

fn mix(one: u64, two: u64, chunk: &[u8; 16]) -> (u64, u64) {
    let word = |from: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&chunk[from..from + 8]);
        u64::from_le_bytes(bytes)
    };
    let (low, high) = (word(0), word(8));
    (fold(one ^ low, high ^ KEYS[1]), fold(two ^ high, low.rotate_left(29) ^ KEYS[2]))
}

/// A product of 128 bits, folded.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// What requests came to, by their fingerprints: for all workers together, so that each request is routed once. One that
/// finds both of its places taken drives the older out.
#[derive(Debug)]
pub struct Remembered {
    shards: Vec<Mutex<Vec<Entry>>>,
}

/// A fingerprint and what its request came to.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Entry {
    digest: (u64, u64),
    /// The blocks, each one more than its number; 0 is none.
    blocks: (u32, u32),
    kind: u8,
}

const EMPTY: u8 = 0;
const SAME: u8 = 1;
const NOT_HTTP: u8 = 2;
const CHANGES: [(u8, What); 4] =
    [(3, What::Outcome), (4, What::Upstream), (5, What::Headers), (6, What::Access)];

impl Default for Remembered {
    fn default() -> Remembered {
        let shard = || Mutex::new(vec![Entry::default(); PLACES / SHARDS]);
        Remembered { shards: (0..SHARDS).map(|_| shard()).collect() }
    }
}

impl Remembered {
    fn shard(&self, digest: Digest) -> (MutexGuard<'_, Vec<Entry>>, usize) {
        let number = |from: u64| usize::try_from(from).unwrap_or(0);
        let shard = &self.shards[number(digest.1 % SHARDS as u64)];
        let place = number(digest.0 >> 32) & (PLACES / SHARDS - 2);
        (shard.lock().unwrap_or_else(PoisonError::into_inner), place)
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Verdict> {
        let (shard, place) = self.shard(digest);
        let known = |entry: &&Entry| entry.kind != EMPTY && entry.digest == (digest.0, digest.1);
        shard[place..place + 2].iter().find(known).map(|entry| entry.verdict())
    }

    pub(super) fn put(&self, digest: Digest, verdict: Verdict) {
        let (mut shard, place) = self.shard(digest);
        shard[place + 1] = shard[place];
        shard[place] = Entry::new(digest, verdict);
    }
}

impl Entry {
    fn new(digest: Digest, verdict: Verdict) -> Entry {
        let number = |block: Option<NodeId>| block.map_or(0, |block| block.0 + 1);
        let (blocks, kind) = match verdict {
            Verdict::Same => ((0, 0), SAME),
            Verdict::NotHttp => ((0, 0), NOT_HTTP),
            Verdict::Changes((old, new, what)) => {
                let kind = CHANGES.iter().find(|(_, known)| *known == what);
                ((number(old), number(new)), kind.map_or(SAME, |(kind, _)| *kind))
            }
        };
        Entry { digest: (digest.0, digest.1), blocks, kind }
    }

    fn verdict(&self) -> Verdict {
        let block = |number: u32| number.checked_sub(1).map(NodeId);
        match CHANGES.iter().find(|(kind, _)| *kind == self.kind) {
            Some((_, what)) => Verdict::Changes((block(self.blocks.0), block(self.blocks.1), *what)),
            None if self.kind == NOT_HTTP => Verdict::NotHttp,
            None => Verdict::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_meet_elsewhere_have_other_fingerprints() {
        let of = |values: &[&[u8]]| values.iter().fold(Digest::new(7), |digest, value| digest.with(value));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"a"]), of(&[b"a\0"]));
        assert_ne!(of(&[b""]), of(&[b"", b""]));
        assert_eq!(of(&[b"/a?x=1", b"a.test"]), of(&[b"/a?x=1", b"a.test"]));
        assert_ne!(Digest::new(7).with(b"a"), Digest::new(8).with(b"a"));
    }

    #[test]
    fn what_was_put_last_is_remembered() {
        let seen = Remembered::default();
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        let verdict = |number: u64| match u32::try_from(number % 9).unwrap() {
            0 => Verdict::Same,
            1 => Verdict::NotHttp,
            2 => Verdict::Changes((None, Some(NodeId(0)), What::Headers)),
            block => Verdict::Changes((Some(NodeId(block)), None, What::Outcome)),
        };
        for number in 0..2_000_000_u64 {
            seen.put(digest(number), verdict(number));
            assert_eq!(seen.get(digest(number)), Some(verdict(number)));
        }
        assert_eq!(seen.get(digest(4_000_000)), None);
    }
}
