//! The runner of the gallery leaves nothing behind, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(30);

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A runner that is busy for a while: nginx tries for seconds to get a port that is taken.
fn runner() -> (Child, PathBuf) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["gallery", "--alone", "--only", "03"]).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    let stand = std::env::temp_dir().join(format!("evenkeel-gallery-{}-03-alone", child.id()));
    (child, stand)
}

fn master(stand: &Path) -> Option<i32> {
    std::fs::read_to_string(stand.join("nginx.pid")).ok()?.trim().parse().ok()
}

#[test]
fn whatever_ends_the_runner_its_nginx_and_its_directory_are_gone() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT] {
        let (mut child, stand) = runner();
        wait_until("nginx runs", || master(&stand).is_some());
        let nginx = master(&stand).unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        child.wait().unwrap();
        wait_until("the directory is gone", || !stand.exists());
        let title = std::fs::read_to_string(format!("/proc/{nginx}/cmdline")).unwrap_or_default();
        assert!(!title.contains(&*stand.to_string_lossy()), "{signal}: {title}");
    }
}

#[test]
fn an_outage_that_happens_to_nginx_alone_ends_well_and_leaves_nothing() {
    let (mut child, stand) = runner();
    assert!(child.wait().unwrap().success());
    assert!(!stand.exists());
}
