//! What must hold for every text. The property tests and the fuzz targets share it.

use std::ops::Range;

use evenkeel_syntax::edit::{self, Edit};
use evenkeel_syntax::{Directive, TokenKind, Tree, secret};

/// Every byte belongs to exactly one token.
pub(crate) fn lexer(text: &[u8]) {
    let tree = Tree::parse(text.to_vec());
    let mut end = 0;
    for token in tree.tokens() {
        assert_eq!(token.range.start, end, "tokens leave no gap");
        assert!(
            token.range.end > end || token.kind == TokenKind::Lua,
            "only the body of a Lua block may be empty"
        );
        end = token.range.end;
    }
    assert_eq!(end, text.len(), "tokens reach the end");
}

/// The tree prints back; every range is inside the text and where it belongs.
pub(crate) fn parse_print(text: &[u8]) {
    let tree = Tree::parse(text.to_vec());
    assert_eq!(tree.print(), text);
    for error in tree.errors() {
        assert!(error.range.start <= error.range.end && error.range.end <= text.len(), "{error:?}");
        assert!(
            error.opened.iter().all(|opened| opened.start < opened.end && opened.end <= text.len()),
            "{error:?}"
        );
        assert!((1..=tree.line_count()).contains(&error.line), "{error:?}");
        assert!(!error.to_string().is_empty());
    }
    let mut seen = 0;
    walk(tree.root().directives(), 0..text.len(), &mut seen);
    assert_eq!(seen as usize, tree.directive_count(), "every directive is reached from the root once");
    for comment in tree.comments() {
        assert!(comment.text().starts_with(b"#") && comment.line() >= 1);
    }
    redaction(text);
}

/// Edits replace what they name, and keep the rest. The text tells the edits too.
pub(crate) fn edit(text: &[u8]) {
    let (plan, text) = text.split_at(text.len().min(12));
    let tree = Tree::parse(text.to_vec());
    let mut edits: Vec<Edit> = plan
        .chunks_exact(3)
        .map(|plan| {
            let start = (usize::from(plan[0]) * 251 + usize::from(plan[1])) % (text.len() + 1);
            let end = text.len().min(start + usize::from(plan[2] % 16));
            Edit { range: start..end, replacement: plan[..usize::from(plan[2] % 4)].to_vec() }
        })
        .collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let touch =
        |pair: &[Edit]| pair[1].range.start < pair[0].range.end || pair[1].range.start == pair[0].range.start;
    let overlap = edits.windows(2).any(touch);
    let mut expected = text.to_vec();
    for edit in edits.iter().rev().filter(|_| !overlap) {
        expected.splice(edit.range.clone(), edit.replacement.iter().copied());
    }
    edits.reverse();
    match edit::apply(&tree, &edits) {
        Err(error) => assert!(overlap, "{error}"),
        Ok(edited) => {
            assert!(!overlap, "edits that touch are refused");
            assert_eq!(edited, expected);
            parse_print(&edited);
        }
    }
}

fn redaction(text: &[u8]) {
    let found = secret::find(text);
    assert!(found.iter().all(|range| range.start < range.end && range.end <= text.len()), "{found:?}");
    assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start), "{found:?}");
    let redacted = secret::redact(text);
    let kept: usize = text.len() - found.iter().map(Range::len).sum::<usize>();
    assert_eq!(redacted.len(), kept + found.len() * secret::REDACTED.len());
}

fn walk<'t>(directives: impl Iterator<Item = Directive<'t>>, within: Range<usize>, seen: &mut u32) {
    // Not by recursion: how deep blocks stand is the text's choice.
    let mut open = vec![(directives.collect::<Vec<_>>().into_iter(), within)];
    while let Some((siblings, within)) = open.last_mut() {
        let Some(directive) = siblings.next() else {
            open.pop();
            continue;
        };
        assert_eq!(directive.id().0, *seen, "ids are in the order of the text");
        *seen += 1;
        let range = directive.range();
        assert!(within.start <= range.start && range.start < range.end && range.end <= within.end);
        within.start = range.end;
        head(directive, &range);
        if let Some(block) = directive.block() {
            open.push((block.directives().collect::<Vec<_>>().into_iter(), block.range()));
        }
    }
}

fn head(directive: Directive<'_>, range: &Range<usize>) {
    assert!(directive.head_range().end <= range.end && directive.name_range().start == range.start);
    assert_eq!(directive.args().count(), directive.args().len());
    for arg in directive.args() {
        assert!(range.start < arg.range().start && arg.range().end <= range.end);
        assert!(!arg.raw().is_empty() && arg.value().len() <= arg.raw().len());
    }
    assert!(directive.name_line() >= 1 && directive.line() >= 1);
    assert!(directive.terminated() || directive.block().is_none());
    assert!(
        directive.lua_body().is_none()
            || directive.block().is_some_and(|block| block.directives().next().is_none())
    );
}
