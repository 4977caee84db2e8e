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

/// Has this thread woken before others that want to run, as far as we may: it is idle but for moments.
pub(crate) fn first_in_line() {
    let priority = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the kernel reads one structure that we own; zero is the calling thread.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const priority) } != 0 {
        let _as_usual_then = rustix::process::setpriority_process(None, -15);
    }
}

/// What the kernel calls a directory in fanotify's events: its file system, the kind of its handle, the handle.
/// A link is not followed.
pub(crate) fn file_handle(path: &std::path::Path) -> io::Result<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt as _;
    const HEAD: usize = 8;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // handle_bytes u32, handle_type i32, then the handle; aligned as its first field is.
    let mut handle = [0_u32; (HEAD + libc::MAX_HANDLE_SZ as usize) / 4];
    handle[0] = libc::MAX_HANDLE_SZ as u32;
    let mut mount = 0;
    // SAFETY: `name` ends with a zero; the kernel writes the head and at most the `MAX_HANDLE_SZ` bytes that the head says
    // are there, into an array that is as large.
    let done = unsafe {
        libc::name_to_handle_at(libc::AT_FDCWD, name.as_ptr(), handle.as_mut_ptr().cast(), &raw mut mount, 0)
    };
    zero(done == 0)?;
    // SAFETY: `statfs` is plain numbers, for which zeroes are a value; the kernel fills it in for a path that ends with a
    // zero.
    let (done, fs) = unsafe {
        let mut fs: libc::statfs = std::mem::zeroed();
        (libc::statfs(name.as_ptr(), &raw mut fs), fs)
    };
    zero(done == 0)?;
    // SAFETY: `fsid_t` is two integers of four bytes and nothing else; it hides them.
    let fsid: [u8; 8] = unsafe { std::mem::transmute(fs.f_fsid) };
    let length = usize::try_from(handle[0]).unwrap_or(0).min(libc::MAX_HANDLE_SZ as usize);
    let bytes: Vec<u8> = handle.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok([&fsid[..], &bytes[4..HEAD + length]].concat())
}

fn filled(mut buffer: Vec<u8>, length: isize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    buffer.truncate(length);
    Ok(buffer)
}

fn zero(done: bool) -> io::Result<()> {
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
