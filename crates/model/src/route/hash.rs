//! Names with wildcards, as nginx hashes them.
//!
//! Source: `ngx_hash_add_key`, `ngx_hash_find_combined`, src/core/ngx_hash.c

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt as _};

/// What each name means. Of two equal names the first counts.
#[derive(Debug)]
pub(crate) struct Hash<T> {
    /// `None`: the name is taken by one that lost to another, and belongs to nobody.
    pub(crate) exact: HashMap<Vec<u8>, Option<T>>,
    /// `*.example.com` and `.example.com`, by what follows the first dot.
    pub(crate) below: HashMap<Vec<u8>, T>,
    /// `www.example.*`, by what stands before the last dot.
    pub(crate) above: HashMap<Vec<u8>, T>,
}

impl<T: Copy> Hash<T> {
    pub(crate) fn new() -> Hash<T> {
        Hash { exact: HashMap::new(), below: HashMap::new(), above: HashMap::new() }
    }

    /// Adds a name; a star or a dot at its ends means more than itself where `wildcards` says so.
    pub(crate) fn add(&mut self, name: &[u8], wildcards: bool, value: T) {
        let name = name.to_ascii_lowercase();
        match &name[..] {
            [b'*', b'.', rest @ ..] if wildcards => {
                self.below.entry(rest.to_vec()).or_insert(value);
            }
            [rest @ .., b'.', b'*'] if wildcards => {
                self.above.entry(rest.to_vec()).or_insert(value);
            }
            [b'.', rest @ ..] if wildcards && !rest.is_empty() => {
                let Entry::Vacant(exact) = self.exact.entry(rest.to_vec()) else { return };
                match self.below.entry(rest.to_vec()) {
                    Entry::Vacant(below) => {
                        below.insert(value);
                        exact.insert(Some(value));
                    }
                    Entry::Occupied(_) => {
                        exact.insert(None);
                    }
                }
            }
            _ => {
                self.exact.entry(name).or_insert(Some(value));
            }
        }
    }

    /// What a name in lower case means, and how it was found.
    pub(crate) fn find(&self, name: &[u8]) -> Option<(T, &'static str)> {
        if let Some(Some(value)) = self.exact.get(name) {
            return Some((*value, "exact name"));
        }
        let dots = || (0..name.len()).filter(|&at| name[at] == b'.');
        if !self.below.is_empty()
            && let Some(value) = dots().find_map(|dot| self.below.get(&name[dot + 1..]))
        {
            return Some((*value, "wildcard"));
        }
        if self.above.is_empty() {
            return None;
        }
        let above = dots().rev().find_map(|dot| self.above.get(&name[..dot]));
        above.map(|value| (*value, "wildcard"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_wildcard_wins_and_the_first_of_equals() {
        let mut hash = Hash::new();
        for (value, name) in
            ["*.a.b", "*.b", "w.*", "w.x.*", ".c", "c", "*.c", "*.d", ".d", "d"].iter().enumerate()
        {
            hash.add(name.as_bytes(), true, value);
        }
        let find = |name: &str| hash.find(name.as_bytes()).map(|(value, _)| value);
        assert_eq!(find("x.y.a.b"), Some(0));
        assert_eq!(find("a.b"), Some(1));
        assert_eq!(find("w.x.z"), Some(3));
        assert_eq!(find("w.z"), Some(2));
        assert_eq!((find("c"), find("q.c")), (Some(4), Some(4)));
        assert_eq!((find("d"), find("q.d")), (None, Some(7)), "d was claimed by .d, which lost to *.d");
        assert_eq!(find("b"), None);
    }
}
