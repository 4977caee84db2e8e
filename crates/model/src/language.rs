//! Regular languages of byte strings: what a regex, a prefix or a name matches, and a string that several of them agree on.
//!
//! A [`Language`] is a deterministic automaton over bytes. [`solve`] finds a string in a conjunction of languages and
//! complements, or proves that there is none, by walking the product as far as it must.

use std::sync::Arc;

/// A set of byte strings that a finite automaton accepts.
#[derive(Debug, Clone)]
pub struct Language(Arc<()>);

/// Why a regex is no [`Language`] here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRegular {
    /// PCRE itself refuses it.
    Refused(String),
    /// It looks around, refers back, recurses …: what it uses, for people.
    Uses(String),
    /// Its automaton would be too large.
    TooLarge,
}

/// A condition on one string.
#[derive(Debug, Clone)]
pub enum Formula {
    /// The string is of this language.
    In(Language),
    /// The condition does not hold.
    Not(Box<Formula>),
    /// All of them hold; true when empty.
    All(Vec<Formula>),
    /// One of them holds; false when empty.
    Any(Vec<Formula>),
}

/// How many steps a search may still take. Shared by many searches; nothing is timed.
#[derive(Debug, Clone)]
pub struct Budget(pub u64);

/// What a search gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solution {
    /// A shortest string, printable where there is a printable one.
    Found(Vec<u8>),
    /// There is none.
    Empty,
    /// The budget ended first.
    GaveUp,
}

impl Language {
    /// What PCRE finds a match in, as nginx asks it: unanchored, on bytes, `$` also before a last newline.
    pub fn pattern(_text: &[u8], _caseless: bool) -> Result<Language, NotRegular> {
        unimplemented!()
    }

    /// The strings in which the regex finds a match whose group `group` is of `inner` (a group that took no part is empty).
    pub fn captured(
        _text: &[u8],
        _caseless: bool,
        _group: usize,
        _inner: &Language,
    ) -> Result<Language, NotRegular> {
        unimplemented!()
    }

    /// Exactly these strings.
    pub fn one_of<T: AsRef<[u8]>>(_strings: &[T]) -> Language {
        unimplemented!()
    }

    /// What begins so.
    pub fn prefix(_text: &[u8]) -> Language {
        unimplemented!()
    }

    /// What ends so.
    pub fn suffix(_text: &[u8]) -> Language {
        unimplemented!()
    }

    /// Every string.
    pub fn everything() -> Language {
        unimplemented!()
    }

    /// Whether a string is of it.
    pub fn contains(&self, _string: &[u8]) -> bool {
        unimplemented!()
    }

    /// What makes a string of the language when `before` stands before it and `after` behind it.
    #[must_use]
    pub fn between(&self, _before: &[u8], _after: &[u8]) -> Language {
        unimplemented!()
    }
}

/// A string for which the formula holds.
pub fn solve(_formula: &Formula, _budget: &mut Budget) -> Solution {
    unimplemented!()
}
