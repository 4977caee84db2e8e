//! URIs as nginx normalizes and escapes them.

/// A request target taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Decoded, slashes merged, dot segments removed.
    pub(super) uri: Vec<u8>,
    pub(super) args: Vec<u8>,
    /// Whether something was written as `%XX`.
    pub(super) quoted: bool,
    /// Whether a `+` stands in it.
    pub(super) plus: bool,
}

/// Normalizes a target in origin form; `None` where nginx answers 400.
///
/// Source: `ngx_http_parse_complex_uri`, src/http/ngx_http_parse.c
pub(super) fn normalize(target: &[u8], merge_slashes: bool) -> Option<Target> {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let (path, rest) = target.split_at(end);
    let args = match rest {
        [b'?', args @ ..] => args.split(|&byte| byte == b'#').next().unwrap_or(b""),
        _ => b"",
    };
    if is_normal(path) {
        let plus = path.contains(&b'+');
        return Some(Target { uri: path.to_vec(), args: args.to_vec(), quoted: false, plus });
    }
    let quoted = path.contains(&b'%');
    let decoded = decode(path)?;
    let plus = decoded.iter().any(|character| character.0 == b'+');
    let mut uri: Vec<u8> = Vec::with_capacity(path.len());
    let mut segment_start = 0;
    for &(byte, plain) in &decoded {
        if byte == b'/' && !plain {
            let was_dots = close_segment(&mut uri, segment_start)?;
            if !(was_dots || merge_slashes && uri.ends_with(b"/")) {
                uri.push(b'/');
            }
            segment_start = uri.len();
        } else {
            uri.push(byte);
        }
    }
    close_segment(&mut uri, segment_start)?;
    Some(Target { uri, args: args.to_vec(), quoted, plus })
}

/// Whether a path is its own normal form: nothing is encoded, and no segment is empty or begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    let mut after_slash = false;
    path.iter().all(|&byte| {
        let special = byte == b'%' || (after_slash && matches!(byte, b'/' | b'.'));
        after_slash = byte == b'/';
        !special
    })
}

/// The bytes of a path with `%XX` decoded; the flag says that a byte may no longer act as a separator.
fn decode(path: &[u8]) -> Option<Vec<(u8, bool)>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            decoded.push((byte, false));
            continue;
        }
        let byte = hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?;
        if byte == 0 {
            return None;
        }
        decoded.push((byte, matches!(byte, b'%' | b'#' | b'?')));
    }
    Some(decoded)
}

/// Removes a last segment `.` or `..` from what was read so far, and says whether it did; `None`: above the root.
fn close_segment(uri: &mut Vec<u8>, segment_start: usize) -> Option<bool> {
    match &uri[segment_start..] {
        b"." if segment_start > 0 => uri.truncate(segment_start),
        b".." if segment_start > 0 => {
            let slash = uri[..segment_start - 1].iter().rposition(|&byte| byte == b'/')?;
            uri.truncate(slash + 1);
        }
        _ => return Some(false),
    }
    Some(true)
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Which bytes are written as `%XX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// A path.
    Uri,
    /// A part of the arguments.
    Args,
}

/// Source: `ngx_escape_uri`, src/core/ngx_string.c
pub(crate) fn escape(bytes: &[u8], what: Escape) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let special = match what {
            Escape::Uri => is_special_in_uri(byte),
            Escape::Args => is_special_in_args(byte),
        };
        if special {
            escaped.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            escaped.push(byte);
        }
    }
    escaped
}

fn is_special_in_uri(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{'..=b'}' | 0x7f..)
}

fn is_special_in_args(byte: u8) -> bool {
    is_special_in_uri(byte) || matches!(byte, b'&' | b'+' | b';')
}

/// Undoes `%XX` up to a `?`, except where the byte could not stand in a `Location`.
///
/// Source: `ngx_unescape_uri` with `NGX_UNESCAPE_REDIRECT`, src/core/ngx_string.c
pub(crate) fn unescape_redirect(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'?' {
            plain.extend_from_slice(&bytes[at..]);
            break;
        }
        if byte != b'%' {
            plain.push(byte);
            at += 1;
            continue;
        }
        let (first, second) = (bytes.get(at + 1), bytes.get(at + 2));
        let Some(high) = first.and_then(|&byte| hex(byte)) else {
            // The percent sign is lost, what follows it stays.
            plain.extend(first);
            at += 2;
            continue;
        };
        let value = second.and_then(|&byte| hex(byte)).map(|low| high << 4 | low);
        at += 3;
        match value {
            // All three are lost.
            None => {}
            Some(b'?') => {
                plain.push(b'?');
                plain.extend_from_slice(&bytes[at..]);
                break;
            }
            Some(value) if value > b'%' && value < 0x7f => plain.push(value),
            Some(_) => plain.extend_from_slice(&bytes[at - 3..at]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(target: &str, merge: bool) -> Option<String> {
        normalize(target.as_bytes(), merge).map(|target| String::from_utf8_lossy(&target.uri).into_owned())
    }

    #[test]
    fn uri_is_normalized_as_nginx_does_it() {
        for (target, expected) in [
            ("/", Some("/")),
            ("/a%20b", Some("/a b")),
            ("//a///b", Some("/a/b")),
            ("/a/./b/.", Some("/a/b/")),
            ("/a/../b", Some("/b")),
            ("/a/b/..", Some("/a/")),
            ("/a/%2e%2E/b", Some("/b")),
            ("/a%2Fb", Some("/a/b")),
            ("/a%2f%2f..", Some("/")),
            ("/..", None),
            ("/a/../../b", None),
            ("/%00", None),
            ("/%zz", None),
            ("/a%2", None),
            ("/a%25%32f", Some("/a%2f")),
            ("/a%3Fb%23c", Some("/a?b#c")),
            ("/a#b?c", Some("/a")),
            ("/...", Some("/...")),
            ("/.a/..b", Some("/.a/..b")),
            ("/a%3F/../b", Some("/b")),
        ] {
            assert_eq!(uri(target, true).as_deref(), expected, "{target}");
        }
        assert_eq!(uri("//a//..//b", false).as_deref(), Some("//a//b"));
    }

    #[test]
    fn arguments_end_at_a_fragment() {
        let target = normalize(b"/a?b?c#d", true).unwrap();
        assert_eq!((&target.uri[..], &target.args[..]), (&b"/a"[..], &b"b?c"[..]));
    }

    #[test]
    fn special_bytes_are_escaped() {
        assert_eq!(escape(b"/a b?\xff%", Escape::Uri), b"/a%20b%3F%FF%25");
        assert_eq!(escape(b"a+b&c", Escape::Args), b"a%2Bb%26c");
        assert_eq!(unescape_redirect(b"/a%41%20%3f%41"), b"/aA%20?%41");
        assert_eq!(unescape_redirect(b"/%\xff/%4x/%"), b"/\xff//");
    }
}
