//! Every old and new answer that differ for some string.
//!
//! Rules that both sides have, in the same order, cancel: where two answers differ, one of them is a rule that was added,
//! removed or edited, a regex that changed places with another, or something below a text that only one side has. Only
//! such pairs are looked for, each with a string or the proof that there is none.

use std::collections::{HashMap, HashSet};

use super::either::Rules;
use super::rules::outside;
use super::search::{Hunted, Target, hunt};
use super::{Choice, Chosen, Pairs};
use crate::config::NodeId;
use crate::language::{Budget, Formula, Solution, solve};
use crate::route::regex::Pattern;

mod flat;
mod regexes;
mod tree;

/// Two choices to compare.
pub(super) struct Sides<'a> {
    pub(super) old: &'a Choice,
    pub(super) new: &'a Choice,
    pub(super) same: &'a dyn Fn(NodeId, NodeId) -> bool,
}

/// What was found so far.
struct Comparison<'a> {
    sides: &'a Sides<'a>,
    also: &'a Formula,
    found: HashMap<(Chosen, Chosen), usize>,
    tried: HashSet<(usize, usize)>,
    pairs: Pairs,
}

impl Sides<'_> {
    pub(super) fn pairs(&self, also: &Formula, budget: &mut Budget) -> Pairs {
        let mut comparison = Comparison {
            sides: self,
            also,
            found: HashMap::new(),
            tried: HashSet::new(),
            pairs: Pairs::default(),
        };
        match (&self.old.rules, &self.new.rules) {
            (Rules::Tree(old), Rules::Tree(new)) => comparison.trees(old, new, budget),
            (Rules::Flat(old), Rules::Flat(new)) => comparison.flats(old, new, budget),
            _ => comparison.pairs.incomplete.push("two choices of different kinds".to_owned()),
        }
        comparison.pairs
    }

    /// Whether two answers are each other's counterpart.
    fn alike(&self, x: Chosen, y: Chosen) -> bool {
        match (x, y) {
            (Chosen::Nothing, Chosen::Nothing) => true,
            (Chosen::Rule(x), Chosen::Rule(y))
            | (Chosen::Redirect(x), Chosen::Redirect(y))
            | (Chosen::Unknown(x), Chosen::Unknown(y)) => (self.same)(x, y),
            _ => false,
        }
    }
}

impl Comparison<'_> {
    /// What one string gets on both sides.
    fn single(&mut self, string: &[u8], budget: &mut Budget) {
        let Sides { old, new, .. } = self.sides;
        budget.0 = budget.0.saturating_sub(old.rules.cost() + new.rules.cost());
        if budget.0 == 0 {
            return self.doubt("the budget of the search has ended".to_owned());
        }
        if !self.also.holds(string) {
            return;
        }
        let decide = |choice: &Choice| choice.rules.decide(string, Pattern::holds).chosen;
        let (x, y) = (decide(old), decide(new));
        if self.sides.alike(x, y) {
            return;
        }
        for (choice, chosen) in [(old, x), (new, y)] {
            if let Chosen::Unknown(node) = chosen {
                let why = choice.rules.opaque(node);
                return self.doubt(why.unwrap_or_else(|| "a regex could not be asked".to_owned()));
            }
        }
        self.note(string, x, y);
    }

    /// A pair that a string shows, once the router itself says so.
    fn note(&mut self, string: &[u8], x: Chosen, y: Chosen) {
        let Sides { old, new, .. } = self.sides;
        let is_new = !self.found.contains_key(&(x, y)) && !self.sides.alike(x, y);
        if is_new && old.choose(string) == x && new.choose(string) == y {
            self.found.insert((x, y), self.pairs.pairs.len());
            self.pairs.pairs.push((x, y, string.to_vec()));
        }
    }

    fn doubt(&mut self, why: String) {
        if !self.pairs.incomplete.contains(&why) {
            self.pairs.incomplete.push(why);
        }
    }

    /// Looks for a string that gets this old and this new entry.
    fn pair(&mut self, x: usize, y: usize, budget: &mut Budget) {
        if self.tried.insert((x, y)) {
            let also = self.also;
            self.pair_where(x, y, also, budget);
        }
    }

    fn pair_where(&mut self, x: usize, y: usize, also: &Formula, budget: &mut Budget) {
        let Sides { old, new, .. } = self.sides;
        let chosen = (old.rules.chosen(x), new.rules.chosen(y));
        if self.found.contains_key(&chosen) || self.sides.alike(chosen.0, chosen.1) {
            return;
        }
        if budget.0 == 0 {
            return self.doubt("the budget of the search has ended".to_owned());
        }
        let target = |choice, entry| Target { choice, entry, view: None };
        let mut seen: Vec<(Vec<u8>, Chosen, Chosen)> = Vec::new();
        let hunted = hunt(&[target(old, x), target(new, y)], also, false, budget, &mut |string, ways| {
            if let [one, other] = ways {
                seen.push((string.to_vec(), one.chosen, other.chosen));
            }
        });
        for (string, x, y) in seen {
            if !matches!(x, Chosen::Unknown(_)) && !matches!(y, Chosen::Unknown(_)) {
                self.note(&string, x, y);
            }
        }
        if let Hunted::Undecided(why) = hunted {
            self.doubt(why);
        }
    }

    /// Looks for strings that get any of these old and any of these new entries.
    fn product(&mut self, old: &[usize], new: &[usize], budget: &mut Budget) {
        for &x in old {
            for &y in new {
                self.pair(x, y, budget);
            }
        }
    }
}

/// The regexes of one list and what a string can get below each.
struct Regexes<'a> {
    rules: &'a Rules,
    /// In order.
    entries: Vec<usize>,
}

impl Rules {
    fn regex(&self, entry: usize) -> Option<&Pattern> {
        match self {
            Rules::Tree(tree) => tree.regex(entry),
            Rules::Flat(flat) => flat.regex(entry),
        }
    }

    /// A regex and what stands in it.
    fn leaves(&self, entry: usize) -> Vec<usize> {
        match self {
            Rules::Tree(tree) => tree.leaves(entry),
            Rules::Flat(_) => vec![entry],
        }
    }

    /// The entries that more than one string can get.
    fn sets(&self) -> Vec<usize> {
        match self {
            Rules::Tree(tree) => tree.sets(),
            Rules::Flat(flat) => flat.sets(),
        }
    }
}

/// Whether nothing is left of a language once what the other takes is gone.
fn is_within(
    language: &crate::language::Language,
    other: &crate::language::Language,
    also: &Formula,
    budget: &mut Budget,
) -> bool {
    let rest = Formula::All(vec![Formula::In(language.clone()), outside(other.clone()), also.clone()]);
    solve(&rest, budget) == Solution::Empty
}
