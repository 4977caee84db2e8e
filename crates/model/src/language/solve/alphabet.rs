//! The bytes that a search has to try: one of those that no automaton tells apart.

use super::super::automaton::Automaton;
use super::super::set::{PLAINEST_FIRST, oddness};

/// How many automata fit into a key.
const WIDTH_MAX: usize = 16;
const FREE: u16 = u16::MAX;

/// The plainest byte of each class, plain ones first; found as far as they are needed.
pub(super) struct Alphabet<'a> {
    automata: &'a [&'a Automaton],
    /// The bytes with the class that each automaton has for them.
    letters: Vec<u8>,
    classes: Vec<u8>,
    keys: Vec<u128>,
    table: [u16; 512],
    /// How far [`PLAINEST_FIRST`] has been read.
    read: usize,
}

impl<'a> Alphabet<'a> {
    pub(super) fn new(automata: &'a [&'a Automaton]) -> Alphabet<'a> {
        Alphabet {
            automata,
            letters: Vec::with_capacity(32),
            classes: Vec::with_capacity(32 * automata.len()),
            keys: Vec::with_capacity(32),
            table: [FREE; 512],
            read: 0,
        }
    }

    /// Which letters are as odd as this, after those that are less odd.
    pub(super) fn of_oddness(&mut self, odd: usize) -> std::ops::Range<usize> {
        let from = self.letters.len();
        while let Some(&byte) = PLAINEST_FIRST.get(self.read).filter(|&&byte| oddness(byte) <= odd) {
            self.read += 1;
            if self.is_new(byte) {
                self.letters.push(byte);
                self.classes.extend(self.automata.iter().map(|one| one.classes.of[usize::from(byte)]));
            }
        }
        from..self.letters.len()
    }

    fn is_new(&mut self, byte: u8) -> bool {
        if self.automata.len() > WIDTH_MAX {
            let row = |byte: u8| self.automata.iter().map(move |one| one.classes.of[usize::from(byte)]);
            return !self.letters.iter().any(|&letter| row(letter).eq(row(byte)));
        }
        let classes = self.automata.iter().map(|one| one.classes.of[usize::from(byte)]);
        let key = classes.fold(0_u128, |key, class| key << 8 | u128::from(class));
        let hash = ((key >> 64) as u64 ^ key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slot = (hash >> 55) as usize;
        loop {
            match self.table[slot] {
                FREE => {
                    self.table[slot] = self.keys.len() as u16;
                    self.keys.push(key);
                    return true;
                }
                known if self.keys[usize::from(known)] == key => return false,
                _ => slot = (slot + 1) % self.table.len(),
            }
        }
    }

    pub(super) fn letter(&self, number: usize) -> u8 {
        self.letters[number]
    }

    /// The class of a letter for each automaton.
    pub(super) fn classes(&self, number: usize) -> &[u8] {
        let width = self.automata.len();
        &self.classes[number * width..(number + 1) * width]
    }
}
