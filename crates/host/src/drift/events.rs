//! What happens in a tree, path by path, within milliseconds.
//!
//! As root by fanotify with a mark on each directory of the tree, which names the process too and sees nothing of the rest
//! of the file system; else by inotify, which names nobody. Directories that come later are marked, and what is in them by
//! then is told of. A queue that overflowed is told of as [`Happened::Lost`]: only a full pass helps.

mod fan;
mod ino;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::configdir::Keep;
use crate::place::DOT_DIR;

/// How deep directories are marked.
const DEPTH_MAX: usize = 64;

/// Something happened in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// To a file or link, or to a name.
    File(Happening),
    /// A directory came, went or was renamed: everything below it may be different.
    Directory(Happening),
    /// Events were lost, or the tree itself was moved: only a full pass tells what happened.
    Lost,
}

/// Where it happened, when, and which process it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The path, relative to the root.
    pub path: Vec<u8>,
    /// When it was read from the kernel.
    pub at: Instant,
    /// The process, where the kernel names it. Zero: one outside of our view.
    pub pid: Option<i32>,
}

/// By which means events come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// fanotify: with the process that did it.
    Fanotify,
    /// inotify: nobody knows who, and this is why.
    Inotify {
        /// Why fanotify does not do.
        because: String,
    },
}

#[derive(Debug)]
enum Source {
    Fan(fan::Fan),
    Ino(ino::Ino),
}

/// A tree that is watched.
#[derive(Debug)]
pub struct Events {
    root: PathBuf,
    keep: Keep,
    source: Source,
    means: Means,
    /// What was found while directories were marked.
    found: Vec<Happened>,
}

impl Events {
    /// Begins to watch a tree, by the best means that this user has. Whatever happens from now on is told of.
    ///
    /// # Errors
    /// What the kernel said to inotify too: above all, that there is no such directory.
    pub fn open(root: &Path, keep: &Keep) -> io::Result<Self> {
        match Self::fanotify(root, keep) {
            Ok(events) => Ok(events),
            Err(error) => Self::inotify(root, keep, error.to_string()),
        }
    }

    /// The same by fanotify alone.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn fanotify(root: &Path, keep: &Keep) -> io::Result<Self> {
        Self::begin(root, keep, Source::Fan(fan::Fan::new()?), Means::Fanotify)
    }

    /// The same by inotify alone.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn inotify(root: &Path, keep: &Keep, because: String) -> io::Result<Self> {
        Self::begin(root, keep, Source::Ino(ino::Ino::new()?), Means::Inotify { because })
    }

    fn begin(root: &Path, keep: &Keep, source: Source, means: Means) -> io::Result<Self> {
        let (root, keep) = (root.canonicalize()?, keep.clone());
        let mut events = Self { root, keep, source, means, found: Vec::new() };
        events.mark(b"", None)?;
        events.found.clear();
        Ok(events)
    }

    /// By which means events come.
    #[must_use]
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// The tree, as the kernel names it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits for something to happen, at most so long, and gives what did. Nothing is given when the time is up.
    ///
    /// # Errors
    /// What the kernel said; the watch is over then.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Vec<Happened>> {
        let limit = if self.found.is_empty() { limit } else { Duration::ZERO };
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let readable = {
            let mut wanted = [PollFd::new(self.descriptor(), PollFlags::POLLIN)];
            match poll(&mut wanted, limit) {
                Err(nix::errno::Errno::EINTR) => 0,
                waited => waited?,
            }
        };
        let mut happened = std::mem::take(&mut self.found);
        if readable > 0 {
            let raw = match &mut self.source {
                Source::Fan(fan) => fan.read()?,
                Source::Ino(ino) => ino.read()?,
            };
            for raw in raw {
                self.take(raw, &mut happened)?;
            }
        }
        Ok(happened)
    }

    /// The descriptor that becomes readable when something happens.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.source {
            Source::Fan(fan) => fan.as_fd(),
            Source::Ino(ino) => ino.as_fd(),
        }
    }

    fn take(&mut self, raw: RawEvent, happened: &mut Vec<Happened>) -> io::Result<()> {
        let Raw { path, directory, came, pid } = match raw {
            RawEvent::Lost => {
                // Directories may have come unseen.
                self.mark(b"", None)?;
                self.found.clear();
                happened.push(Happened::Lost);
                return Ok(());
            }
            RawEvent::At(raw) => raw,
        };
        let dot = path.split(|byte| *byte == b'/').next() == Some(DOT_DIR.as_bytes());
        if dot || self.keep.keeps(&path, directory) {
            return Ok(());
        }
        if !directory {
            happened.push(Happened::File(Happening { path, at: Instant::now(), pid }));
            return Ok(());
        }
        if came {
            self.mark(&path, pid)?;
            happened.append(&mut self.found);
        }
        happened.push(Happened::Directory(Happening { path, at: Instant::now(), pid }));
        Ok(())
    }

    /// Marks a directory and all below it; what is in them by then may have come before the mark.
    fn mark(&mut self, directory: &[u8], pid: Option<i32>) -> io::Result<()> {
        let mut open = vec![(directory.to_vec(), 0_usize)];
        while let Some((relative, depth)) = open.pop() {
            let path = self.root.join(std::ffi::OsStr::from_bytes(&relative));
            let marked = match &mut self.source {
                Source::Fan(fan) => fan.mark(&path, &relative),
                Source::Ino(ino) => ino.mark(&path, &relative),
            };
            let gone = |error: &io::Error| {
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            };
            match marked {
                // Gone since: whoever took it away is told of too.
                Err(error) if gone(&error) && !relative.is_empty() => continue,
                // One that we may not read is one that nobody tells us of.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !relative.is_empty() => {
                    continue;
                }
                marked => marked?,
            }
            let Ok(items) = std::fs::read_dir(&path) else { continue };
            for item in items.flatten() {
                let mut path = relative.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(item.file_name().as_bytes());
                let is_dir = item.file_type().is_ok_and(|kind| kind.is_dir());
                if item.file_name() == DOT_DIR || self.keep.keeps(&path, is_dir) {
                    continue;
                }
                if is_dir && depth < DEPTH_MAX {
                    open.push((path, depth + 1));
                } else if !is_dir {
                    self.found.push(Happened::File(Happening { path, at: Instant::now(), pid }));
                }
            }
        }
        Ok(())
    }
}

/// What a source tells.
enum RawEvent {
    Lost,
    At(Raw),
}

/// Something at one path.
struct Raw {
    path: Vec<u8>,
    directory: bool,
    /// Whether a directory is there now that was not.
    came: bool,
    pid: Option<i32>,
}

/// The directories that are marked, by what the kernel calls them.
#[derive(Debug)]
struct Marked<K>(BTreeMap<K, Vec<u8>>);

impl<K: Ord> Marked<K> {
    fn path(&self, key: &K, name: &[u8]) -> Option<Vec<u8>> {
        let directory = self.0.get(key)?;
        let mut path = directory.clone();
        if !path.is_empty() && !name.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Some(path)
    }
}
