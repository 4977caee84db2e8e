//! Deterministic automata over bytes.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::set::Classes;

/// A state that accepts.
pub(super) const ACCEPTS: u8 = 1;
/// A state from which nothing is accepted any more.
pub(super) const DEAD: u8 = 2;
/// A state from which everything is accepted.
pub(super) const FULL: u8 = 4;

/// The most states of an automaton that is made smaller; larger ones stay as they are.
const MINIMIZED_STATES_MAX: usize = 8_192;
/// How often the states are divided further at most.
const ROUNDS_MAX: usize = 512;

/// A complete deterministic automaton.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    pub(super) classes: Classes,
    /// The state after a state and a class: `next[state * classes.count + class]`.
    pub(super) next: Vec<u32>,
    /// What is known of each state: [`ACCEPTS`], [`DEAD`], [`FULL`].
    pub(super) flags: Vec<u8>,
    pub(super) start: u32,
    /// How many bytes each state is from accepting, once it was asked.
    distances: OnceLock<Box<[u32]>>,
}

/// The distance of a dead state.
pub(super) const FAR: u32 = u32::MAX;

impl Automaton {
    /// An automaton of a table, made as small as is cheap.
    pub(super) fn new(classes: Classes, next: Vec<u32>, accepts: Vec<bool>, start: u32) -> Automaton {
        let flags = accepts.into_iter().map(u8::from).collect();
        let mut automaton = Automaton { classes, next, flags, start, distances: OnceLock::new() };
        automaton.keep_reachable();
        automaton.mark();
        automaton.minimize();
        automaton
    }

    #[inline]
    pub(super) fn step(&self, state: u32, byte: u8) -> u32 {
        let class = usize::from(self.classes.of[usize::from(byte)]);
        self.next[state as usize * self.classes.count + class]
    }

    pub(super) fn run(&self, state: u32, bytes: &[u8]) -> u32 {
        bytes.iter().fold(state, |state, &byte| self.step(state, byte))
    }

    pub(super) fn accepts(&self, state: u32) -> bool {
        self.flags[state as usize] & ACCEPTS != 0
    }

    pub(super) fn is(&self, state: u32, flag: u8) -> bool {
        self.flags[state as usize] & flag != 0
    }

    /// Exactly these strings; with `rest`, also what begins with one of them.
    pub(super) fn trie<T: AsRef<[u8]>>(strings: &[T], rest: bool) -> Automaton {
        let classes = classes_of(strings.iter().flat_map(|string| string.as_ref()));
        let count = classes.count;
        // State 0 is dead, 1 is the start.
        let mut next = vec![0_u32; count * 2];
        let mut flags = vec![DEAD, if strings.is_empty() { DEAD } else { 0 }];
        let end = if rest { ACCEPTS | FULL } else { ACCEPTS };
        'strings: for string in strings {
            let mut state = 1_usize;
            for &byte in string.as_ref() {
                if flags[state] & FULL != 0 {
                    continue 'strings;
                }
                let at = state * count + usize::from(classes.of[usize::from(byte)]);
                if next[at] == 0 {
                    next[at] = flags.len() as u32;
                    flags.push(0);
                    next.resize(next.len() + count, 0);
                }
                state = next[at] as usize;
            }
            flags[state] |= end;
            if rest {
                next[state * count..(state + 1) * count].fill(state as u32);
            }
        }
        Automaton { classes, next, flags, start: 1, distances: OnceLock::new() }
    }

    /// What ends with `text`: the automaton of Knuth, Morris and Pratt.
    pub(super) fn ending(text: &[u8]) -> Automaton {
        let classes = classes_of(text);
        let count = classes.count;
        let mut next = vec![0_u32; (text.len() + 1) * count];
        let mut back = 0_usize;
        for at in 0..=text.len() {
            if at > 0 {
                next.copy_within(back * count..(back + 1) * count, at * count);
            }
            if let Some(&byte) = text.get(at) {
                let class = usize::from(classes.of[usize::from(byte)]);
                let after = next[back * count + class];
                next[at * count + class] = at as u32 + 1;
                if at > 0 {
                    back = after as usize;
                }
            }
        }
        let mut flags = vec![0; text.len() + 1];
        flags[text.len()] = if text.is_empty() { ACCEPTS | FULL } else { ACCEPTS };
        Automaton { classes, next, flags, start: 0, distances: OnceLock::new() }
    }

    /// What is of it when its letters are made lower case.
    pub(super) fn caseless(&self) -> Automaton {
        let mut automaton = self.clone();
        for upper in b'A'..=b'Z' {
            automaton.classes.of[usize::from(upper)] =
                self.classes.of[usize::from(upper.to_ascii_lowercase())];
        }
        automaton
    }

    /// What is of it, followed by exactly `text`; `None` when that takes more than `states_max` states.
    pub(super) fn then(&self, text: &[u8], states_max: usize) -> Option<Automaton> {
        let mut classes = classes_of(text);
        classes.split(|byte| self.classes.of[usize::from(byte)]);
        let representatives = classes.representatives();
        // A state of this one, and how much of `text` has been read since it last accepted, each time that it did.
        let key = |state: u32, mut read: Vec<u32>| {
            read.extend(self.accepts(state).then_some(0));
            (state, read)
        };
        let start = key(self.start, Vec::new());
        let mut known = HashMap::from([(start.clone(), 0_u32)]);
        let mut keys = vec![start];
        let (mut next, mut accepts) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some((state, read)) = keys.get(at).cloned() {
            accepts.push(read.iter().any(|&read| read as usize == text.len()));
            for &byte in &representatives {
                let read = read.iter().filter(|&&read| text.get(read as usize) == Some(&byte));
                let key = key(self.step(state, byte), read.map(|read| read + 1).collect());
                next.push(*known.entry(key).or_insert_with_key(|key| {
                    keys.push(key.clone());
                    keys.len() as u32 - 1
                }));
            }
            at += 1;
            if keys.len() > states_max {
                return None;
            }
        }
        Some(Automaton::new(classes, next, accepts, 0))
    }

    /// The automaton whose accepting states are others.
    pub(super) fn accepting(&self, start: u32, accepts: impl Fn(u32) -> bool) -> Automaton {
        let accepts = (0..self.flags.len() as u32).map(accepts).collect();
        Automaton::new(self.classes.clone(), self.next.clone(), accepts, start)
    }

    /// Both run side by side, until there are more than `states_max` states.
    pub(super) fn product(
        &self,
        other: &Automaton,
        states_max: usize,
        accepts: impl Fn(bool, bool) -> bool,
    ) -> Option<Automaton> {
        let mut classes = self.classes.clone();
        classes.split(|byte| other.classes.of[usize::from(byte)]);
        let representatives = classes.representatives();
        let mut known = HashMap::from([((self.start, other.start), 0_u32)]);
        let mut pairs = vec![(self.start, other.start)];
        let mut next = Vec::new();
        let mut at = 0;
        while let Some(&(left, right)) = pairs.get(at) {
            for &byte in &representatives {
                let pair = (self.step(left, byte), other.step(right, byte));
                next.push(*known.entry(pair).or_insert_with(|| {
                    pairs.push(pair);
                    pairs.len() as u32 - 1
                }));
            }
            at += 1;
            if pairs.len() > states_max {
                return None;
            }
        }
        let accepts =
            pairs.iter().map(|&(left, right)| accepts(self.accepts(left), other.accepts(right))).collect();
        Some(Automaton::new(classes, next, accepts, 0))
    }

    fn keep_reachable(&mut self) {
        let count = self.classes.count;
        let mut number = vec![u32::MAX; self.flags.len()];
        let mut order = vec![self.start];
        number[self.start as usize] = 0;
        let mut at = 0;
        while let Some(&state) = order.get(at) {
            for &after in &self.next[state as usize * count..(state as usize + 1) * count] {
                if number[after as usize] == u32::MAX {
                    number[after as usize] = order.len() as u32;
                    order.push(after);
                }
            }
            at += 1;
        }
        let row = |state: &u32| &self.next[*state as usize * count..(*state as usize + 1) * count];
        self.next = order.iter().flat_map(row).map(|&after| number[after as usize]).collect();
        self.flags = order.iter().map(|&state| self.flags[state as usize]).collect();
        self.start = 0;
    }

    /// How many bytes a state is from accepting at least.
    #[inline]
    pub(super) fn distance(&self, state: u32) -> u32 {
        self.distances.get_or_init(|| self.measure())[state as usize]
    }

    fn measure(&self) -> Box<[u32]> {
        let before = self.before();
        let mut distances = vec![FAR; self.flags.len()];
        let accepts = |state: &u32| self.accepts(*state);
        let mut reached: Vec<u32> = (0..self.flags.len() as u32).filter(accepts).collect();
        reached.iter().for_each(|&state| distances[state as usize] = 0);
        let mut at = 0;
        while let Some(&state) = reached.get(at) {
            for &earlier in &before[state as usize] {
                if distances[earlier as usize] == FAR {
                    distances[earlier as usize] = distances[state as usize] + 1;
                    reached.push(earlier);
                }
            }
            at += 1;
        }
        distances.into()
    }

    /// The states before each state.
    fn before(&self) -> Vec<Vec<u32>> {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.flags.len()];
        for (state, row) in self.next.chunks(self.classes.count).enumerate() {
            for &after in row {
                if before[after as usize].last() != Some(&(state as u32)) {
                    before[after as usize].push(state as u32);
                }
            }
        }
        before
    }

    /// Finds the states from which nothing or everything is accepted.
    fn mark(&mut self) {
        let states = self.flags.len();
        let before = self.before();
        for (wanted, flag) in [(ACCEPTS, DEAD), (0, FULL)] {
            let mut reaches: Vec<bool> = self.flags.iter().map(|flags| flags & ACCEPTS == wanted).collect();
            let mut left: Vec<usize> = (0..states).filter(|&state| reaches[state]).collect();
            while let Some(state) = left.pop() {
                for &earlier in &before[state] {
                    if !std::mem::replace(&mut reaches[earlier as usize], true) {
                        left.push(earlier as usize);
                    }
                }
            }
            for (flags, reaches) in self.flags.iter_mut().zip(&reaches) {
                *flags |= if *reaches { 0 } else { flag };
            }
        }
    }

    /// Merges states that nothing tells apart, and classes likewise.
    fn minimize(&mut self) {
        let (count, states) = (self.classes.count, self.flags.len());
        if states > MINIMIZED_STATES_MAX {
            return;
        }
        let mut block: Vec<u32> = self.flags.iter().map(|&flags| u32::from(flags)).collect();
        let mut blocks = 0;
        for round in 0.. {
            let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
            let mut finer = Vec::with_capacity(states);
            for state in 0..states {
                let row = self.next[state * count..(state + 1) * count].iter().map(|&to| block[to as usize]);
                let key = std::iter::once(block[state]).chain(row).collect();
                let fresh = known.len() as u32;
                finer.push(*known.entry(key).or_insert(fresh));
            }
            block = finer;
            if known.len() == blocks {
                break;
            }
            blocks = known.len();
            if blocks == states || round == ROUNDS_MAX {
                return self.merge_classes();
            }
        }
        let mut first = vec![usize::MAX; blocks];
        for state in (0..states).rev() {
            first[block[state] as usize] = state;
        }
        let row = |&state: &usize| &self.next[state * count..(state + 1) * count];
        self.next = first.iter().flat_map(row).map(|&to| block[to as usize]).collect();
        self.flags = first.iter().map(|&state| self.flags[state]).collect();
        self.start = block[self.start as usize];
        self.merge_classes();
    }

    fn merge_classes(&mut self) {
        let count = self.classes.count;
        let mut known: HashMap<Vec<u32>, u8> = HashMap::new();
        let mut kept = Vec::new();
        let merged: Vec<u8> = (0..count)
            .map(|class| {
                let column = self.next[class..].iter().step_by(count).copied().collect();
                let fresh = kept.len() as u8;
                *known.entry(column).or_insert_with(|| {
                    kept.push(class);
                    fresh
                })
            })
            .collect();
        if kept.len() == count {
            return;
        }
        self.next = self.next.chunks(count).flat_map(|row| kept.iter().map(|&class| row[class])).collect();
        self.classes.of = self.classes.of.map(|class| merged[usize::from(class)]);
        self.classes.count = kept.len();
    }
}

/// Each of these bytes is a class of its own.
fn classes_of<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> Classes {
    let mut used = [false; 256];
    bytes.into_iter().for_each(|&byte| used[usize::from(byte)] = true);
    let others = used.contains(&false);
    let mut classes = Classes { of: [0; 256], count: usize::from(others) };
    for (class, _) in classes.of.iter_mut().zip(used).filter(|(_, used)| *used) {
        *class = classes.count as u8;
        classes.count += 1;
    }
    classes
}
