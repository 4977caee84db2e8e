//! From the program of a regex to an automaton.
//!
//! A state of the automaton is the list of ways that PCRE could be on after the bytes so far, in the order in which it
//! would try them: the first that ends well is what PCRE finds. Where only matching counts, their order does not.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::NotRegular;
use super::automaton::Automaton;
use super::condition::{ALWAYS, Before, Conditions};
use super::program::{Program, State};
use super::rows::{Fast, FastMap};
use super::set::Classes;

/// How many states an automaton may have.
pub(super) const STATES_MAX: usize = 20_000;
/// How many steps all automata of a regex may take to build.
const STEPS_MAX: u64 = 6_000_000;

/// What is left of the steps.
#[derive(Debug)]
pub(super) struct Work(u64);

impl Work {
    pub(super) fn new() -> Work {
        Work(STEPS_MAX)
    }

    fn spend(&mut self, steps: usize) -> Result<(), NotRegular> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(NotRegular::TooLarge)?;
        Ok(())
    }
}

/// Which strings are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode<'i> {
    /// A match may begin anywhere, not only at the first byte.
    pub(super) restarts: bool,
    /// Anything may follow a match.
    pub(super) open_end: bool,
    /// What the group must have captured.
    pub(super) inner: Option<&'i Automaton>,
}

/// A way through the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Way {
    state: u32,
    condition: u32,
    /// 0 or 1: whether the group has what is wanted; 2 more than the state that `inner` is in while the group is open.
    group: u32,
}

/// The automaton of a program whose first byte stands behind `before`.
pub(super) fn determine(
    program: &Program,
    mode: Mode<'_>,
    before: Before,
    work: &mut Work,
) -> Result<Automaton, NotRegular> {
    let mut classes = Classes::new();
    program.split(&mut classes);
    if let Some(inner) = mode.inner {
        classes.split(|byte| inner.classes.of[usize::from(byte)]);
    }
    let behind = Mode { restarts: true, open_end: false, inner: None };
    let behinds = program.behinds.iter().map(|program| determine(program, behind, Before::Start, work));
    let behinds = behinds.collect::<Result<Vec<_>, _>>()?;
    let builder = Builder {
        program,
        mode,
        conditions: Conditions::new(program),
        behinds,
        opens: opens_later(program),
        seen: vec![0; program.states.len()],
        seen_if: HashSet::default(),
        round: 0,
    };
    builder.build(classes, before, work)
}

struct Builder<'p, 'i> {
    program: &'p Program,
    mode: Mode<'i>,
    conditions: Conditions<'p>,
    behinds: Vec<Automaton>,
    /// The states from which the group can begin (again).
    opens: Vec<bool>,
    /// The round in which a state was last reached without condition.
    seen: Vec<u32>,
    seen_if: HashSet<(u32, u32), BuildHasherDefault<Fast>>,
    round: u32,
}

/// The ways, and the states that the look-behinds are in.
type Key = (Box<[Way]>, Box<[u32]>);

impl Builder<'_, '_> {
    fn build(mut self, classes: Classes, before: Before, work: &mut Work) -> Result<Automaton, NotRegular> {
        let bytes = classes.representatives();
        let behinds: Box<[u32]> = self.behinds.iter().map(|automaton| automaton.start).collect();
        let start = self.settle(vec![self.begin()], before, &behinds, work)?;
        let mut known: FastMap<Key, u32> = FastMap::default();
        let mut states = vec![(start.clone(), behinds.clone())];
        known.insert((start, behinds), 0);
        let (mut next, mut accepts) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < states.len() {
            let (ways, behinds) = states[at].clone();
            accepts.push(self.accepts(&ways));
            for (class, &byte) in bytes.iter().enumerate() {
                let behinds: Box<[u32]> =
                    self.behinds.iter().zip(&behinds).map(|(one, &state)| one.step(state, byte)).collect();
                let stepped = self.step(&ways, byte, class as u8);
                let ways = self.settle(stepped, Before::byte(byte), &behinds, work)?;
                let is_done = ways.len() == 1 && self.is_match(&ways[0]);
                let key = (ways, if is_done { Box::default() } else { behinds });
                let number = match known.get(&key) {
                    Some(&number) => number,
                    None => {
                        work.spend(key.0.len() + bytes.len())?;
                        states.push(key.clone());
                        known.insert(key, states.len() as u32 - 1);
                        states.len() as u32 - 1
                    }
                };
                next.push(number);
            }
            if states.len() > STATES_MAX {
                return Err(NotRegular::TooLarge);
            }
            at += 1;
        }
        Ok(Automaton::new(classes, next, accepts, 0))
    }

    fn begin(&self) -> Way {
        let group = self.mode.inner.is_none_or(|inner| inner.accepts(inner.start));
        Way { state: self.program.start, condition: ALWAYS, group: u32::from(group) }
    }

    /// Whether a way has ended well, whatever follows.
    fn is_match(&self, way: &Way) -> bool {
        self.mode.open_end
            && way.condition == ALWAYS
            && self.program.states[way.state as usize] == State::Match
    }

    fn accepts(&self, ways: &[Way]) -> bool {
        let ends = |way: &&Way| {
            self.program.states[way.state as usize] == State::Match && self.conditions.at_end(way.condition)
        };
        ways.iter().find(ends).is_some_and(|way| way.group == 1)
    }

    /// The ways after a byte, before anything that reads none.
    fn step(&mut self, ways: &[Way], byte: u8, class: u8) -> Vec<Way> {
        let mut stepped = Vec::with_capacity(ways.len() + 1);
        for way in ways {
            let state = match self.program.states[way.state as usize] {
                State::Byte(set, next) if self.program.sets[set as usize].has(byte) => next,
                State::Match if self.mode.open_end => way.state,
                _ => continue,
            };
            let Some(condition) = self.conditions.after(way.condition, byte, class) else { continue };
            let group = match (way.group.checked_sub(2), self.mode.inner) {
                (Some(open), Some(inner)) => inner.step(open, byte) + 2,
                _ => way.group,
            };
            stepped.push(Way { state, condition, group });
        }
        if self.mode.restarts {
            stepped.push(self.begin());
        }
        stepped
    }

    /// Follows everything that reads no byte.
    fn settle(
        &mut self,
        ways: Vec<Way>,
        before: Before,
        behinds: &[u32],
        work: &mut Work,
    ) -> Result<Box<[Way]>, NotRegular> {
        self.round += 1;
        self.seen_if.clear();
        let mut settled = Vec::new();
        let mut left: Vec<Way> = ways.into_iter().rev().collect();
        let mut steps = 0;
        while let Some(mut way) = left.pop() {
            steps += 1;
            let is_new = match way.condition {
                _ if self.seen[way.state as usize] == self.round => false,
                ALWAYS => {
                    self.seen[way.state as usize] = self.round;
                    true
                }
                condition => self.seen_if.insert((way.state, condition)),
            };
            if !is_new {
                continue;
            }
            let mut condition = Some(way.condition);
            way.state = match self.program.states[way.state as usize] {
                State::Byte(..) => {
                    settled.push(way);
                    continue;
                }
                State::Match => {
                    settled.push(way);
                    if self.is_match(&way) {
                        break;
                    }
                    continue;
                }
                State::Never => continue,
                State::Split(first, second) => {
                    left.push(Way { state: second, ..way });
                    first
                }
                State::Assert(assert, next) => {
                    condition = self.conditions.assert(way.condition, assert, before);
                    next
                }
                State::Look { number, negative, next } => {
                    condition = self.conditions.look(way.condition, number, negative, before, work)?;
                    next
                }
                State::Behind { number, negative, next } => {
                    let automaton = &self.behinds[number as usize];
                    if automaton.accepts(behinds[number as usize]) == negative {
                        continue;
                    }
                    next
                }
                State::Open(next) => {
                    way.group = self.mode.inner.map_or(1, |inner| inner.start + 2);
                    next
                }
                State::Close(next) => {
                    if let (Some(open), Some(inner)) = (way.group.checked_sub(2), self.mode.inner) {
                        way.group = u32::from(inner.accepts(open));
                    }
                    next
                }
            };
            if let Some(condition) = condition {
                left.push(Way { condition, ..way });
            }
        }
        work.spend(steps)?;
        self.simplify(&mut settled);
        Ok(settled.into())
    }

    /// Drops ways that change nothing.
    fn simplify(&self, ways: &mut Vec<Way>) {
        if self.mode.inner.is_some() {
            // What gives up in favour of a match with the same answer need not be tried.
            while let [.., second, last] = ways[..]
                && self.is_match(&last)
                && second.group == last.group
                && !self.opens[second.state as usize]
            {
                ways.remove(ways.len() - 2);
            }
        } else if let Some(&done) = ways.iter().find(|way| self.is_match(way)) {
            *ways = vec![done];
        } else {
            ways.sort_unstable();
            let seen = &self.seen;
            ways.retain(|way| way.condition == ALWAYS || seen[way.state as usize] != self.round);
        }
    }
}

fn opens_later(program: &Program) -> Vec<bool> {
    let mut opens: Vec<bool> = program.states.iter().map(|state| matches!(state, State::Open(_))).collect();
    if !opens.contains(&true) {
        return opens;
    }
    loop {
        let mut changed = false;
        for (at, state) in program.states.iter().enumerate() {
            let later = match *state {
                State::Byte(_, next)
                | State::Assert(_, next)
                | State::Open(next)
                | State::Close(next)
                | State::Look { next, .. }
                | State::Behind { next, .. } => opens[next as usize],
                State::Split(first, second) => opens[first as usize] || opens[second as usize],
                State::Never | State::Match => false,
            };
            changed |= later && !std::mem::replace(&mut opens[at], true);
        }
        if !changed {
            return opens;
        }
    }
}
