//! Steps that a child makes between fork and exec to stand where a master stands.
#![expect(
    unsafe_code,
    reason = "between fork and exec only plain system calls are allowed, which nobody wraps"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::find::Master;
use super::proc;

/// The namespaces and the root of a master that has its own.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    mount: File,
    network: File,
    root: File,
}

impl Elsewhere {
    /// Opens them; `None` when the master stands where we do.
    ///
    /// # Errors
    /// When they cannot be opened, or belong to another user namespace, which is not entered.
    pub(crate) fn of(pid: i32, own_view: bool) -> io::Result<Option<Self>> {
        if !own_view {
            return Ok(None);
        }
        if proc::link(pid, "ns/user")? != std::fs::read_link("/proc/self/ns/user")? {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let open = |name: &str| File::open(format!("/proc/{pid}/{name}"));
        Ok(Some(Self { mount: open("ns/mnt")?, network: open("ns/net")?, root: open("root")? }))
    }

    /// Enters them. Only system calls: allowed between fork and exec.
    pub(crate) fn enter(&self) -> io::Result<()> {
        // SAFETY: the descriptors are open as long as `self`; the path is a constant that ends with a zero.
        let done = unsafe {
            libc::setns(self.network.as_raw_fd(), libc::CLONE_NEWNET) == 0
                && libc::setns(self.mount.as_raw_fd(), libc::CLONE_NEWNS) == 0
                && libc::fchdir(self.root.as_raw_fd()) == 0
                && libc::chroot(c".".as_ptr()) == 0
                && libc::chdir(c"/".as_ptr()) == 0
        };
        if done { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Whom a master runs as, to become the same before its binary is run.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Account {
    /// Gives the account of a master; `None` when it is ours.
    pub(crate) fn of(status: &proc::Status) -> Option<Self> {
        let Status { uid, gid, groups, .. } = status.clone();
        (uid != nix::unistd::geteuid().as_raw()).then_some(Self { uid, gid, groups })
    }

    /// Becomes it, for good. Only system calls: allowed between fork and exec.
    pub(crate) fn become_it(&self) -> io::Result<()> {
        // SAFETY: setgroups reads as many numbers as the vector holds; the others take integers.
        let done = unsafe {
            libc::setgroups(self.groups.len(), self.groups.as_ptr()) == 0
                && libc::setresgid(self.gid, self.gid, self.gid) == 0
                && libc::setresuid(self.uid, self.uid, self.uid) == 0
        };
        if done { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

use proc::Status;

/// Prepares to run the binary of a master as that master, where it stands.
///
/// # Errors
/// When its namespaces cannot be entered.
pub(crate) fn own_binary(
    pid: i32,
    exe: &std::path::Path,
    own_view: bool,
    status: &Status,
) -> io::Result<Command> {
    let elsewhere = Elsewhere::of(pid, own_view)?;
    let account = Account::of(status);
    // Its file may have been replaced since, but elsewhere the loader and the libraries are found by path.
    let program = if elsewhere.is_some() { exe.to_owned() } else { format!("/proc/{pid}/exe").into() };
    let mut command = Command::new(program);
    let step = move || {
        elsewhere.as_ref().map_or(Ok(()), Elsewhere::enter)?;
        account.as_ref().map_or(Ok(()), Account::become_it)
    };
    // SAFETY: the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(step) };
    Ok(command)
}

impl Master {
    /// Gives how the binary of this master was built.
    ///
    /// # Errors
    /// [`super::compiled::CompiledError`] when it cannot be asked.
    pub fn compiled(&self) -> Result<super::compiled::Compiled, super::compiled::CompiledError> {
        use super::compiled::{CompiledError, LIMIT, ask};
        use crate::process::RunError;
        let start = |source| CompiledError::Run {
            nginx: self.exe.clone(),
            source: RunError::Start { program: self.exe.clone(), source },
        };
        let status = proc::status(self.id.pid).map_err(start)?;
        let command = own_binary(self.id.pid, &self.exe, self.own_view, &status).map_err(start)?;
        ask(command, &self.exe, LIMIT)
    }
}
