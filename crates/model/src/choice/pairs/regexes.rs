//! Two lists of regexes of which the first that matches counts.

use std::collections::HashMap;

use super::{Comparison, Regexes, is_within};
use crate::language::{Budget, Formula};

/// A regex of the old list and one of the new, by their places.
pub(super) struct Matched {
    pub(super) old: usize,
    pub(super) new: usize,
}

impl Comparison<'_> {
    /// Looks for all pairs that the lists make; what stands inside both of a pair is left to the caller, who gets them.
    pub(super) fn regexes(
        &mut self,
        old: &Regexes<'_>,
        new: &Regexes<'_>,
        budget: &mut Budget,
    ) -> Vec<Matched> {
        let mut matched = self.equal(old, new);
        for Matched { old: i, new: j } in &matched {
            let (x, y) = (old.entries[*i], new.entries[*j]);
            self.pair(x, y, budget);
        }
        let is_left = |at: &usize, of: fn(&Matched) -> usize, matched: &[Matched]| {
            !matched.iter().any(|pair| of(pair) == *at)
        };
        let left_old: Vec<usize> =
            (0..old.entries.len()).filter(|at| is_left(at, |pair| pair.old, &matched)).collect();
        let left_new: Vec<usize> =
            (0..new.entries.len()).filter(|at| is_left(at, |pair| pair.new, &matched)).collect();
        let edited = self.edited(old, new, &left_old, &left_new);
        let partner = |at: usize, of: fn(&Matched) -> (usize, usize)| {
            edited.iter().map(of).find(|(own, _)| *own == at).map(|(_, other)| other)
        };
        for &i in &left_old {
            let other = partner(i, |pair| (pair.old, pair.new)).map(|j| new.entries[j]);
            self.changed(old, old.entries[i], new, other, false, budget);
        }
        for &j in &left_new {
            let other = partner(j, |pair| (pair.new, pair.old)).map(|i| old.entries[i]);
            self.changed(new, new.entries[j], old, other, true, budget);
        }
        matched.extend(edited);
        self.inverted(old, new, &matched, budget);
        matched
    }

    /// Regexes with the same text: first those of the same rule, then the rest.
    fn equal(&self, old: &Regexes<'_>, new: &Regexes<'_>) -> Vec<Matched> {
        let mut by_text: HashMap<(&[u8], bool), Vec<usize>> = HashMap::new();
        for (at, &entry) in new.entries.iter().enumerate() {
            if let Some(pattern) = new.rules.regex(entry) {
                by_text.entry((pattern.text(), pattern.caseless())).or_default().push(at);
            }
        }
        let mut matched: Vec<Matched> = Vec::new();
        let mut left: Vec<usize> = (0..old.entries.len()).collect();
        for only_same in [true, false] {
            left.retain(|&i| {
                let Some(pattern) = old.rules.regex(old.entries[i]) else { return false };
                let Some(fitting) = by_text.get_mut(&(pattern.text(), pattern.caseless())) else {
                    return true;
                };
                let x = old.rules.chosen(old.entries[i]);
                let is_same = |&j: &usize| self.sides.alike(x, new.rules.chosen(new.entries[j]));
                let Some(at) = fitting.iter().position(|j| !only_same || is_same(j)) else { return true };
                matched.push(Matched { old: i, new: fitting.remove(at) });
                false
            });
        }
        matched.sort_by_key(|pair| pair.old);
        matched
    }

    /// Regexes of the same rule with another text.
    fn edited(
        &self,
        old: &Regexes<'_>,
        new: &Regexes<'_>,
        left_old: &[usize],
        left_new: &[usize],
    ) -> Vec<Matched> {
        let mut free = left_new.to_vec();
        let partner = |&i: &usize| {
            let x = old.rules.chosen(old.entries[i]);
            let at = free.iter().position(|&j| self.sides.alike(x, new.rules.chosen(new.entries[j])))?;
            Some(Matched { old: i, new: free.remove(at) })
        };
        left_old.iter().filter_map(partner).collect()
    }

    /// A regex that only one side has, against everything of the other. What `partner` takes as well has not changed.
    fn changed(
        &mut self,
        of: &Regexes<'_>,
        entry: usize,
        against: &Regexes<'_>,
        partner: Option<usize>,
        is_new: bool,
        budget: &mut Budget,
    ) {
        let language = |rules: &super::Rules, entry| rules.regex(entry)?.language().ok().cloned();
        let mut also = self.also.clone();
        if let (Some(own), Some(other)) =
            (language(of.rules, entry), partner.and_then(|partner| language(against.rules, partner)))
        {
            if is_within(&own, &other, &also, budget) {
                return;
            }
            also = also.and(super::outside(other));
        }
        if let Some(own) = language(of.rules, entry) {
            also = also.and(Formula::In(own));
        }
        let others = against.rules.sets();
        for own in of.rules.leaves(entry) {
            for &other in &others {
                let (x, y) = if is_new { (other, own) } else { (own, other) };
                self.pair_where(x, y, &also, budget);
            }
        }
    }

    /// Regexes that changed places.
    fn inverted(&mut self, old: &Regexes<'_>, new: &Regexes<'_>, matched: &[Matched], budget: &mut Budget) {
        let mut matched: Vec<&Matched> = matched.iter().collect();
        matched.sort_by_key(|pair| pair.old);
        for (at, first) in matched.iter().enumerate() {
            for second in matched[at + 1..].iter().filter(|second| second.new < first.new) {
                let x = old.rules.leaves(old.entries[first.old]);
                let y = new.rules.leaves(new.entries[second.new]);
                self.product(&x, &y, budget);
            }
        }
    }
}
