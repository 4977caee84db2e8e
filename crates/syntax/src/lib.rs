//! nginx configuration text and its lossless tree, one file at a time.
//!
//! What always holds:
//!
//! * Parsing never fails. What nginx would refuse is in [`Tree::errors`], and the first of them is nginx's own.
//! * Every byte belongs to exactly one token, so a tree prints back byte for byte.
//! * A tree is a value: immutable, `Send` and `Sync`, told apart from its file by nothing.
//!
//! Absent on purpose: files, includes and the meaning of a directive. Two kinds of names are known here, because they
//! change how text is read: the Lua blocks, whose bodies have a syntax of their own, and the five blocks whose entries
//! are values (`map`, `geo`, …).
#![deny(clippy::disallowed_methods)]

pub mod ast;
pub mod edit;
pub mod fileset;
pub mod kind;
pub mod lexer;
pub mod lua;
pub mod parser;
pub mod secret;
pub mod tree;
pub mod value;

pub use ast::{Arg, Block, Comment, Directive, DirectiveId};
pub use kind::TokenKind;
pub use parser::{SyntaxError, SyntaxErrorKind};
pub use tree::{Token, Tree};
