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
use super::rows::{Fast, Words};
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
        left: Vec::new(),
        settled: Vec::new(),
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
    /// Ways still to be followed, the last one first.
    left: Vec<Way>,
    /// Ways that wait for a byte, or have matched.
    settled: Vec<Way>,
}

/// How many ways of a state are told apart by a byte in one look.
const WAYS_AT_ONCE_MAX: usize = 62;
/// Between the ways of a state and the states that its look-behinds are in.
const BEHINDS: u32 = u32::MAX;

impl Builder<'_, '_> {
    fn build(mut self, classes: Classes, before: Before, work: &mut Work) -> Result<Automaton, NotRegular> {
        let bytes = classes.representatives();
        let mut behinds: Vec<u32> = self.behinds.iter().map(|automaton| automaton.start).collect();
        self.left.push(self.begin());
        self.settle(before, &behinds, work)?;
        let mut states = Words::new();
        let mut key = Vec::new();
        self.write_key(&behinds, &mut key);
        states.number(&key);
        let (mut next, mut accepts) = (Vec::new(), Vec::new());
        let (mut ways, mut steps) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < states.len() {
            let of_behinds = self.read_key(states.get(at), &mut ways).to_vec();
            accepts.push(self.accepts(&ways));
            // Bytes that take the same ways on lead to the same state.
            let at_once = self.is_plain(&ways);
            steps.clear();
            for (class, &byte) in bytes.iter().enumerate() {
                let taken = if at_once { self.taken(&ways, byte) } else { 0 };
                if at_once && let Some((_, number)) = steps.iter().find(|(known, _)| *known == taken) {
                    next.push(*number);
                    continue;
                }
                let after = self.behinds.iter().zip(&of_behinds).map(|(one, &state)| one.step(state, byte));
                behinds.clear();
                behinds.extend(after);
                self.step(&ways, byte, class as u8);
                self.settle(Before::byte(byte), &behinds, work)?;
                self.write_key(&behinds, &mut key);
                let before = states.len();
                let number = states.number(&key);
                if states.len() > before {
                    work.spend(self.settled.len() + bytes.len())?;
                }
                steps.push((taken, number));
                next.push(number);
            }
            if states.len() > STATES_MAX {
                return Err(NotRegular::TooLarge);
            }
            at += 1;
        }
        Ok(Automaton::new(classes, next, accepts, 0))
    }

    /// The settled ways and the states of the look-behinds, as numbers.
    fn write_key(&self, behinds: &[u32], key: &mut Vec<u32>) {
        key.clear();
        for way in &self.settled {
            match way {
                Way { state, condition: ALWAYS, group: 1 } => key.push(state << 1),
                Way { state, condition, group } => key.extend([state << 1 | 1, *condition, *group]),
            }
        }
        let is_done = self.settled.len() == 1 && self.is_match(&self.settled[0]);
        if !behinds.is_empty() && !is_done {
            key.push(BEHINDS);
            key.extend(behinds);
        }
    }

    /// Reads them again; gives the states of the look-behinds.
    fn read_key<'k>(&self, mut key: &'k [u32], ways: &mut Vec<Way>) -> &'k [u32] {
        ways.clear();
        loop {
            match key {
                [] => return &[],
                [BEHINDS, behinds @ ..] => return behinds,
                [state, condition, group, rest @ ..] if state & 1 == 1 => {
                    ways.push(Way { state: state >> 1, condition: *condition, group: *group });
                    key = rest;
                }
                [state, rest @ ..] => {
                    ways.push(Way { state: state >> 1, condition: ALWAYS, group: 1 });
                    key = rest;
                }
            }
        }
    }

    /// Whether nothing counts of a byte but which of the ways it takes on, and what kind of byte it is.
    fn is_plain(&self, ways: &[Way]) -> bool {
        self.behinds.is_empty()
            && self.mode.inner.is_none()
            && ways.len() <= WAYS_AT_ONCE_MAX
            && ways.iter().all(|way| way.condition == ALWAYS)
    }

    /// The ways that a byte takes on, and its kind where that is asked.
    fn taken(&self, ways: &[Way], byte: u8) -> u64 {
        let kind = match Before::byte(byte) {
            _ if !self.program.asks_before => 0,
            Before::Start | Before::Other => 0,
            Before::Newline => 1,
            Before::Word => 2,
        };
        ways.iter().fold(kind, |taken, way| {
            let takes = match self.program.states[way.state as usize] {
                State::Byte(set, _) => self.program.sets[set as usize].has(byte),
                _ => false,
            };
            taken << 1 | u64::from(takes)
        })
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
    fn step(&mut self, ways: &[Way], byte: u8, class: u8) {
        self.left.clear();
        // A match that begins later is tried last.
        if self.mode.restarts {
            self.left.push(self.begin());
        }
        for way in ways.iter().rev() {
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
            self.left.push(Way { state, condition, group });
        }
    }

    /// Follows everything that reads no byte.
    fn settle(&mut self, before: Before, behinds: &[u32], work: &mut Work) -> Result<(), NotRegular> {
        self.round += 1;
        self.seen_if.clear();
        let (mut left, mut settled) = (std::mem::take(&mut self.left), std::mem::take(&mut self.settled));
        settled.clear();
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
        left.clear();
        (self.left, self.settled) = (left, settled);
        Ok(())
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
            ways.clear();
            ways.push(done);
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
