//! What holds for every text, whatever is in it.

use evenkeel_syntax::edit::{self, Edit};
use evenkeel_syntax::{Directive, DirectiveId, TokenKind, Tree, secret};
use proptest::prelude::*;

/// Text in which nginx's special bytes are frequent.
fn config() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(vec![
            " ", "\n", "\r\n", ";", "{", "}", "\"", "'", "\\", "$", "${", "#", ")", "a", "b c;\n", "server {\n", "listen 80;", "# c\n",
            "map $a $b {", "content_by_lua_block {", "--", "[[", "]]", "--[=[", "]=]", "\"a b\"", "'", "password=x", "Bearer aB3",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        3 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (prop::sample::select(vec![b'w', b' ', b'\n', b'"', b'#', b'\\']), 4080usize..4100).prop_map(|(byte, n)| vec![byte; n]),
    ];
    prop::collection::vec(piece, 0..50).prop_map(|pieces| pieces.concat())
}

/// What must hold for a tree of any text.
fn holds(tree: &Tree) {
    let text = tree.bytes();
    assert_eq!(tree.print(), text);
    let mut end = 0;
    for token in tree.tokens() {
        assert_eq!(token.range.start, end, "tokens leave no gap");
        assert!(
            token.range.end > end || token.kind == TokenKind::Lua,
            "only the body of a Lua block may be empty"
        );
        end = token.range.end;
    }
    assert_eq!(end, text.len());
    for error in tree.errors() {
        assert!(error.range.start <= error.range.end && error.range.end <= text.len(), "{error:?}");
        assert!(
            error.opened.iter().all(|opened| opened.start < opened.end && opened.end <= text.len()),
            "{error:?}"
        );
        assert!((1..=tree.line_count()).contains(&error.line), "{error:?}");
    }
    let ids = (0..tree.directive_count() as u32).map(DirectiveId);
    let mut seen = 0;
    walk(tree.root().directives(), 0..text.len(), &mut seen);
    assert_eq!(seen as usize, ids.len(), "every directive is reached from the root once");
}

fn walk<'t>(directives: impl Iterator<Item = Directive<'t>>, within: std::ops::Range<usize>, seen: &mut u32) {
    let mut end = within.start;
    for directive in directives {
        assert_eq!(directive.id().0, *seen, "ids are in the order of the text");
        *seen += 1;
        let range = directive.range();
        assert!(end <= range.start && range.start < range.end && range.end <= within.end);
        assert!(directive.head_range().end <= range.end && directive.name_range().start == range.start);
        assert_eq!(directive.args().count(), directive.args().len());
        for arg in directive.args() {
            assert!(range.start < arg.range().start && arg.range().end <= range.end);
            assert!(!arg.raw().is_empty() && arg.value().len() <= arg.raw().len());
        }
        assert!(directive.name_line() >= 1 && directive.line() >= 1);
        assert!(directive.terminated() || directive.block().is_none());
        if let Some(block) = directive.block() {
            walk(block.directives(), block.range(), seen);
        }
        end = range.end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_prints_back_and_every_range_is_inside(text in config()) {
        holds(&Tree::parse(text));
    }

    #[test]
    fn arbitrary_bytes_print_back(text in prop::collection::vec(any::<u8>(), 0..600)) {
        holds(&Tree::parse(text));
    }

    #[test]
    fn edits_replace_what_they_name_and_keep_the_rest(text in config(), cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..20, "[a-z;{}]{0,5}"), 0..6)) {
        let tree = Tree::parse(text);
        let size = tree.bytes().len();
        let mut edits: Vec<Edit> = cuts
            .into_iter()
            .map(|(start, length, new)| {
                let start = start.index(size + 1);
                Edit { range: start..size.min(start + length), replacement: new.into_bytes() }
            })
            .collect();
        edits.sort_by_key(|edit| edit.range.start);
        edits.dedup_by(|next, edit| next.range.start < edit.range.end || next.range.start == edit.range.start);
        let mut expected = tree.bytes().to_vec();
        for edit in edits.iter().rev() {
            expected.splice(edit.range.clone(), edit.replacement.iter().copied());
        }
        edits.reverse();
        prop_assert_eq!(edit::apply(&tree, &edits), Ok(expected.clone()));
        holds(&Tree::parse(expected));
    }

    #[test]
    fn secrets_are_inside_in_order_and_apart(text in config()) {
        let found = secret::find(&text);
        prop_assert!(found.iter().all(|range| range.start < range.end && range.end <= text.len()));
        prop_assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start));
        prop_assert_eq!(secret::redact(&text).into_owned() == text, found.iter().all(|range| &text[range.clone()] == b"[redacted]"));
    }
}
