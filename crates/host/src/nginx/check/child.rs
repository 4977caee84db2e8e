//! What the child does between fork and exec: a private view of the file system with the proposed tree in it.
//!
//! The parent has written everything down; here are system calls only, and nothing is allocated.
#![expect(
    unsafe_code,
    reason = "between fork and exec only plain system calls are allowed, which nobody wraps"
)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use super::layout::{Layout, Piece};
use crate::nginx::enter::{Account, Elsewhere};

/// Which part of the preparation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Enter,
    Unshare,
    LayOut,
    BecomeMaster,
}

const PARTS: [Part; 4] = [Part::Enter, Part::Unshare, Part::LayOut, Part::BecomeMaster];
/// A part, the number of a piece, an `errno`.
pub(super) const REPORT_BYTES: usize = 9;
/// Stands for no piece in particular.
const NO_PIECE: u32 = u32::MAX;

/// Everything that the child needs.
pub(super) struct Prepared {
    pub(super) elsewhere: Option<Elsewhere>,
    pub(super) identity: Identity,
    pub(super) layout: Option<Layout>,
    pub(super) covered_files: Vec<CString>,
    pub(super) covered_directories: Vec<CString>,
    pub(super) cwd: Option<CString>,
    pub(super) open_files: Option<(u64, u64)>,
    pub(super) account: Option<Account>,
    /// Held open until the program is executed through its number.
    pub(super) exe: Option<File>,
    pub(super) report: OwnedFd,
}

/// Who this process is, as lines for the maps of a user namespace; an ordinary user needs one.
pub(super) struct Identity {
    is_root: bool,
    uid_map: CString,
    gid_map: CString,
}

impl Identity {
    pub(super) fn of_this_process() -> Self {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let map = |id: u32| CString::new(format!("{id} {id} 1\n")).expect("digits and spaces hold no zero");
        Self { is_root: uid.is_root(), uid_map: map(uid.as_raw()), gid_map: map(gid.as_raw()) }
    }
}

impl Prepared {
    /// Reads what [`Self::perform`] reported: the part, the number of the piece, the `errno`.
    pub(super) fn read_report(bytes: [u8; REPORT_BYTES]) -> Option<(Part, usize, i32)> {
        let [part, i, j, k, l, a, b, c, d] = bytes;
        let piece = u32::from_ne_bytes([i, j, k, l]);
        let part = PARTS.get(usize::from(part)).copied()?;
        Some((part, usize::try_from(piece).ok()?, i32::from_ne_bytes([a, b, c, d])))
    }

    /// Does it all. Only system calls: allowed between fork and exec.
    pub(super) fn perform(&self) -> io::Result<()> {
        let (part, (piece, error)) = match self.steps() {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        let number = PARTS.iter().position(|one| *one == part).unwrap_or(0);
        let mut bytes = [0; REPORT_BYTES];
        bytes[0] = u8::try_from(number).unwrap_or(0);
        bytes[1..5].copy_from_slice(&piece.to_ne_bytes());
        bytes[5..].copy_from_slice(&errno.to_ne_bytes());
        // SAFETY: the bytes are ours, and the descriptor is open.
        let _reported = unsafe { libc::write(self.report.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        Err(error)
    }

    fn steps(&self) -> Result<(), (Part, (u32, io::Error))> {
        let at = |part| move |error| (part, (NO_PIECE, error));
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.enter().map_err(at(Part::Enter))?;
        }
        self.unshare().map_err(at(Part::Unshare))?;
        if let Some(layout) = &self.layout {
            // SAFETY: umask takes an integer.
            unsafe { libc::umask(0o022) };
            // The live tree stays in reach as the directory that we stand in, below what covers it.
            chdir(&layout.tree).map_err(at(Part::LayOut))?;
            mount(c"tmpfs", &layout.tree, c"tmpfs", 0, c"mode=0755").map_err(at(Part::Unshare))?;
            for (number, piece) in (0_u32..).zip(&layout.pieces) {
                make(piece).map_err(|error| (Part::LayOut, (number, error)))?;
            }
            if let Some(second) = &layout.second {
                bind(&layout.tree, second).map_err(at(Part::LayOut))?;
            }
        }
        // A cover for what is in the tree finds nothing to cover, and one that fails changes no answer.
        for path in &self.covered_files {
            let _best_effort = bind(c"/dev/null", path);
        }
        for path in &self.covered_directories {
            let _best_effort = mount(c"tmpfs", path, c"tmpfs", 0, c"mode=0755,size=1m");
        }
        self.become_master().map_err(at(Part::BecomeMaster))
    }

    fn unshare(&self) -> io::Result<()> {
        let user = if self.identity.is_root { 0 } else { libc::CLONE_NEWUSER };
        // SAFETY: unshare takes an integer; this process has one thread since the fork.
        done(unsafe { libc::unshare(libc::CLONE_NEWNS | user) })?;
        if !self.identity.is_root {
            write(c"/proc/self/setgroups", libc::O_WRONLY, b"deny")?;
            write(c"/proc/self/uid_map", libc::O_WRONLY, self.identity.uid_map.as_bytes())?;
            write(c"/proc/self/gid_map", libc::O_WRONLY, self.identity.gid_map.as_bytes())?;
        }
        // Nothing that is mounted from here on may be seen outside.
        mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE, c"")
    }

    fn become_master(&self) -> io::Result<()> {
        if let Some((soft, hard)) = self.open_files {
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
            // SAFETY: the structure is ours. An ordinary user may not raise a limit, and then asks with less.
            let _as_far_as_allowed = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        }
        // Where the master stands may be gone; it does not matter then.
        let here = self.cwd.as_deref().map_or(Ok(()), chdir);
        here.or_else(|_| chdir(c"/"))?;
        self.account.as_ref().map_or(Ok(()), Account::become_it)
    }
}

fn make(piece: &Piece) -> io::Result<()> {
    match piece {
        Piece::Directory { path } => make_directory(path),
        Piece::File { path, bytes } => write(path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, bytes),
        // SAFETY: both end with a zero.
        Piece::Link { path, target } => done(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) }),
        Piece::Kept { from, path, is_directory } => {
            if *is_directory {
                make_directory(path)?;
            } else {
                write(path, libc::O_WRONLY | libc::O_CREAT, b"")?;
            }
            bind(from, path)
        }
    }
}

fn make_directory(path: &CStr) -> io::Result<()> {
    // SAFETY: the path ends with a zero.
    match done(unsafe { libc::mkdir(path.as_ptr(), 0o755) }) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        made => made,
    }
}

fn write(path: &CStr, flags: libc::c_int, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the path ends with a zero.
    let file = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o644) };
    done(file)?;
    let mut rest = bytes;
    let mut result = Ok(());
    while !rest.is_empty() {
        // SAFETY: the kernel reads as many bytes as the slice holds.
        let written = unsafe { libc::write(file, rest.as_ptr().cast(), rest.len()) };
        let Ok(written) = usize::try_from(written) else {
            result = Err(io::Error::last_os_error());
            break;
        };
        rest = rest.get(written..).unwrap_or_default();
    }
    // SAFETY: the descriptor was opened above and is used no more.
    unsafe { libc::close(file) };
    result
}

fn chdir(path: &CStr) -> io::Result<()> {
    // SAFETY: the path ends with a zero.
    done(unsafe { libc::chdir(path.as_ptr()) })
}

fn bind(from: &CStr, to: &CStr) -> io::Result<()> {
    mount(from, to, c"none", libc::MS_BIND | libc::MS_REC, c"")
}

fn mount(from: &CStr, to: &CStr, kind: &CStr, flags: libc::c_ulong, options: &CStr) -> io::Result<()> {
    let options: *const libc::c_char = if options.is_empty() { ptr::null() } else { options.as_ptr() };
    // SAFETY: all strings end with a zero; no options are allowed to be null.
    done(unsafe { libc::mount(from.as_ptr(), to.as_ptr(), kind.as_ptr(), flags, options.cast()) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
