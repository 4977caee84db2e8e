//! Secrets that are known by the name before them.

mod statement;

use std::ops::Range;

use super::{run, says_nothing};

/// How far a quoted value is followed, in bytes.
const VALUE_BYTES_MAX: usize = 16 * 1024;

pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| in_name(*byte)).map(|skipped| at + skipped) {
        at = run(text, start, in_name);
        let name = start..at;
        match secrecy(&text[name.clone()]) {
            Secrecy::None => {}
            secrecy => found.extend(assigned(text, &name, secrecy)),
        }
        statement::find(text, &name, &mut found);
    }
    found
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    None,
    /// In the query of a URL, or before what does not look like a word.
    InQuery,
    /// Anywhere.
    Anywhere,
    /// A header whose value is all that follows.
    Header,
}

fn secrecy(name: &[u8]) -> Secrecy {
    const QUERY: [&[u8]; 9] =
        [b"key", b"sig", b"signature", b"auth", b"pass", b"pwd", b"code", b"session", b"sid"];
    const PARTS: [&[u8]; 15] = [
        b"token",
        b"secret",
        b"password",
        b"passwd",
        b"passphrase",
        b"credential",
        b"apikey",
        b"api-key",
        b"api_key",
        b"accesskey",
        b"access-key",
        b"access_key",
        b"privatekey",
        b"private-key",
        b"private_key",
    ];
    const INNOCENT: [&[u8]; 13] = [
        b"tokens",
        b"_file",
        b"-file",
        b"_path",
        b"_url",
        b"_uri",
        b"_endpoint",
        b"_zone",
        b"_name",
        b"_type",
        b"_length",
        b"_size",
        b"_ttl",
    ];
    // No name worth reading is longer, and what follows is not linear.
    if name.len() > 128 {
        return Secrecy::None;
    }
    let name = name.to_ascii_lowercase();
    let contains = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    if contains(b"authorization")
        || matches!(name.as_slice(), b"cookie" | b"set-cookie" | b"http_cookie" | b"set_cookie")
    {
        Secrecy::Header
    } else if INNOCENT.iter().any(|end| name.ends_with(end)) {
        Secrecy::None
    } else if PARTS.iter().any(|part| contains(part)) {
        Secrecy::Anywhere
    } else if QUERY.contains(&name.as_slice()) {
        Secrecy::InQuery
    } else {
        Secrecy::None
    }
}

/// The value of `name: value`, `name=value`, `"name": "value"`, `$name = "value"` and `("name", "value")`.
fn assigned(text: &[u8], name: &Range<usize>, secrecy: Secrecy) -> Option<Range<usize>> {
    let before = |back: usize| name.start.checked_sub(back).map(|at| text[at]);
    let variable = before(1) == Some(b'$') || (before(1), before(2)) == (Some(b'{'), Some(b'$'));
    let blank = |byte: u8| byte == b' ' || byte == b'\t';
    let quoted = matches!(text.get(name.end), Some(b'"' | b'\''));
    let at = name.end + usize::from(quoted || (variable && text.get(name.end) == Some(&b'}')));
    let sign = run(text, at, blank);
    let mut start = run(text, sign, |byte| matches!(byte, b'=' | b'!' | b'~' | b'*' | b':' | b'>'));
    match &text[sign..start] {
        b":" if variable => return None,
        b"=" if variable && sign == at => return None,
        b"=" | b":" | b"==" | b"=>" | b"!=" | b"~" | b"~*" | b"!~" | b"!~*" | b":=" => {}
        b"" if quoted && before(2) == Some(b'(') && text.get(sign) == Some(&b',') => start = sign + 1,
        _ => return None,
    }
    let colon = text[sign] == b':';
    let value = value(text, run(text, start, blank), secrecy == Secrecy::Header && colon);
    let bytes = &text[value.clone()];
    let in_query = matches!(before(1), Some(b'?' | b'&'));
    let wordless =
        bytes.len() >= 8 && bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    let known = secrecy != Secrecy::InQuery || (!colon && (in_query || wordless));
    (known && !says_nothing(bytes)).then_some(value)
}

/// The value that starts here: what is in the quotes, or else one word or the whole line.
fn value(text: &[u8], start: usize, whole_line: bool) -> Range<usize> {
    if let Some(quote @ (b'"' | b'\'')) = text.get(start) {
        return start + 1..closing(text, start + 1, *quote);
    }
    let end = run(text, start, |byte| match byte {
        b'\r' | b'\n' | b'"' | b'\'' => false,
        b' ' | b'\t' | b'&' | b'#' | b';' | b',' | b')' | b'}' | b']' | b'<' | b'>' | b'|' => whole_line,
        _ => true,
    });
    start..end
}

/// Where a quoted text ends, without its quote; the end of the line where the quote is missing.
fn closing(text: &[u8], from: usize, quote: u8) -> usize {
    let from = from.min(text.len());
    let limit = text.len().min(from + VALUE_BYTES_MAX);
    let mut at = from;
    while at < limit {
        match text[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at,
            _ => at += 1,
        }
    }
    run(&text[..limit], from, |byte| byte != b'\n')
}

/// Whether a name, with or without `$`, names a secret for sure.
fn names_secret(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"$").unwrap_or(name);
    let name = name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}")).unwrap_or(name);
    matches!(secrecy(name), Secrecy::Anywhere | Secrecy::Header)
}
