//! What is wrong, and where.

use std::ops::Range;

use crate::config::{FileId, Node};

/// One thing that nginx would refuse (or, for `duplicate-server-name`, warn about).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable name in kebab-case, for example `unknown-directive`.
    pub code: &'static str,
    /// nginx's own words where nginx has some.
    pub message: String,
    /// Where it is.
    pub file: FileId,
    /// The line that nginx reports: that of the directive's last token.
    pub line: u32,
    /// The column of `span`, from 1, in bytes.
    pub column: u32,
    /// The bytes that it is about.
    pub span: Range<usize>,
    /// Other places that explain it.
    pub related: Vec<(FileId, Range<usize>, String)>,
}

impl Problem {
    /// A problem of a whole directive, shown at its name.
    pub fn at(node: Node<'_>, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::span(node, node.name_span(), code, message)
    }

    /// A problem of one argument (from 0); of the whole directive when there is no such argument.
    pub fn arg(node: Node<'_>, index: usize, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::span(node, node.arg_span(index).unwrap_or_else(|| node.name_span()), code, message)
    }

    /// A problem that shows when a block is complete, at its closing brace.
    pub(crate) fn at_end(node: Node<'_>, code: &'static str, message: impl Into<String>) -> Problem {
        let end = node.span().end;
        let span = end.saturating_sub(1)..end;
        let (line, _) = node.source().tree.line_column(span.start);
        Problem { line, ..Problem::span(node, span, code, message) }.with(node, "of this block")
    }

    /// A problem of a directive's head: where a Lua block follows, nginx has not read it yet.
    pub(crate) fn at_head(node: Node<'_>, code: &'static str, message: impl Into<String>) -> Problem {
        let mut problem = Problem::at(node, code, message);
        if let Some(body) = node.directive().and_then(|directive| directive.lua_range()) {
            (problem.line, _) = node.source().tree.line_column(body.start.saturating_sub(1));
        }
        problem
    }

    fn span(node: Node<'_>, span: Range<usize>, code: &'static str, message: impl Into<String>) -> Problem {
        let (_, column) = node.source().tree.line_column(span.start);
        let (file, line) = (node.file(), node.line());
        Problem { code, message: message.into(), file, line, column, span, related: Vec::new() }
    }

    /// Adds another place that explains it.
    pub fn with(mut self, node: Node<'_>, text: impl Into<String>) -> Problem {
        self.related.push((node.file(), node.name_span(), text.into()));
        self
    }
}
