//! A helper that looks at whoever opens a file of the tree for writing, while the opening waits for it.
//!
//! That names even a writer that ends at once, whatever else the kernel tells. But a listener that holds opens up can hold
//! up the whole host, so three processes watch each other: the listener answers a beat of its overseer every 100 ms, the
//! overseer kills it when one is missing for [`SILENT_MAX`], and whoever started both kills both when the overseer is
//! silent. A listener that is gone holds nobody up: the kernel lets every opening go on. Only opens in the directories
//! of the tree wait, none elsewhere; an open for reading is answered unlooked at.
//!
//! Source: `fanotify_release`, fs/notify/fanotify/fanotify_user.c of the kernel: what waits for a listener that ended is
//! allowed.

mod listener;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::author::Process;

/// The word that makes a program of ours the overseer, and the one that makes it the listener.
pub const OVERSEER: &str = "__open-guard";
/// The listener.
pub const LISTENER: &str = "__open-guard-listener";
/// How long a beat may be missing.
pub const SILENT_MAX: Duration = Duration::from_millis(500);
/// How often the listener is asked whether it is there.
const BEAT_EVERY: Duration = Duration::from_millis(100);
/// How long the two may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How many openings are remembered.
const REMEMBERED_MAX: usize = 1_024;
/// An opening says something of a change for so long.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// The two helpers, as long as they are there.
#[derive(Debug)]
pub struct Guard {
    overseer: Child,
    told: Arc<Told>,
    listener: i32,
}

/// What the helpers tell.
#[derive(Debug, Default)]
struct Told {
    openings: Mutex<VecDeque<(Instant, Process)>>,
    ready: AtomicI32,
    gone: AtomicBool,
}

impl Guard {
    /// Starts both; `program` is one whose `main` calls [`main`] for [`OVERSEER`] and [`LISTENER`].
    ///
    /// # Errors
    /// When they cannot be started, or the kernel allows no such listener: it needs `CAP_SYS_ADMIN`.
    pub fn start(program: &Path, root: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(OVERSEER).arg(root).stdin(Stdio::null()).stdout(Stdio::piped());
        command.process_group(0);
        let mut overseer = command.spawn()?;
        let from = overseer.stdout.take().expect("it is piped");
        let told = Arc::new(Told::default());
        let (shared, pid) = (Arc::clone(&told), overseer.id());
        std::thread::Builder::new().name("open guard".to_owned()).spawn(move || {
            hear(from, &shared);
            shared.gone.store(true, Ordering::Release);
            // Silent or at their end: nobody waits for them any longer.
            for pid in [shared.ready.load(Ordering::Acquire), i32::try_from(pid).unwrap_or(0)] {
                if pid > 0 {
                    let _gone_already = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
        })?;
        let until = Instant::now() + READY_WITHIN;
        loop {
            let listener = told.ready.load(Ordering::Acquire);
            if listener > 0 {
                return Ok(Self { overseer, told, listener });
            }
            if told.gone.load(Ordering::Acquire) || Instant::now() > until {
                let _gone_already = overseer.kill();
                let _reaped = overseer.wait();
                return Err(io::Error::other("the helper that looks at openings did not begin"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it still looks.
    #[must_use]
    pub fn lives(&self) -> bool {
        !self.told.gone.load(Ordering::Acquire)
    }

    /// The numbers of the overseer and of the listener.
    #[must_use]
    pub fn processes(&self) -> [i32; 2] {
        [i32::try_from(self.overseer.id()).unwrap_or(0), self.listener]
    }

    /// The process with this number as it was when it last opened a file of the tree for writing.
    #[must_use]
    pub fn opener(&self, pid: i32) -> Option<Process> {
        let openings = self.told.openings.lock().expect("no listener panics");
        let of = openings.iter().rev().take_while(|(at, _)| at.elapsed() < GOOD_FOR);
        of.map(|(_, process)| process).find(|process| process.pid == pid).cloned()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The listener ends with the overseer.
        let _gone_already = self.overseer.kill();
        let _reaped = self.overseer.wait();
        let _gone_already = kill(Pid::from_raw(self.listener), Signal::SIGKILL);
    }
}

/// Reads lines until they end, or none comes for too long.
fn hear(mut from: impl Read + std::os::fd::AsFd, told: &Told) {
    let mut lines = Vec::new();
    let mut buffer = [0_u8; 4 << 10];
    while readable(
        from.as_fd(),
        if told.ready.load(Ordering::Acquire) > 0 { SILENT_MAX } else { READY_WITHIN },
    ) {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => lines.extend_from_slice(&buffer[..length]),
        }
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            if let Some(pid) = line.strip_prefix("ready ").and_then(|pid| pid.parse().ok()) {
                told.ready.store(pid, Ordering::Release);
            } else if let Some(process) = listener::read(&line) {
                let mut openings = told.openings.lock().expect("nobody panics with it");
                openings.push_back((Instant::now(), process));
                if openings.len() > REMEMBERED_MAX {
                    openings.pop_front();
                }
            }
        }
    }
}

fn readable(from: BorrowedFd<'_>, limit: Duration) -> bool {
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(from, PollFlags::POLLIN)], limit).is_ok_and(|ready| ready > 0)
}

/// What the helpers do: `OVERSEER ROOT` or `LISTENER ROOT`.
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(what), Some(root)) = (arguments.next(), arguments.next()) else { return ExitCode::from(2) };
    // With whoever started us, whatever becomes of it.
    let _stays_then = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    let done =
        if what == OVERSEER { watch_over(&PathBuf::from(root)) } else { listener::listen(Path::new(&root)) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

/// Starts the listener, asks it every [`BEAT_EVERY`] whether it is there, and kills it when it does not say so.
fn watch_over(root: &Path) -> io::Result<()> {
    crate::sys::first_in_line();
    let mut listener = Command::new("/proc/self/exe")
        .arg(LISTENER)
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut to, mut from) =
        (listener.stdin.take().expect("it is piped"), listener.stdout.take().expect("it is piped"));
    let out: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
    fcntl(&out, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut out = std::fs::File::from(out);
    let pid = listener.id();
    let mut answered = Instant::now() + READY_WITHIN - SILENT_MAX;
    let (mut told, mut buffer) = (false, [0_u8; 4 << 10]);
    'beats: while answered + SILENT_MAX > Instant::now() {
        if to.write_all(b".").is_err() {
            break;
        }
        let until = Instant::now() + BEAT_EVERY;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if !readable(from.as_fd(), left) {
                break;
            }
            let Ok(length @ 1..) = from.read(&mut buffer) else { break 'beats };
            if !told {
                told = true;
                let _ready = writeln!(out, "ready {pid}");
            }
            answered = Instant::now();
            // Whoever reads slowly loses some; nobody waits for it.
            if let Err(error) = out.write_all(&buffer[..length])
                && error.kind() == io::ErrorKind::BrokenPipe
            {
                break 'beats;
            }
        }
    }
    let _gone_already = listener.kill();
    let _reaped = listener.wait();
    Ok(())
}
