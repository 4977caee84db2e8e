//! Strings that a regex should match: short, printable, plain. Whoever asks checks them with the regex itself.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// How many different strings are tried for a regex.
const STRINGS_MAX: usize = 24;

/// How long such a string may get.
const BYTES_MAX: usize = 2_000;

/// The bytes that are taken where a class leaves the choice.
const PLAIN: &[u8] = b"a1xbA2-_./~eiouqzZ0+,:=@ ";

/// Strings for a regex, and whether it may match in the middle of a text; none when it is beyond us.
pub(crate) fn strings(pattern: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let Ok(text) = std::str::from_utf8(pattern) else { return (Vec::new(), true) };
    let parse =
        |text: &str| ParserBuilder::new().unicode(false).utf8(false).nest_limit(64).build().parse(text).ok();
    let Some(hir) = parse(text).or_else(|| parse(&without_lookaround(text))) else {
        return (Vec::new(), true);
    };
    let anchored = hir.properties().look_set_prefix().contains(Look::Start);
    let mut strings: Vec<Vec<u8>> = Vec::new();
    for variant in 0..STRINGS_MAX {
        let mut choice = Choice { variant, text: Vec::new() };
        if choice.write(&hir) && !strings.contains(&choice.text) {
            strings.push(choice.text);
        }
    }
    (strings, !anchored)
}

/// One way through a regex: which branch of an alternative, how often what repeats, which byte of a class.
struct Choice {
    variant: usize,
    text: Vec<u8>,
}

impl Choice {
    /// Appends a string; whether there is one that is short enough.
    fn write(&mut self, hir: &Hir) -> bool {
        if self.text.len() > BYTES_MAX {
            return false;
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => true,
            HirKind::Literal(literal) => {
                self.text.extend_from_slice(&literal.0);
                true
            }
            HirKind::Class(class) => match byte_of(class, self.variant / 4) {
                Some(byte) => {
                    self.text.push(byte);
                    true
                }
                None => false,
            },
            HirKind::Repetition(repetition) => {
                let more = u32::from(self.variant.is_multiple_of(2)).max(repetition.min);
                let times = repetition.max.map_or(more, |max| more.min(max));
                (0..times).all(|_| self.write(&repetition.sub))
            }
            HirKind::Capture(capture) => self.write(&capture.sub),
            HirKind::Concat(parts) => parts.iter().all(|part| self.write(part)),
            HirKind::Alternation(branches) => self.write(&branches[(self.variant / 2) % branches.len()]),
        }
    }
}

fn byte_of(class: &Class, nth: usize) -> Option<u8> {
    let has = |byte: u8| match class {
        Class::Bytes(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&byte)),
        Class::Unicode(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(byte)))
        }
    };
    let plain: Vec<u8> = PLAIN.iter().copied().filter(|&byte| has(byte)).collect();
    match plain.len() {
        0 => (b'!'..=b'~').chain(1..=255).find(|&byte| has(byte)),
        count => Some(plain[nth % count]),
    }
}

/// The text without `(?!…)`, `(?=…)`, `(?<!…)`, `(?<=…)`: what is left is asked of the regex anyway.
fn without_lookaround(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some(at) = rest.find("(?") {
        let (before, group) = rest.split_at(at);
        let around = ["(?!", "(?=", "(?<!", "(?<="].iter().any(|open| group.starts_with(open));
        plain.push_str(before);
        if !around {
            plain.push_str("(?");
            rest = &group[2..];
            continue;
        }
        let mut depth = 0_usize;
        let close = group.char_indices().find_map(|(at, c)| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at + 1)
        });
        rest = &group[close.unwrap_or(group.len())..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::super::regex::{Matched, Patterns};
    use super::*;

    #[test]
    fn strings_match_their_regex() {
        let patterns = Patterns::default();
        for text in [
            r"\.php$",
            r"^/user/(\d+)/(?<page>[a-z_]+)?$",
            r"\.(?:jpe?g|png|gif)$",
            r"^/(?!static/)[^/]+$",
            r"^/[^a-z]{2,3}x*y+$",
            r"^(www\.)?(.+)\.test$",
        ] {
            let (strings, _) = strings(text.as_bytes());
            let pattern = patterns.get(text.as_bytes(), false);
            let matching = strings.iter().filter(|string| matches!(pattern.of(string), Matched::Yes(_)));
            assert!(matching.count() > 0, "{text}: {strings:?}");
        }
    }

    #[test]
    fn huge_or_broken_regex_gives_nothing() {
        assert!(strings(b"(").0.is_empty());
        assert!(strings(b"a{1000}{1000}").0.is_empty());
        assert!(strings(b"\xff").0.is_empty());
    }
}
