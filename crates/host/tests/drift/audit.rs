//! The kernel's audit on the real kernel. There is one for the whole machine, and one that was ever on costs each system call of every later
//! process until the next boot (`audit_alloc`, kernel/auditsc.c). So those that switch it on want to be asked for: `make test-audit`. They
//! do so for less than a second where it is off and nobody takes its records, have it write down what happens in directories of their own,
//! and set it back.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, KnownBy};
use evenkeel_host::configdir::Keep;
use evenkeel_host::drift::author::Witness;
use evenkeel_host::drift::author::audit::{Audit, Stands, Wanted, stands};
use evenkeel_host::drift::events::{Events, Happened};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::runner::Test;
use crate::tree::tree;

/// The word that makes this program one that switches the audit on, and is killed.
pub(crate) const KILLED: &str = "__audited-until-killed";

pub(crate) const TESTS: &[Test] = &[
    ("audit_that_is_off_is_left_off", audit_that_is_off_is_left_off),
    (
        "audit_names_every_command_and_is_set_back_at_the_end",
        audit_names_every_command_and_is_set_back_at_the_end,
    ),
    (
        "audit_is_set_back_after_a_kill_by_the_next_who_follows",
        audit_is_set_back_after_a_kill_by_the_next_who_follows,
    ),
    (
        "storm_of_records_holds_nobody_up_and_the_next_edit_is_named",
        storm_of_records_holds_nobody_up_and_the_next_edit_is_named,
    ),
];

/// A tree, a directory for the state, and how the audit stood. Whatever happens, it stands so again.
struct Stage {
    root: TempDir,
    state: TempDir,
    before: Stands,
    _alone: File,
}

fn skipped<T>(why: &str) -> Option<T> {
    println!("skipped: the audit is not switched on and off here ({why})");
    None
}

/// Why this user, or this machine, has no audit to ask; anything else is a fault.
fn may_not(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(nix::libc::EPERM) => "it is for root",
        Some(nix::libc::ECONNREFUSED) => "it is not for those in namespaces",
        Some(nix::libc::EPROTONOSUPPORT) => "the kernel has none",
        _ => panic!("{error}"),
    }
}

/// There is one audit for all tests.
fn alone() -> File {
    let file = File::create(std::env::temp_dir().join("evenkeel-audit-tests.lock")).unwrap();
    file.lock().unwrap();
    file
}

impl Stage {
    fn new() -> Option<Self> {
        if let Err(error) = stands() {
            return skipped(may_not(&error));
        }
        let alone = alone();
        let before = stands().unwrap();
        if before.on || before.daemon.is_some() {
            return skipped(&format!("it is in use: {before:?}"));
        }
        Some(Self { root: tree(), state: tempfile::tempdir().unwrap(), before, _alone: alone })
    }

    /// The same for what switches it on.
    fn asked_for() -> Option<Self> {
        if std::env::var_os("EVENKEEL_AUDIT").is_none() {
            return skipped("EVENKEEL_AUDIT=1 does");
        }
        Self::new()
    }

    fn is_as_before(&self) {
        let now = stands().unwrap();
        let of = |it: &Stands| (it.on, it.daemon, it.others);
        assert_eq!(of(&now), of(&self.before));
        assert!(!now.ours.iter().any(|of| of == self.root.path()), "{now:?}");
    }

    fn listen(&self, wanted: Wanted) -> Option<Audit> {
        Audit::listen(self.root.path(), self.state.path(), wanted).unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _nothing_left = Audit::listen(self.root.path(), self.state.path(), Wanted::WhereInUse);
    }
}

fn audit_that_is_off_is_left_off() {
    if let Err(error) = stands() {
        let (root, state) = (tree(), tempfile::tempdir().unwrap());
        let refused = Audit::listen(root.path(), state.path(), Wanted::On).unwrap_err();
        assert_eq!((refused.kind(), may_not(&refused)), (error.kind(), may_not(&error)));
        return;
    }
    let Some(stage) = Stage::new() else { return };
    assert!(stage.listen(Wanted::WhereInUse).is_none());
    stage.is_as_before();
    assert_eq!(std::fs::read_dir(stage.state.path()).unwrap().count(), 0);
}

/// Runs an edit and gives whom the witness names for it.
fn edit(events: &mut Events, witness: &mut Witness, file: &Path, command: &[&str]) -> Option<Author> {
    while !events.wait(Duration::ZERO).unwrap().is_empty() {}
    let status = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
    let until = Instant::now() + Duration::from_secs(5);
    let mut author = None;
    while Instant::now() < until {
        for happened in events.wait(Duration::from_millis(10)).unwrap() {
            let Happened::File(happening) = happened else { continue };
            if events.root().join(std::str::from_utf8(&happening.path).unwrap()) == file {
                author = Some(happening.pid);
            }
        }
        // The record is on its way when the event is.
        if let Some(pid) = author
            && let Some(named) = witness.settle(file, pid, None)
            && named.known_by == KnownBy::Audit
        {
            return Some(named);
        }
    }
    witness.settle(file, author.flatten(), None)
}

fn audit_names_every_command_and_is_set_back_at_the_end() {
    let Some(stage) = Stage::asked_for() else { return };
    let mut events = Events::fanotify(stage.root.path(), &Keep::default()).unwrap();
    let mut witness = Witness::new();
    witness.audit(stage.root.path(), stage.state.path(), Wanted::On).unwrap();
    assert!(witness.audited().unwrap().was_off());
    let on = stands().unwrap();
    assert!(on.on && on.ours.contains(&stage.root.path().to_owned()), "{on:?}");
    let (file, other) = (stage.root.path().join("conf.d/a b.conf"), stage.state.path().join("made.conf"));
    let (at, made) = (file.to_str().unwrap(), other.to_str().unwrap());
    let long = format!("echo {} > '{at}'", "x".repeat(300));
    let edits: &[&[&str]] = &[
        &["sh", "-c", &format!("echo x > '{at}'")],
        &["sed", "-i", "s/x/y/", at],
        &["cp", made, at],
        &["chmod", "600", at],
        &["sh", "-c", &long],
        &["mv", made, at],
        &["rm", at],
        &["touch", at],
        &["sh", "-c", "cd \"$(dirname \"$0\")\" && echo y >> 'a b.conf'", at],
        &["truncate", "-s", "3", at],
    ];
    let mut missed = Vec::new();
    for round in 0..10 {
        for words in edits {
            std::fs::write(&other, format!("made {round}\n")).unwrap();
            if !file.exists() {
                std::fs::write(&file, "x\n").unwrap();
            }
            let shown: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            let shown = evenkeel_host::drift::author::command(&shown);
            let author = edit(&mut events, &mut witness, &file, words);
            if !author.as_ref().is_some_and(|it| it.command == shown && it.known_by == KnownBy::Audit) {
                missed.push(format!("{shown}: {author:?}"));
            }
        }
    }
    println!("of 100 edits {} were not named by the audit", missed.len());
    assert!(missed.len() <= 1, "{missed:#?}");
    drop(witness);
    stage.is_as_before();
    assert_eq!(std::fs::read_dir(stage.state.path()).unwrap().count(), 1, "the file that was made");
}

/// What [`KILLED`] does, with a tree and a directory for the state.
pub(crate) fn until_killed(mut arguments: impl Iterator<Item = std::ffi::OsString>) {
    let (root, state) = (arguments.next().unwrap(), arguments.next().unwrap());
    let _audit = Audit::listen(Path::new(&root), Path::new(&state), Wanted::On).unwrap().unwrap();
    println!("listens");
    loop {
        std::thread::park();
    }
}

fn audit_is_set_back_after_a_kill_by_the_next_who_follows() {
    let Some(stage) = Stage::asked_for() else { return };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([KILLED.as_ref(), stage.root.path(), stage.state.path()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    let left = stands().unwrap();
    assert!(left.on && left.ours.contains(&stage.root.path().to_owned()), "{line} {left:?}");
    assert!(stage.listen(Wanted::WhereInUse).is_none());
    stage.is_as_before();
    // The mark of another boot says nothing of this one.
    std::fs::write(stage.state.path().join("audit.on"), "another boot\n").unwrap();
    assert!(stage.listen(Wanted::WhereInUse).is_none());
    assert_eq!(std::fs::read_dir(stage.state.path()).unwrap().count(), 0);
}

fn storm_of_records_holds_nobody_up_and_the_next_edit_is_named() {
    const WRITES: u32 = 10_000;
    let Some(stage) = Stage::asked_for() else { return };
    let mut witness = Witness::new();
    witness.audit(stage.root.path(), stage.state.path(), Wanted::On).unwrap();
    assert!(witness.audited().unwrap().was_off());
    let (file, started) = (stage.root.path().join("conf.d/a.conf"), Instant::now());
    let storm = format!("i=0; while [ $i -lt {WRITES} ]; do : > {}; i=$((i+1)); done", file.display());
    assert!(Command::new("sh").args(["-c", &storm]).status().unwrap().success());
    let took = started.elapsed();
    println!("{WRITES} writes, five records each, in {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let mut events = Events::fanotify(stage.root.path(), &Keep::default()).unwrap();
    let line = format!("echo x > {}", file.display());
    let author = edit(&mut events, &mut witness, &file, &["sh", "-c", &line]).unwrap();
    assert_eq!((author.command, author.known_by), (format!("sh -c '{line}'"), KnownBy::Audit));
}
