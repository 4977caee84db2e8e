//! What goes into a digest: texts, and the names in them.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Digest;

/// Text and names that go into a digest.
#[derive(Default)]
pub(super) struct Said {
    pub(super) texts: Vec<Vec<u8>>,
    pub(super) variables: BTreeSet<String>,
    /// Words that may be upstreams, and whether any upstream may be meant.
    pub(super) words: BTreeSet<Vec<u8>>,
    pub(super) any_upstream: bool,
}

/// What many blocks have in common, said once.
pub(super) struct Part {
    pub(super) texts: Digest,
    pub(super) variables: BTreeSet<String>,
    pub(super) words: BTreeSet<Vec<u8>>,
    pub(super) any_upstream: bool,
}

impl Said {
    pub(super) fn part(self) -> Part {
        let Said { texts, variables, words, any_upstream } = self;
        Part { texts: digest(&texts), variables, words, any_upstream }
    }

    pub(super) fn add(&mut self, part: &Part) {
        let Digest(one, two) = part.texts;
        self.texts.push([one.to_ne_bytes(), two.to_ne_bytes()].concat());
        self.variables.extend(part.variables.iter().cloned());
        self.words.extend(part.words.iter().cloned());
        self.any_upstream |= part.any_upstream;
    }
}

/// The digest of texts.
pub(super) fn digest(texts: &[Vec<u8>]) -> Digest {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, texts).hash(&mut hasher);
        hasher.finish()
    };
    Digest(half(1), half(2))
}
