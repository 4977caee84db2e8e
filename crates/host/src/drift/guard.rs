//! A helper that looks at whoever opens a file of the tree for writing, while the opening waits for it.
//!
//! That names even a writer that ends at once, whatever else the kernel tells. But a listener that holds opens up can hold
//! up the whole host, so three processes watch each other: the listener answers a beat of its overseer every 100 ms, the
//! overseer kills it when one is missing for [`SILENT_MAX`], and whoever started both kills both when the overseer is
//! silent. What the listener saw goes straight to whoever started both, and is written before the opening goes on: it is
//! there when the change is told of. A listener that is gone holds nobody up: the kernel lets every opening go on. Only opens in the directories
//! of the tree wait, none elsewhere; an open for reading is answered unlooked at.
//!
//! Source: `fanotify_release`, fs/notify/fanotify/fanotify_user.c of the kernel: what waits for a listener that ended is
//! allowed.

mod listener;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
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
#[derive(Debug)]
struct Told {
    heard: Mutex<Heard>,
    /// The number of the listener, once both are ready.
    ready: AtomicI32,
    gone: AtomicBool,
}

/// Where they tell it, and what of it was read.
#[derive(Debug)]
struct Heard {
    from: ChildStdout,
    /// The beginning of a line that is not there as a whole.
    line: Vec<u8>,
    openings: VecDeque<(Instant, Process)>,
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
        fcntl(&from, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let waits = from.as_fd().try_clone_to_owned()?;
        let heard = Heard { from, line: Vec::new(), openings: VecDeque::new() };
        let (ready, gone) = Default::default();
        let told = Arc::new(Told { heard: Mutex::new(heard), ready, gone });
        let (shared, pid) = (Arc::clone(&told), overseer.id());
        std::thread::Builder::new().name("open guard".to_owned()).spawn(move || {
            shared.follow(&waits);
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
        let mut heard = self.told.heard();
        // It was written before the opening went on; that may still wait to be read.
        let _ended_then = self.told.read(&mut heard);
        let of = heard.openings.iter().rev().take_while(|(at, _)| at.elapsed() < GOOD_FOR);
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

impl Told {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("nobody panics with it")
    }

    /// Reads until they end, or nothing comes for too long.
    fn follow(&self, waits: &OwnedFd) {
        loop {
            let is_ready = self.ready.load(Ordering::Acquire) > 0;
            if !readable(waits.as_fd(), if is_ready { SILENT_MAX } else { READY_WITHIN })
                || self.read(&mut self.heard()).is_err()
            {
                return;
            }
        }
    }

    /// Takes in all that waits. An error: they have ended.
    fn read(&self, heard: &mut Heard) -> io::Result<()> {
        let mut buffer = [0_u8; 4 << 10];
        loop {
            match heard.from.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => heard.line.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            while let Some(end) = heard.line.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = heard.line.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                if let Some(pid) = line.strip_prefix("ready ").and_then(|pid| pid.parse().ok()) {
                    self.ready.store(pid, Ordering::Release);
                } else if let Some(process) = listener::read(&line) {
                    heard.openings.push_back((Instant::now(), process));
                    if heard.openings.len() > REMEMBERED_MAX {
                        heard.openings.pop_front();
                    }
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
    let (mut beats, theirs) = UnixStream::pair()?;
    beats.set_nonblocking(true)?;
    // It tells what it sees where we tell that both are there; a line is written in one piece.
    let mut listener = Command::new("/proc/self/exe")
        .arg(LISTENER)
        .arg(root)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::inherit())
        .spawn()?;
    let out: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
    fcntl(&out, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut out = std::fs::File::from(out);
    let pid = listener.id();
    let mut answered = Instant::now() + READY_WITHIN - SILENT_MAX;
    let (mut told, mut buffer) = (false, [0_u8; 64]);
    'beats: while answered + SILENT_MAX > Instant::now() {
        if let Err(error) = beats.write_all(b".")
            && error.kind() != io::ErrorKind::WouldBlock
        {
            break;
        }
        let until = Instant::now() + BEAT_EVERY;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if !readable(beats.as_fd(), left) {
                break;
            }
            let Ok(1..) = beats.read(&mut buffer) else { break 'beats };
            // A line without words: only that we are there. Whoever reads slowly loses some.
            let line = if told { "\n".to_owned() } else { format!("ready {pid}\n") };
            told = true;
            answered = Instant::now();
            if let Err(error) = out.write_all(line.as_bytes())
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
