//! From text to a tree, and what is wrong with the text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::kind::TokenKind;
use crate::lexer::Lexer;
use crate::lua::{self, is_lua_block};
use crate::tree::{RawToken, Statement, TEXT_BYTES_MAX, Tree};
use crate::value;

/// Something that nginx refuses while it reads the text, before any directive means anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What it is.
    pub kind: SyntaxErrorKind,
    /// The line that nginx reports.
    pub line: u32,
    /// The bytes that are wrong; empty at the end of the file.
    pub range: Range<usize>,
    /// Where what is unfinished began: the head of a block that is not closed, the words before a missing `;`.
    pub opened: Option<Range<usize>>,
}

/// What nginx refuses, with its own words as [`fmt::Display`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// A byte where it must not stand.
    Unexpected(u8),
    /// The file ends inside a directive.
    EndInDirective,
    /// The file ends inside a block.
    EndInBlock,
    /// A word, a comment, or a quoted text and its end, of 4,096 bytes or more. Its first ten bytes.
    TooLong(Vec<u8>),
    /// A quoted text that does not end within 4,096 bytes. Its quote.
    TooLongQuoted(u8),
    /// The file ends inside a Lua block.
    EndInLua,
    /// A Lua block in which nothing was found to end a piece of 4,096 bytes.
    TooLongLua,
    /// A long bracket of Lua whose end is missing, or too far away. The missing bracket.
    OpenLuaBracket(Vec<u8>),
    /// A file of more than [`crate::tree::TEXT_BYTES_MAX`] bytes; nginx itself has no such limit.
    TooLarge,
}

impl fmt::Display for SyntaxErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxErrorKind::Unexpected(byte) => {
                write!(f, "unexpected \"{}\"", String::from_utf8_lossy(&[*byte]))
            }
            SyntaxErrorKind::EndInDirective => {
                f.write_str("unexpected end of file, expecting \";\" or \"}\"")
            }
            SyntaxErrorKind::EndInBlock => f.write_str("unexpected end of file, expecting \"}\""),
            SyntaxErrorKind::TooLong(start) => {
                write!(f, "too long parameter \"{}...\" started", String::from_utf8_lossy(start))
            }
            SyntaxErrorKind::TooLongQuoted(quote) => {
                let quote = char::from(*quote);
                write!(f, "too long parameter, probably missing terminating \"{quote}\" character")
            }
            SyntaxErrorKind::EndInLua => {
                f.write_str("unexpected end of file, expecting terminating characters for lua code block")
            }
            SyntaxErrorKind::TooLongLua => {
                f.write_str("too long lua code block, probably missing terminating characters")
            }
            SyntaxErrorKind::OpenLuaBracket(bracket) => {
                let bracket = String::from_utf8_lossy(bracket);
                write!(f, "Lua code block missing the closing long bracket \"{bracket}\", ")?;
                f.write_str("the inlined Lua code may be too long")
            }
            SyntaxErrorKind::TooLarge => f.write_str("too large file"),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for SyntaxError {}

/// How many errors of one file are kept: whoever writes more does not read them.
pub const ERRORS_MAX: usize = 10_000;

/// The blocks whose entries are values and not directives: a block in them is refused, whatever it is called.
///
/// Source: `ngx_conf_parse`, src/core/ngx_conf_file.c, and the modules that set `cf->handler`
const VALUE_BLOCKS: [&[u8]; 5] = [b"charset_map", b"geo", b"map", b"split_clients", b"types"];

/// Whether the entries of a directive's block are values, as those of `map` are.
#[must_use]
pub fn is_value_block(name: &[u8]) -> bool {
    VALUE_BLOCKS.binary_search(&name).is_ok()
}

pub(crate) fn parse(bytes: Vec<u8>) -> Tree {
    if bytes.len() > TEXT_BYTES_MAX {
        return unread(bytes);
    }
    let mut parser = Parser {
        bytes: &bytes,
        lexer: Lexer::new(&bytes),
        tokens: Vec::with_capacity(bytes.len() / 4 + 2),
        statements: Vec::with_capacity(bytes.len() / 24),
        frames: Vec::new(),
        skipped: 0,
        head: None,
        errors: Vec::new(),
        uncounted: Vec::new(),
    };
    parser.run();
    let Parser { mut tokens, mut statements, errors, uncounted, .. } = parser;
    tokens.shrink_to_fit();
    statements.shrink_to_fit();
    let mut tree = Tree::of(bytes, tokens, statements, uncounted);
    tree.errors = errors.into_iter().map(|error| error.at_line_of(&tree)).collect();
    tree
}

fn unread(bytes: Vec<u8>) -> Tree {
    let token = RawToken { start: 0, kind: TokenKind::Unread };
    let mut tree = Tree::of(bytes, vec![token], Vec::new(), Vec::new());
    tree.errors = vec![SyntaxError { kind: SyntaxErrorKind::TooLarge, line: 1, range: 0..0, opened: None }];
    tree
}

/// A block that is being read.
struct Frame {
    /// Its statement; `None` for a block without a name, whose directives are not kept.
    owner: Option<u32>,
    /// Whether its entries are values.
    values: bool,
}

/// A directive whose `;` or `{` has not come yet.
#[derive(Clone, Copy)]
struct Head {
    name: u32,
    last: u32,
    args: u32,
}

/// An error whose line is not known yet.
struct Pending {
    kind: SyntaxErrorKind,
    /// The byte whose line nginx reports.
    at: usize,
    range: Range<usize>,
    opened: Option<Range<usize>>,
}

impl Pending {
    fn at_line_of(self, tree: &Tree) -> SyntaxError {
        SyntaxError {
            line: tree.nginx_line(self.at),
            kind: self.kind,
            range: self.range,
            opened: self.opened,
        }
    }
}

struct Parser<'t> {
    bytes: &'t [u8],
    lexer: Lexer<'t>,
    tokens: Vec<RawToken>,
    statements: Vec<Statement>,
    frames: Vec<Frame>,
    /// How many of the frames have no statement.
    skipped: usize,
    head: Option<Head>,
    errors: Vec<Pending>,
    uncounted: Vec<u32>,
}

impl Parser<'_> {
    fn run(&mut self) {
        while let Some((kind, start)) = self.lexer.next() {
            let token = self.push(kind, start);
            if let Some((kind, at)) = self.lexer.error.take() {
                let range = if at == start { start..start + 1 } else { start..self.lexer.pos };
                self.report(kind, at, range, None);
            }
            match kind {
                TokenKind::Blank | TokenKind::Comment | TokenKind::Lua | TokenKind::Unread => {}
                TokenKind::Word | TokenKind::DoubleQuoted | TokenKind::SingleQuoted => self.word(token),
                TokenKind::Semicolon => self.semicolon(token, start),
                TokenKind::Open => self.open(token, start),
                TokenKind::Close => self.close(token, start),
            }
        }
        self.finish();
    }

    fn push(&mut self, kind: TokenKind, start: usize) -> u32 {
        let token = self.tokens.len() as u32;
        self.tokens.push(RawToken { start: start as u32, kind });
        token
    }

    fn word(&mut self, token: u32) {
        match &mut self.head {
            None => self.head = Some(Head { name: token, last: token, args: 0 }),
            Some(head) => (head.last, head.args) = (token, head.args + 1),
        }
    }

    fn semicolon(&mut self, token: u32, at: usize) {
        match self.head.take() {
            Some(head) => _ = self.keep(head, token),
            None => self.report(SyntaxErrorKind::Unexpected(b';'), at, at..at + 1, None),
        }
    }

    fn open(&mut self, token: u32, at: usize) {
        let values = self.frames.last().is_some_and(|frame| frame.values);
        if values || self.head.is_none() {
            self.report(SyntaxErrorKind::Unexpected(b'{'), at, at..at + 1, None);
        }
        let Some(head) = self.head.take() else {
            return self.enter(None, false);
        };
        let name = self.value_of(head.name);
        let (lua, holds_values) = (is_lua_block(&name) && !values, is_value_block(&name));
        let owner = self.keep(head, token);
        self.enter(owner, holds_values);
        if lua {
            self.lua();
        }
    }

    fn lua(&mut self) {
        let start = self.lexer.pos;
        let body = match self.errors.is_empty() {
            true => lua::body(self.bytes, start, self.lexer.window),
            false => lua::unlimited(self.bytes, start),
        };
        self.push(TokenKind::Lua, start);
        self.lexer.resume(body.end, body.window);
        self.uncounted.extend(body.uncounted);
        if let Some((kind, at)) = body.error {
            let range = match &kind {
                SyntaxErrorKind::OpenLuaBracket(bracket) => at..at + bracket.len(),
                _ => start..body.end,
            };
            self.report(kind, at, range, None);
        }
    }

    fn close(&mut self, token: u32, at: usize) {
        if let Some(head) = self.head.take() {
            let words = self.words(head);
            self.report(SyntaxErrorKind::Unexpected(b'}'), at, at..at + 1, Some(words));
            self.keep(head, head.last);
        } else if self.frames.is_empty() {
            self.report(SyntaxErrorKind::Unexpected(b'}'), at, at..at + 1, None);
        }
        if let Some(frame) = self.frames.pop() {
            self.leave(&frame, token);
        }
    }

    fn finish(&mut self) {
        let size = self.bytes.len();
        let sentinel = self.push(TokenKind::Unread, size);
        let at_end = self.errors.last().is_some_and(|error| {
            matches!(error.kind, SyntaxErrorKind::EndInDirective | SyntaxErrorKind::EndInLua)
        });
        if let Some(head) = self.head.take() {
            let words = self.words(head);
            if !at_end {
                self.report(SyntaxErrorKind::EndInDirective, size, size..size, Some(words));
            }
            self.keep(head, head.last);
        } else if let Some(frame) = self.frames.last().filter(|_| !at_end) {
            let opened = frame.owner.map(|owner| {
                let Statement { name, end, .. } = self.statements[owner as usize];
                self.tokens[name as usize].start as usize..self.tokens[end as usize].start as usize + 1
            });
            self.report(SyntaxErrorKind::EndInBlock, size, size..size, opened);
        }
        while let Some(frame) = self.frames.pop() {
            self.leave(&frame, sentinel);
        }
    }

    /// Keeps a directive, unless it stands in a block without a name.
    fn keep(&mut self, head: Head, end: u32) -> Option<u32> {
        if self.skipped > 0 {
            return None;
        }
        let id = self.statements.len() as u32;
        let Head { name, args, .. } = head;
        self.statements.push(Statement { name, end, close: end, next: id + 1, args });
        Some(id)
    }

    fn enter(&mut self, owner: Option<u32>, values: bool) {
        self.skipped += usize::from(owner.is_none());
        self.frames.push(Frame { owner, values });
    }

    fn leave(&mut self, frame: &Frame, close: u32) {
        match frame.owner {
            None => self.skipped -= 1,
            Some(owner) => {
                let next = self.statements.len() as u32;
                let statement = &mut self.statements[owner as usize];
                (statement.close, statement.next) = (close, next);
            }
        }
    }

    fn report(
        &mut self,
        kind: SyntaxErrorKind,
        at: usize,
        range: Range<usize>,
        opened: Option<Range<usize>>,
    ) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(Pending { kind, at, range, opened });
        }
    }

    /// The bytes of a token that has been read.
    fn range_of(&self, token: u32) -> Range<usize> {
        let next = self.tokens.get(token as usize + 1).map_or(self.lexer.pos, |next| next.start as usize);
        self.tokens[token as usize].start as usize..next
    }

    fn value_of(&self, word: u32) -> Cow<'_, [u8]> {
        value::of_word(self.tokens[word as usize].kind, &self.bytes[self.range_of(word)])
    }

    fn words(&self, head: Head) -> Range<usize> {
        self.range_of(head.name).start..self.range_of(head.last).end
    }
}
