//! Regular expressions, compiled by the library that nginx uses, each once.

use std::collections::HashMap;

use pcre2::bytes::RegexBuilder;

/// What is known of a regex.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    /// The names of its named groups.
    pub(crate) names: Vec<String>,
    /// How many groups it has; `None` when it could not be handed to the library.
    pub(crate) groups: Option<usize>,
}

/// The regexes seen so far.
#[derive(Debug, Default)]
pub(crate) struct Regexes {
    seen: HashMap<(Vec<u8>, bool), Result<Compiled, String>>,
}

impl Regexes {
    /// Compiles a pattern, or says why not. One that is no UTF-8 is taken for good: it cannot be handed over here.
    pub(crate) fn compile(&mut self, pattern: &[u8], caseless: bool) -> Result<Compiled, String> {
        let compile = |(pattern, caseless): &(Vec<u8>, bool)| {
            let Ok(text) = std::str::from_utf8(pattern) else { return Ok(Compiled::default()) };
            match RegexBuilder::new().caseless(*caseless).build(text) {
                Ok(regex) => Ok(Compiled {
                    names: regex.capture_names().iter().flatten().cloned().collect(),
                    groups: Some(regex.captures_len() - 1),
                }),
                Err(error) => Err(error.to_string()),
            }
        };
        let key = (pattern.to_vec(), caseless);
        if let Some(known) = self.seen.get(&key) {
            return known.clone();
        }
        let compiled = compile(&key);
        self.seen.insert(key, compiled.clone());
        compiled
    }
}

/// nginx's words for a pattern that does not compile.
pub(crate) fn message(error: &str, pattern: &[u8]) -> String {
    format!("pcre2_compile() failed: {error} in \"{}\"", String::from_utf8_lossy(pattern))
}
