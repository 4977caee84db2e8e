//! Looking at places in a tree without ever following a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use evenkeel_syntax::fileset::{Digest, Entry};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};

use super::rename::Name;
use crate::configdir::read_file;

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// An open directory that paths are looked up in.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

/// The directory that holds one path's name.
#[derive(Debug)]
pub(super) struct Spot<'p> {
    directory: OwnedFd,
    name: &'p [u8],
}

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing.
    Absent,
    /// A file or link with this digest.
    Is(Digest),
    /// A directory, a device, or a file larger than any configuration.
    Other,
}

impl Look {
    /// What a step expects: an entry, or nothing.
    pub(super) fn expects(digest: Option<Digest>) -> Self {
        digest.map_or(Self::Absent, Self::Is)
    }
}

impl Root {
    /// Opens a directory; the last component may be a link to one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(nix::fcntl::open(path, DIRECTORY, Mode::empty())?))
    }

    /// Opens the directory that holds `path`, component by component: a link on the way is an error.
    pub(super) fn spot<'p>(&self, path: &'p [u8]) -> io::Result<Spot<'p>> {
        let mut directory = self.0.try_clone()?;
        let mut rest = path;
        while let Some(slash) = rest.iter().position(|&byte| byte == b'/') {
            directory = openat(
                &directory,
                OsStr::from_bytes(&rest[..slash]),
                DIRECTORY | OFlag::O_NOFOLLOW,
                Mode::empty(),
            )?;
            rest = &rest[slash + 1..];
        }
        Ok(Spot { directory, name: rest })
    }

    /// Opens a directory below this one; empty is this one itself.
    pub(super) fn below(&self, path: &[u8]) -> io::Result<Self> {
        if path.is_empty() {
            return Ok(Self(self.0.try_clone()?));
        }
        let spot = self.spot(path)?;
        Ok(Self(openat(
            &spot.directory,
            OsStr::from_bytes(spot.name),
            DIRECTORY | OFlag::O_NOFOLLOW,
            Mode::empty(),
        )?))
    }

    /// Makes the directories above a path that are missing, as a release makes new ones.
    pub(super) fn make_above(&self, path: &[u8]) -> io::Result<()> {
        for (slash, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            match self.spot(&path[..slash])?.name().make_directory() {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Opens the directory at a name.
    pub(super) fn within(name: Name<'_>) -> io::Result<Self> {
        let flags = DIRECTORY | OFlag::O_NOFOLLOW;
        Ok(Self(openat(name.directory, OsStr::from_bytes(name.name), flags, Mode::empty())?))
    }

    /// Lists the names in the directory.
    pub(super) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut directory = nix::dir::Dir::openat(&self.0, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for item in directory.iter() {
            let item = item?;
            let name = item.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    /// Gives the name of something that lies directly in this directory.
    pub(super) fn name<'d>(&'d self, name: &'d [u8]) -> Name<'d> {
        Name { directory: self.0.as_fd(), name }
    }

    /// Flushes the directory itself: the names in it.
    pub(super) fn flush(&self) -> io::Result<()> {
        flush(self.0.as_fd())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Spot<'_> {
    pub(super) fn name(&self) -> Name<'_> {
        Name { directory: self.directory.as_fd(), name: self.name }
    }
}

fn flush(directory: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(nix::unistd::fsync(openat(directory, ".", flags, Mode::empty())?)?)
}

impl Name<'_> {
    /// Makes a directory that everybody may enter, whatever the umask says.
    pub(super) fn make_directory(self) -> io::Result<()> {
        let mode = Mode::from_bits_truncate(0o755);
        mkdirat(self.directory, OsStr::from_bytes(self.name), mode)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(fchmod(openat(self.directory, OsStr::from_bytes(self.name), flags, Mode::empty())?, mode)?)
    }
}

/// Says whether anything stands at a name.
pub(super) fn stands(name: Name<'_>) -> io::Result<bool> {
    match fstatat(name.directory, OsStr::from_bytes(name.name), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Says whether two names stand for one and the same file.
pub(super) fn same_file(a: Name<'_>, b: Name<'_>) -> io::Result<bool> {
    let of = |name: Name<'_>| {
        fstatat(name.directory, OsStr::from_bytes(name.name), AtFlags::AT_SYMLINK_NOFOLLOW)
            .map(|stat| (stat.st_dev, stat.st_ino))
    };
    Ok(of(a)? == of(b)?)
}

/// Reads the entry at a name: `Ok(Ok(None))` when nothing stands there, `Ok(Err(()))` when no bundle could hold it.
pub(super) fn entry(name: Name<'_>) -> io::Result<Result<Option<Entry>, Unholdable>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(name.directory, OsStr::from_bytes(name.name), flags, Mode::empty()) {
        Ok(fd) => match read_file(File::from(fd)) {
            Ok(bytes) => Ok(Ok(Some(Entry::File(bytes)))),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge) =>
            {
                Ok(Err(Unholdable))
            }
            Err(error) => Err(error),
        },
        Err(Errno::ELOOP) => {
            let target = readlinkat(name.directory, OsStr::from_bytes(name.name))?;
            Ok(Ok(Some(Entry::Link(target.as_bytes().to_vec()))))
        }
        Err(Errno::ENOENT) => Ok(Ok(None)),
        Err(Errno::ENXIO) => Ok(Err(Unholdable)),
        Err(error) => Err(error.into()),
    }
}

/// A directory, a device, a socket, or a file larger than any configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unholdable;

/// Looks at what stands at a name.
pub(super) fn look(name: Name<'_>) -> io::Result<Look> {
    Ok(match entry(name)? {
        Ok(None) => Look::Absent,
        Ok(Some(entry)) => Look::Is(entry.digest()),
        Err(Unholdable) => Look::Other,
    })
}
