//! What requests came to that were seen before: a table of fixed size, and fingerprints of what decides.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Verdict;
use crate::config::NodeId;
use crate::diff::What;

/// How many pairs of fingerprints are remembered.
const PAIRS: usize = 1 << 19;

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
pub struct Remembered(Vec<Pair>);

/// The two places of a fingerprint, which come from memory at once.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Pair([Entry; 2]);

/// A fingerprint and what its request came to, without a lock: each half of the fingerprint is kept mixed with what came
/// of it. A reader that finds words of two writers finds no fingerprint that it looks for.
///
/// Source: Hyatt, Mann, "A lock-less transposition table implementation for parallel search chess engines", 2002
#[derive(Debug, Default)]
struct Entry([AtomicU64; 4]);

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
        Remembered((0..PAIRS).map(|_| Pair::default()).collect())
    }
}

impl Remembered {
    fn pair(&self, digest: Digest) -> &[Entry; 2] {
        let place = usize::try_from(digest.1 % PAIRS as u64).unwrap_or(0);
        &self.0[place].0
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Verdict> {
        self.pair(digest).iter().find_map(|entry| entry.get(digest)).map(Came::verdict)
    }

    pub(super) fn put(&self, digest: Digest, verdict: Verdict) {
        let [first, second] = self.pair(digest);
        second.set(first.words());
        first.set(Came::of(verdict).words(digest));
    }
}

impl Entry {
    fn words(&self) -> [u64; 4] {
        self.0.each_ref().map(|word| word.load(Ordering::Relaxed))
    }

    fn set(&self, words: [u64; 4]) {
        for (place, word) in self.0.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
    }

    fn get(&self, digest: Digest) -> Option<Came> {
        let words = self.words();
        let half = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
        let blocks = (half(words[2] >> 32), half(words[2]));
        let came = Came { blocks, kind: u8::try_from(words[3]).unwrap_or(EMPTY) };
        (came.kind != EMPTY && came.words(digest) == words).then_some(came)
    }
}

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

    /// How it is kept. What is mixed differs between the halves, so that no other blocks and kind give both of them.
    fn words(self, digest: Digest) -> [u64; 4] {
        let (blocks, kind) =
            (u64::from(self.blocks.0) << 32 | u64::from(self.blocks.1), u64::from(self.kind));
        [digest.0 ^ blocks ^ kind, digest.1 ^ blocks.rotate_left(32) ^ kind, blocks, kind]
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

    #[test]
    fn words_of_two_writers_are_no_answer() {
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        let change = |block: u32, what| Verdict::Changes((Some(NodeId(block)), Some(NodeId(block)), what));
        let written = [(digest(1), change(4, What::Outcome)), (digest(2), change(5, What::Upstream))];
        for mix in 0..16_u8 {
            let entry = Entry::default();
            let words = written.map(|(digest, verdict)| Came::of(verdict).words(digest));
            entry.set(std::array::from_fn(|at| words[usize::from(mix >> at & 1)][at]));
            for (writer, (digest, verdict)) in written.into_iter().enumerate() {
                let whole = mix == if writer == 0 { 0 } else { 0b1111 };
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
