//! A command and the fuse that it starts, both stopped at the entry and at the return of each system call (ptrace).
#![expect(unreachable_pub, reason = "a test file of its own takes it in")]

use std::process::{Command, Stdio};

use nix::libc::{self, c_long};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The system calls after which the world outside of a process is another one: files, locks, other processes. A process that is
/// killed at any other leaves what it would have left at the last of these.
const CHANGES: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_symlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fsetxattr,
    libc::SYS_utimensat,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_kill,
    libc::SYS_tgkill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_execve,
    libc::SYS_setsid,
    libc::SYS_exit_group,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// Whose system call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The main thread of the command.
    Command,
    /// The one thread of its fuse.
    Fuse,
}

/// A command whose main thread stops at each system call, and so does its fuse. Whatever else it starts runs freely.
pub struct Traced {
    pub command: Pid,
    pub fuse: Option<Pid>,
    /// How the command ended.
    pub over: Option<WaitStatus>,
    pub fuse_over: bool,
    /// The one that is stopped, until it goes on.
    stopped: Option<(Pid, Option<Signal>)>,
}

impl Traced {
    pub fn start(mut command: Command) -> Traced {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // Its tracer waits for it, not this handle.
        let command = Pid::from_raw(i32::try_from(child.unwrap().id()).unwrap());
        let children = Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC;
        let options = Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD | children;
        ptrace::seize(command, options).unwrap();
        ptrace::interrupt(command).unwrap();
        Traced { command, fuse: None, over: None, fuse_over: false, stopped: None }
    }

    /// Goes on to the next system call of either, where it begins or where it returns; nothing when both have ended.
    pub fn next(&mut self) -> Option<Who> {
        if let Some((pid, signal)) = self.stopped.take() {
            // One that was killed meanwhile ends; that is waited for below.
            let _gone = ptrace::syscall(pid, signal);
        }
        while self.over.is_none() || (self.fuse.is_some() && !self.fuse_over) {
            match self.wait() {
                WaitStatus::PtraceSyscall(pid) if pid == self.command => {
                    self.stopped = Some((pid, None));
                    return Some(Who::Command);
                }
                WaitStatus::PtraceSyscall(pid) => {
                    self.stopped = Some((pid, None));
                    return Some(Who::Fuse);
                }
                other => self.pass(other),
            }
        }
        None
    }

    /// Whether the system call at which one is stopped changes something that outlives the process.
    pub fn changes(&self) -> bool {
        let Some((pid, _)) = self.stopped else { return false };
        // 257 0xffffff9c 0x7f… 0x80000 0x0 …: its number and arguments
        let text = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let number: Option<c_long> = words.next().and_then(|word| word.parse().ok());
        let flags = words.nth(2).and_then(|word| i64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        let makes = flags.unwrap_or(0) & i64::from(libc::O_CREAT | libc::O_TRUNC) != 0;
        number.is_none_or(|number| CHANGES.contains(&number) || (number == libc::SYS_openat && makes))
    }

    /// Waits for any of those that this thread traces, and for its children.
    fn wait(&mut self) -> WaitStatus {
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).unwrap();
        if let WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) = status {
            if pid == self.command {
                self.over = Some(status);
            }
            self.fuse_over |= Some(pid) == self.fuse;
        }
        status
    }

    /// Lets one go on that stopped for something else.
    fn pass(&mut self, status: WaitStatus) {
        let ours = |pid| pid == self.command || Some(pid) == self.fuse;
        // It may have been killed meanwhile.
        let _gone = match status {
            WaitStatus::PtraceEvent(pid, _, event) if event == ptrace::Event::PTRACE_EVENT_EXEC as i32 => {
                let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                if title.split(|byte| *byte == 0).nth(1) == Some(b"__fuse") {
                    self.fuse = Some(pid);
                    ptrace::syscall(pid, None)
                } else if pid == self.command {
                    ptrace::syscall(pid, None)
                } else {
                    ptrace::detach(pid, None)
                }
            }
            WaitStatus::PtraceEvent(pid, ..) if ours(pid) => ptrace::syscall(pid, None),
            WaitStatus::PtraceEvent(pid, ..) => ptrace::cont(pid, None),
            WaitStatus::Stopped(pid, signal) if ours(pid) => ptrace::syscall(pid, signal),
            WaitStatus::Stopped(pid, signal) => ptrace::cont(pid, signal),
            _ => Ok(()),
        };
    }

    /// Waits for the end of those that were killed, or end by themselves; what still lives goes on.
    pub fn end(&mut self) {
        while self.next().is_some() {}
    }

    /// Waits for the end of the command alone, which was killed.
    pub fn command_ends(&mut self) {
        while self.over.is_none() {
            let status = self.wait();
            if let WaitStatus::PtraceSyscall(pid) = status {
                let _gone = ptrace::syscall(pid, None);
            } else {
                self.pass(status);
            }
        }
    }
}
