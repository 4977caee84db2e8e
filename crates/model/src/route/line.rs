//! The request line, byte by byte.
//!
//! Source: `ngx_http_parse_request_line`, src/http/ngx_http_parse.c

use crate::request::{HttpVersion, Request};

/// A request line taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'r> {
    /// The host of an absolute target, with its port.
    pub(super) host: Option<&'r [u8]>,
    /// The target in origin form, as it stands; `$request_uri`.
    pub(super) target: &'r [u8],
    /// Whether the target has a path (`http://a?x` has none).
    pub(super) has_path: bool,
    /// The version, which a line feed in the target turns into HTTP/0.9.
    pub(super) version: HttpVersion,
}

/// Reads the request line of a request; `None` where nginx answers 400 at once. `connects` says whether the target of a
/// CONNECT is a host and a port.
pub(super) fn parse(request: &Request, connects: bool) -> Option<Line<'_>> {
    let method = &request.method;
    if method.is_empty()
        || !method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
    {
        return None;
    }
    let rest = trim_spaces(&request.target);
    if connects && method == b"CONNECT" {
        let host = authority(rest).filter(|_| request.version >= HttpVersion::V1_0)?;
        return Some(Line { host: Some(host), target: b"/", has_path: true, version: request.version });
    }
    let (host, path) = if rest.starts_with(b"/") { (None, rest) } else { absolute(rest)? };
    let (target, after) = split_target(path)?;
    let version = match after {
        After::End => request.version,
        After::LineEnd => HttpVersion::V0_9,
    };
    if version == HttpVersion::V0_9 && method != b"GET" {
        // HTTP/0.9 knows only GET.
        return None;
    }
    let (target, has_path) = match (&host, target) {
        (Some(_), b"") => (&b"/"[..], true),
        (_, target) => (target, target.starts_with(b"/")),
    };
    Some(Line { host, target, has_path, version })
}

enum After {
    End,
    LineEnd,
}

/// Host and what follows it in `http://host:port/path`; any scheme will do.
fn absolute(target: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let colon = target.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(scheme_byte) {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = host_length(rest)?;
    let end = match rest.get(end) {
        Some(b':') => {
            let digits = rest[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            end + 1 + digits
        }
        _ => end,
    };
    let (host, path) = rest.split_at(end);
    match path.first() {
        None | Some(b'/' | b'?') => Some((Some(host), path)),
        // A space ends the target; nothing but spaces may follow before the version.
        Some(b' ') if trim_spaces(path).is_empty() => Some((Some(host), b"")),
        _ => None,
    }
}

/// How long the host at the beginning of a text is.
fn host_length(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"[") {
        let literal = |byte: &u8| byte.is_ascii_alphanumeric() || b":-._~!$&'()*+,;=".contains(byte);
        let end = text.iter().skip(1).position(|byte| !literal(byte))? + 1;
        return (text[end] == b']').then_some(end + 1);
    }
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    Some(text.iter().position(|byte| !name(byte)).unwrap_or(text.len()))
}

/// The target of a CONNECT: a host and a port, with nothing but spaces behind it.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let host = host_length(target).filter(|&host| host > 0)?;
    let port = target[host..].strip_prefix(b":")?;
    let digits = port.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_whole = digits > 0 && trim_spaces(&port[digits..]).is_empty();
    is_whole.then(|| &target[..host + 1 + digits])
}

/// The target up to its end; `None`: something is in it that may not be there.
fn split_target(path: &[u8]) -> Option<(&[u8], After)> {
    for (at, &byte) in path.iter().enumerate() {
        match byte {
            b' ' => {
                let after = trim_spaces(&path[at..]);
                return match after {
                    b"" => Some((&path[..at], After::End)),
                    [b'\n', ..] | [b'\r', b'\n', ..] => Some((&path[..at], After::LineEnd)),
                    _ => None,
                };
            }
            b'\n' => return Some((&path[..at], After::LineEnd)),
            b'\r' if path.get(at + 1) == Some(&b'\n') => return Some((&path[..at], After::LineEnd)),
            0..0x20 | 0x7f => return None,
            _ => {}
        }
    }
    Some((path, After::End))
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| byte == b' ').count();
    &text[spaces..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &str, target: &str) -> Option<(Option<String>, String)> {
        let mut request = Request::parse("GET http://a/").unwrap();
        request.method = method.as_bytes().to_vec();
        request.target = target.as_bytes().to_vec();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        parse(&request, true).map(|line| (line.host.map(text), text(line.target)))
    }

    #[test]
    fn absolute_target_brings_its_host() {
        for (target, host, path) in [
            ("http://a/b", "a", "/b"),
            ("ftp://a.b:81?x", "a.b:81", "?x"),
            ("http://a", "a", "/"),
            ("HTTP://[::1]:80/", "[::1]:80", "/"),
            ("http:///x", "", "/x"),
        ] {
            assert_eq!(line("GET", target), Some((Some(host.to_owned()), path.to_owned())), "{target}");
        }
    }

    #[test]
    fn target_of_connect_is_a_host_and_a_port() {
        for target in ["a.test:443", "[::1]:0", "a-b:99999 "] {
            let host = target.trim_end().to_owned();
            assert_eq!(line("CONNECT", target), Some((Some(host), "/".to_owned())), "{target}");
        }
        for target in
            ["a.test", "a:", ":1", "a:x", "a:1/", "a:1#", "a_b:1", "[::1]", "/x", "http://a/", "a:1 x"]
        {
            assert_eq!(line("CONNECT", target), None, "{target}");
        }
    }

    #[test]
    fn broken_lines_are_refused() {
        for target in
            ["*", "a", "http:/a", "http://a_b/", "http://a b", "/a b", "/\x01", "/\x7f", "", "http://[::1"]
        {
            assert_eq!(line("GET", target), None, "{target:?}");
        }
        for method in ["get", "", "G ET", "G3T"] {
            assert_eq!(line(method, "/"), None, "{method:?}");
        }
        assert_eq!(line("M_-", "/a ").unwrap().1, "/a");
    }
}
