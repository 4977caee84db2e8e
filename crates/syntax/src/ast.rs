//! Typed views of a tree: blocks, directives, arguments and comments. All are small and `Copy`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::kind::TokenKind;
use crate::tree::{Statement, Tree};
use crate::value;

/// The number of a directive in its tree, in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectiveId(pub u32);

/// The directives between two braces, or those of a whole file.
#[derive(Clone, Copy)]
pub struct Block<'t> {
    tree: &'t Tree,
    /// The statement that owns the block; `None` for the file.
    owner: Option<u32>,
}

/// A directive: a name, arguments, and either `;` or a block.
#[derive(Clone, Copy)]
pub struct Directive<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) id: u32,
}

/// One argument of a directive.
#[derive(Clone, Copy)]
pub struct Arg<'t> {
    tree: &'t Tree,
    token: u32,
}

/// A comment, from `#` to the end of the line.
#[derive(Clone)]
pub struct Comment<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) range: Range<usize>,
}

impl<'t> Block<'t> {
    pub(crate) fn root(tree: &'t Tree) -> Block<'t> {
        Block { tree, owner: None }
    }

    /// The directives directly in it, in order.
    pub fn directives(self) -> impl Iterator<Item = Directive<'t>> + use<'t> {
        let tree = self.tree;
        let (mut id, end) = match self.owner {
            None => (0, tree.statements.len() as u32),
            Some(owner) => (owner + 1, tree.statements[owner as usize].next),
        };
        std::iter::from_fn(move || {
            let directive = (id < end).then_some(Directive { tree, id })?;
            id = tree.statements[id as usize].next;
            Some(directive)
        })
    }

    /// From its `{` to its `}`, both included; to the end of the file where `}` is missing.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        match self.owner.map(|owner| self.tree.statements[owner as usize]) {
            None => 0..self.tree.bytes.len(),
            Some(owner) => self.tree.range_of(owner.end).start..self.tree.range_of(owner.close).end,
        }
    }
}

impl<'t> Directive<'t> {
    fn statement(self) -> &'t Statement {
        &self.tree.statements[self.id as usize]
    }

    /// Its number, for [`Tree::directive`].
    #[must_use]
    pub fn id(self) -> DirectiveId {
        DirectiveId(self.id)
    }

    /// The tree that it belongs to.
    #[must_use]
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    fn name_token(self) -> Arg<'t> {
        Arg { tree: self.tree, token: self.statement().name }
    }

    /// Its name as nginx compares it: quotes and escapes are gone.
    #[must_use]
    pub fn name(self) -> Cow<'t, [u8]> {
        self.name_token().value()
    }

    /// The name as it is written, quotes included.
    #[must_use]
    pub fn name_range(self) -> Range<usize> {
        self.name_token().range()
    }

    /// Its arguments, in order.
    pub fn args(self) -> impl ExactSizeIterator<Item = Arg<'t>> + use<'t> {
        let statement = self.statement();
        Args { tree: self.tree, next: statement.name + 1, left: statement.args as usize }
    }

    /// The block that it opens, if any. A Lua block has a body instead ([`Directive::lua_body`]), and an empty block.
    #[must_use]
    pub fn block(self) -> Option<Block<'t>> {
        let statement = self.statement();
        (statement.close != statement.end).then_some(Block { tree: self.tree, owner: Some(self.id) })
    }

    /// The body of a Lua block, without its braces.
    #[must_use]
    pub fn lua_body(self) -> Option<&'t [u8]> {
        self.lua_range().map(|range| &self.tree.bytes[range])
    }

    /// Where the body of a Lua block stands, without its braces.
    #[must_use]
    pub fn lua_range(self) -> Option<Range<usize>> {
        let body = self.statement().end + 1;
        let token = self.tree.tokens.get(body as usize)?;
        (token.kind == TokenKind::Lua).then(|| self.tree.range_of(body))
    }

    /// From its name to its `;`, or to the `}` of its block; to its last word, or the end, where that is missing.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        let statement = self.statement();
        self.tree.range_of(statement.name).start..self.tree.range_of(statement.close).end
    }

    /// The name and the arguments, without the `;` or the block.
    #[must_use]
    pub fn head_range(self) -> Range<usize> {
        let last = self.args().last().unwrap_or_else(|| self.name_token());
        self.name_range().start..last.range().end
    }

    /// The line that nginx reports for it: where its `;` or `{` was read. For a Lua block, where its `}` was read.
    #[must_use]
    pub fn line(self) -> u32 {
        let statement = self.statement();
        let token = if self.lua_range().is_some() { statement.close } else { statement.end };
        self.tree.nginx_line(self.tree.range_of(token).start)
    }

    /// The line of its name.
    #[must_use]
    pub fn name_line(self) -> u32 {
        self.tree.line_column(self.name_range().start).0
    }

    /// Whether it ends with `;` or has a block: where not, [`Tree::errors`] says so.
    #[must_use]
    pub fn terminated(self) -> bool {
        matches!(self.tree.tokens[self.statement().end as usize].kind, TokenKind::Semicolon | TokenKind::Open)
    }
}

struct Args<'t> {
    tree: &'t Tree,
    next: u32,
    left: usize,
}

impl<'t> Iterator for Args<'t> {
    type Item = Arg<'t>;

    fn next(&mut self) -> Option<Arg<'t>> {
        self.left = self.left.checked_sub(1)?;
        while !self.tree.tokens[self.next as usize].kind.is_word() {
            self.next += 1;
        }
        let arg = Arg { tree: self.tree, token: self.next };
        self.next += 1;
        Some(arg)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Args<'_> {}

impl<'t> Arg<'t> {
    /// Its value as nginx gives it to a module: without quotes, and with nginx's own unescaping.
    #[must_use]
    pub fn value(self) -> Cow<'t, [u8]> {
        value::of_word(self.tree.tokens[self.token as usize].kind, self.raw())
    }

    /// Its bytes as they are written, quotes included.
    #[must_use]
    pub fn raw(self) -> &'t [u8] {
        &self.tree.bytes[self.range()]
    }

    /// Where it stands, quotes included.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.tree.range_of(self.token)
    }

    /// The line where it starts.
    #[must_use]
    pub fn line(self) -> u32 {
        self.tree.line_column(self.range().start).0
    }

    /// Its quote, `"` or `'`, if it has one.
    #[must_use]
    pub fn quoted(self) -> Option<u8> {
        match self.tree.tokens[self.token as usize].kind {
            TokenKind::DoubleQuoted => Some(b'"'),
            TokenKind::SingleQuoted => Some(b'\''),
            _ => None,
        }
    }
}

impl<'t> Comment<'t> {
    /// Its text with the `#`.
    #[must_use]
    pub fn text(&self) -> &'t [u8] {
        &self.tree.bytes[self.range.clone()]
    }

    /// Where it stands.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Its line.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.tree.line_column(self.range.start).0
    }
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.directives()).finish()
    }
}

impl fmt::Debug for Directive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.name()))?;
        self.args().try_for_each(|arg| write!(f, " {arg:?}"))?;
        match self.block() {
            None => write!(f, ";"),
            Some(block) => write!(f, " {block:?}"),
        }
    }
}

impl fmt::Debug for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.value()))
    }
}

impl fmt::Debug for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(self.text()))
    }
}
