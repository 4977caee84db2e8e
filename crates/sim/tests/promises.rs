//! Ten thousand histories keep every promise, every checker finds a planted fault, and nothing that can be reached is not.

use std::collections::BTreeSet;

use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_sim::{Plant, Played, explain, play, promises};

/// How many histories are played on every change; `make sim` plays a million.
const HISTORIES: u64 = 10_000;
/// Within so many histories a planted fault is found.
const FOUND_WITHIN: u64 = 20_000;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Everything that ten thousand histories must reach, beside the stages and the reasons to go back. Of the refusals those
/// that only a host or a person with another journal can earn are left to the tests of `fleet`.
const REACHED: &[(&str, &[&str])] = &[
    ("alarm", &["Boot", "CommandDied", "RevertAsked", "Tick"]),
    ("decision", &["Done", "Revert", "Wait"]),
    ("accept", &["Fresh", "Repeated", "Stale"]),
    ("illegal", &["TooLate"]),
    ("recovery", &["Other"]),
    ("command", &["Apply", "Confirm", "Revert"]),
    ("ordered", &["Apply", "Confirm", "Revert"]),
    ("effect", &["Observe", "Order"]),
    ("append", &["Race"]),
    ("said", &["Confirmed", "Conflict", "NeverBegan", "Proven", "Refused", "Reverted", "Saw", "Switched"]),
    ("input", &["Adopt", "Confirm", "Freeze", "Propose", "Reported", "Rollback", "Saw", "Thaw", "Tick"]),
    (
        "event",
        &[
            "Adopted",
            "Confirmed",
            "Conflict",
            "Frozen",
            "Ordered",
            "Proposed",
            "Proven",
            "Refused",
            "RevertOrdered",
            "Reverted",
            "Saw",
            "Switched",
            "Thawed",
        ],
    ),
    ("refusal", &["Ended", "Frozen", "NotFrozen", "NotProven", "NothingOpen", "Open", "Stale", "TooLate"]),
    ("outcome", &["Confirmed", "Conflict", "Refused", "RolledBack"]),
    ("harm", &["Fail", "Hang", "Kill", "KillAll", "PowerCut"]),
    ("harmed", &["Agent", "Asker", "Command", "Controller", "Fuse", "Recovery"]),
    (
        "harmed at",
        &[
            "AfterAppend",
            "AfterTold",
            "AfterWrite",
            "BeforeAppend",
            "BeforeTold",
            "BeforeWrite",
            "Begin",
            "Exchange",
            "Exchanged",
            "Stage",
            "Unflushed",
        ],
    ),
    (
        "deed",
        &[
            "Adopt",
            "Confirm",
            "ControllerClock",
            "DiskFull",
            "Edit",
            "Emergency",
            "Freeze",
            "HostClock",
            "JournalFull",
            "KillBoth",
            "KillCommand",
            "KillController",
            "KillFuse",
            "Mood",
            "PowerCut",
            "Propose",
            "Reload",
            "Return",
            "Rollback",
            "RollbackOnHost",
            "Rots",
            "ServerDies",
            "ServerStarts",
            "Silence",
            "Thaw",
        ],
    ),
];

fn never_reached(played: &Played) -> Vec<String> {
    let stages = Stage::ALL.iter().map(|stage| format!("slot {stage:?}"));
    let reasons = RevertWhy::ALL.iter().map(|why| format!("why {why:?}"));
    let others =
        REACHED.iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}")));
    stages.chain(reasons).chain(others).filter(|name| !played.reached.contains_key(name)).collect()
}

#[test]
fn ten_thousand_histories_keep_every_promise_and_reach_everything() {
    let played = play(0..HISTORIES, threads(), None, None);
    assert_eq!(played.histories, HISTORIES);
    let explained = played.broken.first().map(|broken| explain(broken.seed, broken.promise, None));
    assert!(played.broken.is_empty(), "{}", explained.unwrap_or_default());
    assert_eq!(never_reached(&played), Vec::<String>::new());
}

/// The disk took a confirmation and could not keep it, and the power went later.
#[test]
fn confirmation_that_a_disk_could_not_keep_is_told_by_nobody() {
    const SEED: u64 = 180_979;
    let played = play(SEED..SEED + 1, 1, None, None);
    assert!(played.reached.contains_key("harm Fail") && played.broken.is_empty());
}

#[test]
fn every_planted_fault_is_found_by_the_checker_of_its_promise() {
    let mut missed = Vec::new();
    for (plant, promise) in Plant::ALL {
        let played = play(0..FOUND_WITHIN, threads(), Some(*plant), Some(promise));
        match played.broken.iter().find(|broken| broken.promise == *promise) {
            Some(found) => println!("{plant:?}: {promise} is broken by seed {}", found.seed),
            None => missed.push((plant, promise)),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn every_promise_has_a_planted_fault() {
    let planted: BTreeSet<&str> = Plant::ALL.iter().map(|(_, promise)| *promise).collect();
    assert_eq!(promises().collect::<BTreeSet<_>>(), planted);
}

#[test]
fn a_seed_plays_the_same_history_again() {
    let reached = |seed: u64| format!("{:?}", play(seed..seed + 1, 1, None, None).reached);
    for seed in 0..20 {
        assert_eq!(reached(seed), reached(seed));
    }
}

#[test]
fn a_history_that_fails_is_told_with_the_few_things_that_make_it_fail() {
    let (plant, promise) = (Plant::FuseWaits, "a_fuse_that_lives_goes_back_in_time");
    let played = play(0..FOUND_WITHIN, 1, Some(plant), Some(promise));
    let found = played.broken.iter().find(|broken| broken.promise == promise).unwrap();
    let told = explain(found.seed, promise, Some(plant));
    let things: usize = told
        .split_once("it takes ")
        .and_then(|(_, rest)| rest.split_once(" of the "))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap();
    assert!((1..=3).contains(&things), "{told}");
    assert!(told.contains(&format!("--seed {}", found.seed)), "{told}");
}
