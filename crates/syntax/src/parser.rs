//! From text to a tree, and what is wrong with the text.

use std::fmt;
use std::ops::Range;

use crate::kind::TokenKind;
use crate::tree::{RawToken, Tree};

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
                write!(f, "Lua code block missing the closing long bracket \"{bracket}\"")
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

pub(crate) fn parse(bytes: Vec<u8>) -> Tree {
    let tokens = vec![
        RawToken { start: 0, kind: TokenKind::Unread },
        RawToken { start: bytes.len() as u32, kind: TokenKind::Unread },
    ];
    Tree::of(bytes, tokens, Vec::new(), Vec::new(), Vec::new())
}
