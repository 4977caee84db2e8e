//! The two slots on real files.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_fleet::apply::{Boottime, IllegalStep, RevertWhy, Stage, Way};
use evenkeel_fleet::{BundleId, Digest, Generation};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::slots::{
    AdvanceError, ConfirmError, Record, Reverted, Slots, SlotsError, Upgrade, confirm,
};

const LIMIT_MS: u64 = 1_000;
const SLOT: usize = 4096;

fn state() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn noted(note: &str) -> Record {
    Record { note: note.to_owned(), ..Record::idle(Path::new("/etc/nginx")) }
}

fn note(slots: &Slots) -> String {
    slots.read().unwrap().unwrap().note
}

#[test]
fn record_reads_as_it_was_written() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    assert_eq!(slots.read().unwrap(), None);
    let mut record = noted("why: ünïcode");
    record.applying.stage = Stage::Reverting;
    record.applying.generation = Generation(7);
    record.applying.proof_deadline = Boottime(8);
    record.applying.confirm_deadline = Boottime(9);
    record.applying.boot = [3; 16];
    record.applying.why = Some(RevertWhy::Evidence);
    record.asked = Some(RevertWhy::Asked);
    record.confirmed = Some(BundleId([4; 32]));
    record.plan = PathBuf::from("/etc/nginx/.evenkeel/r1/plan");
    record.plan_digest = Digest([5; 32]);
    record.master = Some(ProcessId { pid: 6, start_ticks: u64::MAX });
    record.command = Some(ProcessId::me());
    record.reverted = Some(Reverted {
        decided_unix_ms: 1,
        restored_unix_ms: 2,
        signalled_unix_ms: 3,
        done_unix_ms: -4,
        paths: 5,
        proven: Some(false),
        foreign: Some(BundleId([6; 32])),
        way: Some(Way::ParseFree),
    });
    let new = Some(ProcessId { pid: 7, start_ticks: 8 });
    record.upgrade =
        Some(Upgrade { new, resting_ms: 9, woken: 10, woken_by: -11, ..Upgrade::of(ProcessId::me()) });
    slots.lock(LIMIT_MS).unwrap().write(record.clone()).unwrap();
    assert_eq!(slots.read().unwrap(), Some(record.clone()));
    assert_eq!(Slots::open(state.path()).unwrap().read().unwrap(), Some(record));
}

#[test]
fn torn_slot_falls_back_to_the_other() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    for text in ["first", "second", "third"] {
        slots.lock(LIMIT_MS).unwrap().write(noted(text)).unwrap();
    }
    let file = state.path().join("slots");
    let whole = fs::read(&file).unwrap();
    // "third" lies in the first slot. Wherever a write of it stops, "second" stands.
    for torn in [0, 1, 100, 512, SLOT - 1] {
        let mut bytes = whole.clone();
        bytes[torn] ^= 0xff;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(note(&slots), "second", "torn at {torn}");
    }
    let mut bytes = whole.clone();
    bytes[512..SLOT].fill(0);
    fs::write(&file, &bytes).unwrap();
    assert_eq!(note(&slots), "second");
    slots.lock(LIMIT_MS).unwrap().write(noted("fourth")).unwrap();
    assert_eq!(note(&slots), "fourth");
    assert_eq!(fs::read(&file).unwrap()[SLOT..], whole[SLOT..], "the whole slot is not written over");
}

#[test]
fn two_torn_slots_are_corrupt_and_say_so() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    slots.lock(LIMIT_MS).unwrap().write(noted("first")).unwrap();
    let file = state.path().join("slots");
    let mut bytes = fs::read(&file).unwrap();
    bytes[40] ^= 1;
    bytes[SLOT + 40] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(slots.read(), Err(SlotsError::Corrupt { .. })));
    fs::write(&file, b"short").unwrap();
    assert!(matches!(slots.read(), Err(SlotsError::Corrupt { .. })));
}

#[test]
fn slots_of_a_newer_version_are_left_alone() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    slots.lock(LIMIT_MS).unwrap().write(noted("first")).unwrap();
    let file = state.path().join("slots");
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 3;
    let checksum = blake3::hash(&bytes[..SLOT - 32]);
    bytes[SLOT - 32..SLOT].copy_from_slice(checksum.as_bytes());
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(slots.lock(LIMIT_MS), Err(SlotsError::Newer { version: 3, .. })));
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn slots_of_the_first_layout_are_read() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    slots.lock(LIMIT_MS).unwrap().write(noted("first")).unwrap();
    let file = state.path().join("slots");
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 1;
    // What the second layout added: no way that was gone, no upgrade.
    let length = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) - 2;
    bytes[20..24].copy_from_slice(&length.to_le_bytes());
    let checksum = blake3::hash(&bytes[..SLOT - 32]);
    bytes[SLOT - 32..SLOT].copy_from_slice(checksum.as_bytes());
    fs::write(&file, &bytes).unwrap();
    assert_eq!(Slots::open(state.path()).unwrap().read().unwrap(), Some(noted("first")));
}

#[test]
fn path_too_long_for_a_slot_is_refused_and_the_record_stands() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    slots.lock(LIMIT_MS).unwrap().write(noted("first")).unwrap();
    let mut record = noted(&"n".repeat(10_000));
    slots.lock(LIMIT_MS).unwrap().write(record.clone()).unwrap();
    assert_eq!(note(&slots).len(), 512, "a note is cut");
    record.plan = PathBuf::from("p".repeat(4_096));
    assert!(matches!(slots.lock(LIMIT_MS).unwrap().write(record), Err(SlotsError::TooLarge { .. })));
    assert_eq!(note(&slots).len(), 512);
}

#[test]
fn guard_is_one_at_a_time() {
    let state = state();
    let (mut one, mut two) = (Slots::create(state.path()).unwrap(), Slots::create(state.path()).unwrap());
    let guard = one.lock(LIMIT_MS).unwrap();
    assert!(matches!(two.lock(10), Err(SlotsError::Busy { .. })));
    drop(guard);
    two.lock(10).unwrap();
}

/// Slots of a host whose release is proven and waits.
fn proven() -> (crate::common::Host, Slots) {
    let host = crate::common::Host::new("a.conf = a", "a.conf = b");
    let staged = host.stage();
    let mut slots = host.arm(&staged);
    {
        let mut guard = slots.lock(LIMIT_MS).unwrap();
        for stage in [Stage::Switched, Stage::Signalled, Stage::Proven] {
            guard.advance(stage).unwrap();
        }
    }
    (host, slots)
}

#[test]
fn proven_release_is_confirmed_and_the_one_before_is_remembered() {
    let (host, mut slots) = proven();
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    guard.update(|record| record.confirmed = Some(BundleId(host.from.digest().0))).unwrap();
    let record = confirm(&mut guard, None).unwrap();
    assert_eq!(record.stage(), Stage::Confirmed);
    assert_eq!(record.confirmed, Some(BundleId(host.to.digest().0)));
    assert_eq!(record.confirmed_before, Some(BundleId(host.from.digest().0)));
    assert!(matches!(confirm(&mut guard, None), Err(ConfirmError::NothingOpen)));
}

#[test]
fn confirmation_after_the_deadline_is_refused() {
    let (_host, mut slots) = proven();
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    guard.update(|record| record.applying.confirm_deadline = Boottime(1)).unwrap();
    let refused = confirm(&mut guard, None);
    assert!(matches!(refused, Err(ConfirmError::Refused { source: IllegalStep::TooLate { .. }, .. })));
    assert_eq!(guard.record().unwrap().stage(), Stage::Proven);
}

#[test]
fn confirmation_after_somebody_asked_to_go_back_is_refused() {
    let (_host, mut slots) = proven();
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    guard.ask_revert(RevertWhy::Asked, "anna").unwrap();
    guard.ask_revert(RevertWhy::Evidence, "second").unwrap();
    let record = guard.record().unwrap();
    assert_eq!(
        (record.asked, record.note.as_str()),
        (Some(RevertWhy::Asked), "anna"),
        "the first reason stays"
    );
    assert!(matches!(confirm(&mut guard, None), Err(ConfirmError::Refused { .. })));
}

#[test]
fn confirmation_of_another_release_is_refused() {
    let (_host, mut slots) = proven();
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    let refused = confirm(&mut guard, Some(evenkeel_fleet::ReleaseId(9)));
    assert!(matches!(refused, Err(ConfirmError::Other { .. })));
}

#[test]
fn stages_only_follow_each_other() {
    let host = crate::common::Host::new("a.conf = a", "a.conf = b");
    let mut slots = host.arm(&host.stage());
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    assert!(matches!(guard.advance(Stage::Proven), Err(AdvanceError::Step(IllegalStep::Order { .. }))));
    assert!(matches!(confirm(&mut guard, None), Err(ConfirmError::Refused { .. })));
    assert!(matches!(guard.adopt(host.live(), BundleId([1; 32]), Generation(2)), Err(AdvanceError::Step(_))));
}

#[test]
fn adopted_bundle_is_the_confirmed_one() {
    let state = state();
    let mut slots = Slots::create(state.path()).unwrap();
    let mut guard = slots.lock(LIMIT_MS).unwrap();
    guard.adopt(Path::new("/etc/nginx"), BundleId([1; 32]), Generation(1)).unwrap();
    guard.adopt(Path::new("/etc/nginx"), BundleId([2; 32]), Generation(2)).unwrap();
    let record = guard.record().unwrap();
    assert_eq!(record.confirmed, Some(BundleId([2; 32])));
    assert_eq!(record.confirmed_before, Some(BundleId([1; 32])));
    assert!(matches!(
        guard.adopt(Path::new("/etc/nginx"), BundleId([3; 32]), Generation(1)),
        Err(AdvanceError::Step(IllegalStep::Stale { .. }))
    ));
}

#[test]
fn processes_of_an_earlier_boot_are_nobody() {
    let (_host, slots) = proven();
    let record = slots.read().unwrap().unwrap();
    let now = evenkeel_host::clock::boot_id().unwrap();
    assert_eq!(record.clone().seen_from(now), record);
    let earlier = record.seen_from(evenkeel_host::clock::BootId([9; 16]));
    assert_eq!((earlier.master, earlier.command, earlier.fuse), (None, None, None));
}
