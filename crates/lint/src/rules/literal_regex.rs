//! The plain among regular expressions: literal text, alternatives, anchors. Of these it is certain what they match.

/// How many literals an expression may stand for.
const LITERALS_MAX: usize = 64;

/// Whether a regular expression matches somewhere in a text; `None` when it is not plain.
pub(crate) fn matches(pattern: &[u8], caseless: bool, text: &[u8]) -> Option<bool> {
    let (pattern, from_start) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (pattern, to_end) = match pattern.strip_suffix(b"$") {
        Some(rest) if !rest.ends_with(b"\\") => (rest, true),
        _ => (pattern, false),
    };
    let mut literals = expand(pattern)?;
    let mut text = text.to_vec();
    if caseless {
        text.make_ascii_lowercase();
        literals.iter_mut().for_each(|literal| literal.make_ascii_lowercase());
    }
    let found = |literal: &Vec<u8>| match (from_start, to_end) {
        (true, true) => text == *literal,
        (true, false) => text.starts_with(literal),
        (false, true) => text.ends_with(literal),
        (false, false) => literal.is_empty() || text.windows(literal.len()).any(|window| window == literal),
    };
    Some(literals.iter().any(found))
}

/// A text that a regular expression matches; `None` when it is not plain.
pub(crate) fn example(pattern: &[u8]) -> Option<Vec<u8>> {
    let pattern = pattern.strip_prefix(b"^").unwrap_or(pattern);
    let pattern = pattern.strip_suffix(b"$").filter(|rest| !rest.ends_with(b"\\")).unwrap_or(pattern);
    expand(pattern)?.into_iter().next()
}

/// The literals that an expression stands for; `None` when there is more in it than text, `?` and alternatives.
fn expand(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut literals = vec![Vec::new()];
    let mut at = 0;
    while at < pattern.len() {
        let (mut choices, next) = match pattern[at] {
            b'(' => {
                let end = at + pattern[at..].iter().position(|&byte| byte == b')')?;
                let inner = &pattern[at + 1..end];
                let inner = inner.strip_prefix(b"?:").unwrap_or(inner);
                let branches = inner.split(|&byte| byte == b'|').map(expand).collect::<Option<Vec<_>>>()?;
                (branches.concat(), end + 1)
            }
            b'\\' => {
                let escaped = *pattern.get(at + 1)?;
                (vec![vec![escaped]], if escaped.is_ascii_punctuation() { at + 2 } else { return None })
            }
            byte if byte.is_ascii_alphanumeric() || b"/-_~%=&@ ".contains(&byte) => {
                (vec![vec![byte]], at + 1)
            }
            _ => return None,
        };
        at = next;
        if pattern.get(at) == Some(&b'?') {
            choices.push(Vec::new());
            at += 1;
        }
        literals = literals
            .iter()
            .flat_map(|literal| choices.iter().map(move |choice| [literal.as_slice(), choice].concat()))
            .collect();
        if literals.len() > LITERALS_MAX {
            return None;
        }
    }
    Some(literals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_expressions_are_decided() {
        for (pattern, text, expected) in [
            (r"\.php$", "/index.php", Some(true)),
            (r"\.php$", "/index.html", Some(false)),
            (r"\.(jpe?g|gif)$", "/a.jpg", Some(true)),
            (r"\.(jpe?g|gif)$", "/a.png", Some(false)),
            (r"^/api", "/api/x", Some(true)),
            (r"^/api", "/v1/api", Some(false)),
            (r"/\.ht", "/a/.htaccess", Some(true)),
            (r"/\.(?:git|svn)", "/50x.html", Some(false)),
            (r"^/$", "/", Some(true)),
            ("", "/", Some(true)),
            (r"a.b", "/axb", None),
            (r"\d", "/1", None),
            (r"x+", "/x", None),
            (r"(?!a)", "/", None),
            (r"((a))", "/", None),
            (r"a|b", "/a", None),
            (r"\.html\$", "/a.html", Some(false)),
        ] {
            assert_eq!(matches(pattern.as_bytes(), false, text.as_bytes()), expected, "{pattern} on {text}");
        }
        assert_eq!(example(br"^/a/(b|c)\.x$").unwrap(), b"/a/b.x");
        assert_eq!(matches(br"\.PHP$", true, b"/a.php"), Some(true));
    }
}
