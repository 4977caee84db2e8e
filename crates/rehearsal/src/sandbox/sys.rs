//! The system calls that no library of ours wraps.
#![expect(
    unsafe_code,
    reason = "nix wraps neither the mount calls of Linux 5.2 and later nor process handles"
)]

use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{SigHandler, Signal};
use nix::unistd::ForkResult;
use tokio::io::unix::AsyncFd;

/// `AT_RECURSIVE`, include/uapi/linux/fcntl.h
const RECURSIVE: libc::c_uint = 0x8000;

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    done(result)?;
    let raw = RawFd::try_from(result).expect("file descriptors fit an i32");
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Makes a copy of what is mounted at a path and below it; `follow` says whether the last name may be a link.
pub(crate) fn clone_mount(at: BorrowedFd<'_>, path: &Path, follow: bool) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let no_follow = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | RECURSIVE
        | (no_follow | libc::AT_NO_AUTOMOUNT).cast_unsigned();
    // SAFETY: the path ends with a zero and outlives the call; the rest are integers.
    descriptor(unsafe { libc::syscall(libc::SYS_open_tree, at.as_raw_fd(), path.as_ptr(), flags) })
}

/// Mounts a copy over a path; the last name is not followed.
pub(crate) fn attach(mount: BorrowedFd<'_>, at: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let (from, to) = (mount.as_raw_fd(), at.as_raw_fd());
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    // SAFETY: both paths end with a zero and outlive the call; the rest are integers.
    done(unsafe { libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), to, path.as_ptr(), flags) })
}

/// A `/proc` of this process's own namespace that is mounted nowhere: it can be written to also where the one that is seen cannot.
pub(crate) fn own_proc() -> io::Result<OwnedFd> {
    /// `FSCONFIG_CMD_CREATE`, include/uapi/linux/mount.h
    const CREATE: libc::c_uint = 6;
    /// `FSOPEN_CLOEXEC` and `FSMOUNT_CLOEXEC` of the same
    const CLOEXEC: libc::c_uint = 1;
    let attributes = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    // SAFETY: the name ends with a zero and outlives the call; the rest are integers.
    let opened = descriptor(unsafe { libc::syscall(libc::SYS_fsopen, c"proc".as_ptr(), CLOEXEC) })?;
    let (none, made) = (std::ptr::null::<libc::c_void>(), opened.as_raw_fd());
    // SAFETY: this command takes neither key nor value; the descriptor is open.
    done(unsafe { libc::syscall(libc::SYS_fsconfig, made, CREATE, none, none, 0) })?;
    // SAFETY: all arguments are integers; the descriptor is open.
    descriptor(unsafe { libc::syscall(libc::SYS_fsmount, made, CLOEXEC, attributes) })
}

/// Makes everything mounted at a path and below it private and read-only, without devices and setuid programs.
pub(crate) fn seal(path: &Path) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    let path = c_path(path)?;
    let (call, size) = (libc::SYS_mount_setattr, size_of::<libc::mount_attr>());
    // SAFETY: the path ends with a zero, the kernel reads `size` bytes of the attributes; both outlive the call.
    done(unsafe {
        libc::syscall(call, libc::AT_FDCWD, path.as_ptr(), RECURSIVE, &raw const attributes, size)
    })
}

/// Opens a handle on a process.
pub(crate) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory of ours.
    descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// Sends a signal through a handle.
pub(crate) fn pidfd_send_signal(handle: BorrowedFd<'_>, signal: libc::c_int) -> io::Result<()> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed; the other arguments are integers.
    done(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), signal, info, 0) })
}

/// Closes every descriptor from this number on. Nothing of ours may be open there.
pub(crate) fn close_from(first: RawFd) {
    // SAFETY: the caller runs before anything of ours is open from this number on.
    let _old_kernels_have_none = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
}

/// Takes a descriptor that this process was started with.
pub(crate) fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes integers; a number that is not open is an error.
    done(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) }.into())?;
    // SAFETY: it is open, and whoever calls this takes each number once, before anything else is opened.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Owns descriptors that came in a message.
pub(crate) fn received(number: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for the message, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Splits this process, which has one thread.
pub(crate) fn fork() -> io::Result<ForkResult> {
    // SAFETY: this process has one thread, so the child may do whatever the parent may.
    Ok(unsafe { nix::unistd::fork() }?)
}

/// Hands two descriptors on to the program as 3 and 4.
pub(crate) fn pass_descriptors(command: &mut Command, first: RawFd, second: RawFd) {
    let pass = move || {
        // Copies above the two numbers first, so that neither covers the other.
        // SAFETY: fcntl and dup2 take integers and may be called between fork and exec.
        unsafe {
            let first = libc::fcntl(first, libc::F_DUPFD_CLOEXEC, 10);
            let second = libc::fcntl(second, libc::F_DUPFD_CLOEXEC, 10);
            if first < 0 || second < 0 || libc::dup2(first, 3) < 0 || libc::dup2(second, 4) < 0 {
                return Err(io::Error::last_os_error());
            }
            libc::setsid();
        }
        Ok(())
    };
    // SAFETY: the closure makes system calls only.
    unsafe { command.pre_exec(pass) };
}

/// Lets a process with one thread prepare its child before the program is executed.
pub(crate) fn before_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the process that starts the program has one thread, so its child may do whatever it may.
    unsafe { command.pre_exec(prepare) };
}

/// Takes a capability out of what this process and its children can ever have.
pub(crate) fn drop_capability(number: u64) -> io::Result<()> {
    // SAFETY: prctl takes integers here.
    done(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }.into())
}

/// Sets a socket option that is a number.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("an int is small");
    // SAFETY: the kernel reads `size` bytes of the integer that we own.
    done(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size) }.into())
}

/// Ignores a signal, or takes its usual effect again.
pub(crate) fn set_signal(signal: Signal, to: SigHandler) -> io::Result<()> {
    assert!(!matches!(to, SigHandler::Handler(_) | SigHandler::SigAction(_)), "no handler of ours runs");
    // SAFETY: no handler is installed, so no code of ours runs in a signal.
    unsafe { nix::sys::signal::signal(signal, to) }?;
    Ok(())
}

/// Lets the runtime watch a descriptor.
pub(crate) fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor stays the same and open until it is dropped, which the registration does first.
    Ok(unsafe { AsyncFd::register(socket) }?)
}
