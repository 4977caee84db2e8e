//! Takes what looks like a secret out of configuration text, diffs, log lines and messages.
//!
//! A secret is known by its name (the value of `Authorization`, of `password=`, of a variable called `$api_token`) or by
//! its shape (a private key, a token of a known maker, a long word without sense). Variables and paths are no secrets,
//! and neither are our own digests of 64 or 12 digits. What this misses is a short secret under an innocent name.

mod named;
mod shape;

use std::borrow::Cow;
use std::ops::Range;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The text with `[redacted]` in the place of everything that looks like a secret.
#[must_use]
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let secrets = find(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = Vec::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        redacted.extend_from_slice(&text[done..secret.start]);
        redacted.extend_from_slice(REDACTED.as_bytes());
        done = secret.end;
    }
    redacted.extend_from_slice(&text[done..]);
    Cow::Owned(redacted)
}

/// [`redact`] for text.
#[must_use]
pub fn redact_str(text: &str) -> Cow<'_, str> {
    match redact(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(redacted) => Cow::Owned(String::from_utf8_lossy(&redacted).into_owned()),
    }
}

/// Where the secrets of a text stand: in order, without overlaps.
#[must_use]
pub fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = shape::find(text);
    found.extend(named::find(text));
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut secrets: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match secrets.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => secrets.push(range),
        }
    }
    secrets
}

/// Where a run of bytes that begins at `from` ends.
fn run(text: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    text[from..].iter().position(|byte| !wanted(*byte)).map_or(text.len(), |length| from + length)
}

/// What is left of a value without its variables and its scheme: where nothing is, the value is none of ours.
fn says_nothing(value: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 5] = [b"bearer", b"basic", b"token", b"digest", b"negotiate"];
    const PLAIN: [&[u8]; 15] = [
        b"on",
        b"off",
        b"true",
        b"false",
        b"yes",
        b"no",
        b"none",
        b"null",
        b"nil",
        b"default",
        b"required",
        b"optional",
        b"always",
        b"0",
        b"1",
    ];
    let value = value.trim_ascii();
    // A value may be cut at the bracket.
    if value.starts_with(b"[redacted")
        || is_path(value)
        || PLAIN.iter().any(|word| word.eq_ignore_ascii_case(value))
    {
        return true;
    }
    let mut at = 0;
    while at < value.len() {
        match value[at] {
            b'$' | b'%' => {
                at += 1;
                at += usize::from(value.get(at) == Some(&b'{'));
                at = run(value, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            }
            byte if byte.is_ascii_alphanumeric() || !byte.is_ascii() => {
                let end = run(value, at, |byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
                if !SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(&value[at..end])) {
                    return false;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    true
}

/// Whether a value is the path of a file.
fn is_path(value: &[u8]) -> bool {
    let in_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@*".contains(byte);
    matches!(value, [b'/', ..] | [b'.', b'/', ..] | [b'.', b'.', b'/', ..])
        && value[1..].contains(&b'/')
        && value.iter().all(in_path)
}

#[cfg(test)]
mod tests;
