//! What begins with a backslash.

use super::{Assert, Node, Parser, class, uses};
use crate::language::NotRegular;
use crate::language::set::Set;

impl Parser<'_> {
    /// An escape outside of a class, after its backslash.
    pub(super) fn escape(&mut self) -> Result<Vec<Node>, NotRegular> {
        let Some(byte) = self.peek() else { return Err(uses("a backslash at the end")) };
        if let Some(set) = class::of_escape(byte) {
            self.at += 1;
            return Ok(vec![Node::Byte(set)]);
        }
        let node = match byte {
            b'b' => Node::Assert(Assert::Boundary),
            b'B' => Node::Assert(Assert::NoBoundary),
            // nginx always matches from the first byte, so `\G` is the start.
            b'A' | b'G' => Node::Assert(Assert::Start),
            b'Z' => Node::Assert(Assert::LastLineEnd),
            b'z' => Node::Assert(Assert::End),
            b'N' if !self.rest()[1..].starts_with(b"{") => Node::Byte(Set::one(b'\n').not()),
            b'C' => Node::Byte(Set::ALL),
            b'R' => line_break(),
            b'K' => {
                self.at += 1;
                self.moves_start = true;
                if self.peek().is_some_and(|byte| b"*+?{".contains(&byte)) {
                    return Err(uses("a quantified assertion"));
                }
                return Ok(Vec::new());
            }
            b'Q' => {
                self.at += 1;
                return Ok(self.quoted());
            }
            _ => {
                let byte = self.byte_escape()?;
                return Ok(vec![Node::one(byte, self.flags)]);
            }
        };
        self.at += 1;
        Ok(vec![node])
    }

    /// The bytes up to `\E`, of which a quantifier takes the last.
    fn quoted(&mut self) -> Vec<Node> {
        let flags = self.flags;
        let end = self.rest().windows(2).position(|window| window == b"\\E");
        let length = end.unwrap_or(self.rest().len());
        let nodes = self.rest()[..length].iter().map(|&byte| Node::one(byte, flags)).collect();
        self.at += length + if end.is_some() { 2 } else { 0 };
        nodes
    }

    /// An escape that stands for a byte, after its backslash.
    pub(super) fn byte_escape(&mut self) -> Result<u8, NotRegular> {
        let Some(byte) = self.bump() else { return Err(uses("a backslash at the end")) };
        Ok(match byte {
            b'a' => 7,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => self.digits(8, 2)?,
            b'o' if self.take(b"{") => self.braced(8)?,
            b'x' if self.take(b"{") => self.braced(16)?,
            b'x' => self.digits(16, 2)?,
            b'c' => match self.bump() {
                Some(byte @ b' '..=b'~') => byte.to_ascii_uppercase() ^ 0x40,
                _ => return Err(uses(r"\c")),
            },
            b'1'..=b'9' | b'g' | b'k' => return Err(uses("a back reference")),
            b'p' | b'P' => return Err(uses("a Unicode property")),
            byte if byte.is_ascii_alphanumeric() => {
                return Err(NotRegular::Uses(format!("\\{}", char::from(byte))));
            }
            byte => byte,
        })
    }

    /// Up to `most` digits, maybe none.
    fn digits(&mut self, radix: u32, most: usize) -> Result<u8, NotRegular> {
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let length = self.rest().iter().take(most).take_while(is_digit).count();
        let value = self.rest()[..length]
            .iter()
            .fold(0, |value, &byte| value * radix + char::from(byte).to_digit(radix).unwrap_or_default());
        self.at += length;
        u8::try_from(value).map_err(|_| uses("a character beyond bytes"))
    }

    /// Digits up to `}`.
    fn braced(&mut self, radix: u32) -> Result<u8, NotRegular> {
        let digits = self.take_until(b"}").and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, radix).ok());
        value.ok_or_else(|| uses("a character beyond bytes"))
    }
}

/// `\R`: atomic, so a carriage return counts alone only where no newline follows.
fn line_break() -> Node {
    let [cr, lf] = [b'\r', b'\n'].map(|byte| Node::Byte(Set::one(byte)));
    let other = Set::of(|byte| matches!(byte, b'\n'..=b'\x0c' | 0x85));
    let no_newline = Node::Look { ahead: true, negative: true, node: Box::new(lf.clone()) };
    Node::Either(vec![
        Node::Concat(vec![cr.clone(), lf]),
        Node::Concat(vec![cr, no_newline]),
        Node::Byte(other),
    ])
}
