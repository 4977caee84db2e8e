//! A tree on the disk as a value, and the bundles that are saved of it.

pub mod bundles;
mod keep;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_syntax::fileset::RelPath;
pub use evenkeel_syntax::fileset::{Digest as ContentDigest, Entry, FileSet};

pub(crate) use bundles::flush_file_system;
pub use keep::{Keep, KeepError};

use crate::place::DOT_DIR;

/// How large one file may be, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// How large a tree may be, in bytes.
pub const TREE_BYTES_MAX: u64 = 1 << 30;
/// How many files, links and directories a tree may hold.
pub const TREE_FILES_MAX: usize = 200_000;
/// How deep its directories may lie.
pub(crate) const DEPTH_MAX: usize = 64;

/// What stands in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The files and links that are configuration. A link is its target, wherever it points.
    pub files: FileSet,
    /// What is kept, relative to the root: a directory stands for all that is in it.
    pub kept: Vec<PathBuf>,
    /// What is neither a file, a link nor a directory.
    pub skipped: Vec<Skipped>,
}

/// Something in a tree that no bundle can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where, relative to the root.
    pub path: PathBuf,
    /// What it is: `socket`, `fifo`, `device`.
    pub kind: &'static str,
}

/// Why a tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is nothing at the path.
    #[error("read {path}: there is no such directory", path = path.display())]
    Missing {
        /// The root.
        path: PathBuf,
    },
    /// A file stands there.
    #[error("read {path} as a tree: it is not a directory", path = path.display())]
    NotADirectory {
        /// The root.
        path: PathBuf,
    },
    /// There is no configuration in it.
    #[error("read {path} as a tree: there is no file in it", path = path.display())]
    Empty {
        /// The root.
        path: PathBuf,
    },
    /// Something in it could not be read.
    #[error("read {path} (if it is no configuration, name it in `keep`)", path = path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file is larger than any configuration.
    #[error("read {path}: {bytes} bytes, and a file of a tree has at most {FILE_BYTES_MAX} (if it is no configuration, name it in `keep`)", path = path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// All of it is larger than any configuration.
    #[error("read {root}: more than {TREE_BYTES_MAX} bytes in all by {path} (name in `keep` what is no configuration)", root = root.display(), path = path.display())]
    TreeTooLarge {
        /// The root.
        root: PathBuf,
        /// The file that was one too many.
        path: PathBuf,
    },
    /// There are more files than any configuration has.
    #[error("read {root}: more than {TREE_FILES_MAX} entries by {path} (name in `keep` what is no configuration)", root = root.display(), path = path.display())]
    TooMany {
        /// The root.
        root: PathBuf,
        /// The entry that was one too many.
        path: PathBuf,
    },
    /// Directories lie deeper than any configuration's.
    #[error("read {path}: more than {DEPTH_MAX} directories deep", path = path.display())]
    TooDeep {
        /// The directory that was one too deep.
        path: PathBuf,
    },
}

/// Reads a tree that should hold a configuration.
///
/// # Errors
/// [`ReadError`] names the file, and the way out where there is one.
pub fn read(root: &Path, keep: &Keep) -> Result<Snapshot, ReadError> {
    let snapshot = read_any(root, keep)?;
    if snapshot.files.is_empty() { Err(ReadError::Empty { path: root.to_owned() }) } else { Ok(snapshot) }
}

/// Reads a directory that may also be empty, such as a live tree of which everything was deleted by hand.
///
/// # Errors
/// [`ReadError`] names the file, and the way out where there is one.
pub fn read_any(root: &Path, keep: &Keep) -> Result<Snapshot, ReadError> {
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::Missing { path: root.to_owned() });
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(ReadError::Missing { path: root.to_owned() });
        }
        Err(source) => return Err(ReadError::Unreadable { path: root.to_owned(), source }),
        Ok(meta) if !meta.is_dir() => return Err(ReadError::NotADirectory { path: root.to_owned() }),
        Ok(_) => {}
    }
    let snapshot = Snapshot { files: FileSet::default(), kept: Vec::new(), skipped: Vec::new() };
    let mut walk = Walk { root, keep, snapshot, bytes: 0, entries: 0 };
    walk.directory(&mut Vec::new(), 0)?;
    Ok(walk.snapshot)
}

/// Reads the one entry at a path: a file's bytes or a link's target, `None` when nothing stands there.
/// Never follows a link and never waits for a writer.
///
/// # Errors
/// What the kernel said; a directory or device is [`io::ErrorKind::InvalidInput`].
pub fn read_entry(path: &Path) -> io::Result<Option<Entry>> {
    match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path) {
        Ok(file) => read_file(file).map(|bytes| Some(Entry::File(bytes))),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            Ok(Some(Entry::Link(fs::read_link(path)?.into_os_string().into_vec())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn read_file(file: File) -> io::Result<Arc<[u8]>> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let capacity = usize::try_from(meta.len().min(FILE_BYTES_MAX)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(capacity);
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(Arc::from(bytes))
}

struct Walk<'w> {
    root: &'w Path,
    keep: &'w Keep,
    snapshot: Snapshot,
    bytes: u64,
    entries: usize,
}

impl Walk<'_> {
    /// Reads the directory at `relative`, which grows and shrinks with the walk.
    fn directory(&mut self, relative: &mut Vec<u8>, depth: usize) -> Result<(), ReadError> {
        let path = self.absolute(relative);
        if depth > DEPTH_MAX {
            return Err(ReadError::TooDeep { path });
        }
        let unreadable = |source| ReadError::Unreadable { path: path.clone(), source };
        for item in fs::read_dir(&path).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let name = item.file_name();
            if name == DOT_DIR {
                continue;
            }
            let length = relative.len();
            if length > 0 {
                relative.push(b'/');
            }
            relative.extend_from_slice(name.as_bytes());
            let kind = match item.file_type() {
                // Gone since the directory was read: as if it had never been there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                kind => Some(kind.map_err(|source| ReadError::Unreadable { path: item.path(), source })?),
            };
            if let Some(kind) = kind {
                self.entry(relative, kind, depth)?;
            }
            relative.truncate(length);
        }
        Ok(())
    }

    fn entry(&mut self, relative: &mut Vec<u8>, kind: fs::FileType, depth: usize) -> Result<(), ReadError> {
        let path = self.absolute(relative);
        if self.keep.keeps(relative, kind.is_dir()) {
            self.snapshot.kept.push(within(relative));
            return Ok(());
        }
        self.entries += 1;
        if self.entries > TREE_FILES_MAX {
            return Err(ReadError::TooMany { root: self.root.to_owned(), path });
        }
        if kind.is_dir() {
            return self.directory(relative, depth + 1);
        }
        if !kind.is_file() && !kind.is_symlink() {
            let kind = if kind.is_socket() {
                "socket"
            } else if kind.is_fifo() {
                "fifo"
            } else {
                "device"
            };
            self.snapshot.skipped.push(Skipped { path: within(relative), kind });
            return Ok(());
        }
        let entry = match read_entry(&path) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let bytes = fs::symlink_metadata(&path).map_or(0, |meta| meta.len());
                return Err(ReadError::FileTooLarge { path, bytes });
            }
            Err(source) => return Err(ReadError::Unreadable { path, source }),
        };
        if let Entry::File(bytes) = &entry {
            self.bytes += bytes.len() as u64;
            if self.bytes > TREE_BYTES_MAX {
                return Err(ReadError::TreeTooLarge { root: self.root.to_owned(), path });
            }
            if self.keep.keeps_content(bytes) {
                self.snapshot.kept.push(within(relative));
                return Ok(());
            }
        }
        let relative = RelPath::new(relative.clone())
            .map_err(|error| ReadError::Unreadable { path, source: io::Error::other(error) })?;
        self.snapshot.files.insert(relative, entry);
        Ok(())
    }

    fn absolute(&self, relative: &[u8]) -> PathBuf {
        self.root.join(within(relative))
    }
}

fn within(relative: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(relative))
}
