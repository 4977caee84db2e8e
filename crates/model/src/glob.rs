//! glob(3) as nginx calls it for `include`: no flags, the C locale's order, hidden names only when asked for.
//!
//! Source: `ngx_open_glob`, src/os/unix/ngx_files.c

use crate::files::Path;

/// What a directory holds.
pub(crate) enum Names<'a> {
    /// Sorted names; none when it is no directory.
    Known(&'a [Vec<u8>]),
    /// Nobody can know.
    Unknown,
    /// Not asked yet.
    Wanted,
}

/// What a pattern leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expansion {
    pub(crate) paths: Vec<Path>,
    /// Directories that must be listed first.
    pub(crate) wanted: Vec<Path>,
    pub(crate) known: bool,
}

/// Whether `include` treats a path as a pattern.
pub(crate) fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The paths that match an absolute pattern, in nginx's order.
pub(crate) fn expand<'a>(pattern: &[u8], list: impl Fn(&[u8]) -> Names<'a>) -> Expansion {
    let mut result = Expansion { paths: vec![Vec::new()], wanted: Vec::new(), known: true };
    let parts: Vec<&[u8]> = pattern.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        // The last name is looked up even without a wildcard: what does not exist does not match.
        let must_list = is_magic(part) || index + 1 == parts.len();
        if !must_list {
            let literal = unescape(part);
            result.paths.iter_mut().for_each(|path| push(path, &literal));
            continue;
        }
        let directories = std::mem::take(&mut result.paths);
        for directory in directories {
            match list(if directory.is_empty() { b"/" } else { &directory }) {
                Names::Known(names) => {
                    let matching = names.iter().filter(|name| matches(part, name));
                    result.paths.extend(matching.map(|name| {
                        let mut path = directory.clone();
                        push(&mut path, name);
                        path
                    }));
                }
                Names::Unknown => result.known = false,
                Names::Wanted => result.wanted.push(directory),
            }
        }
    }
    result.paths.sort_unstable();
    result
}

fn push(path: &mut Path, name: &[u8]) {
    path.push(b'/');
    path.extend_from_slice(name);
}

/// A lone `[` is a letter like any other.
fn is_magic(part: &[u8]) -> bool {
    let mut open = false;
    let mut bytes = part.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' => return true,
            b'[' => open = true,
            b']' if open => return true,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    false
}

fn unescape(part: &[u8]) -> Vec<u8> {
    let mut literal = Vec::with_capacity(part.len());
    let mut bytes = part.iter();
    while let Some(&byte) = bytes.next() {
        literal.push(if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte });
    }
    literal
}

/// fnmatch(3) of one path component, with a leading dot matched only by a dot.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && !matches!(pattern, [b'.', ..] | [b'\\', b'.', ..]) {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() || p < pattern.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        if n < name.len()
            && let Some(length) = one(&pattern[p..], name[n])
        {
            p += length;
            n += 1;
            continue;
        }
        match star {
            Some((at, from)) if from < name.len() => {
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
            _ => return false,
        }
    }
    true
}

/// How much of the pattern matches this one byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', rest @ ..] => match bracket(rest, byte) {
            Some((true, length)) => Some(length + 1),
            Some((false, _)) => None,
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// Whether a bracket expression (after its `[`) holds the byte, and its length; `None` when it never ends.
fn bracket(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let mut at = usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        match *pattern.get(at)? {
            b']' if at > first => return Some((found != negated, at + 1)),
            b'[' if pattern.get(at + 1) == Some(&b':') => {
                let name = &pattern[at + 2..];
                let length = name.windows(2).position(|pair| pair == b":]")?;
                found |= in_class(&name[..length], byte);
                at += length + 4;
            }
            mut low => {
                if low == b'\\' {
                    at += 1;
                    low = *pattern.get(at)?;
                }
                at += 1;
                let mut high = low;
                if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|&end| end != b']') {
                    high = pattern[at + 1];
                    at += 2;
                }
                found |= (low..=high).contains(&byte);
            }
        }
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    match class {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"punct" => byte.is_ascii_punctuation(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => byte == b' ' || byte == b'\t',
        b"cntrl" => byte.is_ascii_control(),
        b"graph" => byte.is_ascii_graphic(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_the_shell_s_do() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf.bak", false),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("[!.]x", ".x", false),
            ("?", "a", true),
            ("?", "", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxx", false),
            ("[a-c]1", "b1", true),
            ("[!a-c]1", "b1", false),
            ("[^a-c]1", "d1", true),
            ("[]]", "]", true),
            ("[[:digit:]]*", "1x", true),
            ("[[:digit:]]*", "x1", false),
            ("[ab", "[ab", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("{a,b}", "a", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    fn list(directory: &[u8]) -> Names<'static> {
        static TOP: [&[u8]; 3] = [b"a", b"a-b", b"z"];
        let names =
            |names: &[&[u8]]| Names::Known(Vec::leak(names.iter().map(|name| name.to_vec()).collect()));
        match directory {
            b"/" => names(&TOP),
            b"/a" => names(&[b"2.conf", b"1.conf", b".h.conf"]),
            b"/a-b" => names(&[b"1.conf"]),
            b"/later" => Names::Wanted,
            b"/elsewhere" => Names::Unknown,
            _ => Names::Known(&[]),
        }
    }

    fn paths(pattern: &str) -> Vec<String> {
        let expansion = expand(pattern.as_bytes(), list);
        expansion.paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn patterns_expand_in_the_order_of_whole_paths() {
        assert_eq!(paths("/a/*.conf"), ["/a/1.conf", "/a/2.conf"]);
        assert_eq!(paths("/*/1.conf"), ["/a-b/1.conf", "/a/1.conf"], "'-' sorts before '/'");
        assert_eq!(paths("/*/2.conf"), ["/a/2.conf"]);
        assert_eq!(paths("/q/*.conf"), [""; 0]);
    }

    #[test]
    fn unasked_and_unknowable_directories_are_told_apart() {
        assert_eq!(expand(b"/later/*", list).wanted, [b"/later"]);
        assert!(!expand(b"/elsewhere/*", list).known);
    }
}
