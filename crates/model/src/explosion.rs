//! Regular expressions that a short text keeps busy for very long.
//!
//! Nothing is judged by its looks: a text is made that ought to be bad, and PCRE is asked, with the limit that nginx
//! leaves it (`pcre2_match` gives up after 10,000,000 steps). Only what really exceeds it is reported.

use pcre2::bytes::RegexBuilder;

/// How often the repeated character stands in the text: enough for 2^32 ways, short for a request.
const REPEATS: usize = 32;
/// `PCRE2_ERROR_MATCHLIMIT`
const MATCH_LIMIT: i32 = -47;
/// How deep groups may nest.
const DEPTH_MAX: usize = 20;

/// Gives a short text, beginning with `start`, with which `pattern` exceeds PCRE's limit of steps; nginx then logs
/// `pcre2_exec() failed: -47` and answers 500, after some tenths of a second of nothing else. `None`: none was found.
///
/// Source: `ngx_regex_exec`, src/core/ngx_regex.c; `MATCH_LIMIT`, pcre2build(3)
pub fn exploding_text(pattern: &[u8], caseless: bool, start: &[u8]) -> Option<Vec<u8>> {
    // A repeated group is what it takes, and nearly no expression has one.
    let is_suspect = pattern.windows(2).any(|pair| pair[0] == b')' && b"*+{".contains(&pair[1]));
    if !is_suspect {
        return None;
    }
    let branches = Parser { text: pattern, at: 0 }.all()?;
    let mut texts = Vec::new();
    branches.iter().for_each(|branch| texts_of(branch, &[], &mut texts));
    let regex = RegexBuilder::new().caseless(caseless).build(std::str::from_utf8(pattern).ok()?).ok()?;
    texts.into_iter().find_map(|text| {
        let text = if text.starts_with(start) { text } else { [start, text.as_slice()].concat() };
        regex.is_match(&text).is_err_and(|error| error.code() == MATCH_LIMIT).then_some(text)
    })
}

/// A piece of an expression with its quantifier.
struct Item {
    atom: Atom,
    least: usize,
    endless: bool,
}

enum Atom {
    /// A character that it matches; of a set, a plain one.
    Byte(u8),
    Group(Vec<Vec<Item>>),
    /// Anchors and the like.
    Nothing,
}

/// How long an example of a piece may become.
const EXAMPLE_BYTES_MAX: usize = 4096;
/// How many texts are tried.
const TEXTS_MAX: usize = 16;

/// Texts for each endless group: what leads there, a character that the inside repeats, and what spoils the rest.
fn texts_of(items: &[Item], before: &[u8], texts: &mut Vec<Vec<u8>>) {
    let mut before = before.to_vec();
    for (at, item) in items.iter().enumerate() {
        if let Atom::Group(branches) = &item.atom {
            if item.endless {
                let mut repeated = Vec::new();
                branches.iter().flatten().for_each(|inner| endless(inner, &mut repeated));
                repeated.dedup();
                repeated.truncate(TEXTS_MAX);
                for byte in repeated {
                    let pump = [before.as_slice(), &[byte; REPEATS]].concat();
                    let rest = example(&items[at + 1..]);
                    for spoil in ["!", "\n", "~", ""] {
                        texts.push([pump.as_slice(), spoil.as_bytes(), &rest].concat());
                    }
                }
            }
            branches.iter().for_each(|branch| texts_of(branch, &before, texts));
        }
        before.extend(example(std::slice::from_ref(item)));
    }
    texts.truncate(TEXTS_MAX);
}

/// The characters that something inside repeats without end.
fn endless(item: &Item, found: &mut Vec<u8>) {
    match &item.atom {
        Atom::Byte(byte) if item.endless => found.push(*byte),
        Atom::Group(branches) => branches.iter().flatten().for_each(|inner| endless(inner, found)),
        Atom::Byte(_) | Atom::Nothing => {}
    }
}

/// The shortest text of a row of pieces, the first of each choice.
fn example(items: &[Item]) -> Vec<u8> {
    let mut text = Vec::new();
    for item in items {
        let once = match &item.atom {
            Atom::Byte(byte) => vec![*byte],
            Atom::Group(branches) => branches.first().map(|branch| example(branch)).unwrap_or_default(),
            Atom::Nothing => Vec::new(),
        };
        text.extend(once.repeat(item.least.min(REPEATS)));
        text.truncate(EXAMPLE_BYTES_MAX);
    }
    text
}

/// Reads the common part of PCRE's syntax; gives up on the rest.
struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn all(mut self) -> Option<Vec<Vec<Item>>> {
        let branches = self.branches(0)?;
        (self.at == self.text.len()).then_some(branches)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn branches(&mut self, depth: usize) -> Option<Vec<Vec<Item>>> {
        let mut branches = vec![Vec::new()];
        while let Some(byte) = self.peek().filter(|&byte| byte != b')') {
            if byte == b'|' {
                self.at += 1;
                branches.push(Vec::new());
                continue;
            }
            let atom = self.atom(depth)?;
            let (least, endless) = self.quantifier()?;
            branches.last_mut()?.push(Item { atom, least, endless });
        }
        Some(branches)
    }

    fn atom(&mut self, depth: usize) -> Option<Atom> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'^' | b'$' => Atom::Nothing,
            b'.' => Atom::Byte(b'a'),
            b'[' => Atom::Byte(self.class()?),
            b'(' if depth < DEPTH_MAX => {
                if self.take(b"?<") || self.take(b"?P<") {
                    self.at += self.text[self.at..].iter().position(|&byte| byte == b'>')? + 1;
                } else if !self.take(b"?:") && self.peek() == Some(b'?') {
                    return None;
                }
                let branches = self.branches(depth + 1)?;
                self.take(b")").then_some(Atom::Group(branches))?
            }
            b'\\' => self.escape()?,
            b'*' | b'+' | b'?' | b'(' | b')' => return None,
            byte => Atom::Byte(byte),
        })
    }

    fn escape(&mut self) -> Option<Atom> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'b' | b'B' | b'A' | b'z' | b'Z' => Atom::Nothing,
            b'd' => Atom::Byte(b'0'),
            b'w' | b'S' | b'D' => Atom::Byte(b'a'),
            b's' => Atom::Byte(b' '),
            b'W' => Atom::Byte(b'-'),
            byte if byte.is_ascii_punctuation() => Atom::Byte(byte),
            _ => return None,
        })
    }

    /// A member of a class: the first that is written, or for `[^…]` a letter or digit that is not.
    fn class(&mut self) -> Option<u8> {
        let negated = self.take(b"^");
        let mut members: Vec<(u8, u8)> = Vec::new();
        let first = self.at;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            let low = match byte {
                b']' if self.at - 1 > first => break,
                b'\\' => match self.escape()? {
                    Atom::Byte(byte) => byte,
                    _ => return None,
                },
                b'[' if self.peek() == Some(b':') => return None,
                byte => byte,
            };
            let is_range =
                self.peek() == Some(b'-') && self.text.get(self.at + 1).is_some_and(|&byte| byte != b']');
            let high = if is_range { self.text[self.at + 1] } else { low };
            self.at += if is_range { 2 } else { 0 };
            members.push((low, high));
        }
        let has = |byte: u8| members.iter().any(|(low, high)| (*low..=*high).contains(&byte));
        match negated {
            false => Some(members.first()?.0),
            true => (b'a'..=b'z').chain(b'0'..=b'9').find(|&byte| !has(byte)),
        }
    }

    /// How often at least, and whether without end. What is possessive is not tried again and so never explodes.
    fn quantifier(&mut self) -> Option<(usize, bool)> {
        let (least, endless) = match self.peek() {
            Some(b'*') => (0, true),
            Some(b'+') => (1, true),
            Some(b'?') => (0, false),
            Some(b'{') => {
                let end = self.at + self.text[self.at..].iter().position(|&byte| byte == b'}')?;
                let inner = std::str::from_utf8(&self.text[self.at + 1..end]).ok()?;
                self.at = end;
                let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
                let most: usize = if most.is_empty() { usize::MAX } else { most.parse().ok()? };
                (least.parse().ok()?, most >= REPEATS)
            }
            _ => return Some((1, false)),
        };
        self.at += 1;
        let possessive = self.take(b"+");
        self.take(b"?");
        Some((least, endless && !possessive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_explode_are_shown_a_text() {
        for pattern in
            ["^(x+x+)+[yz]", "(a+)+$", r"^/api/(\w+\s?)*\.json$", "^(?:[a-z0-9]+-?)*$", r"(?:.*)*=.*\d$"]
        {
            let text = exploding_text(pattern.as_bytes(), false, b"").unwrap_or_else(|| panic!("{pattern}"));
            assert!(text.len() < 64, "{pattern}");
        }
    }

    #[test]
    fn ordinary_expressions_do_not() {
        for pattern in [
            "^x+[yz]",
            r"\.(jpe?g|png)$",
            "^/(?:[a-z]+/)*$",
            r"^/(\d+)/(\w+)$",
            "(a+)+",
            "^(a+)++$",
            "^(?<name>[^/]+)(/.*)?$",
            "(.*)*",
            "^([a-z]{1,3}-){2,}$",
            r"(\.php)+$",
            "(",
        ] {
            assert_eq!(exploding_text(pattern.as_bytes(), false, b""), None, "{pattern}");
        }
    }

    #[test]
    fn a_start_that_the_expression_cannot_have_disarms_it() {
        assert!(exploding_text(b"^(a+)+$", false, b"/").is_none());
        assert!(exploding_text(b"^/(a+)+$", true, b"/").is_some());
    }
}
