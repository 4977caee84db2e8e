//! The pairs of two lists of names or of two `map`s.

use std::collections::HashMap;

use super::super::flat::{Flat, Key};
use super::{Comparison, Regexes};
use crate::language::Budget;

impl Comparison<'_> {
    pub(super) fn flats(&mut self, old: &Flat, new: &Flat, budget: &mut Budget) {
        for flat in [old, new] {
            for string in flat.singles() {
                self.single(string, budget);
            }
        }
        let place = |flat: &Flat| -> HashMap<(u8, Vec<u8>), usize> {
            let places = (0..flat.entries.len()).filter_map(|entry| Some((flat.place(entry)?, entry)));
            places.collect()
        };
        let (of_old, of_new) = (place(old), place(new));
        let hostnames_differ = old.hostnames != new.hostnames;
        for (place, x) in sorted(&of_old) {
            match of_new.get(&place).filter(|_| !hostnames_differ) {
                Some(&y) => self.pair(x, y, budget),
                None => {
                    for y in new.sets() {
                        self.pair(x, y, budget);
                    }
                }
            }
        }
        for (_, y) in
            sorted(&of_new).into_iter().filter(|(place, _)| hostnames_differ || !of_old.contains_key(place))
        {
            for x in old.sets() {
                self.pair(x, y, budget);
            }
        }
        let Comparison { sides, .. } = *self;
        let list = |flat: &Flat| (0..flat.entries.len()).filter(|&entry| flat.is_regex(entry)).collect();
        let old_regexes = Regexes { rules: &sides.old.rules, entries: list(old) };
        let new_regexes = Regexes { rules: &sides.new.rules, entries: list(new) };
        self.regexes(&old_regexes, &new_regexes, budget);
        if hostnames_differ {
            self.product(&old_regexes.entries, &new.sets(), budget);
            self.product(&old.sets(), &new_regexes.entries, budget);
        }
        self.pair(old.entries.len() - 1, new.entries.len() - 1, budget);
    }
}

type Places = HashMap<(u8, Vec<u8>), usize>;

fn sorted(places: &Places) -> Vec<((u8, Vec<u8>), usize)> {
    let mut places: Vec<_> = places.iter().map(|(place, &entry)| (place.clone(), entry)).collect();
    places.sort();
    places
}

impl Flat {
    /// The texts that are the whole set of their entry.
    fn singles(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(|_| !self.is_caseless()).filter_map(|entry| match &entry.key {
            Key::Exact(text) => Some(&text[..]),
            _ => None,
        })
    }

    /// The entries that are no single string.
    pub(super) fn sets(&self) -> Vec<usize> {
        let is_single =
            |entry: usize| !self.is_caseless() && matches!(self.entries[entry].key, Key::Exact(_));
        (0..self.entries.len()).filter(|&entry| !is_single(entry)).collect()
    }

    /// What two lists can have in common: a text or a wildcard that is no single string.
    fn place(&self, entry: usize) -> Option<(u8, Vec<u8>)> {
        match &self.entries[entry].key {
            Key::Exact(text) if self.is_caseless() => Some((0, text.clone())),
            Key::Below(text) => Some((1, text.clone())),
            Key::Above(text) => Some((2, text.clone())),
            Key::Exact(_) | Key::Regex(_) | Key::Default => None,
        }
    }
}
