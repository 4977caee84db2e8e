//! The walk through the product of the automata: nearest first, plain bytes before odd ones.

use super::alphabet::Alphabet;
use super::{Known, Plan};
use crate::language::automaton::FAR;
use crate::language::rows::Rows;
use crate::language::{Budget, Solution};

/// How many states of the product are kept at most: what a search may need of memory.
const STATES_MAX: usize = 1_000_000;
const NONE: u32 = u32::MAX;

/// A state of the product, and how it was reached.
#[derive(Clone, Copy)]
struct Reached {
    from: u32,
    byte: u8,
    is_done: bool,
    holds: bool,
    /// The bytes so far.
    length: u32,
    /// With those that are missing at least.
    total: u32,
}

struct Search<'p> {
    plan: &'p Plan<'p>,
    alphabet: Alphabet<'p>,
    /// The states of the automata, one row per state of the product.
    rows: Rows,
    reached: Vec<Reached>,
    /// What is to be followed, by its total length.
    queues: Vec<Vec<u32>>,
    /// What is to be followed at once: as long as the shortest that is still possible.
    stack: Vec<u32>,
}

pub(super) fn search(plan: &Plan<'_>, budget: &mut Budget) -> Solution {
    let row: Vec<u32> = plan.automata.iter().map(|automaton| automaton.start).collect();
    match plan.known(&row) {
        Known::Never => return Solution::Empty,
        Known::Now | Known::Always => return Solution::Found(Vec::new()),
        Known::Later => {}
    }
    let distance = plan.distance(&row);
    if distance == FAR {
        return Solution::Empty;
    }
    let mut search = Search {
        plan,
        alphabet: Alphabet::new(&plan.automata),
        rows: Rows::new(row.len()),
        reached: Vec::with_capacity(32),
        queues: Vec::new(),
        stack: Vec::new(),
    };
    let first = Reached { from: NONE, byte: 0, is_done: false, holds: false, length: 0, total: distance };
    search.rows.number(&row);
    search.reached.push(first);
    search.enqueue(0, distance);
    search.run(row, budget)
}

impl Search<'_> {
    /// Odd bytes are tried only when nothing else is left, from everything that was reached.
    fn run(&mut self, mut row: Vec<u32>, budget: &mut Budget) -> Solution {
        for odd in 0..3 {
            let letters = self.alphabet.of_oddness(odd);
            if odd > 0 && !letters.is_empty() {
                for at in 0..self.reached.len() {
                    if budget.0 == 0 {
                        return Solution::GaveUp;
                    }
                    budget.0 -= 1;
                    self.follow(at as u32, letters.clone(), 0, &mut row);
                }
            }
            let mut total = 0;
            while total < self.queues.len() {
                let mut next = 0;
                loop {
                    let at = match self.stack.pop() {
                        Some(at) => at,
                        None if next < self.queues[total].len() => {
                            next += 1;
                            self.queues[total][next - 1]
                        }
                        None => break,
                    };
                    let reached = self.reached[at as usize];
                    if reached.is_done || reached.total as usize != total {
                        continue;
                    }
                    if reached.holds {
                        return Solution::Found(self.string(at));
                    }
                    self.reached[at as usize].is_done = true;
                    if budget.0 == 0 || self.reached.len() > STATES_MAX {
                        return Solution::GaveUp;
                    }
                    budget.0 -= 1;
                    let first = self.stack.len();
                    self.follow(at, 0..letters.end, total as u32, &mut row);
                    self.stack[first..].reverse();
                }
                self.queues[total].clear();
                total += 1;
            }
        }
        Solution::Empty
    }

    /// Reaches what comes after some letters.
    fn follow(&mut self, at: u32, letters: std::ops::Range<usize>, total: u32, row: &mut [u32]) {
        let plan = self.plan;
        let length = self.reached[at as usize].length + 1;
        for number in letters {
            let from = self.rows.get(at as usize);
            let classes = self.alphabet.classes(number);
            for (((automaton, to), &state), &class) in
                plan.automata.iter().zip(&mut *row).zip(from).zip(classes)
            {
                *to = automaton.next[state as usize * automaton.classes.count + usize::from(class)];
            }
            if let Some(known) = self.rows.find(row) {
                let old = self.reached[known as usize];
                if !old.is_done && length < old.length {
                    let new_total = old.total - (old.length - length);
                    let byte = self.alphabet.letter(number);
                    self.reached[known as usize] =
                        Reached { from: at, byte, length, total: new_total, ..old };
                    self.put(known, new_total, total);
                }
                continue;
            }
            let holds = match plan.known(row) {
                Known::Never => continue,
                Known::Now | Known::Always => true,
                Known::Later => false,
            };
            let missing = if holds { 0 } else { plan.distance(row) };
            if missing == FAR {
                continue;
            }
            let new_total = length + missing;
            let byte = self.alphabet.letter(number);
            let reached = Reached { from: at, byte, is_done: false, holds, length, total: new_total };
            let fresh = self.rows.number(row);
            self.reached.push(reached);
            self.put(fresh, new_total, total);
        }
    }

    fn put(&mut self, at: u32, its_total: u32, total: u32) {
        if its_total == total { self.stack.push(at) } else { self.enqueue(at, its_total) }
    }

    fn enqueue(&mut self, at: u32, total: u32) {
        if self.queues.len() <= total as usize {
            self.queues.resize_with(total as usize + 1, Vec::new);
        }
        self.queues[total as usize].push(at);
    }

    fn string(&self, mut at: u32) -> Vec<u8> {
        let mut string = Vec::new();
        while self.reached[at as usize].from != NONE {
            string.push(self.reached[at as usize].byte);
            at = self.reached[at as usize].from;
        }
        string.reverse();
        string
    }
}
