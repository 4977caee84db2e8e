//! Who a process is: its number and the moment it started, because numbers are used again.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::sys;

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

impl ProcessId {
    /// Gives the identity of the process that has this number now, or `None` when there is none (or only its
    /// remains, waiting to be reaped).
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, parentheses and spaces too: the fields begin after the last one.
        let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let text = std::str::from_utf8(stat.get(after..)?).ok()?;
        let mut fields = text.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        Some(Self { pid, start_ticks: fields.nth(18)?.parse().ok()? })
    }

    /// Gives the identity of this process.
    ///
    /// # Panics
    /// When `/proc` is not mounted.
    pub fn me() -> Self {
        let pid = i32::try_from(std::process::id()).expect("process numbers fit an i32");
        Self::of(pid).expect("a running process finds itself in /proc")
    }

    /// How long ago it started.
    #[must_use]
    pub fn age(self) -> Duration {
        let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        let started_ms = self.start_ticks * 1000 / u64::try_from(per_second).unwrap_or(100);
        Duration::from_millis(crate::clock::boottime_ms().saturating_sub(started_ms))
    }

    /// Says whether the process still runs (or is stopped).
    pub fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Opens a handle that stays with this process whatever becomes of its number, or `None` when it has ended.
    ///
    /// # Errors
    /// When the kernel refuses the handle: out of file descriptors, or older than Linux 5.3.
    pub fn open(self) -> io::Result<Option<ProcessHandle>> {
        let fd = match sys::pidfd_open(self.pid) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            fd => fd?,
        };
        // Only now is it certain that handle and start time belong together.
        Ok(self.lives().then_some(ProcessHandle { fd, id: self }))
    }
}

/// A handle on one process (a pidfd): signals through it never reach another one.
#[derive(Debug)]
pub struct ProcessHandle {
    fd: OwnedFd,
    id: ProcessId,
}

impl ProcessHandle {
    /// Gives the identity it was opened for.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Sends a signal. A process that has ended is not an error: `Ok(false)`.
    ///
    /// # Errors
    /// When this process may not signal that one.
    pub fn signal(&self, signal: nix::sys::signal::Signal) -> io::Result<bool> {
        match sys::pidfd_send_signal(self.fd.as_fd(), signal as libc::c_int) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            sent => sent.map(|()| true),
        }
    }

    /// Waits until the process has ended, at most so many milliseconds; says whether it has.
    ///
    /// # Errors
    /// When the kernel cannot wait.
    pub fn ended_within(&self, limit_ms: u64) -> io::Result<bool> {
        let end = crate::clock::boottime_ms().saturating_add(limit_ms);
        loop {
            let left = end.saturating_sub(crate::clock::boottime_ms());
            let left = PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX));
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, left) {
                Ok(0) if crate::clock::boottime_ms() >= end => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for ProcessHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use std::process::Command;

    #[test]
    fn process_is_itself_and_no_other_with_its_number() {
        let me = ProcessId::me();
        assert!(me.lives());
        let other = ProcessId { start_ticks: me.start_ticks + 1, ..me };
        assert!(!other.lives());
        assert!(other.open().unwrap().is_none());
    }

    #[test]
    fn killed_child_is_seen_to_end() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        let handle = id.open().unwrap().unwrap();
        assert!(!handle.ended_within(0).unwrap());
        assert!(handle.signal(Signal::SIGKILL).unwrap());
        assert!(handle.ended_within(5_000).unwrap());
        assert!(!id.lives(), "what waits to be reaped does not live");
        child.wait().unwrap();
        assert!(!handle.signal(Signal::SIGKILL).unwrap());
    }
}
