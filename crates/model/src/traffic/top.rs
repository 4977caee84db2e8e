//! The most frequent of many, in bounded space.

use std::collections::HashMap;

/// How many are followed.
const FOLLOWED_MAX: usize = 100;
/// The longest text that is kept whole.
const TEXT_BYTES_MAX: usize = 256;

/// Counts what occurs often. A text that occurs in more than one of a hundred is among those that are kept; its number may be too
/// high by as much as was driven out for it.
///
/// Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams", 2005
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Top {
    counts: HashMap<Vec<u8>, u64>,
    /// The least number among them when one was last driven out.
    driven_out: u64,
}

impl Top {
    /// Counts one.
    pub fn add(&mut self, text: &[u8]) {
        self.add_many(&text[..text.len().min(TEXT_BYTES_MAX)], 1);
    }

    fn add_many(&mut self, text: &[u8], many: u64) {
        if let Some(count) = self.counts.get_mut(text) {
            *count += many;
            return;
        }
        let mut before = 0;
        if self.counts.len() >= FOLLOWED_MAX
            && let Some((least, count)) = self.counts.iter().min_by_key(|(_, count)| **count)
        {
            before = *count;
            let least = least.clone();
            self.counts.remove(&least);
            self.driven_out = before;
        }
        self.counts.insert(text.to_vec(), before + many);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Top) {
        for (text, many) in &other.counts {
            *self.counts.entry(text.clone()).or_default() += many;
        }
        self.driven_out += other.driven_out;
        if self.counts.len() > FOLLOWED_MAX {
            let kept = self.sorted().into_iter().take(FOLLOWED_MAX);
            self.counts = kept.map(|(text, many)| (text.to_vec(), many)).collect();
        }
    }

    /// Whether the numbers are exact.
    pub fn is_exact(&self) -> bool {
        self.driven_out == 0
    }

    /// The most frequent, the first of them first.
    pub fn most(&self, many: usize) -> Vec<(&[u8], u64)> {
        let mut sorted = self.sorted();
        // What may owe all of its number to others is not shown.
        sorted.retain(|(_, count)| *count > self.driven_out || self.is_exact());
        sorted.truncate(many);
        sorted
    }

    fn sorted(&self) -> Vec<(&[u8], u64)> {
        let mut all: Vec<(&[u8], u64)> = self.counts.iter().map(|(text, many)| (&text[..], *many)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_frequent_are_found_among_many() {
        let mut top = Top::default();
        for number in 0..20_000_u32 {
            top.add(format!("/rare/{number}").as_bytes());
            if number % 10 == 0 {
                top.add(b"/often");
            }
            if number % 20 == 0 {
                top.add(b"/sometimes");
            }
        }
        let most = top.most(2);
        assert_eq!((most[0].0, most[1].0), (&b"/often"[..], &b"/sometimes"[..]));
        assert!(!top.is_exact() && top.counts.len() == FOLLOWED_MAX);
    }

    #[test]
    fn few_are_counted_exactly_in_both_halves() {
        let (mut one, mut two) = (Top::default(), Top::default());
        for text in ["/a", "/b", "/a"] {
            one.add(text.as_bytes());
        }
        two.add(b"/b");
        two.add(b"/b");
        one.merge(&two);
        assert_eq!(one.most(5), [(&b"/b"[..], 3), (&b"/a"[..], 2)]);
        assert!(one.is_exact());
    }
}
