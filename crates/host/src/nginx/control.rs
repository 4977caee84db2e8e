//! Signals to the master, through a handle that cannot reach any other process.

use std::io;

use nix::sys::signal::Signal;

use crate::clock;
use crate::identity::ProcessId;

/// A reload that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// Whom it was sent to.
    pub master: ProcessId,
    /// Who sent it: the number that nginx writes into its log, 0 when it cannot see us from its namespace.
    pub sender: i32,
    /// When, on the clock of [`crate::clock::boottime_ms`].
    pub sent_ms: u64,
}

/// Why the signal was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The process has ended.
    #[error("signal nginx {pid}: it has ended")]
    Gone {
        /// The master.
        pid: i32,
    },
    /// The kernel refused.
    #[error("signal nginx {pid}")]
    Refused {
        /// The master.
        pid: i32,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Tells the master to read its configuration again (SIGHUP). That it was told proves nothing: see
/// [`crate::nginx::generation`].
///
/// While a new master that it started runs, it reads nothing and starts its workers from memory
/// (`ngx_master_process_cycle`, src/os/unix/ngx_process_cycle.c: `if (ngx_new_binary)`).
///
/// # Errors
/// [`SignalError`] when it has ended or belongs to somebody else.
pub fn reload(master: ProcessId) -> Result<Reload, SignalError> {
    send(master, Signal::SIGHUP)
}

/// Tells the master to start a new master, which reads the configuration (SIGUSR2).
///
/// # Errors
/// [`SignalError`] as [`reload`].
pub fn upgrade(master: ProcessId) -> Result<Reload, SignalError> {
    send(master, Signal::SIGUSR2)
}

/// Tells the master to send its workers away once they have finished their requests, and to stay (SIGWINCH).
///
/// # Errors
/// [`SignalError`] as [`reload`].
pub fn rest(master: ProcessId) -> Result<Reload, SignalError> {
    send(master, Signal::SIGWINCH)
}

/// Tells a master or a worker to end once its requests are finished (SIGQUIT).
///
/// # Errors
/// [`SignalError`] as [`reload`].
pub fn quit(process: ProcessId) -> Result<Reload, SignalError> {
    send(process, Signal::SIGQUIT)
}

/// Ends a process at once (SIGKILL): for a new master that has not begun yet.
///
/// # Errors
/// [`SignalError`] as [`reload`].
pub(crate) fn kill(process: ProcessId) -> Result<Reload, SignalError> {
    send(process, Signal::SIGKILL)
}

fn send(master: ProcessId, signal: Signal) -> Result<Reload, SignalError> {
    let refused = |source| SignalError::Refused { pid: master.pid, source };
    let gone = || SignalError::Gone { pid: master.pid };
    let handle = master.open().map_err(refused)?.ok_or_else(gone)?;
    let sent_ms = clock::boottime_ms();
    if !handle.signal(signal).map_err(refused)? {
        return Err(gone());
    }
    Ok(Reload { master, sender: as_seen_by(master), sent_ms })
}

/// Gives our own number as this process sees it.
fn as_seen_by(master: ProcessId) -> i32 {
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    if namespace(&master.pid.to_string()) != namespace("self") {
        return 0;
    }
    i32::try_from(std::process::id()).expect("process numbers fit an i32")
}
