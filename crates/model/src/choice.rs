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
use crate::language::{Budget, Formula, Language};
use crate::route::Router;
use crate::route::regex::Pattern;
use either::Rules;
use flat::Flat;
use pairs::Sides;
use rules::is_odd;
use search::{Hunted, Target, hunt};
use tree::Tree;

pub use demand::{Demand, View, find_pair, solve_with};

mod demand;
mod either;
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

    /// The names of every socket.
    pub fn of_every_socket(router: &Router<'_>) -> Vec<Choice> {
        (0..router.sockets.all.len()).map(|socket| Choice::of_names(router, socket)).collect()
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
        let sought = self.seek(wanted, also, true, budget, &mut |_, _| {});
        match &sought {
            Sought::Found { string, .. } if self.choose(string) != wanted => {
                Sought::Undecided("a regex and its automaton disagree".to_owned())
            }
            _ => sought,
        }
    }

    /// For every rule, in order: a string that gets it, or what stands in its way.
    pub fn live(&self, also: &Formula, budget: &mut Budget) -> Vec<(NodeId, Sought)> {
        let rules: Vec<Chosen> = self.rules().into_iter().map(Chosen::Rule).collect();
        let sought = self.each(&rules, also, budget);
        self.rules().into_iter().zip(sought).collect()
    }

    /// For each of these answers: a string that gets it, or what stands in its way. Regexes are asked by their automata.
    pub fn each(&self, wanted: &[Chosen], also: &Formula, budget: &mut Budget) -> Vec<Sought> {
        let mut seen: HashMap<Chosen, Vec<u8>> = HashMap::new();
        let mut sought: Vec<Option<Sought>> = vec![None; wanted.len()];
        // A regex first: its automaton then answers for it when the others are looked for.
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|&at| !self.rules.is_regex(wanted[at]));
        for at in order {
            sought[at] = Some(match seen.remove(&wanted[at]) {
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

    /// For every regex among the names of servers: its `server_name`, which argument of that it is, and a string that
    /// is found by it. Of equal texts and wildcards none is ever in the way of another that was not dropped at once.
    pub fn live_regexes(&self, also: &Formula, budget: &mut Budget) -> Vec<(NodeId, usize, Sought)> {
        let Rules::Flat(flat) = &self.rules else { return Vec::new() };
        let found = flat.regex_places().into_iter().map(|(entry, node, argument)| {
            let sought = self.seek_entry(entry, also, true, budget, &mut |_, _| {});
            (node, argument, sought)
        });
        found.collect()
    }

    fn seek_entry(
        &self,
        entry: usize,
        also: &Formula,
        explain: bool,
        budget: &mut Budget,
        witness: search::Witness<'_>,
    ) -> Sought {
        let target = Target { choice: self, entry, view: None };
        match hunt(&[target], also, explain, budget, witness) {
            Hunted::Found(string) => Sought::Found { only_odd: is_odd(&string), string },
            Hunted::Undecided(why) => Sought::Undecided(why),
            Hunted::Nothing(nodes) => Sought::Shadowed(nodes),
        }
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
            match self.seek_entry(entry, also, explain, budget, witness) {
                found @ Sought::Found { only_odd: false, .. } => return found,
                Sought::Found { string, .. } => odd = odd.or(Some(string)),
                Sought::Undecided(why) => doubt = Some(why),
                Sought::Shadowed(nodes) => {
                    by.extend(nodes.into_iter().filter(|node| !by.contains(node)).collect::<Vec<_>>());
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
