//! Asks the installed nginx about every corner of its tokeniser, and compares.
#![expect(clippy::disallowed_methods, reason = "the files are nginx's to read")]

mod cases;
mod oracle;
mod soup;
mod values;

use std::ops::Range;

use cases::{Case, Says};
use evenkeel_syntax::{Directive, DirectiveId, Tree};
use oracle::{Answer, Nginx};

#[test]
fn nginx_and_the_tree_agree_on_every_corner() {
    agree(&Nginx::plain(), &cases::plain());
}

/// An included file is balanced by itself and ends on a complete directive, whatever stands around it.
#[test]
fn files_are_read_the_same_when_they_are_included() {
    agree(&Nginx::including(), &cases::plain());
}

#[test]
fn nginx_and_the_tree_agree_on_lua_blocks() {
    match Nginx::with_lua() {
        Some(nginx) => agree(&nginx, &cases::lua()),
        None => println!("skipped: the Lua module of nginx is not installed"),
    }
}

/// In a `types` block nginx takes whatever is a list of words, so its verdict there is the tokeniser's alone.
#[test]
fn nginx_and_the_tree_agree_on_generated_words() {
    agree_on_seeds(&Nginx::plain(), 0..600, soup::words);
}

#[test]
fn nginx_and_the_tree_agree_on_generated_lua() {
    match Nginx::with_lua() {
        Some(nginx) => agree_on_seeds(&nginx, 0..300, soup::lua),
        None => println!("skipped: the Lua module of nginx is not installed"),
    }
}

fn agree_on_seeds(nginx: &Nginx, seeds: Range<u64>, generate: fn(u64) -> Vec<u8>) {
    let cases: Vec<Case> = seeds.map(|seed| Case::generated(seed, generate(seed))).collect();
    let faulty = cases.iter().filter(|case| !Tree::parse(case.text.clone()).errors().is_empty()).count();
    assert!(
        (cases.len() / 10..cases.len() * 9 / 10).contains(&faulty),
        "{faulty} of {} are faulty",
        cases.len()
    );
    agree(nginx, &cases);
}

fn agree(nginx: &Nginx, cases: &[Case]) {
    let disagreements: Vec<String> = cases.iter().filter_map(|case| disagreement(nginx, case)).collect();
    assert!(
        disagreements.is_empty(),
        "{} of {}:\n{}",
        disagreements.len(),
        cases.len(),
        disagreements.join("\n")
    );
    println!("{} cases agree", cases.len());
}

/// What nginx and the tree, or nginx and the case, say differently.
fn disagreement(nginx: &Nginx, case: &Case) -> Option<String> {
    let tree = Tree::parse(case.text.clone());
    assert_eq!(tree.print(), case.text, "{} does not print back", case.name);
    let answer = nginx.test(&case.text);
    let expected = match (&case.says, &answer) {
        (Says::Anything, _) | (Says::Accepted, Answer::Accepted) => true,
        (Says::Refused(wanted), Answer::Refused { message, .. }) => message.starts_with(wanted.as_bytes()),
        _ => false,
    };
    let agree = match (tree.errors().first(), &answer) {
        (None, Answer::Accepted) => true,
        (Some(error), Answer::Refused { message, line }) if is_syntax(message) => {
            (error.to_string().as_bytes(), error.line) == (shown(message).as_bytes(), *line)
        }
        (error, Answer::Refused { message, line }) if !is_syntax(message) => {
            let readable = error.map_or(tree.bytes().len(), |error| error.range.start);
            reports(&tree, readable, message, *line)
        }
        _ => false,
    };
    (!expected || !agree).then(|| {
        let ours = tree.errors().first().map(|error| format!("{error} in line {}", error.line));
        format!("{}: nginx {answer}, the tree {ours:?}, the case {:?}", case.name, case.says)
    })
}

/// nginx prints bytes; we print text.
fn shown(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}

/// Whether it is the tokeniser that says so.
fn is_syntax(message: &[u8]) -> bool {
    ["unexpected ", "too long ", "Lua code block missing"]
        .iter()
        .any(|start| message.starts_with(start.as_bytes()))
}

/// Whether the directive that nginx names, or whose argument it names, ends in the line that it reports, before what
/// cannot be read.
fn reports(tree: &Tree, readable: usize, message: &[u8], line: u32) -> bool {
    let quoted = |word: &[u8]| {
        // nginx prints up to the first NUL.
        let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
        let quoted = [b"\"", shown, b"\""].concat();
        message.windows(quoted.len()).any(|window| window == quoted)
    };
    let named = |directive: &Directive<'_>| {
        quoted(&directive.name()) || directive.args().any(|arg| quoted(&arg.value()))
    };
    let mut directives = (0..tree.directive_count() as u32).map(|id| tree.directive(DirectiveId(id)));
    directives.any(|directive| {
        directive.head_range().end <= readable && directive.line() == line && named(&directive)
    })
}
