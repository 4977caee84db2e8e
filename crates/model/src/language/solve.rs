//! Finding a string for which a formula over several automata holds.

use std::sync::Arc;

use super::automaton::{ACCEPTS, Automaton, DEAD, FULL};
use super::set::{Classes, PLAINEST_FIRST, oddness};
use super::{Budget, Formula, Solution};

/// How many states of the product are kept at most: what a search may need of memory.
const STATES_MAX: usize = 4_000_000;

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

pub(super) fn solve(formula: &Formula, budget: &mut Budget) -> Solution {
    let mut automata = Vec::new();
    let term = Term::new(formula, &mut automata);
    let search = Search::new(&automata, &term);
    search.run(budget)
}

impl Term {
    fn new<'f>(formula: &'f Formula, automata: &mut Vec<&'f Arc<Automaton>>) -> Term {
        match formula {
            Formula::In(language) => {
                let known = automata.iter().position(|one| Arc::ptr_eq(one, &language.0));
                Term::In(known.unwrap_or_else(|| {
                    automata.push(&language.0);
                    automata.len() - 1
                }))
            }
            Formula::Not(formula) => Term::Not(Box::new(Term::new(formula, automata))),
            Formula::All(formulas) => {
                Term::All(formulas.iter().map(|one| Term::new(one, automata)).collect())
            }
            Formula::Any(formulas) => {
                Term::Any(formulas.iter().map(|one| Term::new(one, automata)).collect())
            }
        }
    }

    fn known(&self, automata: &[&Arc<Automaton>], states: &[u32]) -> Known {
        match self {
            Term::In(number) => {
                let flags = automata[*number].flags[states[*number] as usize];
                match flags {
                    _ if flags & DEAD != 0 => Known::Never,
                    _ if flags & FULL != 0 => Known::Always,
                    _ if flags & ACCEPTS != 0 => Known::Now,
                    _ => Known::Later,
                }
            }
            Term::Not(term) => match term.known(automata, states) {
                Known::Now => Known::Later,
                Known::Later => Known::Now,
                Known::Never => Known::Always,
                Known::Always => Known::Never,
            },
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
}

struct Search<'s> {
    automata: &'s [&'s Arc<Automaton>],
    term: &'s Term,
    /// The states of the automata, one row per state of the product.
    rows: Vec<u32>,
    /// Where each row came from, and by which byte.
    from: Vec<(u32, u8)>,
    /// Open addressing over the rows; a power of two.
    table: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl<'s> Search<'s> {
    fn new(automata: &'s [&'s Arc<Automaton>], term: &'s Term) -> Search<'s> {
        Search { automata, term, rows: Vec::new(), from: Vec::new(), table: vec![FREE; 64] }
    }

    /// Breadth first; bytes that look odd are tried only when nothing else is left.
    fn run(mut self, budget: &mut Budget) -> Solution {
        let width = self.automata.len();
        let mut row: Vec<u32> = self.automata.iter().map(|automaton| automaton.start).collect();
        match self.term.known(self.automata, &row) {
            Known::Never => return Solution::Empty,
            Known::Now | Known::Always => return Solution::Found(Vec::new()),
            Known::Later => {}
        }
        let bytes = self.bytes();
        self.insert(&row, (FREE, 0));
        let mut tried = [0; 3];
        loop {
            // The plainest bytes that some row has not been followed by.
            let Some(odd) = (0..3).find(|&odd| tried[odd] < self.from.len()) else { return Solution::Empty };
            let at = tried[odd];
            tried[odd] += 1;
            if budget.0 == 0 || self.from.len() > STATES_MAX {
                return Solution::GaveUp;
            }
            budget.0 -= 1;
            for &byte in &bytes[odd] {
                for number in 0..width {
                    row[number] = self.automata[number].step(self.rows[at * width + number], byte);
                }
                if !self.is_new(&row) {
                    continue;
                }
                match self.term.known(self.automata, &row) {
                    Known::Never => {}
                    Known::Now | Known::Always => return Solution::Found(self.string(at, byte)),
                    Known::Later => self.insert(&row, (at as u32, byte)),
                }
            }
        }
    }

    /// A byte of every class that the automata tell apart, by their oddness.
    fn bytes(&self) -> [Vec<u8>; 3] {
        let mut bytes = [const { Vec::new() }; 3];
        let classes = match self.automata {
            [] => Classes::new(),
            [one, others @ ..] => others.iter().fold(one.classes.clone(), |mut classes, other| {
                classes.split(|byte| other.classes.of[usize::from(byte)]);
                classes
            }),
        };
        let mut seen = [[false; 256]; 3];
        for byte in PLAINEST_FIRST {
            let odd = oddness(byte);
            let class = usize::from(classes.of[usize::from(byte)]);
            // A class that has a plainer byte needs no odder one.
            if !seen[..=odd].iter().any(|seen| seen[class]) {
                seen[odd][class] = true;
                bytes[odd].push(byte);
            }
        }
        bytes
    }

    fn slot(&self, row: &[u32]) -> usize {
        let hash = row.iter().fold(0_u64, |hash, &state| {
            (hash.rotate_left(5) ^ u64::from(state)).wrapping_mul(0x517c_c1b7_2722_0a95)
        });
        let (mask, width) = (self.table.len() - 1, row.len());
        let mut slot = (hash >> 20) as usize & mask;
        loop {
            let known = self.table[slot];
            if known == FREE || self.rows[known as usize * width..(known as usize + 1) * width] == *row {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn is_new(&self, row: &[u32]) -> bool {
        self.table[self.slot(row)] == FREE
    }

    fn insert(&mut self, row: &[u32], from: (u32, u8)) {
        let slot = self.slot(row);
        self.table[slot] = self.from.len() as u32;
        self.from.push(from);
        self.rows.extend_from_slice(row);
        if self.from.len() * 2 > self.table.len() {
            let width = row.len();
            self.table = vec![FREE; self.table.len() * 4];
            for at in 0..self.from.len() {
                let slot = self.slot(&self.rows[at * width..(at + 1) * width]);
                self.table[slot] = at as u32;
            }
        }
    }

    fn string(&self, at: usize, last: u8) -> Vec<u8> {
        let mut string = vec![last];
        let mut at = at;
        while self.from[at].0 != FREE {
            string.push(self.from[at].1);
            at = self.from[at].0 as usize;
        }
        string.reverse();
        string
    }
}
