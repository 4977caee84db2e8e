//! The system calls that no library of ours wraps. The only unsafe code of this half of the crate.
#![expect(
    unsafe_code,
    reason = "nix wraps neither process handles, nor extended attributes, nor locks of a borrowed file"
)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// How much the attributes of one file may hold, in bytes; the kernel's own limit of one value is 64 KiB.
const ATTRIBUTES_BYTES_MAX: usize = 64 << 10;

/// Opens a handle on a process.
pub(crate) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory of ours.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    let raw = RawFd::try_from(raw).expect("file descriptors fit an i32");
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Sends a signal through a handle.
pub(crate) fn pidfd_send_signal(handle: BorrowedFd<'_>, signal: libc::c_int) -> io::Result<()> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed; the other arguments are integers.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), signal, info, 0) };
    zero(done == 0)
}

/// Locks an open file without waiting, or gives the lock back.
pub(crate) fn flock(file: BorrowedFd<'_>, operation: libc::c_int) -> io::Result<()> {
    // SAFETY: flock takes two integers; the descriptor is borrowed, so it is open.
    let done = unsafe { libc::flock(file.as_raw_fd(), operation) };
    zero(done == 0)
}

/// Lists the names of a file's extended attributes, each ended by a zero.
pub(crate) fn flistxattr(file: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0_u8; ATTRIBUTES_BYTES_MAX];
    // SAFETY: the kernel writes at most `buffer.len()` bytes into the buffer that we own.
    let length = unsafe { libc::flistxattr(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    filled(buffer, length)
}

/// Reads one extended attribute.
pub(crate) fn fgetxattr(file: BorrowedFd<'_>, name: &CStr) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0_u8; ATTRIBUTES_BYTES_MAX];
    let (to, room) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: `name` ends with a zero; the kernel writes at most `room` bytes into the buffer that we own.
    let length = unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), to, room) };
    filled(buffer, length)
}

/// Writes one extended attribute.
pub(crate) fn fsetxattr(file: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> io::Result<()> {
    let (from, length) = (value.as_ptr().cast(), value.len());
    // SAFETY: `name` ends with a zero; the kernel reads `length` bytes of the slice.
    let done = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), from, length, 0) };
    zero(done == 0)
}

/// Closes every descriptor but the three standard ones. Nothing else of this process may be open yet.
pub(crate) fn close_inherited() {
    // SAFETY: the caller runs before anything of ours is open, so no owned descriptor is closed behind its owner.
    let _old_kernels_have_none = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Keeps the pages that this process touches in memory, as far as it may.
pub(crate) fn lock_memory() {
    // Only what is touched, and for ordinary users only what is there now: their limit is small, and later memory
    // would be refused beyond it.
    let flags = if nix::unistd::geteuid().is_root() {
        libc::MCL_CURRENT | libc::MCL_FUTURE
    } else {
        libc::MCL_CURRENT
    };
    // SAFETY: mlockall takes one integer.
    let _best_effort = unsafe { libc::mlockall(flags | libc::MCL_ONFAULT) };
}

fn filled(mut buffer: Vec<u8>, length: isize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    buffer.truncate(length);
    Ok(buffer)
}

fn zero(done: bool) -> io::Result<()> {
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
