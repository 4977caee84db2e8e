//! Which of many rules a string gets: a location of a URI, a server of a name, a line of a `map`; and which strings a rule gets.
//!
//! Every [`Choice`] decides as nginx does; [`Choice::find`] turns it round: a string that this very rule gets, or the proof
//! that no string does, with the rules that stand in its way.

use crate::config::NodeId;
use crate::language::{Budget, Formula, Language, NotRegular, Solution};
use crate::route::Router;

/// What a string gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chosen {
    /// No rule: the server itself, the default server, the default of a `map`.
    Nothing,
    /// The rule that stands there: a `location`, a `server_name`, a line of a `map`.
    Rule(NodeId),
    /// The redirect that adds the last slash of a location (`auto_redirect`).
    Redirect(NodeId),
    /// It depends on a regex that cannot be asked.
    Unknown(NodeId),
}

/// Rules of which a string gets one.
#[derive(Debug)]
pub struct Choice {
    _private: (),
}

/// A string that a rule gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// This one; when `only_odd`, every such string holds a control character.
    Found { string: Vec<u8>, only_odd: bool },
    /// None: these take all of its strings.
    Shadowed(Vec<NodeId>),
    /// It could not be decided, and why.
    Undecided(String),
}

/// Which answers of two choices differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// What a string gets before, what it gets after, and such a string.
    pub pairs: Vec<(Chosen, Chosen, Vec<u8>)>,
    /// Why pairs may be missing; empty: all of them are there.
    pub incomplete: Vec<String>,
}

impl Choice {
    /// The locations of a server (by its place in `Config::servers`); strings are normalized URIs.
    pub fn of_locations(_router: &Router<'_>, _server: usize) -> Choice {
        unimplemented!()
    }

    /// The names of the servers of a socket; strings are hosts in lower case. The rules are servers: what no name claims
    /// gets the rule of the default server, as its own names do, and nothing gets [`Chosen::Nothing`].
    pub fn of_names(_router: &Router<'_>, _socket: usize) -> Choice {
        unimplemented!()
    }

    /// The lines of a `map`; `None` when it is none.
    pub fn of_map(_router: &Router<'_>, _map: NodeId) -> Option<Choice> {
        unimplemented!()
    }

    /// All rules, in the order in which nginx reads them.
    pub fn rules(&self) -> Vec<NodeId> {
        unimplemented!()
    }

    /// What a string gets.
    pub fn choose(&self, _string: &[u8]) -> Chosen {
        unimplemented!()
    }

    /// A string that gets `wanted` and for which `also` holds.
    pub fn find(&self, _wanted: Chosen, _also: &Formula, _budget: &mut Budget) -> Sought {
        unimplemented!()
    }

    /// For every rule, in order: a string that gets it, or what stands in its way.
    pub fn live(&self, _also: &Formula, _budget: &mut Budget) -> Vec<(NodeId, Sought)> {
        unimplemented!()
    }

    /// A formula that holds for every string that gets `wanted`, and maybe for others (a rule's own condition).
    pub fn necessary(&self, _wanted: Chosen) -> Option<Formula> {
        unimplemented!()
    }

    /// A formula that holds for `string` and for no string that gets `wanted`; `string` itself gets something else.
    pub fn excluded(&self, _wanted: Chosen, _string: &[u8]) -> Option<Formula> {
        unimplemented!()
    }
}

/// How the string that a choice is asked of follows from the string that is looked for: a rewritten URI, the value of a
/// variable. Where a [`Demand`] has none, both are
/// the same.
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
pub fn solve_with(_formula: &Formula, _demands: &[Demand<'_>], _budget: &mut Budget) -> Solution {
    unimplemented!()
}

/// A string that gets `x` of `old` and `y` of `new` and for which `also` holds.
pub fn find_pair(
    _old: &Choice,
    _x: Chosen,
    _new: &Choice,
    _y: Chosen,
    _also: &Formula,
    _budget: &mut Budget,
) -> Sought {
    unimplemented!()
}

/// Every pair of different answers: `same` says which rules of old and new are each other's counterpart.
pub fn pairs(
    _old: &Choice,
    _new: &Choice,
    _same: &dyn Fn(NodeId, NodeId) -> bool,
    _also: &Formula,
    _budget: &mut Budget,
) -> Pairs {
    unimplemented!()
}
