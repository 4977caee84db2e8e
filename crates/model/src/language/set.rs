//! Sets of bytes, and the classes into which several of them divide all bytes.

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Set([u64; 4]);

impl Set {
    pub(super) const ALL: Set = Set([u64::MAX; 4]);

    /// The bytes for which `holds`.
    pub(super) fn of(holds: impl Fn(u8) -> bool) -> Set {
        let mut set = Set::default();
        (0..=255).filter(|&byte| holds(byte)).for_each(|byte| set.add(byte));
        set
    }

    pub(super) fn one(byte: u8) -> Set {
        let mut set = Set::default();
        set.add(byte);
        set
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    pub(super) fn or(self, other: Set) -> Set {
        Set(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    pub(super) fn not(self) -> Set {
        Set(self.0.map(|word| !word))
    }

    /// With the other case of every ASCII letter in it, as PCRE's own tables fold.
    pub(super) fn caseless(self) -> Set {
        Set::of(|byte| self.has(byte) || byte.is_ascii_alphabetic() && self.has(byte ^ 0x20))
    }
}

/// The bytes, divided so that two of a class are never told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes {
    pub(super) of: [u8; 256],
    pub(super) count: usize,
}

impl Classes {
    pub(super) fn new() -> Classes {
        Classes { of: [0; 256], count: 1 }
    }

    /// Divides further: two bytes stay together only if `other` is alike for them.
    pub(super) fn split(&mut self, other: impl Fn(u8) -> u8) {
        let mut seen: Vec<(u8, u8)> = Vec::with_capacity(self.count * 2);
        let mut last = ((0, 0), usize::MAX);
        for byte in 0..=255_u8 {
            let pair = (self.of[usize::from(byte)], other(byte));
            if last.1 == usize::MAX || last.0 != pair {
                let at = seen.iter().position(|one| *one == pair).unwrap_or_else(|| {
                    seen.push(pair);
                    seen.len() - 1
                });
                last = (pair, at);
            }
            self.of[usize::from(byte)] = last.1 as u8;
        }
        self.count = seen.len();
    }

    pub(super) fn split_by(&mut self, set: &Set) {
        self.split(|byte| u8::from(set.has(byte)));
    }

    /// A byte of each class, the plainest.
    pub(super) fn representatives(&self) -> Vec<u8> {
        let mut bytes = vec![None; self.count];
        for byte in PLAINEST_FIRST {
            bytes[usize::from(self.of[usize::from(byte)])].get_or_insert(byte);
        }
        bytes.into_iter().flatten().collect()
    }
}

/// How odd a byte is in an example: 0 is printable, 1 beyond ASCII, 2 a control character.
pub(super) fn oddness(byte: u8) -> usize {
    match byte {
        b' '..=b'~' => 0,
        0x80.. => 1,
        _ => 2,
    }
}

/// All bytes, in the order in which an example prefers them.
pub(super) const PLAINEST_FIRST: [u8; 256] = {
    let mut order = [0; 256];
    let mut at = 0;
    let mut rank = 0;
    while rank <= 8 {
        let mut byte = 0_usize;
        while byte < 256 {
            if rank_of(byte as u8) == rank {
                order[at] = byte as u8;
                at += 1;
            }
            byte += 1;
        }
        rank += 1;
    }
    order
};

const fn rank_of(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'/' => 3,
        b'-' | b'_' | b'.' => 4,
        b'!'..=b'~' => 5,
        b' ' => 6,
        0x80.. => 7,
        _ => 8,
    }
}
