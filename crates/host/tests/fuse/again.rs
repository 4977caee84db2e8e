//! Reverts that are not proven at first, and what becomes of them.

use std::fs;
use std::time::{Duration, Instant};

use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::{Generation, ReleaseId, Span};
use evenkeel_host::fuse::{self, Launch, Order, WayBack};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::install;
use evenkeel_host::nginx::generation::{BUSY_MAX, Expected, LIMIT, STAY, Workers};
use evenkeel_host::slots::{Record, Slots};
use nix::sys::signal::Signal;

use crate::Test;
use crate::live::{ASK, LONG_MS, World};
use crate::private::{signal, wait_for, wait_for_end};

pub(crate) const TESTS: &[Test] = &[
    ("old_configuration_that_can_be_loaded_later_serves_again_by_itself", by_itself),
    ("prove_again_loads_and_proves_the_old_configuration_by_hand", by_hand),
    ("prove_again_without_a_plan_tells_nginx_and_says_that_nothing_is_proven", by_hand_without_a_plan),
    ("unconfirmed_files_put_back_by_hand_are_not_loaded_as_the_old_ones", not_the_old_files),
    ("new_release_ends_the_trying_at_once", new_release),
    ("release_that_never_began_forgets_no_way_back_that_is_owed", fuse_not_ready),
    ("apply_lock_held_by_another_process_postpones_the_trying", apply_lock),
    ("fuse_ends_when_the_nginx_that_it_tells_has_ended", nginx_ended),
    ("flush_that_fails_is_tried_again_without_telling_nginx_again", flush_fails),
];

/// A host whose revert is not proven: the old tree includes a file outside of it, which is gone. `B` serves, and the
/// fuse tries again.
fn unproven() -> (World, Record) {
    let world = World::answering("include $dir/outside.conf;");
    world.answers("A");
    let mut command = world.command(LONG_MS, LONG_MS * 2, "none", "wait");
    assert_eq!(command.end().0, 0, "the release was proven");
    world.answers("B");
    fs::remove_file(world.nginx.path("outside.conf")).unwrap();
    let asked = Instant::now();
    let record = fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "nobody waits for a fuse that stays");
    assert!(record.is_unproven() && record.note.contains("outside.conf"), "{record:?}");
    assert_eq!(world.host.read().digest(), world.host.from.digest());
    world.answers("B");
    assert!(fuse_of(&record).lives());
    let proof = LIMIT + STAY + BUSY_MAX;
    assert_eq!(fuse::revert_within(&record), proof + Duration::from_secs(10), "its plan says how long");
    assert_eq!(fuse::revert_within(&Record::idle(world.host.live())), Duration::from_secs(20));
    (world, record)
}

fn fuse_of(record: &Record) -> ProcessId {
    record.fuse.unwrap()
}

fn kill_fuse(record: &Record) {
    signal(fuse_of(record), Signal::SIGKILL);
    wait_for_end(fuse_of(record));
}

fn file_comes_back(world: &World) {
    fs::write(world.nginx.path("outside.conf"), "return 200 A;").unwrap();
}

fn reloads(world: &World) -> usize {
    world.nginx.log().matches("signal 1 (SIGHUP) received").count()
}

fn by_itself() {
    let (world, record) = unproven();
    file_comes_back(&world);
    let proven = wait_for("the proof", || Some(world.record()).filter(|now| !now.is_unproven()));
    assert_eq!(proven.stage(), Stage::Reverted);
    assert_eq!(proven.reverted.unwrap().proven, Some(true), "{}", proven.note);
    assert!(proven.note.starts_with("the old configuration is proven now, "), "{}", proven.note);
    assert!(
        proven.note.contains(" s after its files stood again; before: asked by a test"),
        "{}",
        proven.note
    );
    assert!(proven.reverted.unwrap().done_unix_ms > record.reverted.unwrap().done_unix_ms);
    world.serves_old();
    wait_for_end(fuse_of(&record));
    assert!(!world.nginx.path("conf/.evenkeel").exists(), "nothing is left beside the tree");
}

fn by_hand() {
    let (world, record) = unproven();
    kill_fuse(&record);
    install::sweep(&world.host.place).unwrap();
    let still = fuse::prove_again(&world.host.place).unwrap().unwrap();
    assert!(still.is_unproven() && still.note.contains("outside.conf"), "{}", still.note);
    world.answers("B");
    file_comes_back(&world);
    let proven = fuse::prove_again(&world.host.place).unwrap().unwrap();
    assert_eq!(proven.reverted.unwrap().proven, Some(true), "{}", proven.note);
    assert_eq!(world.record(), proven);
    world.serves_old();
    assert_eq!(fuse::prove_again(&world.host.place).unwrap(), None, "once is enough");
}

fn by_hand_without_a_plan() {
    let (world, record) = unproven();
    kill_fuse(&record);
    fs::remove_dir_all(world.nginx.path("conf/.evenkeel")).unwrap();
    file_comes_back(&world);
    let told = fuse::prove_again(&world.host.place).unwrap().unwrap();
    assert!(told.is_unproven() && told.note.contains("nothing is known"), "{}", told.note);
    wait_for("the old answer", || crate::private::get(world.port).filter(|answer| answer.ends_with('A')));
}

fn not_the_old_files() {
    let (world, record) = unproven();
    kill_fuse(&record);
    file_comes_back(&world);
    let site = world.host.place.config_dir.join("conf.d/site.conf");
    fs::copy(world.nginx.path("proposed/conf.d/site.conf"), site).unwrap();
    let told = reloads(&world);
    let refused = fuse::prove_again(&world.host.place).unwrap().unwrap();
    assert!(refused.is_unproven() && refused.note.contains("conf.d/site.conf"), "{}", refused.note);
    assert_eq!(reloads(&world), told);
}

/// The next release beside the tree, with all that its way back must know.
fn staged(world: &World) -> install::Staged {
    let host = &world.host;
    let expected = Expected { workers: Workers::Fixed(2), listens: Vec::new(), stay: STAY, limit: LIMIT };
    let error_logs = vec![host.dir.join("logs/error.log"), host.dir.join("logs/start.log")];
    let way_back = WayBack { place: host.place.clone(), error_logs, expected, good: None };
    let plan = install::plan(&host.from, &host.to);
    install::stage(&host.place, &host.keep, &plan, &host.to, "r2", &way_back.encode()).unwrap()
}

fn order<'s>(staged: &'s install::Staged, world: &World) -> Order<'s> {
    Order {
        generation: Generation(2),
        release: ReleaseId(2),
        staged,
        master: Some(world.master()),
        parse_free: false,
        proof_within: Span::from_millis(LONG_MS),
        confirm_within: Span::from_millis(LONG_MS),
    }
}

fn new_release() {
    let (world, record) = unproven();
    let staged = staged(&world);
    let mut slots = Slots::open(&world.host.place.state_dir).unwrap();
    let order = order(&staged, &world);
    let launch = Launch::Child { program: "/proc/self/exe".into() };
    let begun = Instant::now();
    let armed = fuse::arm(&mut slots, &world.host.place.state_dir, &order, &launch).unwrap();
    wait_for_end(fuse_of(&record));
    assert!(begun.elapsed() < Duration::from_secs(2), "it was woken: {:?}", begun.elapsed());
    let now = world.record();
    assert_eq!((now.stage(), now.applying.release, now.fuse), (Stage::Armed, ReleaseId(2), Some(armed.fuse)));
    assert_eq!(fuse::prove_again(&world.host.place).unwrap(), None, "another release is open");
    // Nothing of it was switched. But nginx still serves the one before it, which nobody confirmed.
    world.answers("B");
    file_comes_back(&world);
    let told = reloads(&world);
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    assert_eq!(reloads(&world), told + 1);
    world.serves_old();
}

fn fuse_not_ready() {
    let (world, record) = unproven();
    kill_fuse(&record);
    let staged = staged(&world);
    let mut slots = Slots::open(&world.host.place.state_dir).unwrap();
    let order = order(&staged, &world);
    let launch = Launch::Child { program: "/bin/false".into() };
    fuse::arm(&mut slots, &world.host.place.state_dir, &order, &launch).unwrap_err();
    assert!(world.record().is_unproven(), "what is owed is forgotten: {:?}", world.record());
    file_comes_back(&world);
    let proven = fuse::prove_again(&world.host.place).unwrap().unwrap();
    assert_eq!(proven.reverted.unwrap().proven, Some(true), "{}", proven.note);
    world.serves_old();
}

fn apply_lock() {
    let (world, record) = unproven();
    let lock = evenkeel_host::lock::ApplyLock::acquire(&world.host.place.state_dir, "a test").unwrap();
    let told = reloads(&world);
    // Longer than the first pause; it is woken all the time, looks, and finds that somebody is about to begin.
    let until = Instant::now() + Duration::from_millis(3_500);
    wait_for("the first pause", || {
        signal(fuse_of(&record), Signal::SIGUSR1);
        (Instant::now() > until).then_some(())
    });
    assert_eq!(reloads(&world), told);
    drop(lock);
    file_comes_back(&world);
    wait_for("the proof", || Some(world.record()).filter(|now| !now.is_unproven()));
    world.serves_old();
    wait_for_end(fuse_of(&record));
}

fn nginx_ended() {
    let (world, record) = unproven();
    world.kill_nginx();
    fs::remove_file(world.nginx.path("run/nginx.pid")).unwrap();
    wait_for_end(fuse_of(&record));
    let now = world.record();
    assert_eq!((now.stage(), now.reverted.unwrap().proven), (Stage::Reverted, None), "{}", now.note);
    assert!(now.note.starts_with("no nginx runs any more"), "{}", now.note);
}

/// Whether a signal waits for a process.
fn has_pending(process: ProcessId, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap() & (1 << (signal as u64 - 1)) != 0
}

fn flush_fails() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "none", "wait");
    assert_eq!(command.end().0, 0, "the release was proven");
    let told = reloads(&world);
    let (dot, away) = (world.nginx.path("conf/.evenkeel"), world.nginx.path("away"));
    let state_dir = world.host.place.state_dir.clone();
    let master = world.master();
    signal(master, Signal::SIGSTOP);
    let asking = std::thread::spawn(move || fuse::request_revert(&state_dir, &ASK).unwrap());
    // The master stands still, so that the proof waits until nothing can be flushed any more.
    wait_for("the old files", || (world.host.read().digest() == world.host.from.digest()).then_some(()));
    wait_for("the signal", || has_pending(master, Signal::SIGHUP).then_some(()));
    fs::rename(&dot, &away).unwrap();
    signal(master, Signal::SIGCONT);
    let log = || fs::read_to_string(world.host.place.state_dir.join("fuse.log")).unwrap_or_default();
    wait_for("the failure", || log().contains("to put the old files back").then_some(()));
    assert_eq!(world.record().stage(), Stage::Reverting);
    fs::rename(&away, &dot).unwrap();
    let record = asking.join().unwrap();
    assert_eq!(record.reverted.unwrap().proven, Some(true), "{}", record.note);
    world.serves_old();
    assert_eq!(reloads(&world), told + 1, "{}", log());
}
