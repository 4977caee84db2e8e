//! The file system as another process sees it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// Which file something is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    dev: u64,
    ino: u64,
}

impl FileId {
    pub(crate) fn of(metadata: &fs::Metadata) -> Self {
        Self { dev: metadata.dev(), ino: metadata.ino() }
    }
}

/// The root of a process. Links inside it lead to where they lead that process.
#[derive(Debug)]
pub(crate) struct View {
    pid: i32,
    root: OwnedFd,
}

impl View {
    /// Opens the view of a process.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let path = format!("/proc/{pid}/root");
        let root = open(path.as_str(), OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { pid, root })
    }

    /// Gives a path of ours that leads to this path of theirs. Absolute links on the way lead out of the view:
    /// enough to name a thing, not to trust what is behind it.
    pub(crate) fn outside(&self, path: &Path) -> PathBuf {
        let relative = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{}/root", self.pid)).join(relative)
    }

    /// Opens a file to read.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        self.open_with(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)
    }

    /// Says which file stands there.
    pub(crate) fn file_id(&self, path: &Path) -> io::Result<FileId> {
        Ok(FileId::of(&self.open_with(path, OFlag::O_PATH)?.metadata()?))
    }

    /// Gives what is written in a symbolic link; links on the way to it lead where they lead that process.
    pub(crate) fn read_link(&self, path: &Path) -> io::Result<OsString> {
        let link = self.open_with(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        Ok(nix::fcntl::readlinkat(&link, "")?)
    }

    fn open_with(&self, path: &Path, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        match openat2(self.root.as_fd(), path, how) {
            Ok(fd) => Ok(fd.into()),
            // Older than Linux 5.6, or a filter that does not know the call.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                Ok(nix::fcntl::openat(AT_FDCWD, &self.outside(path), flags, Mode::empty())?.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Says whether a process sees another file system than this one: another mount namespace or another root.
pub(crate) fn is_own_view(pid: i32) -> io::Result<bool> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt"));
    let root = |pid: &str| Ok::<_, io::Error>(FileId::of(&fs::metadata(format!("/proc/{pid}/root"))?));
    let pid = pid.to_string();
    Ok(namespace(&pid)? != namespace("self")? || root(&pid)? != root("self")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_view_is_the_view_of_this_process() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(!is_own_view(me).unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        let view = View::of(me).unwrap();
        let id = FileId::of(&file.as_file().metadata().unwrap());
        assert_eq!(view.file_id(file.path()).unwrap(), id);
        assert_eq!(FileId::of(&fs::metadata(view.outside(file.path())).unwrap()), id);
        let links = tempfile::tempdir().unwrap();
        let link = links.path().join("link");
        std::os::unix::fs::symlink("../away", &link).unwrap();
        assert_eq!(view.read_link(&link).unwrap(), "../away");
        assert!(view.read_link(file.path()).is_err(), "a file is no link");
        assert_eq!(view.open(Path::new("/nonexistent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
