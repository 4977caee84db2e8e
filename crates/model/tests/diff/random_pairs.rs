//! Random pairs: every change is one, and no request finds a change that was not told.

use std::collections::HashSet;

use evenkeel_model::{
    Answered, Atom, ChangeKey, Config, DiffOptions, FileKind, Is, Observed, Request, Router, Test, World,
    class_key, diff,
};

use crate::pairs::{Pair, pair, request};
use crate::random::Random;
use crate::tree::{config, outcome};

/// A number from the environment.
fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The share of pairs of which it is proven that no change is missing.
const COMPLETE_AT_LEAST: f64 = 0.95;

#[test]
fn told_changes_are_changes_and_no_request_finds_another() {
    let (pairs, requests) = (count("EVENKEEL_DIFF_PAIRS", 40), count("EVENKEEL_DIFF_REQUESTS", 100));
    let first = count("EVENKEEL_SEED", 1);
    let (mut complete, mut changes, mut wrong) = (0, 0, Vec::new());
    for seed in first..first + pairs {
        let mut random = Random::new(seed as u64);
        let pair = pair(&mut random);
        let (old, new) = (config(&pair.old), config(&pair.new));
        let played = Played::new(&old, &new);
        changes += played.changes;
        if played.incomplete.is_empty() {
            complete += 1;
        } else if std::env::var_os("EVENKEEL_SHOW").is_some() {
            println!("seed {seed}: {:#?}", played.incomplete);
        }
        let mut found = played.refuted.clone();
        if played.incomplete.is_empty() {
            for _ in 0..requests {
                found.extend(played.missed(&request(&mut random)));
                if !found.is_empty() {
                    break;
                }
            }
        }
        if let Some(what) = found.first() {
            wrong.push(format!("seed {seed}: {what}\n{}", shown(&pair)));
        }
    }
    println!("{pairs} pairs, {complete} complete, {changes} changes, {} wrong", wrong.len());
    assert!(
        wrong.is_empty(),
        "{} pairs are wrong; the first three:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(3)].join("\n")
    );
    let share = complete as f64 / pairs as f64;
    assert!(share >= COMPLETE_AT_LEAST, "only {complete} of {pairs} are complete");
}

fn shown(pair: &Pair) -> String {
    format!("edits: {:#?}\n--- old\n{}--- new\n{}", pair.edits, pair.old, pair.new)
}

struct Played<'c> {
    routers: [Router<'c>; 2],
    keys: HashSet<ChangeKey>,
    changes: usize,
    incomplete: Vec<String>,
    refuted: Vec<String>,
}

impl<'c> Played<'c> {
    fn new(old: &'c Config, new: &'c Config) -> Played<'c> {
        let told =
            diff(old, new, &|_: &[u8]| FileKind::Unknown, &DiffOptions { budget: 20_000_000, examples: 5 });
        let routers = [Router::new(old), Router::new(new)];
        let mut refuted = Vec::new();
        let mut keys = HashSet::new();
        for change in &told.changes {
            keys.extend(change.keys.iter().copied());
            for example in std::iter::once(&change.witness).chain(&change.examples) {
                let seen = [0, 1].map(|side| routers[side].observe(&example.request, &example.world));
                if class_key(&seen[0].route, &seen[1].route).is_none() {
                    let was = [&example.old, &example.new].map(outcome);
                    let (class, what, world) = (&change.class, change.what, &example.world);
                    let seen = told_of(&seen, &example.request);
                    refuted.push(format!("{what:?} {class} ({was:?}, {world:?}) is no change: {seen}"));
                }
            }
        }
        Played { routers, keys, changes: told.changes.len(), incomplete: told.incomplete_because, refuted }
    }

    /// What a request finds that was not told.
    fn missed(&self, request: &Request) -> Option<String> {
        let mut world = World::default();
        for _ in 0..8 {
            let seen = [0, 1].map(|side| self.routers[side].observe(request, &world));
            let before = world.clone();
            for question in seen.iter().flat_map(|seen| &seen.questions) {
                if let (Test::Atom(atom), Answered::Is(is)) = (&question.test, &question.answer) {
                    world.0.insert(atom.clone(), said(atom, *is));
                }
            }
            if world == before {
                let key = class_key(&seen[0].route, &seen[1].route)?;
                let known = self.keys.contains(&key);
                return (!known).then(|| format!("missed {key:?}: {}", told_of(&seen, request)));
            }
        }
        None
    }
}

fn told_of(seen: &[Observed; 2], request: &Request) -> String {
    let steps = |seen: &Observed| -> Vec<String> {
        seen.route.steps.iter().map(|step| format!("{} {}", step.what, step.text)).collect()
    };
    format!(
        "{} at {:?}\n{:?}\nold {} {:#?}\nnew {} {:#?}",
        request.url(),
        request.listen,
        request.headers,
        outcome(&seen[0].route),
        steps(&seen[0]),
        outcome(&seen[1].route),
        steps(&seen[1])
    )
}

/// A world that could be: names with a dot are files, others directories, some are not there, and nothing lies in a file.
fn said(atom: &Atom, is: Is) -> Is {
    match atom {
        Atom::File(path) => {
            let text = String::from_utf8_lossy(path).into_owned();
            let segments: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            let absent = |part: &str| part.bytes().map(usize::from).sum::<usize>() % 3 == 0;
            let Some((last, above)) = segments.split_last() else { return Is::File(FileKind::Directory) };
            if above.iter().any(|part| part.contains('.') || absent(part)) || absent(last) {
                Is::File(FileKind::Absent)
            } else if last.contains('.') {
                Is::File(FileKind::File)
            } else {
                Is::File(FileKind::Directory)
            }
        }
        _ => is,
    }
}
