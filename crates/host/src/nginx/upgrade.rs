//! A new master beside the old one: the way forward whose way back reads nothing.
//!
//! SIGUSR2 has a master start a new one of the same binary, which reads the configuration and starts workers; SIGWINCH
//! sends the old workers away. The old master stays, with its configuration in memory. As long as the new one runs,
//! SIGHUP has the old one start its workers again without reading anything, and SIGQUIT ends the new one. To stay with
//! the new one, SIGQUIT goes to the old one.
//!
//! Source: `ngx_master_process_cycle`, `ngx_reap_children` in src/os/unix/ngx_process_cycle.c; `ngx_signal_handler` in
//! src/os/unix/ngx_process.c; `ngx_exec_new_binary` in src/core/nginx.c;
//! <https://nginx.org/en/docs/control.html#upgrade>

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::control::Reload;
use super::find::Master;
use super::generation::{BUSY_MAX, Failure, FailureKind, hears};
use super::log::{Level, Offsets};
use super::title::Role;
use super::view::View;
use super::{control, proc, sockets};
use crate::clock::boottime_ms;
use crate::identity::ProcessId;

mod back;

pub use back::{Told, go_back};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long a master that waits for signals may take to show what it was told.
const GRACE_MS: u64 = 250;
/// The bit of SIGUSR2 in the masks of `/proc/PID/status`.
const USR2: u64 = 1 << (12 - 1);
/// That of SIGWINCH.
const WINCH: u64 = 1 << (28 - 1);

/// Why a master cannot start a new one beside itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// It executes its own first argument again, as it was written.
    #[error(
        "it was started as \"{program}\", and it would execute just that name again; start it by an absolute path"
    )]
    NotAbsolute {
        /// `argv[0]`.
        program: String,
    },
    /// That file is gone.
    #[error("{program}, which it would execute again, is not there any more", program = program.display())]
    Gone {
        /// `argv[0]`.
        program: PathBuf,
    },
    /// That file is another one by now.
    #[error(
        "{program}, which it would execute again, was replaced since it was started: another nginx would come up",
        program = program.display()
    )]
    Replaced {
        /// `argv[0]`.
        program: PathBuf,
    },
    /// It is no daemon.
    #[error("it was started with \"daemon off\" and ignores the signals that this takes (SIGUSR2, SIGWINCH)")]
    NoDaemon,
    /// The pid file is what it renames first.
    #[error("there is no {pid_file} that it could rename to {pid_file}.oldbin", pid_file = pid_file.display())]
    NoPidFile {
        /// The pid file.
        pid_file: PathBuf,
    },
    /// Something stands where the pid file is renamed to.
    #[error("{path} is a directory, and the pid file cannot be renamed to it", path = path.display())]
    InTheWay {
        /// `….oldbin`
        path: PathBuf,
    },
    /// It is itself the new one of an upgrade that is not over.
    #[error(
        "nginx {old}, from which it was upgraded, still finishes its requests; until it has ended this master ignores SIGUSR2"
    )]
    StillNew {
        /// The master before it.
        old: i32,
    },
    /// A new one stands beside it already.
    #[error("an upgrade is under way already: nginx {new} was started by it")]
    Pending {
        /// The other one.
        new: i32,
    },
}

/// Says whether this master can start a new one beside itself and send its own workers away. `daemon_off` says whether
/// its configuration has `daemon off`.
///
/// # Errors
/// [`Impossible`] says why not.
pub fn possible(master: &Master, pid_file: &Path, daemon_off: bool) -> Result<(), Impossible> {
    let pid = master.id.pid;
    let program = Path::new(&master.args.program);
    if !program.is_absolute() {
        return Err(Impossible::NotAbsolute { program: program.display().to_string() });
    }
    let stands = View::of(pid).and_then(|view| view.file_id(program));
    let runs =
        std::fs::metadata(format!("/proc/{pid}/exe")).map(|metadata| super::view::FileId::of(&metadata));
    match (stands, runs) {
        (Err(_), _) => return Err(Impossible::Gone { program: program.to_owned() }),
        (Ok(stands), Ok(runs)) if stands == runs => {}
        _ => return Err(Impossible::Replaced { program: program.to_owned() }),
    }
    if daemon_off || !is_daemon(master) {
        return Err(Impossible::NoDaemon);
    }
    let parent = proc::status(pid).map_or(0, |status| status.parent);
    if ProcessId::of(parent).and_then(proc::role_of) == Some(Role::Master) {
        return Err(Impossible::StillNew { old: parent });
    }
    if let Some(new) = newer(master.id) {
        return Err(Impossible::Pending { new: new.pid });
    }
    if !pid_file.is_file() {
        return Err(Impossible::NoPidFile { pid_file: pid_file.to_owned() });
    }
    let path = oldbin(pid_file);
    if path.is_dir() {
        return Err(Impossible::InTheWay { path });
    }
    Ok(())
}

/// Gives the name that the pid file has while a new master runs (`NGX_OLDPID_EXT`, src/core/nginx.h).
pub fn oldbin(pid_file: &Path) -> PathBuf {
    let mut name = pid_file.as_os_str().to_owned();
    name.push(".oldbin");
    name.into()
}

/// A daemon has `/dev/null` for its standard output (`ngx_daemon`, src/os/unix/ngx_daemon.c).
fn is_daemon(master: &Master) -> bool {
    let globals = master.args.globals.as_deref().unwrap_or_default().to_string_lossy().into_owned();
    let off = globals.split(';').any(|word| word.split_ascii_whitespace().eq(["daemon", "off"]));
    let output = proc::link(master.id.pid, "fd/1");
    !off && output.is_ok_and(|output| output == Path::new("/dev/null"))
}

/// Gives the master that this one started, from the moment it was executed.
pub fn newer(old: ProcessId) -> Option<ProcessId> {
    let children = proc::children(old.pid).unwrap_or_default();
    children.into_iter().find(|child| {
        let titled = proc::title(child.pid);
        let worker =
            titled.is_some_and(|it| super::title::role(&it).is_some_and(|role| role != Role::Master));
        !worker && !proc::is_fork(child.pid) && child.lives()
    })
}

/// Whether a new master has read its configuration: it takes its title just before it starts workers.
fn has_begun(new: ProcessId) -> bool {
    proc::role_of(new) == Some(Role::Master)
}

/// Whether a child of this master has neither executed a program nor taken a title: a worker, or a new master, to be.
fn is_forking(old: ProcessId) -> bool {
    let children = proc::children(old.pid).unwrap_or_default();
    children.into_iter().any(|child| proc::is_fork(child.pid) && proc::role_of(child) == Some(Role::Master))
}

/// Gives the workers of a master that take new requests.
pub fn serving(master: ProcessId) -> Vec<ProcessId> {
    let mut children = proc::children(master.pid).unwrap_or_default();
    children.retain(|child| proc::role_of(*child) == Some(Role::Worker));
    children
}

/// Gives the processes that a new master left behind when it was killed: nginx processes of the session of `old` whose
/// master has ended. A new master stays in the session of the one that started it.
fn orphans(old: ProcessId) -> Vec<ProcessId> {
    let Some((_, session)) = proc::group_and_session(old.pid) else { return Vec::new() };
    let is_orphan = |id: &ProcessId| {
        proc::role_of(*id).is_some_and(|role| role != Role::Master)
            && proc::group_and_session(id.pid).is_some_and(|(_, its)| its == session)
            && proc::status(id.pid).is_ok_and(|status| {
                ProcessId::of(status.parent).and_then(proc::role_of) != Some(Role::Master)
            })
    };
    proc::all().unwrap_or_default().into_iter().filter_map(ProcessId::of).filter(is_orphan).collect()
}

/// Says whether a master was told to end and only finishes requests: it has closed its listening sockets
/// (`ngx_close_listening_sockets`).
pub(crate) fn is_leaving(master: ProcessId) -> bool {
    sockets::listens(master).is_ok_and(|listens| !listens)
}

/// Waits until the master that `old` was told to start has read its configuration.
///
/// # Errors
/// [`Failure`] with nginx's own words where it said something: the new one refused the configuration and ended, the old
/// one did not start any, or it took too long.
pub fn begun(
    old: ProcessId,
    logs: &mut Offsets,
    told: &Reload,
    limit: Duration,
    interrupted: &mut dyn FnMut() -> bool,
) -> Result<ProcessId, Failure> {
    let (mut words, mut seen, mut idle_since_ms) = (Vec::new(), None, None);
    let limit_ms = u64::try_from((limit + BUSY_MAX).as_millis()).unwrap_or(u64::MAX);
    loop {
        let now_ms = boottime_ms();
        let after_ms = now_ms.saturating_sub(told.sent_ms);
        // In this order: what ends between two looks has been seen, and has spoken.
        let new = newer(old);
        let status = proc::status(old.pid).ok().filter(|_| old.lives());
        let emergencies = logs.new_lines().into_iter().filter(|line| line.level == Level::Emerg);
        words.extend(emergencies.filter(|line| line.pid != old.pid).map(|line| line.message));
        let failed = |kind, reason: &str| {
            let said: &[String] = &words;
            let (reason, details) = match said.split_first() {
                Some((first, more)) => (first.clone(), more.to_vec()),
                None => (reason.to_owned(), Vec::new()),
            };
            Err(Failure { kind, reason, details, foreign_reloads: Vec::new(), after_ms })
        };
        match (new, seen) {
            (Some(new), _) if has_begun(new) => return Ok(new),
            (Some(new), _) => seen = Some(new),
            (None, Some(_)) => {
                return failed(FailureKind::RefusedByNginx, "the new nginx ended before it had begun");
            }
            (None, None) => {}
        }
        let Some(status) = status else {
            return failed(FailureKind::MasterGone, &format!("nginx {} has ended", old.pid));
        };
        let idle = hears(&status) && status.pending & USR2 == 0 && new.is_none() && !is_forking(old);
        idle_since_ms = idle_since_ms.filter(|_| idle).or(idle.then_some(now_ms));
        let settled = idle_since_ms.is_some_and(|since_ms| now_ms - since_ms >= GRACE_MS);
        if settled && seen.is_none() {
            return failed(FailureKind::NoNewWorkers, "nginx was told and started no new master");
        }
        if after_ms >= limit_ms || interrupted() {
            return failed(FailureKind::Deadline, "the new nginx has not read its configuration yet");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until no worker of a master takes new requests; gives how many still finish theirs.
///
/// # Errors
/// [`Failure`] when some still do after the limit.
pub fn rests(
    old: ProcessId,
    limit: Duration,
    interrupted: &mut dyn FnMut() -> bool,
) -> Result<usize, Failure> {
    let began_ms = boottime_ms();
    loop {
        let left = serving(old);
        if left.is_empty() {
            let children = proc::children(old.pid).unwrap_or_default();
            let finishing = |child: &&ProcessId| proc::role_of(**child) == Some(Role::WorkerShuttingDown);
            return Ok(children.iter().filter(finishing).count());
        }
        let after_ms = boottime_ms().saturating_sub(began_ms);
        if u128::from(after_ms) >= limit.as_millis() || interrupted() {
            let kind = FailureKind::OldWorkersServe;
            let reason = format!("{} workers of nginx {} go on serving", left.len(), old.pid);
            return Err(Failure { kind, reason, details: Vec::new(), foreign_reloads: Vec::new(), after_ms });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends the old master for good, once the new one is confirmed, and says whether it has ended within the limit: it
/// finishes its requests first. May be called any number of times.
pub fn stay(old: ProcessId, limit: Duration) -> bool {
    let _has_ended = control::quit(old);
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    match old.open() {
        Ok(Some(handle)) => handle.ended_within(limit_ms).unwrap_or(false),
        Ok(None) => true,
        Err(_) => false,
    }
}
