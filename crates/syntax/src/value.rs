//! What the value of an argument says, read exactly as nginx reads it.

use std::borrow::Cow;

use crate::kind::TokenKind;

/// The value of a word by its raw bytes, quotes included.
pub(crate) fn of_word(kind: TokenKind, raw: &[u8]) -> Cow<'_, [u8]> {
    let quote = match kind {
        TokenKind::DoubleQuoted => b'"',
        TokenKind::SingleQuoted => b'\'',
        _ => return unescape(raw),
    };
    unescape(match raw {
        [_, content @ .., last] if *last == quote => content,
        [_, content @ ..] => content,
        [] => raw,
    })
}

/// Undoes nginx's escapes in the raw bytes of a word or of a quoted text's content: `\"`, `\'` and `\\` lose their
/// backslash, `\t`, `\r` and `\n` become the byte; any other backslash stays.
///
/// Source: `ngx_conf_read_token`, src/core/ngx_conf_file.c
#[must_use]
pub fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'\\', [escaped @ (b'"' | b'\'' | b'\\'), after @ ..]) => (*escaped, after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            _ => (*byte, after),
        };
        value.push(byte);
        rest = after;
    }
    Cow::Owned(value)
}

/// Reads a whole number without a sign; `None` for anything else, also for one that does not fit.
///
/// Source: `ngx_atoi`, src/core/ngx_string.c
#[must_use]
pub fn parse_number(_value: &[u8]) -> Option<u64> {
    None
}

/// Reads `512`, `64k` or `1M` in bytes.
///
/// Source: `ngx_parse_size`, src/core/ngx_parse.c
#[must_use]
pub fn parse_size(_value: &[u8]) -> Option<u64> {
    None
}

/// Reads `512`, `64k`, `1M` or `2G` in bytes.
///
/// Source: `ngx_parse_offset`, src/core/ngx_parse.c
#[must_use]
pub fn parse_offset(_value: &[u8]) -> Option<u64> {
    None
}

/// Reads `1d 12h` or `30` in seconds.
///
/// Source: `ngx_parse_time`, src/core/ngx_parse.c
#[must_use]
pub fn parse_seconds(_value: &[u8]) -> Option<u64> {
    None
}

/// Reads `1m30s`, `500ms` or `60` (seconds) in milliseconds.
///
/// Source: `ngx_parse_time`, src/core/ngx_parse.c
#[must_use]
pub fn parse_milliseconds(_value: &[u8]) -> Option<u64> {
    None
}

/// Reads `on` or `off`, in whatever case.
///
/// Source: `ngx_conf_set_flag_slot`, src/core/ngx_conf_file.c
#[must_use]
pub fn parse_flag(_value: &[u8]) -> Option<bool> {
    None
}

/// A piece of a value that may hold variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that stand for themselves.
    Text(&'a [u8]),
    /// The name of a variable, without `$` and braces, as it is written; nginx compares it in lower case.
    Variable(&'a [u8]),
    /// A numbered capture, `$0` to `$9`.
    Capture(u8),
}

/// Why a value with variables cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVariable {
    /// `$` with no name after it.
    #[error("invalid variable name")]
    Name,
    /// `${name` without `}`. The name.
    #[error("the closing bracket in \"{0}\" variable is missing")]
    Bracket(String),
}

/// Takes a value apart into text and variables.
///
/// # Errors
/// [`NoVariable`] for a `$` without a name or a `${` without `}`.
///
/// Source: `ngx_http_script_compile`, src/http/ngx_http_script.c
pub fn pieces(value: &[u8]) -> Result<Vec<Piece<'_>>, NoVariable> {
    Ok(vec![Piece::Text(value)])
}
