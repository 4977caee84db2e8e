//! Trees drawn by chance, in which files become directories and the other way round, interrupted anywhere.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use evenkeel_host::install::{self, Unobserved};

use crate::common::{Host, see, write};

/// How many histories are tried.
const HISTORIES: u64 = 400;

/// A small generator (splitmix64): equal seeds, equal histories.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// Lines for a tree: names are few, so that paths meet as file, link and directory.
    fn tree(&mut self) -> String {
        let mut lines = String::from("z.conf = always\n");
        self.level("", 0, &mut lines);
        lines
    }

    fn level(&mut self, above: &str, depth: u32, lines: &mut String) {
        for name in ["a", "b", "c"] {
            let path = format!("{above}{name}");
            match self.below(6) {
                0 | 1 => *lines += &format!("{path} = text {}\n", self.below(2)),
                2 => *lines += &format!("{path} -> target {}\n", self.below(2)),
                3 | 4 if depth < 3 => self.level(&format!("{path}/"), depth + 1, lines),
                _ => {}
            }
        }
    }
}

/// A host with two trees, in memory where there is a file system for that: hundreds of them are flushed.
fn host(chance: &mut Chance) -> Host {
    let in_memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    Host::guarded(in_memory.unwrap(), &chance.tree(), &chance.tree())
}

/// What a step is interrupted with.
struct Interrupted;

/// Runs something that is interrupted before its `left`-th step; says whether it came to its end.
fn interrupted(mut left: u64, run: impl FnOnce(&mut dyn install::Steps)) -> bool {
    let mut steps = |_: &'static str, _: &[u8]| {
        if left == 0 {
            resume_unwind(Box::new(Interrupted));
        }
        left -= 1;
    };
    match catch_unwind(AssertUnwindSafe(|| run(&mut steps))) {
        Ok(()) => true,
        Err(payload) if payload.is::<Interrupted>() => false,
        Err(panic) => resume_unwind(panic),
    }
}

#[test]
fn every_tree_comes_back_from_every_other_however_often_the_way_is_interrupted() {
    for seed in 0..HISTORIES {
        let mut chance = Chance(seed);
        let host = host(&mut chance);
        let before = see(host.live());
        let staged = host.stage();
        let staged = if chance.below(2) == 0 { staged } else { staged.without_rename_flags() };
        let at = chance.below(24);
        if interrupted(at, |steps| host.switch(&staged, steps).unwrap()) {
            assert_eq!(host.read().digest(), host.to.digest(), "seed {seed}");
        }
        for _ in 0..chance.below(3) {
            let at = chance.below(12);
            interrupted(at, |steps| drop(install::undo(&staged, steps).unwrap()));
        }
        let undone = install::undo(&staged, &mut Unobserved).unwrap();
        let clean = undone.failed.is_empty() && undone.foreign.is_empty() && undone.left.is_empty();
        assert!(clean, "seed {seed}: {undone:?}");
        staged.discard(false).unwrap();
        assert_eq!(see(host.live()), before, "seed {seed}");
    }
}

#[test]
fn what_somebody_writes_in_the_window_is_never_lost() {
    for seed in 0..HISTORIES {
        let mut chance = Chance(seed);
        let host = host(&mut chance);
        let staged = host.stage();
        host.switch(&staged, &mut Unobserved).unwrap();
        // Somebody edits some of the files that stand now, and adds one.
        let files: Vec<_> = see(host.live())
            .into_iter()
            .filter(|(path, seen)| seen.kind == 'f' && !path.starts_with(".evenkeel"))
            .collect();
        let mut written = Vec::new();
        for (path, _) in &files {
            if chance.below(3) == 0 {
                let text = format!("by hand, {}", path.display());
                fs::write(host.live().join(path), &text).unwrap();
                written.push(text);
            }
        }
        write(host.live(), "added = by hand");
        interrupted(chance.below(12), |steps| drop(install::undo(&staged, steps).unwrap()));
        let undone = install::undo(&staged, &mut Unobserved).unwrap();
        assert!(undone.failed.is_empty(), "seed {seed}: {undone:?}");
        let all: Vec<Vec<u8>> = see(host.live()).into_values().map(|seen| seen.content).collect();
        for text in written {
            assert!(all.iter().any(|content| content == text.as_bytes()), "seed {seed}: {text} is lost");
        }
        // Whatever differs from the old tree now is by hand, or beside a file that is.
        let strays = install::strays(&staged, &host.from).unwrap();
        assert!(strays.contains(&"added".into()), "seed {seed}");
        for path in strays {
            let content = fs::read(host.live().join(&path)).unwrap_or_default();
            assert!(content.starts_with(b"by hand"), "seed {seed}: {} is {content:?}", path.display());
        }
    }
}
