//! What every kind of choice says of itself, so that one search serves them all.

use super::Chosen;
use crate::config::NodeId;
use crate::language::{Formula, Language};
use crate::route::regex::Pattern;

/// The way that a string took through the rules.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) chosen: Chosen,
    /// The entry that took it; `None` when that cannot be told.
    pub(super) entry: Option<usize>,
    /// The entries that it went through, in order.
    pub(super) path: Vec<usize>,
}

/// Strings that an entry can never get, one of which was just met, and who takes them.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) nodes: Vec<NodeId>,
    /// `None`: the string that was met, nothing else.
    pub(super) formula: Option<Formula>,
    /// Whether `formula` is `None` because nothing better is known: such blocks are tried for a while only.
    pub(super) guess: bool,
}

impl Block {
    pub(super) fn by(node: NodeId, formula: Formula) -> Block {
        Block { nodes: vec![node], formula: Some(formula), guess: false }
    }

    /// The string and no other, because the rules single it out.
    pub(super) fn single(nodes: Vec<NodeId>) -> Block {
        Block { nodes, formula: None, guess: false }
    }

    /// The string and no other, because nothing better is known.
    pub(super) fn guess(nodes: Vec<NodeId>) -> Block {
        Block { nodes, formula: None, guess: true }
    }

    /// What a regex matches.
    pub(super) fn matching(node: NodeId, pattern: &Pattern) -> Block {
        match pattern.language() {
            Ok(language) => Block::by(node, Formula::In(language.clone())),
            Err(_) => Block::guess(vec![node]),
        }
    }
}

/// Where the strings of an entry are to be looked for.
pub(super) enum Where {
    /// This one string, if any.
    Only(Vec<u8>),
    /// Where this holds.
    Within(Formula),
    /// Nowhere: something else stands in its place.
    Nowhere(Vec<NodeId>),
}

/// `not` what is of a language.
pub(super) fn outside(language: Language) -> Formula {
    Formula::Not(Box::new(Formula::In(language)))
}

/// Holds for no string.
pub(super) fn never() -> Formula {
    Formula::Any(Vec::new())
}

/// Holds for every string.
pub(super) fn always() -> Formula {
    Formula::All(Vec::new())
}

/// Whether a string has a control character.
pub(super) fn is_odd(string: &[u8]) -> bool {
    string.iter().any(u8::is_ascii_control)
}
