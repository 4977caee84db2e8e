//! Deterministic automata over bytes.

use std::sync::OnceLock;

use super::rows::{FastMap, Rows};
use super::set::Classes;

/// A state that accepts.
pub(super) const ACCEPTS: u8 = 1;
/// A state from which nothing is accepted any more.
pub(super) const DEAD: u8 = 2;
/// A state from which everything is accepted.
pub(super) const FULL: u8 = 4;

/// How many cells of its table are looked at to make an automaton smaller.
const CELLS_MAX: usize = 8_000_000;

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
        let mut known = FastMap::from_iter([(start.clone(), 0_u32)]);
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
        let mut pairs = Rows::new(2);
        pairs.number(&[self.start, other.start]);
        let mut next = Vec::new();
        let mut accepting = Vec::new();
        let mut at = 0;
        while at < pairs.len() {
            let (left, right) = (pairs.get(at)[0], pairs.get(at)[1]);
            accepting.push(accepts(self.accepts(left), other.accepts(right)));
            for &byte in &representatives {
                next.push(pairs.number(&[self.step(left, byte), other.step(right, byte)]));
            }
            at += 1;
            if pairs.len() > states_max {
                return None;
            }
        }
        Some(Automaton::new(classes, next, accepting, 0))
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
        self.distances_to(&self.before(), |flags| flags & ACCEPTS != 0).into()
    }

    /// How many bytes each state is from one with such flags.
    fn distances_to(&self, before: &Before, is: impl Fn(u8) -> bool) -> Vec<u32> {
        let mut reached: Vec<u32> =
            (0..self.flags.len() as u32).filter(|&state| is(self.flags[state as usize])).collect();
        let mut distances = vec![FAR; self.flags.len()];
        reached.iter().for_each(|&state| distances[state as usize] = 0);
        let mut at = 0;
        while let Some(&state) = reached.get(at) {
            for &earlier in before.of(state) {
                if distances[earlier as usize] == FAR {
                    distances[earlier as usize] = distances[state as usize] + 1;
                    reached.push(earlier);
                }
            }
            at += 1;
        }
        distances
    }

    /// The states before each state.
    fn before(&self) -> Before {
        let states = self.flags.len();
        let mut first = vec![0_u32; states + 2];
        for &after in &self.next {
            first[after as usize + 2] += 1;
        }
        for state in 1..first.len() {
            first[state] += first[state - 1];
        }
        let mut earlier = vec![0; self.next.len()];
        for (state, row) in self.next.chunks(self.classes.count).enumerate() {
            for &after in row {
                let place = &mut first[after as usize + 1];
                earlier[*place as usize] = state as u32;
                *place += 1;
            }
        }
        Before { first, earlier }
    }

    /// Finds the states from which nothing or everything is accepted, and merges states that nothing tells apart.
    fn minimize(&mut self) {
        let (count, states) = (self.classes.count, self.flags.len());
        let before = self.before();
        let to_yes = self.distances_to(&before, |flags| flags & ACCEPTS != 0);
        let to_no = self.distances_to(&before, |flags| flags & ACCEPTS == 0);
        for (state, flags) in self.flags.iter_mut().enumerate() {
            *flags |= if to_yes[state] == FAR { DEAD } else { 0 };
            *flags |= if to_no[state] == FAR { FULL } else { 0 };
        }
        // States at other distances are not the same: mostly that tells all of them apart.
        let mut known = Rows::new(2);
        let number = |state: usize| known.number(&[to_yes[state], to_no[state]]);
        let mut block: Vec<u32> = (0..states).map(number).collect();
        let mut blocks = known.len();
        let mut known = Rows::new(count + 1);
        let mut row = Vec::with_capacity(count + 1);
        for _ in 0..=CELLS_MAX / (states * count) {
            known.clear();
            let mut finer = Vec::with_capacity(states);
            for state in 0..states {
                row.clear();
                row.push(block[state]);
                let after = &self.next[state * count..(state + 1) * count];
                row.extend(after.iter().map(|&to| block[to as usize]));
                finer.push(known.number(&row));
            }
            block = finer;
            if known.len() == blocks || known.len() == states {
                return self.merge(&block, known.len(), &to_yes);
            }
            blocks = known.len();
        }
        _ = self.distances.set(to_yes.into());
        self.merge_classes();
    }

    /// The states of a block become one.
    fn merge(&mut self, block: &[u32], blocks: usize, distances: &[u32]) {
        let count = self.classes.count;
        if blocks < block.len() {
            let mut first = vec![usize::MAX; blocks];
            for state in (0..block.len()).rev() {
                first[block[state] as usize] = state;
            }
            let row = |&state: &usize| &self.next[state * count..(state + 1) * count];
            self.next = first.iter().flat_map(row).map(|&to| block[to as usize]).collect();
            self.flags = first.iter().map(|&state| self.flags[state]).collect();
            self.start = block[self.start as usize];
            _ = self.distances.set(first.iter().map(|&state| distances[state]).collect());
        } else {
            _ = self.distances.set(distances.into());
        }
        self.merge_classes();
    }

    fn merge_classes(&mut self) {
        let count = self.classes.count;
        let mut known = Rows::new(self.flags.len());
        let mut kept = Vec::new();
        let mut merged = Vec::with_capacity(count);
        let mut column = Vec::with_capacity(self.flags.len());
        for class in 0..count {
            column.clear();
            column.extend(self.next[class..].iter().step_by(count).copied());
            let number = known.number(&column);
            if number as usize == kept.len() {
                kept.push(class);
            }
            merged.push(number as u8);
        }
        if kept.len() == count {
            return;
        }
        self.next = self.next.chunks(count).flat_map(|row| kept.iter().map(|&class| row[class])).collect();
        self.classes.of = self.classes.of.map(|class| merged[usize::from(class)]);
        self.classes.count = kept.len();
    }
}

/// For each state the states before it, as often as there are ways.
struct Before {
    first: Vec<u32>,
    earlier: Vec<u32>,
}

impl Before {
    fn of(&self, state: u32) -> &[u32] {
        &self.earlier[self.first[state as usize] as usize..self.first[state as usize + 1] as usize]
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
