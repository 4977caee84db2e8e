//! Which of many rules a string gets: a location of a URI, a server of a name, a line of a `map`; and which strings a rule gets.
//!
//! Every [`Choice`] decides as nginx does: it is made of the router's own tables, and asks the router's own walk.
//! [`Choice::find`] turns it round: a string that this very rule gets, or the proof that no string does, with the rules that
//! stand in its way. [`pairs`] compares two choices: every old and new answer that differ for some string.
//!
//! No rule is looked at before it was seen to take a string that another could have had; so the time goes with what really
//! overlaps, not with the number of rules.

use std::collections::HashMap;

use crate::config::NodeId;
use crate::language::{Budget, Formula, Language, NotRegular, Solution};
use crate::route::Router;
use crate::route::regex::{Ask, Pattern};
use flat::Flat;
use pairs::Sides;
use rules::{Block, Decision, Where, is_odd};
use search::{Hunted, Target, hunt, not_of};
use tree::Tree;

mod flat;
mod pairs;
mod rules;
mod search;
mod stream;
#[cfg(test)]
mod tests;
mod tree;

/// What a string gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chosen {
    /// No rule: the server itself, the default of a `map` that has no line for it.
    Nothing,
    /// The rule that stands there: a `location`, a `server`, a line of a `map`.
    Rule(NodeId),
    /// The redirect that adds the last slash of a location (`auto_redirect`).
    Redirect(NodeId),
    /// It depends on a regex that cannot be asked.
    Unknown(NodeId),
}

/// Rules of which a string gets one.
pub struct Choice {
    rules: Rules,
}

enum Rules {
    Tree(Tree),
    Flat(Flat),
}

/// A string that a rule gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// There is one.
    Found {
        /// A shortest or a very plain one.
        string: Vec<u8>,
        /// Whether every such string holds a control character.
        only_odd: bool,
    },
    /// None: these take all of its strings (locations, `server_name`s, lines of a map). Empty when what was asked for
    /// besides the rule leaves it none.
    Shadowed(Vec<NodeId>),
    /// It could not be decided, and why.
    Undecided(String),
}

/// Which answers of two choices differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// What a string gets before, what it gets after, and such a string.
    pub pairs: Vec<(Chosen, Chosen, Vec<u8>)>,
    /// Why pairs may be missing; empty: all of them are there.
    pub incomplete: Vec<String>,
}

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Choice").field("rules", &self.rules().len()).finish()
    }
}

impl Choice {
    /// The locations of a server (by its place in `Config::servers`); strings are normalized URIs. The rules are all
    /// locations but the named ones.
    pub fn of_locations(router: &Router<'_>, server: usize) -> Choice {
        let written = &router.config.servers()[server].locations;
        Choice { rules: Rules::Tree(Tree::of(router.locations(server).clone(), written)) }
    }

    /// The names of the servers of a socket; strings are hosts in lower case. The rules are servers: what no name claims
    /// gets the rule of the default server, as its own names do, and nothing gets [`Chosen::Nothing`].
    pub fn of_names(router: &Router<'_>, socket: usize) -> Choice {
        let socket = &router.sockets.all[socket];
        let names = socket.names(router.config, &router.patterns);
        let flat = Flat::of_names(router.config, names, &socket.servers, socket.default);
        Choice { rules: Rules::Flat(flat) }
    }

    /// The lines of a `map`; `None` when it is none.
    pub fn of_map(router: &Router<'_>, map: NodeId) -> Option<Choice> {
        let found = router.maps().get(&map)?;
        let is_line = |line: &crate::Node<'_>| line.args().len() == 1 && !line.is("include");
        let lines = router.config.node(map).children().filter(is_line).map(|line| line.id()).collect();
        Some(Choice { rules: Rules::Flat(Flat::of_map(found, lines)) })
    }

    /// All rules, in the order in which they are written.
    pub fn rules(&self) -> Vec<NodeId> {
        match &self.rules {
            Rules::Tree(tree) => tree.rules.clone(),
            Rules::Flat(flat) => flat.rules.clone(),
        }
    }

    /// Everything that a string may get, the rules first.
    pub fn answers(&self) -> Vec<Chosen> {
        let mut answers: Vec<Chosen> = self.rules().into_iter().map(Chosen::Rule).collect();
        answers.extend(self.rules.besides());
        answers
    }

    /// What a string gets.
    pub fn choose(&self, string: &[u8]) -> Chosen {
        self.rules.decide(string, Pattern::of).chosen
    }

    /// A string that gets `wanted` and for which `also` holds.
    pub fn find(&self, wanted: Chosen, also: &Formula, budget: &mut Budget) -> Sought {
        self.seek(wanted, also, true, budget, &mut |_, _| {})
    }

    /// For every rule, in order: a string that gets it, or what stands in its way.
    pub fn live(&self, also: &Formula, budget: &mut Budget) -> Vec<(NodeId, Sought)> {
        let rules: Vec<Chosen> = self.rules().into_iter().map(Chosen::Rule).collect();
        let sought = self.each(&rules, also, budget);
        self.rules().into_iter().zip(sought).collect()
    }

    /// For each of these answers: a string that gets it, or what stands in its way.
    pub fn each(&self, wanted: &[Chosen], also: &Formula, budget: &mut Budget) -> Vec<Sought> {
        let mut seen: HashMap<Chosen, Vec<u8>> = HashMap::new();
        let mut sought: Vec<Option<Sought>> = vec![None; wanted.len()];
        // A regex first: its automaton then answers for it when the others are looked for.
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|&at| !self.rules.is_regex(wanted[at]));
        for at in order {
            // Sure only of what the router itself says.
            let known = seen.remove(&wanted[at]).filter(|string| self.choose(string) == wanted[at]);
            sought[at] = Some(match known {
                Some(string) => Sought::Found { string, only_odd: false },
                None => self.seek(wanted[at], also, true, budget, &mut |string, decisions| {
                    if !is_odd(string) {
                        seen.entry(decisions[0].chosen).or_insert_with(|| string.to_vec());
                    }
                }),
            });
        }
        sought.into_iter().flatten().collect()
    }

    fn seek(
        &self,
        wanted: Chosen,
        also: &Formula,
        explain: bool,
        budget: &mut Budget,
        witness: search::Witness<'_>,
    ) -> Sought {
        let entries = self.rules.entries(wanted);
        let mut odd: Option<Vec<u8>> = None;
        let mut doubt = None;
        let mut by: Vec<NodeId> = Vec::new();
        for entry in entries {
            let target = Target { choice: self, entry, view: None };
            match hunt(&[target], also, explain, budget, witness) {
                Hunted::Found(string) if !is_odd(&string) => {
                    return Sought::Found { string, only_odd: false };
                }
                Hunted::Found(string) => odd = odd.or(Some(string)),
                Hunted::Undecided(why) => doubt = Some(why),
                Hunted::Nothing(nodes) => {
                    for node in nodes {
                        if !by.contains(&node) {
                            by.push(node);
                        }
                    }
                }
            }
        }
        match (odd, doubt) {
            (Some(string), doubt) => Sought::Found { string, only_odd: doubt.is_none() },
            (None, Some(why)) => Sought::Undecided(why),
            (None, None) => Sought::Shadowed(by),
        }
    }

    /// A formula that holds for every string that gets `wanted`, and maybe for others (a rule's own condition).
    pub fn necessary(&self, wanted: Chosen) -> Option<Formula> {
        let entries = self.rules.entries(wanted);
        let conditions = entries.iter().map(|&entry| self.rules.condition(entry));
        (!entries.is_empty()).then(|| Formula::Any(conditions.collect()))
    }

    /// A formula that holds for `string` and for no string that gets `wanted`; `string` itself gets something else.
    pub fn excluded(&self, wanted: Chosen, string: &[u8]) -> Option<Formula> {
        let decision = self.rules.decide(string, Pattern::of);
        if decision.chosen == wanted {
            return None;
        }
        let of_entry = |entry| {
            let condition = self.rules.condition(entry);
            if !condition.holds(string) {
                return Some(Formula::Not(Box::new(condition)));
            }
            let formula = self.rules.block(entry, &decision).formula;
            formula.filter(|formula| formula.holds(string))
        };
        let formulas: Option<Vec<Formula>> = self.rules.entries(wanted).into_iter().map(of_entry).collect();
        Some(formulas.map_or_else(|| Formula::In(Language::one_of(&[string])), Formula::All))
    }
}

/// How the string that a choice is asked of follows from the string that is looked for: a rewritten URI, the value of a
/// variable. Where a [`Demand`] has none, both are the same.
pub trait View {
    /// The string that the choice is asked of; `None` when there is none for this input.
    fn image(&self, input: &[u8]) -> Option<Vec<u8>>;

    /// The inputs whose image is of a language, as far as they have an image.
    ///
    /// # Errors
    /// [`NotRegular`] when that is no language; the search then only tries single strings.
    fn pull(&self, language: &Language) -> Result<Language, NotRegular>;
}

/// What a choice has to give.
#[derive(Clone, Copy)]
pub struct Demand<'a> {
    /// The choice.
    pub choice: &'a Choice,
    /// What it gives, or must not give.
    pub chosen: Chosen,
    /// Whether it has to give that.
    pub holds: bool,
    /// What the choice is asked of; `None`: the very string that is looked for.
    pub view: Option<&'a dyn View>,
}

/// A string for which the formula holds and of which every choice gives what is demanded.
pub fn solve_with(formula: &Formula, demands: &[Demand<'_>], budget: &mut Budget) -> Solution {
    meet(formula, demands, &mut Vec::new(), budget)
}

fn meet<'d>(
    formula: &Formula,
    demands: &[Demand<'d>],
    targets: &mut Vec<Target<'d>>,
    budget: &mut Budget,
) -> Solution {
    let Some((demand, rest)) = demands.split_first() else {
        return match hunt(targets, formula, false, budget, &mut |_, _| {}) {
            Hunted::Found(string) => Solution::Found(string),
            Hunted::Nothing(_) => Solution::Empty,
            Hunted::Undecided(_) => Solution::GaveUp,
        };
    };
    let Demand { choice, chosen, holds, view } = *demand;
    if let Chosen::Unknown(_) = chosen {
        return Solution::GaveUp;
    }
    let of_chosen = choice.rules.entries(chosen);
    let entries = if holds {
        of_chosen
    } else {
        // Mostly there is a string that does not even fit the rule; nobody has to be asked for it.
        if let Some(unfit) = not_of(choice, &of_chosen, view)
            && let found @ Solution::Found(_) = meet(&formula.clone().and(unfit), rest, targets, budget)
        {
            return found;
        }
        (0..choice.rules.len()).filter(|&entry| choice.rules.chosen(entry) != chosen).collect()
    };
    let mut end = Solution::Empty;
    for entry in entries {
        targets.push(Target { choice, entry, view });
        let solution = meet(formula, rest, targets, budget);
        targets.pop();
        match solution {
            Solution::Found(_) => return solution,
            Solution::GaveUp => end = Solution::GaveUp,
            Solution::Empty => {}
        }
    }
    end
}

/// A string that gets `x` of `old` and `y` of `new` and for which `also` holds.
pub fn find_pair(
    old: &Choice,
    x: Chosen,
    new: &Choice,
    y: Chosen,
    also: &Formula,
    budget: &mut Budget,
) -> Sought {
    let demand = |choice, chosen| Demand { choice, chosen, holds: true, view: None };
    match solve_with(also, &[demand(old, x), demand(new, y)], budget) {
        Solution::Found(string) => Sought::Found { only_odd: is_odd(&string), string },
        Solution::Empty => Sought::Shadowed(Vec::new()),
        Solution::GaveUp => Sought::Undecided("the search ended before it could tell".to_owned()),
    }
}

/// Every pair of different answers: `same` says which rules of old and new are each other's counterpart.
pub fn pairs(
    old: &Choice,
    new: &Choice,
    same: &dyn Fn(NodeId, NodeId) -> bool,
    also: &Formula,
    budget: &mut Budget,
) -> Pairs {
    Sides { old, new, same }.pairs(also, budget)
}

impl Rules {
    fn decide(&self, string: &[u8], ask: Ask) -> Decision {
        match self {
            Rules::Tree(tree) => tree.decide(string, ask),
            Rules::Flat(flat) => flat.decide(string, ask),
        }
    }

    fn len(&self) -> usize {
        match self {
            Rules::Tree(tree) => tree.items.len(),
            Rules::Flat(flat) => flat.entries.len(),
        }
    }

    fn entries(&self, chosen: Chosen) -> Vec<usize> {
        match self {
            Rules::Tree(tree) => tree.entries(chosen),
            Rules::Flat(flat) => flat.by_chosen(chosen),
        }
    }

    fn chosen(&self, entry: usize) -> Chosen {
        match self {
            Rules::Tree(tree) => tree.chosen(entry),
            Rules::Flat(flat) => flat.chosen(entry),
        }
    }

    /// What a string may get that is no rule.
    fn besides(&self) -> Vec<Chosen> {
        let is_rule = |chosen: &Chosen| matches!(chosen, Chosen::Rule(_));
        (0..self.len()).map(|entry| self.chosen(entry)).filter(|chosen| !is_rule(chosen)).collect()
    }

    fn is_regex(&self, chosen: Chosen) -> bool {
        match self {
            Rules::Tree(tree) => tree.entries(chosen).into_iter().any(|entry| tree.is_regex(entry)),
            Rules::Flat(flat) => flat.by_chosen(chosen).into_iter().any(|entry| flat.is_regex(entry)),
        }
    }

    fn whereabouts(&self, entry: usize) -> Where {
        match self {
            Rules::Tree(tree) => tree.whereabouts(entry),
            Rules::Flat(flat) => flat.whereabouts(entry),
        }
    }

    /// What must hold of a string for an entry to get it.
    fn condition(&self, entry: usize) -> Formula {
        match self {
            Rules::Tree(tree) => tree.condition(entry),
            Rules::Flat(flat) => flat.condition(entry),
        }
    }

    fn samples(&self, entry: usize) -> Vec<Vec<u8>> {
        match self {
            Rules::Tree(tree) => tree.samples(entry),
            Rules::Flat(flat) => flat.samples(entry),
        }
    }

    fn block(&self, entry: usize, decision: &Decision) -> Block {
        match self {
            Rules::Tree(tree) => tree.block(entry, decision),
            Rules::Flat(flat) => flat.block(entry, decision),
        }
    }

    /// Much that an entry never gets, at once; and who gets it.
    fn bulk(&self, entry: usize) -> Option<(Formula, Vec<NodeId>)> {
        match self {
            Rules::Tree(tree) => tree.bulk(entry),
            Rules::Flat(flat) => flat.bulk(entry),
        }
    }

    /// Why a regex is no language, for people.
    fn opaque(&self, node: NodeId) -> Option<String> {
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
    fn cost(&self) -> u64 {
        match self {
            Rules::Tree(tree) => 1 + tree.regexes / 16,
            Rules::Flat(flat) => 1 + flat.regexes / 16,
        }
    }
}
