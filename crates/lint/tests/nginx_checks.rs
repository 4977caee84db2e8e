//! The table of nginx's checks holds what the model says, read out of the model's own source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use evenkeel_lint::{nginx_checks, rules};

/// The words of a source that are written as codes are, where a code may stand: after a bracket or a node.
fn codes(source: &str) -> impl Iterator<Item = &str> {
    let literals = source.split('"').collect::<Vec<_>>();
    let count = literals.len();
    let codes = (1..count).step_by(2).filter_map(move |index| {
        let (before, literal) = (literals[index - 1], literals[index]);
        let is_argument = before.ends_with("node, ")
            || before.ends_with("line, ")
            || before.ends_with("index, ")
            || before.ends_with("name.arg, ")
            || before.ends_with(", 0, ");
        let is_code = literal.contains('-') && literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        (is_argument && is_code).then_some(literal)
    });
    codes.collect::<Vec<_>>().into_iter()
}

#[test]
fn every_code_of_the_model_has_its_line() {
    let known: BTreeSet<&str> =
        nginx_checks().iter().map(|check| check.name).chain(rules().iter().map(|rule| rule.name)).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/src")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("generated.rs") {
                let source = fs::read_to_string(&path).unwrap();
                found.extend(codes(&source).map(str::to_owned));
            }
        }
    }
    assert!(found.contains("unknown-directive") && found.len() > 10, "the search finds codes: {found:?}");
    let missing: Vec<&String> = found.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "codes without a line in src/nginx_checks.rs: {missing:?}");
}
