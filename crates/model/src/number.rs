//! Numbers as nginx reads them.

/// Decimal digits only, below 2^63; `None` for anything else, the empty text too.
///
/// Source: `ngx_atoi`, src/core/ngx_string.c
pub(crate) fn atoi(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// The same with up to `places` decimal places, in units of the last one.
///
/// Source: `ngx_atofp`, src/core/ngx_string.c
pub(crate) fn atofp(text: &[u8], places: u32) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let mut left = places;
    let mut dot = false;
    let mut value = 0_i64;
    for &byte in text {
        if byte == b'.' && !dot {
            dot = true;
            continue;
        }
        if !byte.is_ascii_digit() || (dot && left == 0) {
            return None;
        }
        left -= u32::from(dot);
        value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    value.checked_mul(10_i64.checked_pow(left)?)
}

/// Hexadecimal digits only.
///
/// Source: `ngx_hextoi`, src/core/ngx_string.c
pub(crate) fn hextoi(text: &[u8]) -> Option<i64> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    i64::from_str_radix(text, 16).ok()
}

/// A size: digits and perhaps `k` or `m`.
///
/// Source: `ngx_parse_size`, src/core/ngx_parse.c
pub(crate) fn size(text: &[u8]) -> Option<i64> {
    scaled(text, &[(b'k', 1 << 10), (b'm', 1 << 20)])
}

/// An offset: digits and perhaps `k`, `m` or `g`.
///
/// Source: `ngx_parse_offset`, src/core/ngx_parse.c
pub(crate) fn offset(text: &[u8]) -> Option<i64> {
    scaled(text, &[(b'k', 1 << 10), (b'm', 1 << 20), (b'g', 1 << 30)])
}

fn scaled(text: &[u8], units: &[(u8, i64)]) -> Option<i64> {
    let (last, digits) = text.split_last()?;
    match units.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(last)) {
        Some((_, scale)) => atoi(digits)?.checked_mul(*scale),
        None => atoi(text),
    }
}

/// A time: `90`, `1m30s`, `1h 30m`; in seconds, or with `msec` in milliseconds (where years and months are refused
/// and `ms` is allowed).
///
/// Source: `ngx_parse_time`, src/core/ngx_parse.c
pub(crate) fn time(text: &[u8], msec: bool) -> Option<i64> {
    const DAY: i64 = 24 * 60 * 60;
    const MILLISECONDS: u8 = 8;
    let unit_scale = if msec { 1000 } else { 1 };
    let mut step: u8 = if msec { 2 } else { 0 };
    let (mut total, mut value, mut valid) = (0_i64, 0_i64, false);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte.is_ascii_digit() {
            value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
            valid = true;
            continue;
        }
        let (rank, seconds) = match byte {
            b'y' => (1, 365 * DAY),
            b'M' => (2, 30 * DAY),
            b'w' => (3, 7 * DAY),
            b'd' => (4, DAY),
            b'h' => (5, 60 * 60),
            b'm' if text.get(at) == Some(&b's') => (MILLISECONDS, 0),
            b'm' => (6, 60),
            b's' => (7, 1),
            b' ' if step < 7 => (9, 1),
            _ => return None,
        };
        if step >= rank || (rank == MILLISECONDS && !msec) {
            return None;
        }
        step = rank;
        let scale = if rank == MILLISECONDS { 1 } else { seconds * unit_scale };
        at += usize::from(rank == MILLISECONDS);
        total = total.checked_add(value.checked_mul(scale)?)?;
        value = 0;
        at += text[at..].iter().take_while(|byte| **byte == b' ').count();
    }
    if valid { total.checked_add(value.checked_mul(unit_scale)?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_from_large_units_to_small() {
        for (text, msec, expected) in [
            ("30", false, Some(30)),
            ("30", true, Some(30_000)),
            ("1m30s", false, Some(90)),
            ("1h 30m", false, Some(5400)),
            ("30s1m", false, None),
            ("1y", false, Some(31_536_000)),
            ("1y", true, None),
            ("1M", true, None),
            ("500ms", true, Some(500)),
            ("500ms", false, None),
            ("1s500ms", true, Some(1500)),
            ("10x", false, None),
            ("s", false, None),
            ("", false, None),
        ] {
            assert_eq!(time(text.as_bytes(), msec), expected, "{text} {msec}");
        }
    }

    #[test]
    fn numbers_are_plain_digits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("42", Some(42)),
            ("", None),
            ("-1", None),
            ("4x", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(atoi(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(atofp(b"10.5", 2), Some(1050));
        assert_eq!(atofp(b"10.555", 2), None);
        assert_eq!(hextoi(b"1f"), Some(31));
    }

    #[test]
    fn sizes_have_one_unit() {
        for (text, expected) in
            [("1k", Some(1024)), ("2M", Some(2 << 20)), ("k", None), ("1g", None), ("1kk", None)]
        {
            assert_eq!(size(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(offset(b"1g"), Some(1 << 30));
    }
}
