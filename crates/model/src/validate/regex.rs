//! Regular expressions, compiled by the library that nginx uses, each once.

use std::collections::HashMap;

use pcre2::bytes::RegexBuilder;

/// The named groups of a regex, or why it does not compile.
pub(crate) type Compiled = Result<Vec<String>, String>;

/// The regexes seen so far.
#[derive(Debug, Default)]
pub(crate) struct Regexes {
    seen: HashMap<(Vec<u8>, bool), Compiled>,
}

impl Regexes {
    /// Compiles a pattern. One that is no UTF-8 is taken for good: it cannot be handed to the library here.
    pub(crate) fn compile(&mut self, pattern: &[u8], caseless: bool) -> &Compiled {
        let compile = |(pattern, caseless): &(Vec<u8>, bool)| {
            let Ok(text) = std::str::from_utf8(pattern) else { return Ok(Vec::new()) };
            match RegexBuilder::new().caseless(*caseless).build(text) {
                Ok(regex) => Ok(regex.capture_names().iter().flatten().cloned().collect()),
                Err(error) => Err(error.to_string()),
            }
        };
        let key = (pattern.to_vec(), caseless);
        if !self.seen.contains_key(&key) {
            let compiled = compile(&key);
            self.seen.insert(key.clone(), compiled);
        }
        &self.seen[&key]
    }
}

/// nginx's words for a pattern that does not compile.
pub(crate) fn message(error: &str, pattern: &[u8]) -> String {
    format!("pcre2_compile() failed: {error} in \"{}\"", String::from_utf8_lossy(pattern))
}
