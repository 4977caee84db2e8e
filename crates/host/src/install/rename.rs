//! Moving names: exchanging two, and moving one to where nothing stands. Atomic where the file system can;
//! elsewhere in two moves, between which everything is still there under a name that undo looks at.

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, RenameFlags, renameat2};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::spot::{same_file, stands};

/// One name in one open directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'d> {
    pub(super) directory: BorrowedFd<'d>,
    pub(super) name: &'d [u8],
}

/// Whether a file system did not know a flag of `renameat2`.
fn unknown_flag(error: Errno) -> bool {
    matches!(error, Errno::EINVAL | Errno::ENOSYS | Errno::ENOTSUP)
}

/// Which way names are moved. A test asks for the way of an old file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Way {
    /// With the flags where the file system knows them.
    #[default]
    Flags,
    /// As if it knew none.
    Plain,
}

impl Way {
    fn renameat2(self, a: Name<'_>, b: Name<'_>, flags: RenameFlags) -> Result<(), Errno> {
        match self {
            Self::Flags => renameat2(a.directory, a.name, b.directory, b.name, flags),
            Self::Plain => Err(Errno::EINVAL),
        }
    }

    /// Exchanges what stands at `live` with what stands at `other`, and gives the name under which lies what came
    /// out: `other`, or `free` (where nothing stood) on a file system without exchange.
    pub(super) fn exchange<'d>(
        self,
        live: Name<'d>,
        other: Name<'d>,
        free: Name<'d>,
        reached: &mut dyn FnMut(&'static str),
    ) -> io::Result<Name<'d>> {
        reached("exchange");
        match self.renameat2(live, other, RenameFlags::RENAME_EXCHANGE) {
            Ok(()) => return Ok(other),
            Err(error) if unknown_flag(error) => {}
            Err(error) => return Err(error.into()),
        }
        reached("move out");
        match self.put(live, free, reached) {
            // Stopped in the middle of moving it in, when it had two names.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_file(live, free)? => {
                unlinkat(live.directory, live.name, UnlinkatFlags::NoRemoveDir)?;
            }
            put => put?,
        }
        reached("move in");
        self.put(other, live, reached)?;
        Ok(free)
    }

    /// Moves what stands at `a` to `b`, where nothing may stand: [`io::ErrorKind::AlreadyExists`] otherwise.
    pub(super) fn put(
        self,
        a: Name<'_>,
        b: Name<'_>,
        reached: &mut dyn FnMut(&'static str),
    ) -> io::Result<()> {
        match self.renameat2(a, b, RenameFlags::RENAME_NOREPLACE) {
            Err(error) if unknown_flag(error) => {}
            done => return done.map_err(io::Error::from),
        }
        // A second name does not replace anything either. Between the two calls both names stand for the same
        // file, which undo recognises.
        match linkat(a.directory, a.name, b.directory, b.name, AtFlags::empty()) {
            Ok(()) => {
                reached("give up the first name");
                return Ok(unlinkat(a.directory, a.name, UnlinkatFlags::NoRemoveDir)?);
            }
            // Directories have one name, and some file systems give files no second one.
            Err(Errno::EPERM | Errno::ENOTSUP | Errno::EMLINK | Errno::ENOSYS) => {}
            Err(error) => return Err(error.into()),
        }
        if stands(b)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(nix::fcntl::renameat(a.directory, a.name, b.directory, b.name)?)
    }
}
