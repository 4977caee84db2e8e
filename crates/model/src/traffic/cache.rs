//! What requests came to that were seen before: a table of fixed size, and fingerprints of what decides.

use super::Verdict;

/// How many fingerprints are remembered, each in one of two places.
const PLACES: usize = 1 << 20;

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

/// Verdicts by fingerprint. One that finds both of its places taken drives the older out.
pub(super) struct Cache {
    places: Vec<(u64, u64, u32)>,
}

const EMPTY: u32 = 0;
const SAME: u32 = 1;
const NOT_HTTP: u32 = 2;
const FIRST_CLASS: u32 = 3;

impl Cache {
    pub(super) fn new() -> Cache {
        Cache { places: vec![(0, 0, EMPTY); PLACES] }
    }

    pub(super) fn get(&self, digest: Digest) -> Option<Verdict> {
        let [first, second] = pair(digest);
        let is = |place: usize| {
            let (one, two, verdict) = self.places[place];
            (verdict != EMPTY && (one, two) == (digest.0, digest.1)).then(|| read(verdict))
        };
        is(first).or_else(|| is(second))
    }

    pub(super) fn put(&mut self, digest: Digest, verdict: Verdict) {
        let [first, second] = pair(digest);
        self.places[second] = self.places[first];
        self.places[first] = (digest.0, digest.1, write(verdict));
    }
}

fn pair(digest: Digest) -> [usize; 2] {
    let place = usize::try_from(digest.0 >> 32).unwrap_or(0) & (PLACES - 2);
    [place, place + 1]
}

fn read(verdict: u32) -> Verdict {
    match verdict {
        SAME => Verdict::Same,
        NOT_HTTP => Verdict::NotHttp,
        class => Verdict::Class(class - FIRST_CLASS),
    }
}

fn write(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Same => SAME,
        Verdict::NotHttp => NOT_HTTP,
        Verdict::Class(class) => class + FIRST_CLASS,
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
        let mut cache = Cache::new();
        let digest = |number: u64| Digest::new(1).with(&number.to_ne_bytes());
        for number in 0..3_000_000_u64 {
            cache.put(digest(number), Verdict::Class(u32::try_from(number % 9).unwrap()));
            assert_eq!(cache.get(digest(number)), Some(Verdict::Class(u32::try_from(number % 9).unwrap())));
        }
        assert_eq!(cache.places.len(), PLACES);
        assert_eq!(cache.get(digest(4_000_000)), None);
    }
}
