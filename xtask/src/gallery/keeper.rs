//! `xtask keeper DIR`: waits until its standard input ends, then stops every process that belongs to a stand, by pid, and
//! removes the stand's directory. Its input is a pipe from the runner, so it does so however the runner ended: well, by
//! Ctrl-C, or killed.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A directory that the keeper may remove carries this in its name.
pub(super) const MARK: &str = "evenkeel-gallery-";

/// How long a release that was interrupted may take to roll itself back, and nginx to end.
const PATIENCE: Duration = Duration::from_secs(8);

/// Waits for the end of standard input, then cleans up.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let [dir] = arguments else { bail!("usage: xtask keeper DIR") };
    let dir = Path::new(dir);
    let marked = dir.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(MARK));
    ensure!(dir.is_absolute() && marked, "{} is not a stand of the gallery", dir.display());
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}

    // What is at work may end by itself; then nginx; then whatever is left, without asking.
    wait_until_gone(dir, &|process| !process.is_ours() || process.serves());
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let processes = belonging_to(dir);
        // A master first: it stops its workers itself.
        let masters = processes.iter().any(|process| process.title.starts_with("nginx: master"));
        for process in processes.iter().filter(|process| process.is_ours()) {
            if !masters || signal == Signal::SIGKILL || !process.title.starts_with("nginx: worker") {
                let _ = kill(Pid::from_raw(process.pid), signal);
            }
        }
        wait_until_gone(dir, &|process| !process.is_ours());
    }
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn wait_until_gone(dir: &Path, but: &dyn Fn(&Process) -> bool) {
    let start = Instant::now();
    while belonging_to(dir).iter().any(|process| !but(process)) && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process of the stand.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) title: String,
}

impl Process {
    /// Whether the gallery started it: an nginx, evenkeel, or an application that a script started. Somebody who looks at a file
    /// of the stand is left alone.
    pub(super) fn is_ours(&self) -> bool {
        self.is_application() || {
            // Evenkeel starts its fuse as /proc/self/exe.
            matches!(self.program(), "nginx:" | "nginx" | "evenkeel" | "exe")
        }
    }

    /// Whether it is a program that is there to go on: an nginx, or an application.
    pub(super) fn serves(&self) -> bool {
        self.title.starts_with("nginx: ") || self.is_application()
    }

    fn is_application(&self) -> bool {
        self.title.contains("/bin/xtask app @")
    }

    fn program(&self) -> &str {
        let program = self.title.split(' ').next().unwrap_or_default();
        program.rsplit('/').next().unwrap_or_default()
    }
}

/// Every living process, but this one, that names the directory in its arguments or has a file below it open.
pub(super) fn belonging_to(dir: &Path) -> Vec<Process> {
    let name = dir.to_string_lossy();
    let me = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(|pid| *pid != me);
    let processes = pids.map(|pid| {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Process { pid, title: String::from_utf8_lossy(&bytes).replace('\0', " ") }
    });
    // Nothing to read: a zombie, or a thread of the kernel.
    let living = processes.filter(|process| !process.title.is_empty());
    living.filter(|process| process.title.contains(&*name) || has_open(process.pid, dir)).collect()
}

fn has_open(pid: i32, dir: &Path) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|file| file.starts_with(dir))
}
