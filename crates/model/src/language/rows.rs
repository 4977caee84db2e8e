//! Rows of numbers, each once: states of several automata side by side.

use std::hash::{BuildHasherDefault, Hasher};

const FREE: u32 = u32::MAX;

/// Rows of one width, numbered in the order in which they came.
#[derive(Debug)]
pub(super) struct Rows {
    width: usize,
    rows: Vec<u32>,
    count: usize,
    /// Open addressing; a power of two.
    table: Vec<u32>,
}

impl Rows {
    pub(super) fn new(width: usize) -> Rows {
        Rows { width, rows: Vec::with_capacity(32 * width), count: 0, table: vec![FREE; 128] }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(super) fn get(&self, number: usize) -> &[u32] {
        &self.rows[number * self.width..(number + 1) * self.width]
    }

    #[inline]
    pub(super) fn find(&self, row: &[u32]) -> Option<u32> {
        Some(self.table[self.slot(row)]).filter(|&known| known != FREE)
    }

    /// The number of a row, which is new if need be.
    #[inline]
    pub(super) fn number(&mut self, row: &[u32]) -> u32 {
        let slot = self.slot(row);
        if self.table[slot] != FREE {
            return self.table[slot];
        }
        let number = self.count as u32;
        self.table[slot] = number;
        self.rows.extend_from_slice(row);
        self.count += 1;
        if self.count * 2 > self.table.len() {
            self.table = vec![FREE; self.table.len() * 4];
            for at in 0..self.count {
                let slot = self.slot(self.get(at));
                self.table[slot] = at as u32;
            }
        }
        number
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.count = 0;
        self.table.fill(FREE);
    }

    #[inline]
    fn slot(&self, row: &[u32]) -> usize {
        let mut hasher = Fast::default();
        row.iter().for_each(|&state| hasher.write_u32(state));
        let mask = self.table.len() - 1;
        let mut slot = hasher.finish() as usize & mask;
        loop {
            let known = self.table[slot];
            if known == FREE || self.get(known as usize) == row {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Lists of numbers of any length, each once, numbered in the order in which they came.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<u32>,
    /// Where each list ends.
    ends: Vec<u32>,
    /// Open addressing; a power of two.
    table: Vec<u32>,
}

impl Words {
    pub(super) fn new() -> Words {
        Words { words: Vec::new(), ends: Vec::new(), table: vec![FREE; 64] }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: usize) -> &[u32] {
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.words[from as usize..self.ends[number] as usize]
    }

    /// The number of a list, which is new if need be.
    pub(super) fn number(&mut self, list: &[u32]) -> u32 {
        let slot = self.slot(list);
        if self.table[slot] != FREE {
            return self.table[slot];
        }
        let number = self.ends.len() as u32;
        self.table[slot] = number;
        self.words.extend_from_slice(list);
        self.ends.push(self.words.len() as u32);
        if self.ends.len() * 2 > self.table.len() {
            self.table = vec![FREE; self.table.len() * 4];
            for at in 0..self.ends.len() {
                let slot = self.slot(self.get(at));
                self.table[slot] = at as u32;
            }
        }
        number
    }

    fn slot(&self, list: &[u32]) -> usize {
        let mut hasher = Fast::default();
        list.iter().for_each(|&word| hasher.write_u32(word));
        let mask = self.table.len() - 1;
        let mut slot = hasher.finish() as usize & mask;
        loop {
            let known = self.table[slot];
            if known == FREE || self.get(known as usize) == list {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// A map whose keys are made here, so that nobody can choose them to be slow.
pub(super) type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Fast>>;

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Fast(u64);

impl Hasher for Fast {
    fn finish(&self) -> u64 {
        // The table looks at the low bits and at the highest ones.
        self.0 ^ self.0 >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}
