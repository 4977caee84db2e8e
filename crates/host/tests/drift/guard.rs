//! The helper that looks at openings, and what becomes of an opening when it hangs.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use evenkeel_host::drift::author::command;
use evenkeel_host::drift::guard::Guard;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::runner::Test;
use crate::tree::{is_root, tree};

pub(crate) const TESTS: &[Test] = &[
    ("writer_that_ends_at_once_is_named_by_its_opening", writer_that_ends_at_once_is_named_by_its_opening),
    ("openings_go_on_within_a_second_when_the_listener_is_stopped", || stopped(&[1])),
    ("openings_go_on_within_a_second_when_both_helpers_are_stopped", || stopped(&[0, 1])),
    ("openings_go_on_at_once_when_the_overseer_is_stopped", || stopped(&[0])),
];

fn guard(root: &Path) -> Option<Guard> {
    let guard = Guard::start(&std::env::current_exe().unwrap(), root);
    if is_root() {
        return Some(guard.unwrap());
    }
    println!("skipped: only root may have openings wait ({})", guard.unwrap_err());
    None
}

fn writer_that_ends_at_once_is_named_by_its_opening() {
    let root = tree();
    let Some(guard) = guard(root.path()) else { return };
    let file = root.path().join("conf.d/a.conf");
    for n in 0..50 {
        let line = format!("echo {n} > {}", file.display());
        let mut child = Command::new("sh").args(["-c", &line]).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(child.wait().unwrap().success());
        let until = Instant::now() + Duration::from_secs(5);
        let opener = loop {
            let opener = guard.opener(pid);
            if opener.is_some() || Instant::now() > until {
                break opener;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let expected: Vec<Vec<u8>> =
            ["sh", "-c", &line].iter().map(|word| word.as_bytes().to_vec()).collect();
        assert_eq!(opener.map(|opener| opener.command()), Some(command(&expected)));
    }
    // Whoever only reads is none of its business.
    let pid = {
        let mut child = Command::new("cat").arg(&file).stdout(std::process::Stdio::null()).spawn().unwrap();
        child.wait().unwrap();
        i32::try_from(child.id()).unwrap()
    };
    assert!(guard.opener(pid).is_none() && guard.lives());
}

/// Stops some of the two helpers and opens a file of the tree.
fn stopped(which: &[usize]) {
    let root = tree();
    let Some(guard) = guard(root.path()) else { return };
    let helpers = guard.processes();
    for which in which {
        kill(Pid::from_raw(helpers[*which]), Signal::SIGSTOP).unwrap();
    }
    let started = Instant::now();
    OpenOptions::new().append(true).open(root.path().join("nginx.conf")).unwrap();
    let took = started.elapsed();
    println!("with {which:?} of overseer and listener stopped an open took {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let until = Instant::now() + Duration::from_secs(5);
    while guard.lives() {
        assert!(Instant::now() < until, "nobody noticed that the helpers do not look");
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    OpenOptions::new().append(true).open(root.path().join("nginx.conf")).unwrap();
    assert!(started.elapsed() < Duration::from_millis(200), "nobody waits any longer");
}
