//! Regular languages of byte strings: what a regex, a prefix or a name matches, and a string that several of them agree on.
//!
//! A [`Language`] is a deterministic automaton over bytes. [`solve`] finds a string in a conjunction of languages and
//! complements, or proves that there is none, by walking the product as far as it must.

use std::sync::Arc;

use pcre2::bytes::RegexBuilder;

use automaton::{Automaton, DEAD, FULL};
use condition::Before;
use determine::{Mode, STATES_MAX, Work, determine};
use program::Program;
use syntax::{Node, Syntax};

mod automaton;
mod condition;
mod determine;
mod preimage;
mod program;
mod rows;
mod set;
mod solve;
mod syntax;
mod texts;

/// A set of byte strings that a finite automaton accepts.
#[derive(Debug, Clone)]
pub struct Language(Arc<Automaton>);

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
    ///
    /// # Errors
    /// [`NotRegular`] when this is not exactly the language of a finite automaton, or of too large a one.
    pub fn pattern(text: &[u8], caseless: bool) -> Result<Language, NotRegular> {
        let syntax = read(text, caseless)?;
        let program = Program::new(&syntax.node, None)?;
        let mode = Mode { restarts: true, open_end: true, inner: None };
        determine(&program, mode, Before::Start, &mut Work::new()).map(Language::new)
    }

    /// The strings in which the regex finds a match whose group `group` is of `inner` (a group that took no part is empty).
    ///
    /// # Errors
    /// As [`Language::pattern`]; also when the regex has no such group.
    pub fn captured(
        text: &[u8],
        caseless: bool,
        group: usize,
        inner: &Language,
    ) -> Result<Language, NotRegular> {
        let Syntax { node, groups, moves_start } = read(text, caseless)?;
        if group > groups || group == 0 && moves_start {
            return Err(NotRegular::Uses("another begin of the match, or no such group".to_owned()));
        }
        let node = if group == 0 { Node::Group(0, Box::new(node)) } else { node };
        let program = Program::new(&node, Some(group))?;
        let mode = Mode { restarts: true, open_end: true, inner: Some(&inner.0) };
        determine(&program, mode, Before::Start, &mut Work::new()).map(Language::new)
    }

    /// Exactly these strings.
    pub fn one_of<T: AsRef<[u8]>>(strings: &[T]) -> Language {
        Language::new(Automaton::trie(strings, false))
    }

    /// What begins so.
    pub fn prefix(text: &[u8]) -> Language {
        Language::new(Automaton::trie(&[text], true))
    }

    /// What ends so.
    pub fn suffix(text: &[u8]) -> Language {
        Language::new(Automaton::ending(text))
    }

    /// Every string.
    pub fn everything() -> Language {
        Language::prefix(b"")
    }

    /// Whether a string is of it.
    pub fn contains(&self, string: &[u8]) -> bool {
        let mut state = self.0.start;
        for &byte in string {
            if self.0.is(state, DEAD | FULL) {
                break;
            }
            state = self.0.step(state, byte);
        }
        self.0.accepts(state)
    }

    /// What makes a string of the language when `before` stands before it and `after` behind it.
    #[must_use]
    pub fn between(&self, before: &[u8], after: &[u8]) -> Language {
        let start = self.0.run(self.0.start, before);
        Language::new(self.0.accepting(start, |state| self.0.accepts(self.0.run(state, after))))
    }

    /// Every other string.
    #[must_use]
    pub fn complement(&self) -> Language {
        Language::new(self.0.accepting(self.0.start, |state| !self.0.accepts(state)))
    }

    /// What is of both; `None` when that is too large for one automaton. A [`Formula`] never is.
    pub fn and(&self, other: &Language) -> Option<Language> {
        self.0.product(&other.0, STATES_MAX, |left, right| left && right).map(Language::new)
    }

    /// What is of one of them; `None` when that is too large for one automaton. A [`Formula`] never is.
    pub fn or(&self, other: &Language) -> Option<Language> {
        self.0.product(&other.0, STATES_MAX, |left, right| left || right).map(Language::new)
    }

    /// What begins with one of these.
    pub fn any_prefix<T: AsRef<[u8]>>(texts: &[T]) -> Language {
        Language::new(Automaton::trie(texts, true))
    }

    /// What is of it when its letters are made lower case.
    #[must_use]
    pub fn caseless(&self) -> Language {
        Language::new(self.0.caseless())
    }

    /// What is of it, followed by exactly this; `None` when that is too large for one automaton.
    pub fn then(&self, after: &[u8]) -> Option<Language> {
        self.0.then(after, STATES_MAX).map(Language::new)
    }

    /// Whether no string is of it.
    pub fn is_empty(&self) -> bool {
        self.0.is(self.0.start, DEAD)
    }

    /// Whether every string is of it.
    pub fn is_everything(&self) -> bool {
        self.0.is(self.0.start, FULL)
    }

    fn new(automaton: Automaton) -> Language {
        Language(Arc::new(automaton))
    }
}

impl Formula {
    /// Whether it holds for a string.
    pub fn holds(&self, string: &[u8]) -> bool {
        match self {
            Formula::In(language) => language.contains(string),
            Formula::Not(formula) => !formula.holds(string),
            Formula::All(formulas) => formulas.iter().all(|formula| formula.holds(string)),
            Formula::Any(formulas) => formulas.iter().any(|formula| formula.holds(string)),
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Formula) -> Formula {
        match (self, other) {
            (Formula::All(mut all), Formula::All(others)) => {
                all.extend(others);
                Formula::All(all)
            }
            (Formula::All(mut all), one) | (one, Formula::All(mut all)) => {
                all.push(one);
                Formula::All(all)
            }
            (one, other) => Formula::All(vec![one, other]),
        }
    }
}

impl From<Language> for Formula {
    fn from(language: Language) -> Formula {
        Formula::In(language)
    }
}

/// A string for which the formula holds.
pub fn solve(formula: &Formula, budget: &mut Budget) -> Solution {
    solve::solve(formula, budget)
}

/// Reads a regex that PCRE accepts.
fn read(text: &[u8], caseless: bool) -> Result<Syntax, NotRegular> {
    // PCRE takes bytes, its Rust wrapper only UTF-8; what is beyond ASCII is the same to PCRE when escaped.
    let escaped = std::str::from_utf8(text).map(str::to_owned).unwrap_or_else(|_| {
        let escaped = |&byte: &u8| match byte {
            0x80.. => format!("\\x{byte:02x}"),
            _ => char::from(byte).to_string(),
        };
        text.iter().map(escaped).collect()
    });
    let compiled = RegexBuilder::new().caseless(caseless).build(&escaped);
    compiled.map_err(|error| NotRegular::Refused(error.to_string()))?;
    syntax::parse(text, caseless)
}
