//! PCRE's syntax, as far as it can be read exactly. What is not understood to the last detail is refused.
//!
//! Source: pcre2pattern(3), pcre2syntax(3); nginx compiles with `PCRE2_CASELESS` or nothing, so on bytes
//! (`ngx_regex_compile`, src/core/ngx_regex.c)

mod class;
mod escape;
mod group;

use super::NotRegular;
use super::set::Set;
pub(super) use class::is_word;

/// A piece of a regex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One byte of a set.
    Byte(Set),
    Concat(Vec<Node>),
    /// Tried in this order.
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        greedy: bool,
    },
    Group(usize, Box<Node>),
    Assert(Assert),
    Look {
        ahead: bool,
        negative: bool,
        node: Box<Node>,
    },
}

/// A condition on a place, by what stands directly around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Assert {
    Start,
    LineStart,
    /// `\z`
    End,
    /// `$`, `\Z`: at the end or before a newline that ends the text.
    LastLineEnd,
    LineEnd,
    Boundary,
    NoBoundary,
}

impl Node {
    pub(super) const NOTHING: Node = Node::Concat(Vec::new());

    fn one(byte: u8, flags: Flags) -> Node {
        let set = Set::one(byte);
        Node::Byte(if flags.caseless { set.caseless() } else { set })
    }

    /// Whether it matches the empty text somewhere.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Node::Byte(_) => false,
            Node::Concat(nodes) => nodes.iter().all(Node::is_nullable),
            Node::Either(nodes) => nodes.iter().any(Node::is_nullable),
            Node::Repeat { node, least, .. } => *least == 0 || node.is_nullable(),
            Node::Group(_, node) => node.is_nullable(),
            Node::Assert(_) | Node::Look { .. } => true,
        }
    }
}

/// What a regex is made of.
#[derive(Debug)]
pub(super) struct Syntax {
    pub(super) node: Node,
    /// How many groups capture.
    pub(super) groups: usize,
    /// Whether `\K` moves the begin of group 0.
    pub(super) moves_start: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    caseless: bool,
    lines: bool,
    dot_all: bool,
    extended: bool,
    lazy: bool,
    unnamed_capture_not: bool,
}

/// Reads a regex that PCRE accepts.
pub(super) fn parse(text: &[u8], caseless: bool) -> Result<Syntax, NotRegular> {
    let flags = Flags { caseless, ..Flags::default() };
    let mut parser = Parser { text, at: 0, flags, groups: 0, depth: 0, moves_start: false };
    if parser.rest().starts_with(b"(*") {
        return Err(uses("(*…)"));
    }
    let node = parser.alternatives()?;
    match parser.peek() {
        None => Ok(Syntax { node, groups: parser.groups, moves_start: parser.moves_start }),
        Some(_) => Err(uses("a `)` of its own")),
    }
}

fn uses(what: &str) -> NotRegular {
    NotRegular::Uses(what.to_owned())
}

/// PCRE's own limit (`PARENS_NEST_LIMIT`).
const DEPTH_MAX: usize = 250;
/// PCRE's own limit (`MAX_REPEAT_COUNT`).
const REPEAT_MAX: u32 = 65_535;

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    flags: Flags,
    groups: usize,
    depth: usize,
    moves_start: bool,
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Up to and with `end`.
    fn take_until(&mut self, end: &[u8]) -> Option<&[u8]> {
        let length = self.rest().windows(end.len()).position(|window| window == end)?;
        let from = self.at;
        self.at += length + end.len();
        Some(&self.text[from..from + length])
    }

    /// Everything up to the end or the `)` of the group around.
    fn alternatives(&mut self) -> Result<Node, NotRegular> {
        let mut branches = vec![Vec::new()];
        loop {
            self.skip()?;
            match self.peek() {
                None | Some(b')') => break,
                Some(b'|') => {
                    self.at += 1;
                    branches.push(Vec::new());
                }
                Some(_) => {
                    let pieces = self.piece()?;
                    branches.last_mut().expect("there is always one").extend(pieces);
                }
            }
        }
        let mut branches: Vec<Node> = branches.into_iter().map(concat).collect();
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Either(branches) })
    }

    /// Comments, and white space where it means nothing.
    fn skip(&mut self) -> Result<(), NotRegular> {
        loop {
            let byte = self.peek();
            if self.rest().starts_with(b"(?#") {
                self.take_until(b")").ok_or_else(|| uses("an open comment"))?;
            } else if self.flags.extended && byte.is_some_and(|byte| b" \t\n\x0b\x0c\r".contains(&byte)) {
                self.at += 1;
            } else if self.flags.extended && byte == Some(b'#') {
                if self.take_until(b"\n").is_none() {
                    self.at = self.text.len();
                }
            } else if self.take(b"\\E") {
            } else {
                return Ok(());
            }
        }
    }

    /// An atom with its quantifier; several when they are quoted together.
    fn piece(&mut self) -> Result<Vec<Node>, NotRegular> {
        let mut nodes = self.atom()?;
        self.skip()?;
        if let Some(last) = nodes.pop() {
            nodes.push(self.quantified(last)?);
        }
        Ok(nodes)
    }

    fn atom(&mut self) -> Result<Vec<Node>, NotRegular> {
        let Some(byte) = self.bump() else { return Ok(Vec::new()) };
        let node = match byte {
            b'^' if self.flags.lines => Node::Assert(Assert::LineStart),
            b'^' => Node::Assert(Assert::Start),
            b'$' if self.flags.lines => Node::Assert(Assert::LineEnd),
            b'$' => Node::Assert(Assert::LastLineEnd),
            b'.' if self.flags.dot_all => Node::Byte(Set::ALL),
            b'.' => Node::Byte(Set::one(b'\n').not()),
            b'[' => self.class()?,
            b'(' => return self.group(),
            b'\\' => return self.escape(),
            b'*' | b'+' | b'?' => return Err(uses("a quantifier of nothing")),
            byte => Node::one(byte, self.flags),
        };
        Ok(vec![node])
    }

    fn quantified(&mut self, node: Node) -> Result<Node, NotRegular> {
        let Some((least, most)) = self.quantifier()? else { return Ok(node) };
        if matches!(node, Node::Assert(_) | Node::Look { .. }) {
            return Err(uses("a quantified assertion"));
        }
        let possessive = self.take(b"+");
        let other = !possessive && self.take(b"?");
        let greedy = possessive || self.flags.lazy == other;
        let end = self.at;
        self.skip()?;
        let again = self.quantifier()?.is_some() || self.peek().is_some_and(|byte| b"*+?".contains(&byte));
        if again || self.at != end && self.peek().is_some_and(|byte| b"*+?{".contains(&byte)) {
            return Err(uses("a quantifier of a quantifier"));
        }
        if most.is_some_and(|most| most < least) || least.max(most.unwrap_or(0)) > REPEAT_MAX {
            return Err(uses("an odd quantifier"));
        }
        let node = Node::Repeat { node: Box::new(node), least, most, greedy };
        if possessive { group::atomic(node) } else { Ok(node) }
    }

    /// A quantifier, consumed. What newer PCREs read as one and older ones as text (`{,3}`, `{ 1 }`) is refused.
    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, NotRegular> {
        let bounds = match self.peek() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => return self.braces(),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(bounds))
    }

    fn braces(&mut self) -> Result<Option<(u32, Option<u32>)>, NotRegular> {
        let Some(end) = self.rest().iter().position(|&byte| byte == b'}') else { return Ok(None) };
        let inner = &self.rest()[1..end];
        let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let number = |text: &[u8]| {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.ok_or_else(|| uses("an odd quantifier"))
        };
        let (least, most) = match inner.iter().position(|&byte| byte == b',') {
            None => (inner, None),
            Some(comma) => (&inner[..comma], Some(&inner[comma + 1..])),
        };
        let bounds = match most {
            None if is_number(least) => (number(least)?, Some(number(least)?)),
            Some(b"") if is_number(least) => (number(least)?, None),
            Some(most) if is_number(least) && is_number(most) => (number(least)?, Some(number(most)?)),
            _ if !inner.is_empty() && inner.iter().all(|byte| b"0123456789, \t".contains(byte)) => {
                return Err(uses("a brace that PCREs read differently"));
            }
            _ => return Ok(None),
        };
        self.at += end + 1;
        Ok(Some(bounds))
    }
}

fn concat(mut nodes: Vec<Node>) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { Node::Concat(nodes) }
}
