//! Globs: `*` stands for any text, everything else for itself.

/// The regex of the whole string that a glob stands for, as PCRE reads it.
pub(super) fn regex(glob: &[u8]) -> Vec<u8> {
    let pieces: Vec<Option<u8>> = glob.iter().map(|&byte| (byte != b'*').then_some(byte)).collect();
    regex_of(&pieces)
}

/// The same for bytes of which `None` stands for any text.
pub(super) fn regex_of(pieces: &[Option<u8>]) -> Vec<u8> {
    let mut regex = b"(?s)\\A".to_vec();
    for piece in pieces {
        match piece {
            None => regex.extend_from_slice(b".*"),
            Some(byte) if byte.is_ascii_alphanumeric() => regex.push(*byte),
            Some(byte) => regex.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    regex.extend_from_slice(b"\\z");
    regex
}

/// Whether a text is one that the glob stands for.
pub(super) fn fits(glob: &[u8], text: &[u8]) -> bool {
    let mut pieces = glob.split(|&byte| byte == b'*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let pieces: Vec<&[u8]> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle.iter().filter(|piece| !piece.is_empty()) {
        let Some(at) = rest.windows(piece.len()).position(|window| window == *piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn glob_and_its_regex_agree() {
        let texts: [&[u8]; 9] =
            [b"", b"/", b"/admin", b"/admin/x", b"/adminx", b"a.b", b"axb", b"/a\nb", b"/admin/x/admin/"];
        for glob in [&b"*"[..], b"/admin*", b"/admin/*", b"*/admin/", b"/*/*", b"a.b", b"", b"/a*b", b"*x*"] {
            let language = Language::pattern(&regex(glob), false).unwrap();
            for text in texts {
                assert_eq!(language.contains(text), fits(glob, text), "{glob:?} {text:?}");
            }
        }
    }
}
