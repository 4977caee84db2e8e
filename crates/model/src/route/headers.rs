//! The header lines of a request, byte by byte, and what nginx demands of a host.

use std::borrow::Cow;

use crate::catalog::Version;
use crate::request::Request;

/// A header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header<'r> {
    pub(super) name: Cow<'r, [u8]>,
    pub(super) value: Cow<'r, [u8]>,
    /// Whether the name has a byte that is neither a letter, a digit, `-` nor `_`.
    pub(super) invalid: bool,
    /// Whether the name has an underscore.
    pub(super) underscore: bool,
}

/// The lines of the header; the flag is false where a line makes nginx answer 400, which ends the list.
///
/// Source: `ngx_http_parse_header_line`, src/http/ngx_http_parse.c
pub(super) fn parse(request: &Request) -> (Vec<Header<'_>>, bool) {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let one_line = |(name, value): &(Vec<u8>, Vec<u8>)| {
        !name.iter().any(|byte| ends(byte) || *byte == b':') && !value.iter().any(ends)
    };
    if request.headers.iter().all(one_line) {
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            match header(name, value) {
                Some(header) => headers.push(header),
                None => return (headers, false),
            }
        }
        return (headers, true);
    }
    let mut bytes = Vec::new();
    for (name, value) in &request.headers {
        for part in [&name[..], b": ", value, b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    let mut headers = Vec::new();
    let mut rest = &bytes[..];
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        match self::line(line) {
            Parsed::End => return (headers, true),
            Parsed::Header(header) => headers.push(header.into_owned()),
            Parsed::Bad => return (headers, false),
        }
    }
    (headers, true)
}

impl Header<'_> {
    fn into_owned(self) -> Header<'static> {
        let Header { name, value, invalid, underscore } = self;
        let [name, value] = [name, value].map(|bytes| Cow::Owned(bytes.into_owned()));
        Header { name, value, invalid, underscore }
    }
}

enum Parsed<'l> {
    Header(Header<'l>),
    End,
    Bad,
}

/// A line without its line feed.
fn line(line: &[u8]) -> Parsed<'_> {
    // Carriage returns may only stand at the end.
    let carriage = line.iter().position(|&byte| byte == b'\r').unwrap_or(line.len());
    let returns = &line[carriage..];
    let line = &line[..carriage];
    if line.is_empty() {
        return if returns.len() <= 1 { Parsed::End } else { Parsed::Bad };
    }
    if returns.iter().any(|&byte| byte != b'\r') {
        return Parsed::Bad;
    }
    let name_end = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
    let (name, value) = line.split_at(name_end);
    header(name, value.strip_prefix(b":").unwrap_or(value)).map_or(Parsed::Bad, Parsed::Header)
}

/// A header by its name and what stands behind the colon; `None` where nginx answers 400.
fn header<'l>(name: &'l [u8], value: &'l [u8]) -> Option<Header<'l>> {
    if name.is_empty() || name.iter().any(|&byte| byte <= b' ' || byte == 0x7f) || value.contains(&0) {
        return None;
    }
    let start = value.iter().take_while(|&&byte| byte == b' ').count();
    let mut value = &value[start..];
    while let [rest @ .., b' '] = value {
        value = rest;
    }
    let invalid = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_');
    Some(Header {
        name: Cow::Borrowed(name),
        value: Cow::Borrowed(value),
        invalid: name.iter().any(invalid),
        underscore: name.contains(&b'_'),
    })
}

/// The release from which a host is held against RFC 3986.
const STRICT_HOSTS: Version = Version { major: 1, minor: 29, patch: 4 };

/// The name in a host, in lower case and without port and last dot; `None` where nginx answers 400.
///
/// Source: `ngx_http_validate_host`, src/http/ngx_http_request.c
pub(super) fn host(host: &[u8], version: Option<Version>) -> Option<Cow<'_, [u8]>> {
    if version.is_none_or(|version| version >= STRICT_HOSTS) { strict_host(host) } else { lax_host(host) }
}

/// In lower case; most are.
fn lower(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().any(u8::is_ascii_uppercase) { name.to_ascii_lowercase().into() } else { name.into() }
}

pub(crate) fn lax_host(host: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut end = host.len();
    let mut last_dot = None;
    let (mut usual, mut literal) = (true, false);
    for (at, &byte) in host.iter().enumerate() {
        match byte {
            b'.' if last_dot.is_some_and(|dot| dot + 1 == at) => return None,
            b'.' => last_dot = Some(at),
            b':' if usual && !literal => (end, usual) = (at, false),
            b'[' if at == 0 => literal = true,
            b']' if literal => (end, usual, literal) = (at + 1, false, false),
            b'/' | 0..=b' ' | 0x7f => return None,
            _ => {}
        }
    }
    end -= usize::from(end > 0 && last_dot == Some(end - 1));
    (end > 0).then(|| lower(&host[..end]))
}

fn strict_host(host: &[u8]) -> Option<Cow<'_, [u8]>> {
    // Unreserved, sub-delims, and the percent sign.
    let allowed = |byte: u8| {
        matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~')
            || matches!(byte, b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b'%')
    };
    let end = match host {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|&byte| byte == b']')?;
            if !rest[..end].iter().all(|&byte| (allowed(byte) && byte != b'%') || byte == b':') {
                return None;
            }
            end + 2
        }
        _ => host.iter().position(|&byte| byte == b':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let plain = !host.starts_with(b"[");
    if (plain && !name.iter().all(|&byte| allowed(byte))) || name.windows(2).any(|two| two == b"..") {
        return None;
    }
    match port {
        [] => {}
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            let value =
                digits.iter().fold(0_u32, |value, digit| (value * 10 + u32::from(digit - b'0')).min(100_000));
            if value > 65535 {
                return None;
            }
        }
        _ => return None,
    }
    let name = name.strip_suffix(b".").unwrap_or(name);
    (!name.is_empty()).then(|| lower(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> [Option<String>; 2] {
        let text_of = |name: Cow<'_, [u8]>| String::from_utf8_lossy(&name).into_owned();
        [Version::parse("1.22.1"), None].map(|version| host(text.as_bytes(), version).map(text_of))
    }

    #[test]
    fn host_is_validated_as_the_release_does_it() {
        for (text, lax, strict) in [
            ("A.b", Some("a.b"), Some("a.b")),
            ("a.:80", Some("a"), Some("a")),
            ("a:", Some("a"), Some("a")),
            ("a:bar", Some("a"), None),
            ("a.:1.2", Some("a."), None),
            (".a", Some(".a"), Some(".a")),
            (".", None, None),
            ("a..b", None, None),
            ("1.2.3.4:98777", Some("1.2.3.4"), None),
            ("a:00000080", Some("a"), Some("a")),
            ("x[::1]", Some("x["), None),
            ("[::1", Some("[::1"), None),
            ("[::1]:80", Some("[::1]"), Some("[::1]")),
            ("[::1].", Some("[::1]"), None),
            ("[..]", None, None),
            ("[a%]", Some("[a%]"), None),
            ("a%", Some("a%"), Some("a%")),
            ("a@b", Some("a@b"), None),
            ("a/b", None, None),
            ("a b", None, None),
            ("", None, None),
            (":80", None, None),
        ] {
            assert_eq!(both(text), [lax, strict].map(|name| name.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn header_lines_are_read_byte_by_byte() {
        let mut request = Request::parse("GET http://a/").unwrap();
        request.headers = vec![(b"X_y".to_vec(), b"  v \r\nZ: w".to_vec()), (b"a(".to_vec(), b"".to_vec())];
        let (headers, good) = parse(&request);
        assert!(good);
        let shown: Vec<_> =
            headers.iter().map(|h| (&h.name[..], &h.value[..], h.invalid, h.underscore)).collect();
        assert_eq!(
            shown,
            [(&b"X_y"[..], &b"v"[..], false, true), (b"Z", b"w", false, false), (b"a(", b"", true, false)]
        );
        request.headers = vec![(b"a b".to_vec(), b"".to_vec())];
        assert!(!parse(&request).1);
    }
}
