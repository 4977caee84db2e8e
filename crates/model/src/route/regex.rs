//! Regular expressions as nginx runs them, with a limit on the work that one may cause.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::sync::{Mutex, PoisonError};

use foldhash::HashMap;
use pcre2::bytes::{Regex, RegexBuilder};

use crate::language::{Language, NotRegular};

/// How many steps the matcher may take for one question; nginx itself stops at ten million and answers 500.
const MATCH_STEPS_MAX: u32 = 1_000_000;

/// How much memory the matcher may take for one question, in KiB.
const MATCH_HEAP_KIB_MAX: u32 = 64 * 1024;

/// How often a regex may take too long before it is asked no more: a tree may be hostile.
const TIMEOUTS_MAX: u32 = 100;

/// A regex, compiled when it is first asked.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: Vec<u8>,
    caseless: bool,
    compiled: OnceLock<Option<Regex>>,
    timeouts: AtomicU32,
    language: OnceLock<Result<Language, NotRegular>>,
}

/// Who answers for a regex: [`Pattern::of`], or [`Pattern::holds`].
pub(crate) type Ask = fn(&Pattern, &[u8]) -> Matched;

/// What a match gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Captured {
    /// Group 0 first; a group that took no part is empty.
    pub(crate) groups: Vec<Vec<u8>>,
    /// The named groups, in lower case as nginx names variables.
    pub(crate) named: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The answer of a regex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matched {
    Yes(Captured),
    No,
    /// It does not compile, or it took too long.
    Unknown,
}

impl Pattern {
    /// What the regex says of `subject`.
    ///
    /// Source: `ngx_http_regex_exec`, src/http/ngx_http_variables.c
    pub(crate) fn of(&self, subject: &[u8]) -> Matched {
        let Some(regex) = self.compiled.get_or_init(|| self.compile()) else { return Matched::Unknown };
        if self.timeouts.load(Ordering::Relaxed) >= TIMEOUTS_MAX {
            return Matched::Unknown;
        }
        // Most regexes do not match, and only places for groups cost memory.
        let mut locations = match regex.is_match(subject) {
            Ok(false) => return Matched::No,
            _ => regex.capture_locations(),
        };
        match regex.captures_read(&mut locations, subject) {
            Err(_) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                Matched::Unknown
            }
            Ok(None) => Matched::No,
            Ok(Some(_)) => {
                let group = |at: usize| {
                    locations.get(at).map_or_else(Vec::new, |(from, to)| subject[from..to].to_vec())
                };
                let groups: Vec<Vec<u8>> = (0..regex.captures_len()).map(group).collect();
                let names = regex.capture_names().iter().enumerate();
                let named = names.filter_map(|(at, name)| {
                    Some((name.as_ref()?.to_ascii_lowercase().into_bytes(), groups[at].clone()))
                });
                Matched::Yes(Captured { named: named.collect(), groups })
            }
        }
    }

    /// The same without the groups.
    pub(crate) fn matches(&self, subject: &[u8]) -> Matched {
        let Some(regex) = self.compiled.get_or_init(|| self.compile()) else { return Matched::Unknown };
        if self.timeouts.load(Ordering::Relaxed) >= TIMEOUTS_MAX {
            return Matched::Unknown;
        }
        match regex.is_match(subject) {
            Ok(true) => Matched::Yes(Captured::default()),
            Ok(false) => Matched::No,
            Err(_) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                Matched::Unknown
            }
        }
    }

    /// A group of a match that [`Pattern::matches`] has found.
    pub(crate) fn group(&self, subject: &[u8], group: usize) -> Option<Vec<u8>> {
        self.captured(subject)?.groups.into_iter().nth(group)
    }

    /// All groups of such a match.
    pub(crate) fn captured(&self, subject: &[u8]) -> Option<Captured> {
        match self.of(subject) {
            Matched::Yes(captured) => Some(captured),
            Matched::No | Matched::Unknown => None,
        }
    }

    /// The same without the groups, by the automaton where there is one already.
    pub(crate) fn holds(&self, subject: &[u8]) -> Matched {
        match self.language.get() {
            Some(Ok(language)) if language.contains(subject) => Matched::Yes(Captured::default()),
            Some(Ok(_)) => Matched::No,
            _ => self.matches(subject),
        }
    }

    /// The strings in which it finds a match.
    pub(crate) fn language(&self) -> Result<&Language, &NotRegular> {
        self.language.get_or_init(|| Language::pattern(&self.text, self.caseless)).as_ref()
    }

    /// Strings that it may match, the plainest first; for a regex of URIs, those that begin with `around` too.
    pub(crate) fn samples(&self, around: &[u8]) -> Vec<Vec<u8>> {
        let (strings, loose) = super::generate::strings(&self.text);
        let mut samples = strings.clone();
        if loose && !around.is_empty() {
            samples.extend(strings.iter().map(|string| [around, string].concat()));
        }
        samples
    }

    /// Whether the case of letters is ignored.
    pub(crate) fn caseless(&self) -> bool {
        self.caseless
    }

    /// Whether it has groups that capture.
    pub(crate) fn captures(&self) -> bool {
        let compiled = self.compiled.get_or_init(|| self.compile());
        compiled.as_ref().is_none_or(|regex| regex.captures_len() > 1)
    }

    /// The named groups in lower case, with their numbers.
    pub(crate) fn names(&self) -> Vec<(Vec<u8>, usize)> {
        let Some(regex) = self.compiled.get_or_init(|| self.compile()) else { return Vec::new() };
        let names = regex.capture_names().iter().enumerate();
        names.filter_map(|(at, name)| Some((name.as_ref()?.to_ascii_lowercase().into_bytes(), at))).collect()
    }

    /// Its text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    fn compile(&self) -> Option<Regex> {
        let text = std::str::from_utf8(&self.text).ok()?;
        // The caller's own limits come after ours and may only lower it.
        let text = format!("(*LIMIT_MATCH={MATCH_STEPS_MAX})(*LIMIT_HEAP={MATCH_HEAP_KIB_MAX}){text}");
        RegexBuilder::new().caseless(self.caseless).build(&text).ok()
    }
}

/// The regexes of a configuration: the same text is the same regex. Those that ignore the case of letters come second.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Mutex<[HashMap<Vec<u8>, Arc<Pattern>>; 2]>);

impl Patterns {
    pub(crate) fn get(&self, text: &[u8], caseless: bool) -> Arc<Pattern> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pattern = || Pattern {
            text: text.to_vec(),
            caseless,
            compiled: OnceLock::new(),
            timeouts: AtomicU32::new(0),
            language: OnceLock::new(),
        };
        let known = &mut known[usize::from(caseless)];
        if let Some(pattern) = known.get(text) {
            return Arc::clone(pattern);
        }
        Arc::clone(known.entry(text.to_vec()).or_insert_with(|| Arc::new(pattern())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pattern: &str, caseless: bool, subject: &[u8]) -> Matched {
        Patterns::default().get(pattern.as_bytes(), caseless).of(subject)
    }

    #[test]
    fn groups_and_names_are_read() {
        let Matched::Yes(captured) = ask(r"^/(?<User>[a-z]+)(/x)?", false, b"/bob") else { panic!() };
        assert_eq!(captured.groups, [&b"/bob"[..], b"bob", b""]);
        assert_eq!(captured.named, [(b"user".to_vec(), b"bob".to_vec())]);
    }

    #[test]
    fn dollar_matches_before_a_last_newline_and_bytes_are_bytes() {
        assert!(matches!(ask("^/a$", false, b"/a\n"), Matched::Yes(_)));
        assert!(matches!(ask("^/.$", false, b"/\xff"), Matched::Yes(_)));
        assert!(matches!(ask("^/.$", false, b"/\n"), Matched::No));
        assert!(matches!(ask("a", true, b"A"), Matched::Yes(_)));
    }

    #[test]
    fn hostile_or_broken_regex_is_unknown_and_soon() {
        assert_eq!(ask("(", false, b"x"), Matched::Unknown);
        let subject = [b'a'; 40];
        assert_eq!(
            ask("^(a+)+b$", false, &[&subject[..], b"c"].concat()),
            Matched::No,
            "PCRE sees that no b is there"
        );
        assert_eq!(ask("^(a|aa|a)+[bc]$", false, &[&subject[..], b"bd"].concat()), Matched::Unknown);
    }
}
