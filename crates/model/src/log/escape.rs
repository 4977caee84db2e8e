//! Values back as they were before nginx wrote them.

use std::borrow::Cow;

use super::Escape;

/// A value of a line as nginx had it; `None`: there was none.
pub(super) fn value(raw: &[u8], escape: Escape) -> Option<Cow<'_, [u8]>> {
    match escape {
        _ if raw.is_empty() => None,
        Escape::Default if raw == b"-" => None,
        Escape::None => Some(Cow::Borrowed(raw)),
        _ if !raw.contains(&b'\\') => Some(Cow::Borrowed(raw)),
        Escape::Default => Some(Cow::Owned(default(raw))),
        Escape::Json => Some(Cow::Owned(json(raw))),
    }
}

/// `\xHH`; and `\"`, `\\`, `\n` …, as other servers write them.
fn default(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match after {
            [b'x', high, low, after @ ..] if let Some(byte) = hex(*high, *low) => {
                bytes.push(byte);
                rest = after;
            }
            [byte, after @ ..] if let Some(byte) = letter(*byte) => {
                bytes.push(byte);
                rest = after;
            }
            _ => bytes.push(b'\\'),
        }
    }
    bytes
}

fn json(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match after {
            // nginx writes control characters so, and nothing else.
            [b'u', b'0', b'0', high, low, after @ ..] if let Some(byte) = hex(*high, *low) => {
                bytes.push(byte);
                rest = after;
            }
            [byte, after @ ..] if let Some(byte) = letter(*byte) => {
                bytes.push(byte);
                rest = after;
            }
            _ => bytes.push(b'\\'),
        }
    }
    bytes
}

fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        _ => return None,
    })
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
