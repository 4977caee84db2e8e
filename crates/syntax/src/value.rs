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

/// The largest number that nginx keeps on a machine of 64 bits.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Reads a whole number without a sign; `None` for anything else, also for one that does not fit in 63 bits.
///
/// Source: `ngx_atoi`, src/core/ngx_string.c
#[must_use]
pub fn parse_number(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0, |number, byte| digit(number, *byte))
}

/// The number with one more digit.
fn digit(number: u64, byte: u8) -> Option<u64> {
    let digit = u64::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
    number.checked_mul(10)?.checked_add(digit).filter(|number| *number <= NUMBER_MAX)
}

/// Reads `512`, `64k` or `1M`; in bytes. There is no `g` here.
///
/// Source: `ngx_parse_size`, src/core/ngx_parse.c
#[must_use]
pub fn parse_size(value: &[u8]) -> Option<u64> {
    scaled(value, b"km")
}

/// Reads `512`, `64k`, `1M` or `2G`; in bytes.
///
/// Source: `ngx_parse_offset`, src/core/ngx_parse.c
#[must_use]
pub fn parse_offset(value: &[u8]) -> Option<u64> {
    scaled(value, b"kmg")
}

fn scaled(value: &[u8], units: &[u8]) -> Option<u64> {
    let (unit, digits) = value.split_last()?;
    match units.iter().position(|known| *known == unit.to_ascii_lowercase()) {
        None => parse_number(value),
        Some(power) => {
            parse_number(digits)?.checked_mul(1024 << (10 * power)).filter(|bytes| *bytes <= NUMBER_MAX)
        }
    }
}

/// Reads `30`, `1h 30m` or `1y`; in seconds. There is no `ms` here.
///
/// Source: `ngx_parse_time`, src/core/ngx_parse.c
#[must_use]
pub fn parse_seconds(value: &[u8]) -> Option<u64> {
    time(value, true)
}

/// Reads `60` (seconds), `500ms` or `1m30s`; in milliseconds. There is neither `y` nor `M` here.
///
/// Source: `ngx_parse_time`, src/core/ngx_parse.c
#[must_use]
pub fn parse_milliseconds(value: &[u8]) -> Option<u64> {
    time(value, false)
}

/// The units, the longest first, with their seconds; each may come once, and in this order.
const UNITS: [(u8, u64); 7] = [
    (b'y', 31_536_000),
    (b'M', 2_592_000),
    (b'w', 604_800),
    (b'd', 86_400),
    (b'h', 3600),
    (b'm', 60),
    (b's', 1),
];

/// Where milliseconds stand in the order of the units.
const MILLISECONDS: usize = UNITS.len();

fn time(value: &[u8], whole_seconds: bool) -> Option<u64> {
    let second = if whole_seconds { 1 } else { 1000 };
    let (mut total, mut number, mut any) = (0u64, 0u64, false);
    // The first unit that may still come: `y` and `M` only where seconds are asked for.
    let mut next = if whole_seconds { 0 } else { 2 };
    let mut rest = value;
    while let [byte, after @ ..] = rest {
        rest = after;
        if byte.is_ascii_digit() {
            (number, any) = (digit(number, *byte)?, true);
            continue;
        }
        let (unit, scale) = match (*byte, rest) {
            (b'm', [b's', ..]) if whole_seconds => return None,
            (b'm', [b's', after @ ..]) => {
                rest = after;
                (MILLISECONDS, 1)
            }
            // A space stands for seconds, and nothing may follow it.
            (b' ', _) if next < MILLISECONDS => (MILLISECONDS, second),
            (byte, _) => {
                let unit = UNITS.iter().position(|(name, _)| *name == byte)?;
                (unit, UNITS[unit].1 * second)
            }
        };
        if unit < next {
            return None;
        }
        next = unit + 1;
        total = add(total, number, scale)?;
        number = 0;
        while let [b' ', after @ ..] = rest {
            rest = after;
        }
    }
    if !any {
        return None;
    }
    add(total, number, second)
}

fn add(total: u64, number: u64, scale: u64) -> Option<u64> {
    total.checked_add(number.checked_mul(scale)?).filter(|sum| *sum <= NUMBER_MAX)
}

/// Reads `on` or `off`, in whatever case.
///
/// Source: `ngx_conf_set_flag_slot`, src/core/ngx_conf_file.c
#[must_use]
pub fn parse_flag(value: &[u8]) -> Option<bool> {
    parse_choice(value, &["off", "on"]).map(|index| index == 1)
}

/// Which of some words a value is, in whatever case.
///
/// Source: `ngx_conf_set_enum_slot`, src/core/ngx_conf_file.c
#[must_use]
pub fn parse_choice(value: &[u8], words: &[&str]) -> Option<usize> {
    words.iter().position(|word| word.as_bytes().eq_ignore_ascii_case(value))
}

/// A piece of a value that may hold variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that stand for themselves.
    Text(&'a [u8]),
    /// The name of a variable, without `$` and braces, as it is written; nginx compares it in lower case.
    Variable(&'a [u8]),
    /// A numbered capture, 1 to 9.
    Capture(u8),
}

/// Why a value with variables cannot be read, in nginx's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVariable {
    /// `$` with no name after it.
    #[error("invalid variable name")]
    Name,
    /// `${name` without `}`. The name.
    #[error("the closing bracket in \"{0}\" variable is missing")]
    Bracket(String),
}

/// Takes a value apart into text and variables. For directives that compile their values; for others a `$` is a byte.
///
/// # Errors
/// [`NoVariable`] for a `$` without a name or a `${` without `}`.
///
/// Source: `ngx_http_script_compile`, src/http/ngx_http_script.c
pub fn pieces(value: &[u8]) -> Result<Vec<Piece<'_>>, NoVariable> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let [first, after @ ..] = rest {
        if *first != b'$' {
            let length = rest.iter().position(|byte| *byte == b'$').unwrap_or(rest.len());
            pieces.push(Piece::Text(&rest[..length]));
            rest = &rest[length..];
            continue;
        }
        let (piece, behind) = variable(after)?;
        pieces.push(piece);
        rest = behind;
    }
    Ok(pieces)
}

/// The variable behind a `$`, and what follows it.
fn variable(text: &[u8]) -> Result<(Piece<'_>, &[u8]), NoVariable> {
    let (bracket, text) = match text {
        [digit @ b'1'..=b'9', after @ ..] => return Ok((Piece::Capture(digit - b'0'), after)),
        [b'{', after @ ..] if !after.is_empty() => (true, after),
        [] | [b'{'] => return Err(NoVariable::Name),
        _ => (false, text),
    };
    let length = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let (name, mut behind) = text.split_at(length);
    if bracket {
        behind = behind
            .strip_prefix(b"}")
            .ok_or_else(|| NoVariable::Bracket(String::from_utf8_lossy(name).into_owned()))?;
    }
    if name.is_empty() { Err(NoVariable::Name) } else { Ok((Piece::Variable(name), behind)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_as_nginx_undoes_them() {
        for (raw, value) in [
            (r"plain", "plain"),
            (r#"a\"b"#, r#"a"b"#),
            (r"a\'b", "a'b"),
            (r"a\\b", r"a\b"),
            (r"a\tb\rc\nd", "a\tb\rc\nd"),
            (r"a\.b\d\;\{", r"a\.b\d\;\{"),
            (r"\\\\", r"\\"),
            (r"\\n", r"\n"),
            (r"a\", r"a\"),
        ] {
            assert_eq!(unescape(raw.as_bytes()), value.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn numbers_have_digits_and_63_bits() {
        let max = i64::MAX.to_string();
        for (text, number) in [("0", 0), ("007", 7), ("42", 42), (max.as_str(), NUMBER_MAX)] {
            assert_eq!(parse_number(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["", "-1", "+1", "1k", "1 ", " 1", "1.5", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_one_unit() {
        for (text, bytes) in [("0", 0), ("1k", 1024), ("2K", 2048), ("3m", 3 << 20), ("1M", 1 << 20)] {
            assert_eq!(parse_size(text.as_bytes()), Some(bytes), "{text}");
            assert_eq!(parse_offset(text.as_bytes()), Some(bytes), "{text}");
        }
        assert_eq!(
            (parse_size(b"1g"), parse_offset(b"1g"), parse_offset(b"2G")),
            (None, Some(1 << 30), Some(2 << 30))
        );
        for text in ["", "k", "1kb", "1 k", "-1k", "1.5m", "8589934592g", "9007199254740992k"] {
            assert_eq!(parse_offset(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_have_units_from_long_to_short() {
        for (text, seconds) in [
            ("0", 0),
            ("30", 30),
            ("1s", 1),
            ("1m", 60),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("1d 12", 129_600 - 43_200 + 12),
            ("1y1M1w1d1h1m1s", 31_536_000 + 2_592_000 + 604_800 + 86_400 + 3661),
            ("5 ", 5),
            ("1m30", 90),
            ("m", 0),
        ] {
            assert_eq!(parse_seconds(text.as_bytes()), (text != "m").then_some(seconds), "{text}");
        }
        for (text, milliseconds) in
            [("60", 60_000), ("500ms", 500), ("1s500ms", 1500), ("1m30s", 90_000), ("1w", 604_800_000)]
        {
            assert_eq!(parse_milliseconds(text.as_bytes()), Some(milliseconds), "{text}");
        }
        for text in
            ["", "1ms", "1m1h", "1s1s", "1x", "-1", "1.5s", "99999999999999999999", "300000000000y", "s"]
        {
            assert_eq!(parse_seconds(text.as_bytes()), None, "{text}");
        }
        for text in ["1y", "1M", "1ms1s", "9223372036854775807"] {
            assert_eq!(parse_milliseconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn flags_and_choices_know_no_case() {
        assert_eq!(
            [&b"on"[..], b"ON", b"Off", b"yes", b""].map(parse_flag),
            [Some(true), Some(true), Some(false), None, None]
        );
        assert_eq!(parse_choice(b"Build", &["off", "on", "build"]), Some(2));
    }

    #[test]
    fn values_are_taken_apart_at_variables() {
        use Piece::{Capture, Text, Variable};
        for (value, expected) in [
            ("", vec![]),
            ("plain", vec![Text(b"plain")]),
            ("$a", vec![Variable(b"a")]),
            ("x$Ab_1.y", vec![Text(b"x"), Variable(b"Ab_1"), Text(b".y")]),
            ("${a}b$c", vec![Variable(b"a"), Text(b"b"), Variable(b"c")]),
            ("/$1$20", vec![Text(b"/"), Capture(1), Capture(2), Text(b"0")]),
            ("$0", vec![Variable(b"0")]),
        ] {
            assert_eq!(pieces(value.as_bytes()), Ok(expected), "{value}");
        }
        for value in ["$", "a$", "$-", "${", "${}", "a$$b"] {
            assert_eq!(pieces(value.as_bytes()), Err(NoVariable::Name), "{value}");
        }
        for value in ["${a", "${a-b}"] {
            assert_eq!(pieces(value.as_bytes()), Err(NoVariable::Bracket("a".into())), "{value}");
        }
    }
}
