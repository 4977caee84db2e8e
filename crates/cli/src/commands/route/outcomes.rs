//! The decision tree of a request, for people and as JSON.

use std::fmt::Write as _;

use evenkeel_model::{Atom, Config, Is, Tree};
use serde_json::{Map, Value, json};

use super::show::{headline, outcome, place, readable};

/// The tree for people; nothing where there is nothing to decide.
pub(super) fn text(tree: &Tree) -> String {
    let Tree::Fork { .. } = tree else { return String::new() };
    let mut text = String::from("\nWhere it ends, by what --assume can say:\n");
    branches(tree, 1, &mut text);
    text
}

fn branches(tree: &Tree, depth: usize, text: &mut String) {
    let Tree::Fork { atom, branches: ways } = tree else { return };
    for (answers, tree) in ways {
        let assumed = readable(assumption(atom, answers).as_bytes());
        let indent = "  ".repeat(depth);
        match tree {
            Tree::End(route) => writeln!(text, "{indent}{assumed}: it {}", headline(route)),
            Tree::Cut => writeln!(text, "{indent}{assumed}: there are too many ways to tell them"),
            Tree::Fork { .. } => writeln!(text, "{indent}{assumed}:"),
        }
        .expect("a String takes all");
        branches(tree, depth + 1, text);
    }
}

/// `file-exists:/srv/a=yes`, with every answer that makes no difference.
fn assumption(atom: &Atom, answers: &[Is]) -> String {
    let mut answers = answers.iter().map(|&is| atom.with(is));
    let mut text = answers.next().unwrap_or_default();
    for answer in answers {
        let value = answer.rsplit_once('=').map_or(answer.as_str(), |(_, value)| value);
        write!(text, " or {value}").expect("a String takes all");
    }
    text
}

/// The tree as JSON; null where there is nothing to decide.
pub(super) fn document(config: &Config, tree: &Tree) -> Value {
    match tree {
        Tree::Fork { .. } => whole(config, tree),
        Tree::End(_) | Tree::Cut => Value::Null,
    }
}

fn whole(config: &Config, tree: &Tree) -> Value {
    match tree {
        Tree::Cut => json!({ "cut": true }),
        Tree::End(route) => {
            let block = route.location.or(route.server).map(|node| {
                let mut block = Map::new();
                place(&mut block, config, node);
                Value::Object(block)
            });
            json!({ "outcome": outcome(route), "block": block })
        }
        Tree::Fork { atom, branches } => {
            let when = branches.iter().map(|(answers, tree)| {
                let assume: Vec<_> = answers.iter().map(|&is| atom.with(is)).collect();
                json!({ "assume": assume, "then": whole(config, tree) })
            });
            json!({ "depends_on": atom.name(), "when": when.collect::<Value>() })
        }
    }
}
