//! The search: take a string that could do, ask the rules themselves who takes it, rule out everything that goes the same
//! way, repeat. What was ruled out is the explanation when nothing is left.

use super::rules::{Block, Decision, Where, is_odd};
use super::{Choice, Chosen, View};
use crate::config::NodeId;
use crate::language::{Budget, Formula, Language, Solution, solve};
use crate::route::regex::Pattern;

/// How many strings are ruled out one by one, because nothing better is known, before the search ends.
const GUESSES_MAX: usize = 32;
/// How many sets are ruled out one by one before all that can be named together are.
const BLOCKS_BEFORE_BULK: usize = 8;
/// How many sets are ruled out at most.
const BLOCKS_MAX: usize = 4_096;
/// The largest explanation that is tried to be made smaller.
const EXPLANATION_MAX: usize = 16;

/// An entry that has to get the string, or what the view makes of it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) choice: &'a Choice,
    pub(super) entry: usize,
    pub(super) view: Option<&'a dyn View>,
}

impl Target<'_> {
    /// Whether the router itself gives the entry for a string.
    pub(super) fn gets(&self, string: &[u8]) -> bool {
        let image = self.view.map_or(Some(string.to_vec()), |view| view.image(string));
        image.is_some_and(|image| self.choice.choose(&image) == self.choice.rules.chosen(self.entry))
    }
}

/// What a search gave.
#[derive(Debug)]
pub(super) enum Hunted {
    Found(Vec<u8>),
    /// No string, and who takes them all.
    Nothing(Vec<NodeId>),
    Undecided(String),
}

/// Told of every string that was tried, with the ways that it took.
pub(super) type Witness<'w> = &'w mut dyn FnMut(&[u8], &[Decision]);

/// A search under way.
pub(super) struct Hunt<'a> {
    targets: &'a [Target<'a>],
    /// Conditions first, then what was ruled out.
    all: Vec<Formula>,
    /// Who takes what was ruled out, by the place in `all`.
    blamed: Vec<(usize, Vec<NodeId>)>,
    guesses: usize,
    /// Why strings were ruled out that might have done.
    doubt: Option<String>,
    bulk: Vec<bool>,
}

/// Looks for a string that gets all of the targets and for which `also` holds.
pub(super) fn hunt(
    targets: &[Target<'_>],
    also: &Formula,
    explain: bool,
    budget: &mut Budget,
    witness: Witness<'_>,
) -> Hunted {
    let mut hunt = Hunt {
        targets,
        all: vec![also.clone()],
        blamed: Vec::new(),
        guesses: 0,
        doubt: None,
        bulk: vec![false; targets.len()],
    };
    let mut only: Option<Vec<u8>> = None;
    for target in targets {
        match target.choice.rules.whereabouts(target.entry) {
            Where::Nowhere(by) => return Hunted::Nothing(by),
            Where::Only(text) => match target.view {
                None => only = Some(text.clone()),
                Some(_) => hunt.require(target.view, &Formula::In(Language::one_of(&[text]))),
            },
            Where::Within(condition) => hunt.require(target.view, &condition),
        }
    }
    if let Some(text) = only {
        return hunt.only(text, budget, witness);
    }
    hunt.sample(budget, witness).unwrap_or_else(|| hunt.run(explain, budget, witness))
}

impl Hunt<'_> {
    /// Adds a condition on what a view makes of the string. One that cannot be pulled back is left to the rules themselves.
    fn require(&mut self, view: Option<&dyn View>, condition: &Formula) {
        match pulled(view, condition) {
            Some(condition) => self.all.push(condition),
            None => self.doubt = Some("what a rewrite leaves cannot be turned round".to_owned()),
        }
    }

    /// The search among one string.
    fn only(&mut self, text: Vec<u8>, budget: &mut Budget, witness: Witness<'_>) -> Hunted {
        if !self.all.iter().all(|condition| condition.holds(&text)) {
            return Hunted::Nothing(Vec::new());
        }
        match self.judge(&text, budget, witness) {
            Ok(()) => Hunted::Found(text),
            Err((_, Block { guess: true, nodes, .. })) => Hunted::Undecided(self.why(&nodes)),
            Err((_, block)) => Hunted::Nothing(block.nodes),
        }
    }

    /// Strings that come to mind, before any automaton is asked.
    fn sample(&mut self, budget: &mut Budget, witness: Witness<'_>) -> Option<Hunted> {
        for target in self.targets.iter().filter(|target| target.view.is_none()) {
            for sample in target.choice.rules.samples(target.entry) {
                let fits = !is_odd(&sample) && self.all.iter().all(|condition| condition.holds(&sample));
                if fits && self.judge(&sample, budget, witness).is_ok() {
                    return Some(Hunted::Found(sample));
                }
            }
        }
        None
    }

    fn run(&mut self, explain: bool, budget: &mut Budget, witness: Witness<'_>) -> Hunted {
        let conditions = self.all.len();
        loop {
            let formula = Formula::All(std::mem::take(&mut self.all));
            let solution = solve(&formula, budget);
            let Formula::All(all) = formula else { return Hunted::Nothing(Vec::new()) };
            self.all = all;
            let string = match solution {
                Solution::Found(string) => string,
                Solution::GaveUp => {
                    return Hunted::Undecided("the budget of the search has ended".to_owned());
                }
                Solution::Empty => {
                    return match self.doubt.take().filter(|_| self.guesses > 0) {
                        Some(doubt) => Hunted::Undecided(doubt),
                        None => Hunted::Nothing(self.explanation(conditions, explain, budget)),
                    };
                }
            };
            let Err((target, block)) = self.judge(&string, budget, witness) else {
                return Hunted::Found(string);
            };
            let too_many = self.guesses >= GUESSES_MAX || self.blamed.len() >= BLOCKS_MAX;
            if budget.0 == 0 || too_many {
                let doubt = self.doubt.take().filter(|_| budget.0 > 0);
                return Hunted::Undecided(doubt.unwrap_or_else(|| "the search was too long".to_owned()));
            }
            self.rule_out(target, block, &string);
        }
    }

    fn rule_out(&mut self, target: usize, block: Block, string: &[u8]) {
        let Target { choice, entry, view } = self.targets[target];
        let image = || view.map_or(Some(string.to_vec()), |view| view.image(string));
        let single = || Some(Formula::In(Language::one_of(&[image()?])));
        let formula = block.formula.or_else(|| if block.guess { None } else { single() });
        let set = formula.and_then(|formula| pulled(view, &formula));
        // A set that does not have the string would let the search run in a circle.
        let set = set.filter(|set| set.holds(string));
        if set.is_none() {
            self.guesses += 1;
            self.doubt = Some(self.why(&block.nodes));
        }
        let set = set.unwrap_or_else(|| Formula::In(Language::one_of(&[string])));
        self.blamed.push((self.all.len(), block.nodes));
        self.all.push(Formula::Not(Box::new(set)));
        if self.blamed.len() >= BLOCKS_BEFORE_BULK && !self.bulk[target] {
            self.bulk[target] = true;
            if let Some((set, nodes)) = choice.rules.bulk(entry)
                && let Some(set) = pulled(view, &set)
            {
                self.blamed.push((self.all.len(), nodes));
                self.all.push(Formula::Not(Box::new(set)));
            }
        }
    }

    /// Whether all targets get a string; else who does not, and what else goes the same way.
    fn judge(&self, string: &[u8], budget: &mut Budget, witness: Witness<'_>) -> Result<(), (usize, Block)> {
        let mut decisions = Vec::with_capacity(self.targets.len());
        let mut failed = None;
        for (at, target) in self.targets.iter().enumerate() {
            budget.0 = budget.0.saturating_sub(target.choice.rules.cost());
            let image = match target.view {
                None => None,
                Some(view) => match view.image(string) {
                    None => return Err((at, Block::guess(Vec::new()))),
                    image => image,
                },
            };
            let asked = image.as_deref().unwrap_or(string);
            let rules = &target.choice.rules;
            let decision = rules.decide(asked, Pattern::holds);
            if failed.is_none() {
                let wanted = rules.chosen(target.entry);
                if decision.chosen != wanted {
                    failed = Some((at, rules.block(target.entry, &decision)));
                }
            }
            decisions.push(decision);
        }
        witness(string, &decisions);
        failed.map_or(Ok(()), Err)
    }

    /// Why nothing better is known than a single string.
    fn why(&self, nodes: &[NodeId]) -> String {
        let own = self.targets.iter().filter_map(|target| match target.choice.rules.chosen(target.entry) {
            Chosen::Rule(node) => Some(node),
            _ => None,
        });
        let reason = nodes
            .iter()
            .copied()
            .chain(own)
            .find_map(|node| self.targets.iter().find_map(|target| target.choice.rules.opaque(node)));
        reason.unwrap_or_else(|| "what takes a string here cannot be put into a set".to_owned())
    }

    /// Those who take everything; as few of them as is cheap to know.
    fn explanation(&mut self, conditions: usize, explain: bool, budget: &mut Budget) -> Vec<NodeId> {
        let is_small = (2..=EXPLANATION_MAX).contains(&self.blamed.len());
        if explain && is_small {
            for at in (conditions..self.all.len()).rev() {
                let kept = std::mem::replace(&mut self.all[at], Formula::All(Vec::new()));
                let rest = Formula::All(std::mem::take(&mut self.all));
                let needed = solve(&rest, budget) != Solution::Empty;
                let Formula::All(all) = rest else { continue };
                self.all = all;
                if needed {
                    self.all[at] = kept;
                } else {
                    self.blamed.retain(|(place, _)| *place != at);
                }
            }
        }
        let mut nodes = Vec::new();
        for node in self.blamed.iter().flat_map(|(_, nodes)| nodes) {
            if !nodes.contains(node) {
                nodes.push(*node);
            }
        }
        nodes
    }
}

/// The condition on the string that makes the condition on its image hold; `None` when that is no formula.
pub(super) fn pulled(view: Option<&dyn View>, formula: &Formula) -> Option<Formula> {
    let Some(view) = view else { return Some(formula.clone()) };
    let all = |formulas: &[Formula]| {
        formulas.iter().map(|formula| pulled(Some(view), formula)).collect::<Option<Vec<_>>>()
    };
    Some(match formula {
        Formula::In(language) => Formula::In(view.pull(language).ok()?),
        Formula::Not(formula) => Formula::Not(Box::new(pulled(Some(view), formula)?)),
        Formula::All(formulas) => Formula::All(all(formulas)?),
        Formula::Any(formulas) => Formula::Any(all(formulas)?),
    })
}

/// A condition that excludes what an entry of a choice could get.
pub(super) fn not_of(choice: &Choice, entries: &[usize], view: Option<&dyn View>) -> Option<Formula> {
    let conditions: Option<Vec<Formula>> =
        entries.iter().map(|&entry| pulled(view, &choice.rules.condition(entry))).collect();
    Some(Formula::Not(Box::new(Formula::Any(conditions?))))
}
