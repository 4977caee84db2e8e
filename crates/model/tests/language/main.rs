//! What [`Language`] says of regexes, held against PCRE itself.

mod corpus;
mod random;
mod solving;
mod traps;

use evenkeel_model::Language;
use pcre2::bytes::{Regex, RegexBuilder};

/// The regex as nginx compiles it.
fn pcre(pattern: &str, caseless: bool) -> Regex {
    RegexBuilder::new().caseless(caseless).build(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// Fails unless the language and PCRE agree on a string.
fn agree(pattern: &str, language: &Language, regex: &Regex, string: &[u8]) {
    // PCRE gives up on what it would have to try for too long.
    let Ok(expected) = regex.is_match(string) else { return };
    assert_eq!(language.contains(string), expected, "{pattern} on {:?}", string.escape_ascii().to_string());
}

/// What PCRE captures; `None` where it finds no match. A group that took no part is empty, as for nginx.
fn capture(regex: &Regex, group: usize, string: &[u8]) -> Option<Vec<u8>> {
    let mut found = regex.capture_locations();
    regex.captures_read(&mut found, string).ok()??;
    Some(found.get(group).map_or_else(Vec::new, |(from, to)| string[from..to].to_vec()))
}

/// All strings of some bytes up to a length.
fn strings(bytes: &[u8], most: u32) -> impl Iterator<Item = Vec<u8>> {
    let count = bytes.len();
    (0..=most).flat_map(move |length| {
        (0..count.pow(length))
            .map(move |number| (0..length).map(|place| bytes[number / count.pow(place) % count]).collect())
    })
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}
