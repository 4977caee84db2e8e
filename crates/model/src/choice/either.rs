//! Locations, names and maps alike.

use super::Chosen;
use super::flat::Flat;
use super::rules::{Block, Decision, Where};
use super::tree::Tree;
use crate::config::NodeId;
use crate::language::{Formula, NotRegular};
use crate::route::regex::Ask;

pub(super) enum Rules {
    Tree(Tree),
    Flat(Flat),
}

impl Rules {
    pub(super) fn decide(&self, string: &[u8], ask: Ask) -> Decision {
        match self {
            Rules::Tree(tree) => tree.decide(string, ask),
            Rules::Flat(flat) => flat.decide(string, ask),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Rules::Tree(tree) => tree.items.len(),
            Rules::Flat(flat) => flat.entries.len(),
        }
    }

    pub(super) fn entries(&self, chosen: Chosen) -> Vec<usize> {
        match self {
            Rules::Tree(tree) => tree.entries(chosen),
            Rules::Flat(flat) => flat.by_chosen(chosen),
        }
    }

    pub(super) fn chosen(&self, entry: usize) -> Chosen {
        match self {
            Rules::Tree(tree) => tree.chosen(entry),
            Rules::Flat(flat) => flat.chosen(entry),
        }
    }

    /// What a string may get that is no rule.
    pub(super) fn besides(&self) -> Vec<Chosen> {
        let is_rule = |chosen: &Chosen| matches!(chosen, Chosen::Rule(_));
        (0..self.len()).map(|entry| self.chosen(entry)).filter(|chosen| !is_rule(chosen)).collect()
    }

    pub(super) fn is_regex(&self, chosen: Chosen) -> bool {
        match self {
            Rules::Tree(tree) => tree.entries(chosen).into_iter().any(|entry| tree.is_regex(entry)),
            Rules::Flat(flat) => flat.by_chosen(chosen).into_iter().any(|entry| flat.is_regex(entry)),
        }
    }

    pub(super) fn whereabouts(&self, entry: usize) -> Where {
        match self {
            Rules::Tree(tree) => tree.whereabouts(entry),
            Rules::Flat(flat) => flat.whereabouts(entry),
        }
    }

    /// What must hold of a string for an entry to get it.
    pub(super) fn condition(&self, entry: usize) -> Formula {
        match self {
            Rules::Tree(tree) => tree.condition(entry),
            Rules::Flat(flat) => flat.condition(entry),
        }
    }

    pub(super) fn samples(&self, entry: usize) -> Vec<Vec<u8>> {
        match self {
            Rules::Tree(tree) => tree.samples(entry),
            Rules::Flat(flat) => flat.samples(entry),
        }
    }

    pub(super) fn block(&self, entry: usize, decision: &Decision) -> Block {
        match self {
            Rules::Tree(tree) => tree.block(entry, decision),
            Rules::Flat(flat) => flat.block(entry, decision),
        }
    }

    /// Much that an entry never gets, at once; and who gets it.
    pub(super) fn bulk(&self, entry: usize) -> Option<(Formula, Vec<NodeId>)> {
        match self {
            Rules::Tree(tree) => tree.bulk(entry),
            Rules::Flat(flat) => flat.bulk(entry),
        }
    }

    /// Why a regex is no language, for people.
    pub(super) fn opaque(&self, node: NodeId) -> Option<String> {
        let pattern = match self {
            Rules::Tree(tree) => tree.pattern(node),
            Rules::Flat(flat) => flat.pattern(node),
        }?;
        let text = String::from_utf8_lossy(pattern.text());
        Some(match pattern.language().err()? {
            NotRegular::Refused(why) => format!("the regex {text} is refused: {why}"),
            NotRegular::Uses(what) => format!("the regex {text} uses {what}"),
            NotRegular::TooLarge => format!("the regex {text} is too large to be proven with"),
        })
    }

    /// What one question costs, in steps of a search.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Rules::Tree(tree) => 1 + tree.regexes / 16,
            Rules::Flat(flat) => 1 + flat.regexes / 16,
        }
    }
}
