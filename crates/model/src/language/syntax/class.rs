//! `[…]`, and the sets that have names.

use super::{Node, Parser, uses};
use crate::language::NotRegular;
use crate::language::set::Set;

/// What PCRE calls a word character, in its own tables.
pub(in crate::language) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// The set of `\d`, `\W` …
pub(super) fn of_escape(letter: u8) -> Option<Set> {
    let set = match letter.to_ascii_lowercase() {
        b'd' => Set::of(|byte| byte.is_ascii_digit()),
        b'w' => Set::of(is_word),
        b's' => Set::of(is_space),
        b'h' => Set::of(|byte| matches!(byte, b'\t' | b' ' | 0xa0)),
        b'v' => Set::of(|byte| matches!(byte, b'\n'..=b'\r' | 0x85)),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { set.not() } else { set })
}

/// The set of `[:name:]`.
fn of_name(name: &[u8], caseless: bool) -> Option<Set> {
    Some(match name {
        b"lower" | b"upper" if caseless => Set::of(|byte| byte.is_ascii_alphabetic()),
        b"alpha" => Set::of(|byte| byte.is_ascii_alphabetic()),
        b"lower" => Set::of(|byte| byte.is_ascii_lowercase()),
        b"upper" => Set::of(|byte| byte.is_ascii_uppercase()),
        b"alnum" => Set::of(|byte| byte.is_ascii_alphanumeric()),
        b"ascii" => Set::of(|byte| byte.is_ascii()),
        b"blank" => Set::of(|byte| matches!(byte, b'\t' | b' ')),
        b"cntrl" => Set::of(|byte| byte.is_ascii_control()),
        b"digit" => Set::of(|byte| byte.is_ascii_digit()),
        b"graph" => Set::of(|byte| byte.is_ascii_graphic()),
        b"print" => Set::of(|byte| matches!(byte, b' '..=b'~')),
        b"punct" => Set::of(|byte| byte.is_ascii_punctuation()),
        b"space" => Set::of(is_space),
        b"word" => Set::of(is_word),
        b"xdigit" => Set::of(|byte| byte.is_ascii_hexdigit()),
        _ => return None,
    })
}

/// A member of a class.
enum Member {
    Byte(u8),
    Set(Set),
}

impl Parser<'_> {
    /// A class, after its `[`.
    pub(super) fn class(&mut self) -> Result<Node, NotRegular> {
        if self.rest().starts_with(b"[:<:]]") || self.rest().starts_with(b"[:>:]]") {
            return Err(uses("[[:<:]]"));
        }
        let negated = self.take(b"^");
        let mut set = Set::default();
        let mut is_first = true;
        loop {
            if !is_first && self.take(b"]") {
                break;
            }
            is_first = false;
            let member = self.member()?;
            let ranges =
                self.peek() == Some(b'-') && self.text.get(self.at + 1).is_some_and(|&byte| byte != b']');
            set = match (member, ranges) {
                (Member::Set(_), true) => return Err(uses("a range of sets")),
                (Member::Set(other), false) => set.or(other),
                (Member::Byte(byte), false) => set.or(Node::folded(byte, self.flags.caseless)),
                (Member::Byte(low), true) => {
                    self.at += 1;
                    let Member::Byte(high) = self.member()? else { return Err(uses("a range of sets")) };
                    if high < low {
                        return Err(uses("a range backwards"));
                    }
                    let range = Set::of(|byte| (low..=high).contains(&byte));
                    set.or(if self.flags.caseless { range.caseless() } else { range })
                }
            };
        }
        Ok(Node::Byte(if negated { set.not() } else { set }))
    }

    fn member(&mut self) -> Result<Member, NotRegular> {
        match self.bump() {
            None => Err(uses("an open class")),
            Some(b'[') if self.peek().is_some_and(|byte| b":.=".contains(&byte)) => self.posix(),
            Some(b'\\') => match self.peek() {
                Some(b'b') => {
                    self.at += 1;
                    Ok(Member::Byte(8))
                }
                Some(b'Q' | b'E') => Err(uses(r"\Q in a class")),
                Some(byte) => match of_escape(byte) {
                    Some(set) => {
                        self.at += 1;
                        Ok(Member::Set(set))
                    }
                    None => self.byte_escape().map(Member::Byte),
                },
                None => Err(uses("an open class")),
            },
            Some(byte) => Ok(Member::Byte(byte)),
        }
    }

    /// `[:name:]` after its `[`, or the `[` itself when this is none.
    fn posix(&mut self) -> Result<Member, NotRegular> {
        let kind = self.peek().unwrap_or_default();
        let rest = &self.rest()[1..];
        let negated = rest.first() == Some(&b'^');
        let name = &rest[usize::from(negated)..];
        let length = name.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        if kind == b':' && name[length..].starts_with(b":]") {
            let set =
                of_name(&name[..length], self.flags.caseless).ok_or_else(|| uses("an unknown class"))?;
            self.at += 1 + usize::from(negated) + length + 2;
            return Ok(Member::Set(if negated { set.not() } else { set }));
        }
        // Whether PCRE takes `[:` for a name depends on what stands before the next `]`.
        let end = rest.iter().position(|&byte| byte == b']').unwrap_or(rest.len());
        if rest[..end].contains(&kind) || rest[..end].contains(&b'\\') {
            return Err(uses("[: in a class"));
        }
        Ok(Member::Byte(b'['))
    }
}

impl Node {
    pub(super) fn folded(byte: u8, caseless: bool) -> Set {
        let set = Set::one(byte);
        if caseless { set.caseless() } else { set }
    }
}
