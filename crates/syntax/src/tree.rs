//! The lossless tree of one file: a flat arena of tokens and one of statements.

use std::ops::Range;
use std::sync::OnceLock;

use crate::ast::{Block, Comment, Directive, DirectiveId};
use crate::kind::TokenKind;
use crate::parser::{self, SyntaxError};

/// The largest text that is read, in bytes: offsets are kept in 32 bits.
pub const TEXT_BYTES_MAX: usize = u32::MAX as usize - 1;

/// One file's text and its structure.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) bytes: Vec<u8>,
    /// In the order of the text, without gaps: a token ends where the next one starts. The last one is a sentinel.
    pub(crate) tokens: Vec<RawToken>,
    /// In the order of the text, a block before its children.
    pub(crate) statements: Vec<Statement>,
    pub(crate) errors: Vec<SyntaxError>,
    /// Line feeds that nginx does not count, in order: a Lua block can make it lose some.
    pub(crate) uncounted: Vec<u32>,
    /// Where each line starts, made when somebody first asks for a line.
    lines: OnceLock<Box<[u32]>>,
}

/// A token as it is kept: where it starts and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawToken {
    pub(crate) start: u32,
    pub(crate) kind: TokenKind,
}

/// A directive as it is kept, in indices of tokens and statements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    /// The token of the name.
    pub(crate) name: u32,
    /// The token of `;` or `{`, or the last word where neither came.
    pub(crate) end: u32,
    /// The token of the matching `}` or, where that is missing, the sentinel. Equal to `end` without a block.
    pub(crate) close: u32,
    /// The statement after this one and everything in it.
    pub(crate) next: u32,
    /// How many arguments there are.
    pub(crate) args: u32,
}

// With about seven tokens to a directive, eleven bytes a token.
const _: () = assert!(size_of::<RawToken>() == 8 && size_of::<Statement>() == 20);

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes.
    pub range: Range<usize>,
}

impl Tree {
    /// Reads a file. Never fails: what is wrong with it is in [`Tree::errors`].
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Tree {
        parser::parse(bytes)
    }

    pub(crate) fn of(
        bytes: Vec<u8>,
        tokens: Vec<RawToken>,
        statements: Vec<Statement>,
        uncounted: Vec<u32>,
    ) -> Tree {
        Tree { bytes, tokens, statements, errors: Vec::new(), uncounted, lines: OnceLock::new() }
    }

    /// The text as it was given.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is wrong with the text. The first is where nginx stops; the others are found by going on after it.
    #[must_use]
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// The whole file as a block.
    #[must_use]
    pub fn root(&self) -> Block<'_> {
        Block::root(self)
    }

    /// The directive of an id that came from this tree.
    ///
    /// # Panics
    /// When the id came from a larger tree.
    #[must_use]
    pub fn directive(&self, id: DirectiveId) -> Directive<'_> {
        assert!((id.0 as usize) < self.statements.len(), "the id of another tree");
        Directive { tree: self, id: id.0 }
    }

    /// How many directives there are, at every depth. Their ids are the numbers below it, in the order of the text.
    #[must_use]
    pub fn directive_count(&self) -> usize {
        self.statements.len()
    }

    /// The text again, put together from the tokens; equal to [`Tree::bytes`].
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes.len());
        for token in self.tokens() {
            text.extend_from_slice(&self.bytes[token.range]);
        }
        text
    }

    /// Every token, in order.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        // A text that is too large is one token, without a sentinel: no 32 bits hold its end.
        let count =
            if self.tokens.len() == 1 { usize::from(!self.bytes.is_empty()) } else { self.tokens.len() - 1 };
        (0..count as u32)
            .map(|token| Token { kind: self.tokens[token as usize].kind, range: self.range_of(token) })
    }

    /// Every comment, in order; also those between arguments.
    pub fn comments(&self) -> impl Iterator<Item = Comment<'_>> {
        let comments = self.tokens().filter(|token| token.kind == TokenKind::Comment);
        comments.map(|token| Comment { tree: self, range: token.range })
    }

    /// The line and the column of a byte, both from 1; the column counts bytes. Past the end it is the end's.
    #[must_use]
    pub fn line_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.bytes.len()).min(TEXT_BYTES_MAX) as u32;
        let lines = self.lines();
        let line = lines.partition_point(|start| *start <= offset);
        (line as u32, offset - lines[line - 1] + 1)
    }

    /// How many lines there are; a last line without a line feed is one, and so is what follows the last line feed.
    #[must_use]
    pub fn line_count(&self) -> u32 {
        self.lines().len() as u32
    }

    /// The bytes of a line without its line feed, or `None` past the last. Lines are counted from 1.
    #[must_use]
    pub fn line_range(&self, line: u32) -> Option<Range<usize>> {
        let lines = self.lines();
        let index = (line as usize).checked_sub(1)?;
        let start = *lines.get(index)? as usize;
        let end = lines.get(index + 1).map_or(self.bytes.len(), |next| *next as usize - 1);
        Some(start..end)
    }

    /// The line that nginx counts at a byte.
    pub(crate) fn nginx_line(&self, offset: usize) -> u32 {
        let lost = self.uncounted.partition_point(|feed| (*feed as usize) < offset);
        self.line_column(offset).0 - lost as u32
    }

    pub(crate) fn range_of(&self, token: u32) -> Range<usize> {
        let token = token as usize;
        let end = self.tokens.get(token + 1).map_or(self.bytes.len(), |next| next.start as usize);
        self.tokens[token].start as usize..end
    }

    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let feeds =
                self.bytes.iter().take(TEXT_BYTES_MAX).enumerate().filter(|(_, byte)| **byte == b'\n');
            std::iter::once(0).chain(feeds.map(|(at, _)| at as u32 + 1)).collect()
        })
    }
}
