//! What a way through a regex still demands of the rest of the text: `$`, `\b`, look-ahead.
//!
//! A condition is carried along and answered by the bytes that follow, so that looking ahead needs no looking back.

use super::NotRegular;
use super::automaton::{Automaton, DEAD, FULL};
use super::determine::{Mode, Work, determine};
use super::program::Program;
use super::rows::FastMap;
use super::syntax::{Assert, is_word};

/// What stands before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Before {
    Start,
    Newline,
    Word,
    Other,
}

impl Before {
    pub(super) fn byte(byte: u8) -> Before {
        match byte {
            b'\n' => Before::Newline,
            _ if is_word(byte) => Before::Word,
            _ => Before::Other,
        }
    }
}

// How the rest of a text may look; a set of these is a mask.
const NO_REST: u8 = 1;
const ONLY_NEWLINE: u8 = 2;
const NEWLINE_AND_MORE: u8 = 4;
const WORD_FIRST: u8 = 8;
const OTHER_FIRST: u8 = 16;
const ANY_REST: u8 = 31;

/// A demand of a look-ahead: its automaton (and the state it is in) must accept the rest, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Demand {
    automaton: u32,
    state: u32,
    negative: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Condition {
    rest: u8,
    demands: Vec<Demand>,
}

/// The number of the condition that holds always.
pub(super) const ALWAYS: u32 = 0;

/// The conditions of a regex, each once.
#[derive(Debug)]
pub(super) struct Conditions<'p> {
    program: &'p Program,
    all: Vec<Condition>,
    numbers: FastMap<Condition, u32>,
    automata: Vec<Automaton>,
    /// The automaton of a look-ahead behind something.
    looks: FastMap<(u32, Before), u32>,
    /// What a condition becomes after a class of bytes.
    after: FastMap<(u32, u8), Option<u32>>,
}

impl<'p> Conditions<'p> {
    pub(super) fn new(program: &'p Program) -> Conditions<'p> {
        let always = Condition { rest: ANY_REST, demands: Vec::new() };
        Conditions {
            program,
            all: vec![always.clone()],
            numbers: FastMap::from_iter([(always, ALWAYS)]),
            automata: Vec::new(),
            looks: FastMap::default(),
            after: FastMap::default(),
        }
    }

    fn number(&mut self, condition: Condition) -> u32 {
        let fresh = self.all.len() as u32;
        let all = &mut self.all;
        *self.numbers.entry(condition).or_insert_with_key(|condition| {
            all.push(condition.clone());
            fresh
        })
    }

    /// The condition with what is demanded at a place; `None` when it cannot hold.
    pub(super) fn assert(&mut self, number: u32, assert: Assert, before: Before) -> Option<u32> {
        let was_word = before == Before::Word;
        let rest = match assert {
            Assert::Start if before == Before::Start => return Some(number),
            Assert::Start => return None,
            Assert::LineStart => match before {
                Before::Start => return Some(number),
                Before::Newline => ANY_REST & !NO_REST,
                _ => return None,
            },
            Assert::End => NO_REST,
            Assert::LastLineEnd => NO_REST | ONLY_NEWLINE,
            Assert::LineEnd => NO_REST | ONLY_NEWLINE | NEWLINE_AND_MORE,
            Assert::Boundary if was_word => ANY_REST & !WORD_FIRST,
            Assert::Boundary => WORD_FIRST,
            Assert::NoBoundary if was_word => WORD_FIRST,
            Assert::NoBoundary => ANY_REST & !WORD_FIRST,
        };
        let mut condition = self.all[number as usize].clone();
        condition.rest &= rest;
        (condition.rest != 0).then(|| self.number(condition))
    }

    /// The condition with a look-ahead at a place; `None` when it cannot hold.
    pub(super) fn look(
        &mut self,
        number: u32,
        look: u32,
        negative: bool,
        before: Before,
        work: &mut Work,
    ) -> Result<Option<u32>, NotRegular> {
        let program: &'p Program = &self.program.looks[look as usize];
        let automaton = match self.looks.get(&(look, before)) {
            Some(&automaton) => automaton,
            None => {
                let mode = Mode { restarts: false, open_end: true, inner: None };
                self.automata.push(determine(program, mode, before, work)?);
                let automaton = self.automata.len() as u32 - 1;
                self.looks.insert((look, before), automaton);
                automaton
            }
        };
        let state = self.automata[automaton as usize].start;
        let mut condition = self.all[number as usize].clone();
        condition.demands.push(Demand { automaton, state, negative });
        Ok(self.tidy(condition))
    }

    /// Drops what is fulfilled; `None` when something cannot be any more.
    fn tidy(&mut self, mut condition: Condition) -> Option<u32> {
        let (mut fails, automata) = (false, &self.automata);
        condition.demands.retain(|demand| {
            let automaton = &automata[demand.automaton as usize];
            let (done, lost) = if demand.negative { (DEAD, FULL) } else { (FULL, DEAD) };
            fails |= automaton.is(demand.state, lost);
            !automaton.is(demand.state, done)
        });
        condition.demands.sort_unstable();
        condition.demands.dedup();
        (!fails && condition.rest != 0).then(|| self.number(condition))
    }

    /// What is left of a condition after a byte of a class; `None` when it is broken.
    pub(super) fn after(&mut self, number: u32, byte: u8, class: u8) -> Option<u32> {
        if number == ALWAYS {
            return Some(ALWAYS);
        }
        if let Some(&after) = self.after.get(&(number, class)) {
            return after;
        }
        let mut condition = self.all[number as usize].clone();
        let has = |what| condition.rest & what != 0;
        condition.rest = match Before::byte(byte) {
            Before::Newline => {
                let last = if has(ONLY_NEWLINE) { NO_REST } else { 0 };
                let more = if has(NEWLINE_AND_MORE) { ANY_REST & !NO_REST } else { 0 };
                last | more
            }
            Before::Word if has(WORD_FIRST) => ANY_REST,
            Before::Other if has(OTHER_FIRST) => ANY_REST,
            _ => 0,
        };
        for demand in &mut condition.demands {
            demand.state = self.automata[demand.automaton as usize].step(demand.state, byte);
        }
        let after = self.tidy(condition);
        self.after.insert((number, class), after);
        after
    }

    /// Whether it holds where the text ends.
    pub(super) fn at_end(&self, number: u32) -> bool {
        let condition = &self.all[number as usize];
        let holds = |demand: &Demand| {
            self.automata[demand.automaton as usize].accepts(demand.state) != demand.negative
        };
        condition.rest & NO_REST != 0 && condition.demands.iter().all(holds)
    }
}
