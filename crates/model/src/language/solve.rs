//! Finding a string for which a formula over several automata holds.

use std::sync::Arc;

use super::automaton::{ACCEPTS, Automaton, DEAD, FAR, FULL};
use super::{Budget, Formula, Solution};

mod alphabet;
mod search;

pub(super) fn solve(formula: &Formula, budget: &mut Budget) -> Solution {
    let mut plan = Plan { automata: Vec::new(), accept: Vec::new(), rest: Vec::new() };
    plan.demand(formula, true);
    plan.accept.resize(plan.automata.len(), None);
    search::search(&plan, budget)
}

/// What is demanded of a string: in general a conjunction of "is of it" and "is not of it".
struct Plan<'f> {
    automata: Vec<&'f Automaton>,
    /// Whether each automaton must accept or must not; `None`: only the rest says.
    accept: Vec<Option<bool>>,
    /// Terms that hold, too.
    rest: Vec<Term>,
}

impl<'f> Plan<'f> {
    /// Demands that a formula holds, or that it does not.
    fn demand(&mut self, formula: &'f Formula, holds: bool) {
        match (formula, holds) {
            (Formula::In(language), _) => self.accepts(&language.0, holds),
            (Formula::Not(formula), _) => self.demand(formula, !holds),
            (Formula::All(formulas), true) | (Formula::Any(formulas), false) => {
                formulas.iter().for_each(|formula| self.demand(formula, holds));
            }
            (Formula::All(formulas) | Formula::Any(formulas), _) => match &formulas[..] {
                [formula] => self.demand(formula, holds),
                _ => {
                    let term = self.term(formula);
                    self.rest.push(if holds { term } else { Term::Not(Box::new(term)) });
                }
            },
        }
    }

    fn accepts(&mut self, automaton: &'f Arc<Automaton>, accepts: bool) {
        let number = self.number(automaton);
        self.accept.resize(self.automata.len(), None);
        if *self.accept[number].get_or_insert(accepts) != accepts {
            self.rest.push(Term::Any(Vec::new()));
        }
    }

    fn number(&mut self, automaton: &'f Arc<Automaton>) -> usize {
        let known = self.automata.iter().position(|one| std::ptr::eq(*one, &**automaton));
        known.unwrap_or_else(|| {
            self.automata.push(automaton);
            self.automata.len() - 1
        })
    }

    fn term(&mut self, formula: &'f Formula) -> Term {
        match formula {
            Formula::In(language) => Term::In(self.number(&language.0)),
            Formula::Not(formula) => Term::Not(Box::new(self.term(formula))),
            Formula::All(formulas) => Term::All(formulas.iter().map(|one| self.term(one)).collect()),
            Formula::Any(formulas) => Term::Any(formulas.iter().map(|one| self.term(one)).collect()),
        }
    }

    /// What is known in a state of all automata.
    #[inline]
    fn known(&self, states: &[u32]) -> Known {
        let mut all = Known::Always;
        for ((automaton, &state), accept) in self.automata.iter().zip(states).zip(&self.accept) {
            if let Some(accept) = accept {
                let flags = automaton.flags[state as usize];
                match if *accept { Known::of(flags) } else { Known::of(flags).not() } {
                    Known::Never => return Known::Never,
                    Known::Later => all = Known::Later,
                    Known::Now if all == Known::Always => all = Known::Now,
                    _ => {}
                }
            }
        }
        for term in &self.rest {
            match term.known(&self.automata, states) {
                Known::Never => return Known::Never,
                Known::Later => all = Known::Later,
                Known::Now if all == Known::Always => all = Known::Now,
                _ => {}
            }
        }
        all
    }

    /// How many bytes at least are missing.
    #[inline]
    fn distance(&self, states: &[u32]) -> u32 {
        let mut most = 0;
        for ((automaton, &state), accept) in self.automata.iter().zip(states).zip(&self.accept) {
            if *accept == Some(true) {
                most = most.max(automaton.distance(state));
            }
        }
        self.rest.iter().fold(most, |most, term| most.max(term.distance(&self.automata, states)))
    }
}

/// A formula over the automata by their numbers.
enum Term {
    In(usize),
    Not(Box<Term>),
    All(Vec<Term>),
    Any(Vec<Term>),
}

/// What is known of a formula in a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It holds for the string so far; whether for longer ones is open.
    Now,
    /// It does not hold for the string so far.
    Later,
    /// It holds for no string that goes on from here.
    Never,
    /// It holds for every string that goes on from here.
    Always,
}

impl Term {
    fn known(&self, automata: &[&Automaton], states: &[u32]) -> Known {
        match self {
            Term::In(number) => Known::of(automata[*number].flags[states[*number] as usize]),
            Term::Not(term) => term.known(automata, states).not(),
            Term::All(terms) => {
                let mut all = Known::Always;
                for term in terms {
                    match (term.known(automata, states), all) {
                        (Known::Never, _) => return Known::Never,
                        (Known::Later, _) => all = Known::Later,
                        (Known::Now, Known::Always) => all = Known::Now,
                        _ => {}
                    }
                }
                all
            }
            Term::Any(terms) => {
                let mut any = Known::Never;
                for term in terms {
                    match (term.known(automata, states), any) {
                        (Known::Always, _) => return Known::Always,
                        (Known::Now, _) => any = Known::Now,
                        (Known::Later, Known::Never) => any = Known::Later,
                        _ => {}
                    }
                }
                any
            }
        }
    }

    /// How many bytes at least are missing; [`FAR`] where none help.
    fn distance(&self, automata: &[&Automaton], states: &[u32]) -> u32 {
        match self {
            Term::In(number) => automata[*number].distance(states[*number]),
            Term::Not(_) => 0,
            Term::All(terms) => terms.iter().map(|term| term.distance(automata, states)).max().unwrap_or(0),
            Term::Any(terms) => terms.iter().map(|term| term.distance(automata, states)).min().unwrap_or(FAR),
        }
    }
}

impl Known {
    fn of(flags: u8) -> Known {
        match flags {
            _ if flags & DEAD != 0 => Known::Never,
            _ if flags & FULL != 0 => Known::Always,
            _ if flags & ACCEPTS != 0 => Known::Now,
            _ => Known::Later,
        }
    }

    fn not(self) -> Known {
        match self {
            Known::Now => Known::Later,
            Known::Later => Known::Now,
            Known::Never => Known::Always,
            Known::Always => Known::Never,
        }
    }
}
