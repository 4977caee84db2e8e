//! What requests came to that were seen before: a table of fixed size, and fingerprints of what decides.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Verdict;
use crate::config::NodeId;
use crate::diff::What;

/// How many sets of fingerprints are remembered; a power of two. With [`WAYS`] of 16 bytes each that is 64 MiB.
const SETS: usize = 1 << 20;
/// In how many places a fingerprint may be: as many as come from memory at once.
const WAYS: usize = 4;

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
/// finds all its places taken drives one of them out, whichever its fingerprint says: of a log that repeats in the same
/// order and holds a little more than the table, most is found.
#[derive(Debug)]
pub struct Remembered(Vec<Set>);

/// The places of a fingerprint, which come from memory at once.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([Entry; WAYS]);

/// A fingerprint and what its request came to, without a lock: each half of the fingerprint is kept mixed with what came
/// of it, and what came of it is read out of the first half. It is believed where the second half says the same, which words
/// of two writers do not, nor a fingerprint that is not looked for, but once in 2^64.
///
/// Source: Hyatt, Mann, "A lock-less transposition table implementation for parallel search chess engines", 2002
#[derive(Debug, Default)]
struct Entry([AtomicU64; 2]);

/// What came of a request: the blocks, each one more than its number, 0 for none; and the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Came {
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
        Remembered::of(SETS)
    }
}

impl Remembered {
    fn of(sets: usize) -> Remembered {
        Remembered((0..sets).map(|_| Set::default()).collect())
    }

    fn set(&self, digest: Digest) -> &[Entry; WAYS] {
        let place = usize::try_from(digest.1 & (self.0.len() as u64 - 1)).unwrap_or(0);
        &self.0[place].0
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Verdict> {
        self.set(digest).iter().find_map(|entry| entry.get(digest)).map(Came::verdict)
    }

    pub(super) fn put(&self, digest: Digest, verdict: Verdict) {
        let Some(words) = Came::of(verdict).words(digest) else { return };
        let set = self.set(digest);
        let chosen = usize::try_from(digest.0 % WAYS as u64).unwrap_or(0);
        let free = set.iter().find(|entry| entry.words() == [0; 2]);
        free.unwrap_or(&set[chosen]).set(words);
    }
}

impl Entry {
    fn words(&self) -> [u64; 2] {
        self.0.each_ref().map(|word| word.load(Ordering::Relaxed))
    }

    fn set(&self, words: [u64; 2]) {
        for (place, word) in self.0.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
    }

    fn get(&self, digest: Digest) -> Option<Came> {
        let words = self.words();
        let came = Came::unpacked(words[0] ^ digest.0)?;
        (came.words(digest) == Some(words)).then_some(came)
    }
}

/// How many bits tell a block.
const BLOCK_BITS: u32 = 30;

impl Came {
    fn of(verdict: Verdict) -> Came {
        let number = |block: Option<NodeId>| block.map_or(0, |block| block.0 + 1);
        let (blocks, kind) = match verdict {
            Verdict::Same => ((0, 0), SAME),
            Verdict::NotHttp => ((0, 0), NOT_HTTP),
            Verdict::Changes((old, new, what)) => {
                let kind = CHANGES.iter().find(|(_, known)| *known == what);
                ((number(old), number(new)), kind.map_or(SAME, |(kind, _)| *kind))
            }
        };
        Came { blocks, kind }
    }

    /// All of it in a word. `None` when it does not fit: then it is not remembered.
    fn packed(self) -> Option<u64> {
        let (old, new) = self.blocks;
        let fits = [old, new].iter().all(|block| block >> BLOCK_BITS == 0);
        let blocks = u64::from(old) << BLOCK_BITS | u64::from(new);
        fits.then(|| blocks << 4 | u64::from(self.kind))
    }

    fn unpacked(word: u64) -> Option<Came> {
        let block = |word: u64| u32::try_from(word & ((1 << BLOCK_BITS) - 1)).unwrap_or(0);
        let kind = u8::try_from(word & 0xf).ok().filter(|kind| *kind != EMPTY)?;
        Some(Came { blocks: (block(word >> (4 + BLOCK_BITS)), block(word >> 4)), kind })
    }

    /// How it is kept. What is mixed differs between the halves, so that nothing else gives both of them.
    fn words(self, digest: Digest) -> Option<[u64; 2]> {
        let packed = self.packed()?;
        Some([digest.0 ^ packed, digest.1 ^ fold(packed ^ KEYS[1], KEYS[2])])
    }

    fn verdict(self) -> Verdict {
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
        let seen = Remembered::of(1 << 10);
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        let verdict = |number: u64| match u32::try_from(number % 9).unwrap() {
            0 => Verdict::Same,
            1 => Verdict::NotHttp,
            2 => Verdict::Changes((None, Some(NodeId(0)), What::Headers)),
            block => Verdict::Changes((Some(NodeId(block)), None, What::Outcome)),
        };
        for number in 0..100_000_u64 {
            seen.put(digest(number), verdict(number));
            assert_eq!(seen.get(digest(number)), Some(verdict(number)));
        }
        assert_eq!(seen.get(digest(400_000)), None);
    }

    #[test]
    fn log_that_comes_again_in_the_same_order_is_known() {
        let seen = Remembered::of(1 << 14);
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        // A place in four is taken; then it holds a little more than it can.
        for (requests, least) in [(1 << 14, 96), (5 << 14, 55)] {
            let mut known = 0;
            for number in (0..requests).chain(0..requests) {
                match seen.get(digest(number)) {
                    Some(_) => known += 1,
                    None => seen.put(digest(number), Verdict::Same),
                }
            }
            assert!(known * 100 > requests * least, "{known} of {requests}");
        }
    }

    #[test]
    fn block_that_does_not_fit_is_not_remembered() {
        let (seen, digest) = (Remembered::default(), Digest::new(1));
        seen.put(digest, Verdict::Changes((Some(NodeId(1 << 30)), None, What::Outcome)));
        assert_eq!(seen.get(digest), None);
    }

    #[test]
    fn words_of_two_writers_are_no_answer() {
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        let change = |block: u32, what| Verdict::Changes((Some(NodeId(block)), Some(NodeId(block)), what));
        let written = [(digest(1), change(4, What::Outcome)), (digest(2), change(5, What::Upstream))];
        for mix in 0..4_u8 {
            let entry = Entry::default();
            let words = written.map(|(digest, verdict)| Came::of(verdict).words(digest).unwrap());
            entry.set(std::array::from_fn(|at| words[usize::from(mix >> at & 1)][at]));
            for (writer, (digest, verdict)) in written.into_iter().enumerate() {
                let whole = mix == if writer == 0 { 0 } else { 0b11 };
                assert_eq!(entry.get(digest).map(Came::verdict), whole.then_some(verdict));
            }
        }
    }

    #[test]
    fn workers_that_write_at_once_read_nothing_that_nobody_wrote() {
        let seen = Remembered::default();
        let digest = |number: u64| Digest(number, 7);
        let verdict = |number: u64| {
            let block = Some(NodeId(u32::try_from(number).unwrap()));
            Verdict::Changes((block, block, CHANGES[usize::try_from(number % 4).unwrap()].1))
        };
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (seen, digest, verdict) = (&seen, &digest, &verdict);
                scope.spawn(move || {
                    for number in (0..200_000).map(|number| (number * 5 + worker) % 61) {
                        assert!(seen.get(digest(number)).is_none_or(|known| known == verdict(number)));
                        seen.put(digest(number), verdict(number));
                    }
                });
            }
        });
    }
}
