//! The proof that new workers serve a new configuration.
//!
//! An exit status proves nothing: `nginx -s reload` ends before the reload begins, and a refused reload leaves
//! the old workers serving without a word to whoever asked.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::control::Reload;
use super::find::Master;
use super::log::Offsets;
use super::proc;
use super::sockets::Listen;
use super::title::Role;
use super::view::View;
use crate::clock;
use crate::identity::ProcessId;

mod story;
mod watch;

/// How things were just before a reload.
#[derive(Debug)]
pub struct Before {
    master: ProcessId,
    /// All its children, not only those that serve.
    children: Vec<ProcessId>,
    logs: Offsets,
    /// Whether the master is still at work on something and hears no signal.
    busy: bool,
    how: How,
}

/// How a master comes to new workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It reads its configuration again.
    Reload,
    /// It is a new master, beside one whose workers serve.
    Beside,
    /// It stood by, and starts them from memory.
    Woken,
}

impl Before {
    /// Notes the workers of this master and where the error logs end: those of the configuration that runs and
    /// those of the one that comes (nginx reports what goes wrong early to the old one, later to the new one).
    /// Take it as the last thing before the signal. Paths are absolute, as the master sees them, or
    /// [`super::log::STDERR`].
    pub fn take(master: ProcessId, error_logs: &[PathBuf]) -> Self {
        let busy = proc::status(master.pid).is_ok_and(|status| !hears_hup(&status));
        let logs = Offsets::take(master, error_logs);
        Self {
            master,
            children: proc::children(master.pid).unwrap_or_default(),
            logs,
            busy,
            how: How::Reload,
        }
    }

    /// Notes what a master that comes back from standing by has beside its workers; those that serve already count as
    /// new ones.
    pub(crate) fn woken(master: ProcessId, error_logs: &[PathBuf]) -> Self {
        let mut before = Self::take(master, error_logs);
        before.children.retain(|child| proc::role_of(*child) != Some(Role::Worker));
        Self { how: How::Woken, ..before }
    }

    /// The same moment, for a master that was started since: all its workers are new.
    #[must_use]
    pub fn of_new(self, new: ProcessId) -> Self {
        Self { master: new, children: Vec::new(), busy: false, how: How::Beside, ..self }
    }

    /// Where the error logs end.
    pub fn logs(&mut self) -> &mut Offsets {
        &mut self.logs
    }
}

/// The bit of SIGHUP in the masks of `/proc/PID/status`.
const HUP: u64 = 1;

/// Says whether the master waits for signals. It blocks all of them while it works
/// (`ngx_master_process_cycle`, src/os/unix/ngx_process_cycle.c).
fn hears_hup(status: &proc::Status) -> bool {
    status.blocked & HUP == 0
}

/// The same, for the rest of this module.
pub(super) fn hears(status: &proc::Status) -> bool {
    hears_hup(status)
}

/// How many workers a configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// `worker_processes 4`
    Fixed(u32),
    /// `worker_processes auto`: one for each processor.
    Auto,
}

/// What the new configuration should look like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// How many workers.
    pub workers: Workers,
    /// Every address it listens on.
    pub listens: Vec<Listen>,
    /// How long the same workers must be there; [`STAY`] by default.
    pub stay: Duration,
    /// How long it may take from the moment the master takes the signal until the workers are there, `stay` not
    /// counted; [`LIMIT`] by default. A master still busy with an earlier reload may take [`BUSY_MAX`] more.
    pub limit: Duration,
}

/// How long new workers must stay.
pub const STAY: Duration = Duration::from_millis(600);
/// How long a reload of an ordinary tree may take.
pub const LIMIT: Duration = Duration::from_secs(3);
/// How long an earlier reload may keep the master from taking our signal. nginx tries to bind for 2.5 s.
pub const BUSY_MAX: Duration = Duration::from_secs(10);

/// Whether the new configuration is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is.
    Holds(Evidence),
    /// It is not, or it could not be seen that it is.
    Fails(Failure),
}

/// What a proof rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The new workers.
    pub workers: Vec<ProcessId>,
    /// Sentences for people, one for each thing that was seen.
    pub rests_on: Vec<String>,
    /// Old workers that still finish their requests.
    pub old_workers: usize,
    /// Processes other than ours that asked for a reload meanwhile.
    pub foreign_reloads: Vec<i32>,
    /// When all of it was first seen, in milliseconds after the signal.
    pub first_ms: u64,
    /// When it had stayed long enough, in milliseconds after the signal.
    pub settled_ms: u64,
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which of the known ways.
    pub kind: FailureKind,
    /// One sentence; nginx's own words where it said something.
    pub reason: String,
    /// More of what was seen.
    pub details: Vec<String>,
    /// Processes other than ours that asked for a reload meanwhile.
    pub foreign_reloads: Vec<i32>,
    /// When it was known, in milliseconds after the signal.
    pub after_ms: u64,
}

/// The ways in which a reload fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// nginx refused the configuration; the old workers serve.
    RefusedByNginx,
    /// New workers came and died.
    WorkersDied,
    /// There are fewer new workers than asked for.
    TooFewWorkers,
    /// An address is not listened on.
    NotListening,
    /// The master has ended.
    MasterGone,
    /// No new worker came.
    NoNewWorkers,
    /// Workers of the old generation go on serving.
    OldWorkersServe,
    /// The master did not take the signal, or was not done in time, or nobody waited any longer.
    Deadline,
    /// `/proc` could not be read.
    CannotLook,
}

impl Expected {
    /// Expects this many workers and these listeners, with the ordinary limits.
    pub fn new(workers: Workers, listens: Vec<Listen>) -> Self {
        Self { workers, listens, stay: STAY, limit: LIMIT }
    }
}

/// Watches a reload until it is proven, or known to have failed.
pub fn prove(before: Before, reload: &Reload, expected: &Expected) -> Proof {
    prove_unless(before, reload, expected, &mut || false)
}

/// Watches as [`prove`] does, until somebody says that it is enough; then it fails with
/// [`FailureKind::Deadline`]. Asked at every look, a few milliseconds apart.
pub fn prove_unless(
    before: Before,
    reload: &Reload,
    expected: &Expected,
    interrupted: &mut dyn FnMut() -> bool,
) -> Proof {
    watch::Watch::new(before, reload, expected).run(interrupted)
}

/// Whether what runs is younger than what is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunningVerdict {
    /// Every worker started after the newest change.
    Newer,
    /// This worker started before the newest change: it serves something else than what is on disk.
    Older {
        /// The oldest worker.
        worker: ProcessId,
        /// When it started, by the wall clock.
        started: SystemTime,
    },
    /// The two moments are too close to tell.
    Unclear,
    /// The master has no workers.
    NoWorkers,
}

/// Says whether the workers of this master are younger than the newest change of its files (by `ctime`).
pub fn running(master: ProcessId, newest_change: SystemTime) -> RunningVerdict {
    let children = proc::children(master.pid).unwrap_or_default();
    let serving = children.into_iter().filter(|&child| proc::role_of(child) == Some(Role::Worker));
    let Some(worker) = serving.min_by_key(|worker| worker.start_ticks) else {
        return RunningVerdict::NoWorkers;
    };
    let started = wall_clock(worker.start_ticks);
    if started >= newest_change + TICK {
        RunningVerdict::Newer
    } else if started + TICK < newest_change {
        RunningVerdict::Older { worker, started }
    } else {
        RunningVerdict::Unclear
    }
}

/// How finely the start of a process is known, and a little more for the way between the two clocks.
const TICK: Duration = Duration::from_millis(20);

fn wall_clock(start_ticks: u64) -> SystemTime {
    let start_ms = clock::from_ticks(start_ticks);
    SystemTime::now() - Duration::from_millis(clock::boottime_ms().saturating_sub(start_ms))
}

/// Gives the first path, relative to the tree, whose bytes are not what the master would read, or `None` when
/// all of them are. `files` gives relative paths and the BLAKE3 digests of their bytes.
///
/// # Errors
/// When the master's view of the file system cannot be entered.
pub fn what_is_read<'a>(
    master: &Master,
    files: impl IntoIterator<Item = (&'a Path, [u8; 32])>,
) -> io::Result<Option<PathBuf>> {
    let view = view_of(master)?;
    for (path, digest) in files {
        let read = view.open(&master.tree.join(path)).and_then(digest_of);
        if read.ok() != Some(digest) {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// Gives the first symbolic link, relative to the tree, that does not lead the master where it should, or `None` when
/// all of them do. `links` gives relative paths and the targets as they are written in the links.
///
/// # Errors
/// When the master's view of the file system cannot be entered.
pub fn links_read<'a>(
    master: &Master,
    links: impl IntoIterator<Item = (&'a Path, &'a [u8])>,
) -> io::Result<Option<PathBuf>> {
    let view = view_of(master)?;
    for (path, target) in links {
        let read = view.read_link(&master.tree.join(path));
        if !read.is_ok_and(|read| read.as_bytes() == target) {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

fn view_of(master: &Master) -> io::Result<View> {
    let view = View::of(master.id.pid)?;
    // A number that is somebody else's by now would have shown somebody else's files.
    if master.id.lives() { Ok(view) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

fn digest_of(mut file: std::fs::File) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
    }
}
