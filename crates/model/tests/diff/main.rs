//! What changes between two configurations: the outages of the gallery, refactorings that change nothing, and random pairs.
#![expect(clippy::disallowed_methods, reason = "a test asks its environment how much to play")]

mod gallery;
mod large;
mod neighbours;
mod pairs;
#[path = "../route/random.rs"]
mod random;
mod random_pairs;
mod refactorings;
mod tree;

use evenkeel_model::{Change, Config, Diff, DiffOptions, FileKind, diff};

use tree::config;

/// The difference of two `http` blocks, of whose files nothing is known.
fn compare(old: &str, new: &str) -> (Config, Config, Diff) {
    let (old, new) = (config(old), config(new));
    let told = diff(&old, &new, &|_: &[u8]| FileKind::Unknown, &DiffOptions::default());
    (old, new, told)
}

/// Everything of a difference that a test looks at, a line each.
fn lines(old: &str, new: &str) -> Vec<String> {
    let (_, _, told) = compare(old, new);
    let mut lines: Vec<String> = told.changes.iter().map(line).collect();
    lines.extend(told.incomplete_because.iter().map(|why| format!("incomplete: {why}")));
    lines
}

fn line(change: &Change) -> String {
    let odd = if change.only_odd { " (odd)" } else { "" };
    let unsure = if change.uncertain { " (uncertain)" } else { "" };
    format!(
        "{:?} {}{odd}{unsure} | {} | {} -> {}",
        change.what,
        change.class,
        change.witness.request.url(),
        tree::outcome(&change.witness.old),
        tree::outcome(&change.witness.new),
    )
}
