//! What a tree says of a text: directives, arguments, places, and what is wrong.

use evenkeel_syntax::{Arg, Directive, Tree};

fn tree(text: &str) -> Tree {
    let tree = Tree::parse(text.as_bytes().to_vec());
    assert_eq!(tree.print(), text.as_bytes());
    tree
}

/// The structure in one line: `a b { c; }`; what is quoted, escaped or unfinished is shown as it is read.
fn shape(tree: &Tree) -> String {
    fn write(directive: Directive<'_>, out: &mut Vec<String>) {
        let word = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        out.push(word(&directive.name()));
        out.extend(directive.args().map(|arg| word(&arg.value())));
        if let Some(body) = directive.lua_body() {
            out.push(format!("lua<{}>", word(body)));
        } else if let Some(block) = directive.block() {
            out.push("{".into());
            block.directives().for_each(|child| write(child, out));
            out.push("}".into());
        } else {
            out.push(if directive.terminated() { ";" } else { "?" }.into());
        }
    }
    let mut out = Vec::new();
    tree.root().directives().for_each(|directive| write(directive, &mut out));
    out.join(" ")
}

fn errors(tree: &Tree) -> Vec<String> {
    tree.errors()
        .iter()
        .map(|error| format!("{}:{}..{} {error}", error.line, error.range.start, error.range.end))
        .collect()
}

fn first<'t>(tree: &'t Tree) -> Directive<'t> {
    tree.root().directives().next().expect("a directive")
}

#[test]
fn structure_is_that_of_the_text() {
    for (text, expected) in [
        ("", ""),
        ("a;", "a ;"),
        ("a b c;\nd { e; }", "a b c ; d { e ; }"),
        ("a{b{}c;}", "a { b { } c ; }"),
        ("\"a\" 'b c' \"\";", "a b c  ;"),
        ("a b\\ c \"d\\\"e\";", "a b\\ c d\"e ;"),
        ("a # b\n c; # d", "a c ;"),
        ("if ($a = \"b\") { c; }", "if ($a = b ) { c ; }"),
        ("a ${b}c;", "a ${b}c ;"),
        ("a b};", "a b} ;"),
        ("content_by_lua_block { a = {} -- }\n}", "content_by_lua_block lua< a = {} -- }\n>"),
        ("set_by_lua_block $a {}", "set_by_lua_block $a lua<>"),
        ("foo_by_lua_block { a; }", "foo_by_lua_block { a ; }"),
    ] {
        let tree = tree(text);
        assert_eq!(shape(&tree), expected, "{text:?}");
        assert_eq!(errors(&tree), [""; 0], "{text:?}");
    }
}

/// The first is nginx's; then reading goes on.
#[test]
fn every_error_is_found_and_what_follows_is_still_read() {
    let missing = "unexpected end of file, expecting";
    for (text, expected, wrong) in [
        ("a;; b;", "a ; b ;", vec!["1:2..3 unexpected \";\"".to_string()]),
        ("a }\nb;", "a ? b ;", vec!["1:2..3 unexpected \"}\"".into()]),
        ("s { a b }\nc;", "s { a b ? } c ;", vec!["1:8..9 unexpected \"}\"".into()]),
        (
            "{ a; { b; } }\nc;\n;",
            "c ;",
            vec![
                "1:0..1 unexpected \"{\"".into(),
                "1:5..6 unexpected \"{\"".into(),
                "3:17..18 unexpected \";\"".into(),
            ],
        ),
        ("a \"b\"c;\n}", "a b c ;", vec!["1:5..6 unexpected \"c\"".into(), "2:8..9 unexpected \"}\"".into()]),
        ("a \"b\"\";\nc;", "a b \" ; c ;", vec!["1:5..6 unexpected \"\"\"".into()]),
        ("map a b { c { d; } }", "map a b { c { d ; } }", vec!["1:12..13 unexpected \"{\"".into()]),
        ("a { b", "a { b ? }", vec![format!("1:5..5 {missing} \";\" or \"}}\"")]),
        ("a {\n b;\n", "a { b ; }", vec![format!("3:8..8 {missing} \"}}\"")]),
    ] {
        let tree = tree(text);
        assert_eq!(errors(&tree), wrong, "{text:?}");
        assert_eq!(shape(&tree), expected, "{text:?}");
    }
}

#[test]
fn quote_that_is_not_closed_ends_with_its_line() {
    let text = "a \"b;\nc;\nd {\n e 'f';\n";
    let tree = tree(text);
    assert_eq!(shape(&tree), "a b ; c ; d { e f ; }");
    assert_eq!(errors(&tree), ["5:2..4 unexpected end of file, expecting \";\" or \"}\""]);
}

#[test]
fn long_text_in_quotes_is_one_argument_all_the_same() {
    let long = "w".repeat(5000);
    let tree = tree(&format!("a \"{long}\" b;\nc;"));
    assert_eq!(shape(&tree), format!("a {long} b ; c ;"));
    assert_eq!(
        errors(&tree),
        ["1:2..5004 too long parameter, probably missing terminating \"\"\" character"]
    );
}

#[test]
fn unfinished_things_say_where_they_began() {
    for (text, opened) in [("a {\n server_x b {\n c;", 5..17), ("a b c", 0..5), ("x; a b }", 3..6)] {
        let tree = tree(text);
        assert_eq!(tree.errors()[0].opened, Some(opened), "{text:?}");
    }
}

#[test]
fn lines_are_those_that_nginx_reports() {
    let text = "a\n b\n ;\nc\n\n{\n d 'x\ny' z;\n}\ncontent_by_lua_block {\n\n}\n";
    let tree = tree(text);
    let lines = |directive: Directive<'_>| (directive.name_line(), directive.line());
    let all: Vec<(u32, u32)> = (0..tree.directive_count() as u32)
        .map(|id| lines(tree.directive(evenkeel_syntax::DirectiveId(id))))
        .collect();
    assert_eq!(all, [(1, 3), (4, 6), (7, 8), (10, 12)]);
}

#[test]
fn line_feeds_that_nginx_loses_in_a_lua_block_are_not_counted_later() {
    let text = format!("content_by_lua_block {{\n{}}}\nx;\n", "x\n".repeat(4000));
    let tree = tree(&text);
    let x = tree.root().directives().last().expect("x");
    assert_eq!(x.name_line(), 4003, "people count them");
    assert!(x.line() < x.name_line(), "nginx does not");
}

/// Found by fuzzing: after a word that is too long, nginx's buffer is behind the text.
#[test]
fn lua_block_after_a_word_that_is_too_long_is_read() {
    let tree = tree(&format!("a {};\ncontent_by_lua_block {{ \"}}\" }}\nb;", "w".repeat(9000)));
    assert_eq!(tree.errors().len(), 1);
    assert!(shape(&tree).ends_with("content_by_lua_block lua< \"}\" > b ;"));
}

#[test]
fn lines_and_columns_count_from_one() {
    let tree = tree("ab\n\ncd");
    let expected = [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3), (3, 3)];
    assert_eq!((0..8).map(|at| tree.line_column(at)).collect::<Vec<_>>(), expected);
    assert_eq!((tree.line_count(), tree.line_range(1), tree.line_range(2)), (3, Some(0..2), Some(3..3)));
    assert_eq!((tree.line_range(3), tree.line_range(4), tree.line_range(0)), (Some(4..6), None, None));
}

#[test]
fn ranges_are_those_of_the_text() {
    let text = "\n  set  $a \"b c\" ; # d\nx { y; }";
    let tree = tree(text);
    let set = first(&tree);
    let args: Vec<Arg<'_>> = set.args().collect();
    assert_eq!((&text[set.range()], &text[set.head_range()]), ("set  $a \"b c\" ;", "set  $a \"b c\""));
    assert_eq!((&text[set.name_range()], set.args().len()), ("set", 2));
    assert_eq!((args[1].raw(), args[1].quoted(), args[0].quoted()), (&b"\"b c\""[..], Some(b'"'), None));
    let block = tree.root().directives().nth(1).and_then(Directive::block).expect("a block");
    assert_eq!(&text[block.range()], "{ y; }");
}

#[test]
fn comments_are_found_wherever_they_stand() {
    let tree = tree("# a\nb # c\n d; { # e\n\"#\" f#g; # h");
    let comments: Vec<(u32, &[u8])> =
        tree.comments().map(|comment| (comment.line(), comment.text())).collect();
    assert_eq!(comments, [(1, &b"# a"[..]), (2, b"# c"), (3, b"# e"), (4, b"# h")]);
}

#[test]
fn trees_may_go_to_other_threads() {
    fn may_go<T: Send + Sync + 'static>() {}
    may_go::<Tree>();
}

#[test]
fn errors_of_one_file_are_bounded() {
    let tree = Tree::parse(vec![b';'; 100_000]);
    assert_eq!(tree.errors().len(), evenkeel_syntax::parser::ERRORS_MAX);
}
