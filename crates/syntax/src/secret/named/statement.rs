//! Statements of nginx that give a value to a name, wherever they stand: in a file, a diff or a message.

use std::ops::Range;

use super::{closing, names_secret};
use crate::secret::{run, says_nothing};

/// How many words of a statement, or of a block, are looked at.
const WORDS_MAX: usize = 4096;

/// How many signs of a diff may stand before a line.
const SIGNS_MAX: usize = 4;

/// Directives whose first argument names what the others give.
const CARRIERS: [&[u8]; 13] = [
    b"add_header",
    b"add_trailer",
    b"auth_request_set",
    b"fastcgi_param",
    b"grpc_set_header",
    b"js_var",
    b"more_set_headers",
    b"more_set_input_headers",
    b"proxy_set_header",
    b"scgi_param",
    b"set",
    b"set_if_empty",
    b"uwsgi_param",
];

/// Directives whose arguments hold a secret.
const SECRETS: [&[u8]; 4] =
    [b"secure_link_secret", b"secure_link_hmac_secret", b"secure_link_hmac_message", b"secure_link_md5"];

/// Blocks that give values to a variable by another.
const MAPS: [&[u8]; 3] = [b"map", b"geo", b"split_clients"];

/// Finds the secrets of the statement that a name begins.
pub(super) fn find(text: &[u8], name: &Range<usize>, found: &mut Vec<Range<usize>>) {
    let word = &text[name.clone()];
    let starts = |byte: u8| byte.is_ascii_whitespace() || b";{}`\"'(".contains(&byte);
    // The sign of a diff belongs to no word.
    let before = name.start.saturating_sub(SIGNS_MAX)..name.start;
    let before = text[before].iter().rfind(|byte| !matches!(byte, b'+' | b'-'));
    let first = before.is_none_or(|before| starts(*before));
    let word = word.strip_prefix(b"-").unwrap_or(word);
    if !first {
        return;
    }
    if CARRIERS.contains(&word) {
        let mut words = Words { text, at: name.end };
        if words.next().is_some_and(|name| names_secret(content(text, &name))) {
            found.extend(words.values());
        }
    } else if SECRETS.contains(&word) {
        found.extend(Words { text, at: name.end }.values());
    } else if MAPS.contains(&word) {
        map(Words { text, at: name.end }, found);
    } else if names_secret(word) && starts_line(text, name.start) && ends_with_semicolon(text, name.end) {
        found.extend(Words { text, at: name.end }.values());
    }
}

/// Whether only white space, and the sign of a diff, stands before it in its line.
fn starts_line(text: &[u8], at: usize) -> bool {
    let line = text[..at].iter().rev().take_while(|byte| **byte != b'\n');
    line.take(256).all(|byte| matches!(byte, b' ' | b'\t' | b'+' | b'-'))
}

/// Whether white space and then a word that ends in `;` or `";` follow, in the same line.
fn ends_with_semicolon(text: &[u8], at: usize) -> bool {
    let end = run(text, at, |byte| byte != b'\n');
    matches!(text.get(at), Some(b' ' | b'\t')) && text[at..end].trim_ascii_end().ends_with(b";")
}

/// The entries of `map $source $target { key value; }`, by what the two variables are called.
fn map(mut words: Words<'_>, found: &mut Vec<Range<usize>>) {
    let text = words.text;
    let (Some(source), target) = (words.next(), words.next()) else { return };
    let target = target.unwrap_or_else(|| source.clone());
    let secret = |name: &Range<usize>| text[name.start] == b'$' && names_secret(&text[name.clone()]);
    let (keys, values) = (secret(&source) && source != target, secret(&target));
    if !(keys || values) || !words.opens() {
        return;
    }
    for _ in 0..WORDS_MAX {
        let Some(key) = words.next() else {
            match words.end() {
                Some(b';') => continue,
                _ => return,
            }
        };
        let rest: Vec<Range<usize>> = std::iter::from_fn(|| words.next()).take(8).collect();
        if keys && !matches!(content(text, &key), b"default" | b"hostnames" | b"volatile" | b"include") {
            found.extend(inside(text, &key));
        }
        if values && content(text, &key) != b"include" {
            found.extend(rest.iter().filter_map(|value| inside(text, value)));
        }
    }
}

/// The words of a statement.
struct Words<'t> {
    text: &'t [u8],
    at: usize,
}

impl Words<'_> {
    /// The next word with its quotes; `None` at `;`, `{`, `}` and the end.
    fn next(&mut self) -> Option<Range<usize>> {
        let text = self.text;
        loop {
            self.at = run(text, self.at, |byte| byte.is_ascii_whitespace());
            let start = self.at;
            match *text.get(start)? {
                b';' | b'{' | b'}' => return None,
                b'#' => self.at = run(text, start, |byte| byte != b'\n'),
                quote @ (b'"' | b'\'') => {
                    let end = closing(text, start + 1, quote);
                    self.at = end + usize::from(text.get(end) == Some(&quote));
                    return Some(start..self.at);
                }
                // The sign of a diff, at the start of a line.
                b'+' | b'-' if start > 0 && text[start - 1] == b'\n' => self.at += 1,
                _ => {
                    let mut end = start;
                    while let Some(byte) =
                        text.get(end).filter(|byte| !byte.is_ascii_whitespace() && **byte != b';')
                    {
                        match byte {
                            b'\\' => end += 1,
                            b'{' if text[end - 1] != b'$' => break,
                            _ => {}
                        }
                        end += 1;
                    }
                    self.at = end.min(text.len()).max(start + 1).min(text.len());
                    return Some(start..self.at);
                }
            }
        }
    }

    /// Takes the `;`, `{` or `}` at hand.
    fn end(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Whether a block follows.
    fn opens(&mut self) -> bool {
        self.next().is_none() && self.end() == Some(b'{')
    }

    /// What is secret of the words up to the `;`; a statement without one ends with its line.
    fn values(mut self) -> Vec<Range<usize>> {
        let (text, mut values) = (self.text, Vec::new());
        for seen in 0..WORDS_MAX {
            let before = self.at;
            let Some(word) = self.next() else { break };
            if seen > 0 && text[before..word.start].contains(&b'\n') {
                break;
            }
            values.extend(inside(text, &word));
        }
        values
    }
}

/// A word without its quotes.
fn content<'t>(text: &'t [u8], word: &Range<usize>) -> &'t [u8] {
    let bytes = &text[word.clone()];
    match bytes {
        [quote @ (b'"' | b'\''), content @ .., last] if quote == last => content,
        [b'"' | b'\'', content @ ..] => content,
        _ => bytes,
    }
}

/// Where the content of a word stands, if it says something.
fn inside(text: &[u8], word: &Range<usize>) -> Option<Range<usize>> {
    let content = content(text, word);
    let start = word.start + usize::from(matches!(text.get(word.start), Some(b'"' | b'\'')));
    (!says_nothing(content)).then_some(start..start + content.len())
}
