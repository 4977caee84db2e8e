//! The pairs of two servers' locations.

use std::collections::HashSet;

use super::super::tree::{SERVER, Tree, What};
use super::{Comparison, Regexes};
use crate::language::Budget;
use crate::route::regex::Pattern;

/// What a string can get below one level of one side, once its longest prefix there is known.
struct Outcomes {
    /// Regexes inside the prefix: nothing further out is asked.
    inner: Vec<usize>,
    /// The prefix and those inside it; the level around when there is none.
    prefixes: Vec<usize>,
    /// The regexes of the level, where they are asked.
    regexes: Option<Vec<usize>>,
    /// The regexes of the levels around.
    outer: Vec<usize>,
}

impl Comparison<'_> {
    pub(super) fn trees(&mut self, old: &Tree, new: &Tree, budget: &mut Budget) {
        for string in old.singles().chain(new.singles()) {
            self.single(string, budget);
        }
        let mut levels = vec![(0, 0)];
        let mut seen = HashSet::new();
        while let Some((of_old, of_new)) = levels.pop() {
            if !seen.insert((of_old, of_new)) {
                continue;
            }
            for (before, after) in regions(old, of_old, new, of_new) {
                let is_equal =
                    before.is_some_and(|x| after.is_some_and(|y| old.items[x].text() == new.items[y].text()));
                if let (Some(x), Some(y), true) = (before, after, is_equal) {
                    levels.extend(old.items[x].inside.zip(new.items[y].inside));
                    self.pair(x, y, budget);
                    if old.items[x].no_regex() == new.items[y].no_regex() {
                        continue;
                    }
                }
                let x = old.outcomes(of_old, before);
                let y = new.outcomes(of_new, after);
                self.region(&x, &y, is_equal, budget);
            }
            let Comparison { sides, .. } = *self;
            let list = |tree: &Tree, level: usize| tree.levels[level].regexes.clone();
            let old_regexes = Regexes { rules: &sides.old.rules, entries: list(old, of_old) };
            let new_regexes = Regexes { rules: &sides.new.rules, entries: list(new, of_new) };
            for matched in self.regexes(&old_regexes, &new_regexes, budget) {
                let (x, y) = (old_regexes.entries[matched.old], new_regexes.entries[matched.new]);
                levels.extend(old.items[x].inside.zip(new.items[y].inside));
            }
        }
    }

    /// The strings whose longest prefix is not the same on both sides. Where both ask the regexes of the level or of those
    /// around, these are compared as lists. `is_equal`: only the mark `^~` differs, and the insides are compared as levels.
    fn region(&mut self, x: &Outcomes, y: &Outcomes, is_equal: bool, budget: &mut Budget) {
        if !is_equal {
            for old in [&x.inner, &x.prefixes] {
                for new in [&y.inner, &y.prefixes] {
                    self.product(old, new, budget);
                }
            }
            self.product(&x.inner, &y.outer, budget);
            self.product(&x.outer, &y.inner, budget);
            self.product(&x.inner, y.regexes.as_deref().unwrap_or_default(), budget);
            self.product(x.regexes.as_deref().unwrap_or_default(), &y.inner, budget);
        }
        match (&x.regexes, &y.regexes) {
            (Some(regexes), None) => {
                self.product(regexes, &y.prefixes, budget);
                self.product(regexes, &y.outer, budget);
            }
            (None, Some(regexes)) => {
                self.product(&x.prefixes, regexes, budget);
                self.product(&x.outer, regexes, budget);
            }
            _ => {}
        }
    }
}

/// Every old and new longest prefix that a string can have at a level.
fn regions(old: &Tree, of_old: usize, new: &Tree, of_new: usize) -> Vec<(Option<usize>, Option<usize>)> {
    let mut all: Vec<(&[u8], Option<usize>, Option<usize>)> = Vec::new();
    all.extend(old.levels[of_old].prefixes.iter().map(|&item| (old.text(item), Some(item), None)));
    all.extend(new.levels[of_new].prefixes.iter().map(|&item| (new.text(item), None, Some(item))));
    all.sort_by_key(|(text, ..)| *text);
    all.dedup_by(|later, first| {
        let equal = later.0 == first.0;
        if equal {
            (first.1, first.2) = (first.1.or(later.1), first.2.or(later.2));
        }
        equal
    });
    let mut open: Vec<(&[u8], Option<usize>, Option<usize>)> = Vec::new();
    let mut regions = Vec::new();
    let mut seen = HashSet::new();
    for (text, x, y) in all {
        while open.last().is_some_and(|(outer, ..)| !text.starts_with(outer)) {
            open.pop();
        }
        let (outer_x, outer_y) = open.last().map_or((None, None), |(_, x, y)| (*x, *y));
        let region = (x.or(outer_x), y.or(outer_y));
        open.push((text, region.0, region.1));
        if seen.insert(region) {
            regions.push(region);
        }
    }
    regions
}

impl Tree {
    /// Strings that are all that an item can get.
    fn singles(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter_map(|item| match &item.what {
            What::Exact(text) | What::Redirect(text) => Some(&text[..]),
            _ => None,
        })
    }

    /// The items that more than one string can get.
    pub(super) fn sets(&self) -> Vec<usize> {
        let is_set = |what: &What| matches!(what, What::Server | What::Prefix { .. } | What::Regex(_));
        (0..self.items.len()).filter(|&item| is_set(&self.items[item].what)).collect()
    }

    pub(super) fn regex(&self, item: usize) -> Option<&Pattern> {
        match &self.items[item].what {
            What::Regex(pattern) => Some(pattern),
            _ => None,
        }
    }

    /// An item and everything in it that more than one string can get.
    pub(super) fn leaves(&self, item: usize) -> Vec<usize> {
        let mut leaves = vec![item];
        let mut at = 0;
        while let Some(&item) = leaves.get(at) {
            if let Some(inside) = self.items[item].inside {
                leaves.extend(&self.levels[inside].prefixes);
                leaves.extend(&self.levels[inside].regexes);
            }
            at += 1;
        }
        leaves
    }

    fn leaves_of(&self, items: &[usize]) -> Vec<usize> {
        items.iter().flat_map(|&item| self.leaves(item)).collect()
    }

    fn outcomes(&self, level: usize, prefix: Option<usize>) -> Outcomes {
        let around = self.levels[level].around;
        let (prefixes, inner) = match prefix {
            Some(prefix) => self.leaves(prefix).into_iter().partition(|&item| self.regex(item).is_none()),
            None => (vec![around.unwrap_or(SERVER)], Vec::new()),
        };
        let is_asked = prefix.is_none_or(|prefix| !self.items[prefix].no_regex());
        let regexes = is_asked.then(|| self.leaves_of(&self.levels[level].regexes));
        let mut outer = Vec::new();
        let mut next = around;
        while let Some(item) = next {
            let level = self.items[item].level;
            if !self.items[item].no_regex() {
                outer.extend(self.leaves_of(&self.levels[level].regexes));
            }
            next = self.levels[level].around;
        }
        Outcomes { inner, prefixes, regexes, outer }
    }
}
