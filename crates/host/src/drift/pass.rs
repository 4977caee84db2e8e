//! A full pass over a tree: what stands at each path, by content.
//!
//! What is kept or skipped is what [`configdir::read`](crate::configdir::read) keeps or skips, so that a pass and a bundle
//! of the same tree agree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel_fleet::Digest;
use evenkeel_fleet::watch::drift::Standing;
use evenkeel_syntax::fileset::{Entry, RelPath};

use crate::configdir::{DEPTH_MAX, Keep, ReadError, TREE_BYTES_MAX, TREE_FILES_MAX, read_entry};
use crate::place::DOT_DIR;

/// So many files are taken at a time by one of the readers.
const CHUNK: usize = 64;
/// How many readers there are at most.
const READERS_MAX: usize = 4;

/// What stands at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Content, mode and owner.
    pub standing: Standing,
    /// Its size in bytes.
    pub size: u64,
    /// When its content was changed, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// When anything of it was changed, in nanoseconds since 1970.
    pub changed_ns: i128,
    /// Its inode.
    pub inode: u64,
}

/// A tree, path by path.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// The files and links that are configuration.
    pub files: BTreeMap<RelPath, Found>,
    /// What could not be read: changed, and nobody knows how.
    pub unreadable: Vec<(PathBuf, String)>,
    /// How long it took.
    pub took: Duration,
}

/// Reads and hashes everything below `root`, on all cores.
///
/// # Errors
/// [`ReadError`] when the tree as a whole cannot be walked; a file that cannot be read is in [`Pass::unreadable`].
pub fn pass(root: &Path, keep: &Keep) -> Result<Pass, ReadError> {
    let started = Instant::now();
    let mut paths = Vec::new();
    walk(root, &mut Vec::new(), keep, 0, &mut paths)?;
    let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let (files, unreadable) = (Mutex::new(Vec::with_capacity(paths.len())), Mutex::new(Vec::new()));
    let readers = std::thread::available_parallelism().map_or(1, usize::from).min(READERS_MAX);
    let read = || {
        let (mut mine, mut failed) = (Vec::new(), Vec::new());
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(chunk) =
                paths.get(from..paths.len().min(from + CHUNK)).filter(|chunk| !chunk.is_empty())
            else {
                break;
            };
            for path in chunk {
                match one(root, keep, path) {
                    Ok(Some(found)) => {
                        bytes.fetch_add(found.size, Ordering::Relaxed);
                        mine.push((path.clone(), found));
                    }
                    Ok(None) => {}
                    Err(error) => failed.push((absolute(root, path.as_bytes()), error.to_string())),
                }
            }
            if bytes.load(Ordering::Relaxed) > TREE_BYTES_MAX {
                break;
            }
        }
        files.lock().expect("no reader panics").append(&mut mine);
        unreadable.lock().expect("no reader panics").append(&mut failed);
    };
    std::thread::scope(|scope| {
        // A small tree is read before a thread has started.
        for _ in 1..readers.min(paths.len().div_ceil(CHUNK)) {
            scope.spawn(read);
        }
        read();
    });
    if bytes.into_inner() > TREE_BYTES_MAX {
        return Err(ReadError::TreeTooLarge { root: root.to_owned(), path: root.to_owned() });
    }
    let files = files.into_inner().expect("no reader panics").into_iter().collect();
    let unreadable = unreadable.into_inner().expect("no reader panics");
    Ok(Pass { files, unreadable, took: started.elapsed() })
}

/// The same for what is below one directory of the tree; nothing when there is no such directory.
///
/// # Errors
/// [`ReadError`] as [`pass`].
pub fn below(root: &Path, keep: &Keep, directory: &[u8]) -> Result<BTreeMap<RelPath, Found>, ReadError> {
    let mut paths = Vec::new();
    if let Err(error) = walk(root, &mut directory.to_vec(), keep, 1, &mut paths) {
        return match error {
            ReadError::Unreadable { source, .. }
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Ok(BTreeMap::new())
            }
            error => Err(error),
        };
    }
    let found = paths.into_iter().filter_map(|path| {
        let found = one(root, keep, &path).ok()??;
        Some((path, found))
    });
    Ok(found.collect())
}

/// Looks at one path; `None` when nothing stands there that is configuration.
///
/// # Errors
/// What the kernel said.
pub fn one(root: &Path, keep: &Keep, path: &RelPath) -> io::Result<Option<Found>> {
    if kept(keep, path.as_bytes()) {
        return Ok(None);
    }
    let at = absolute(root, path.as_bytes());
    let meta = match fs::symlink_metadata(&at) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        meta => meta?,
    };
    if !meta.is_file() && !meta.is_symlink() {
        return Ok(None);
    }
    let Some(entry) = read_entry(&at)? else { return Ok(None) };
    if let Entry::File(bytes) = &entry
        && keep.keeps_content(bytes)
    {
        return Ok(None);
    }
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Ok(Some(Found {
        standing: Standing {
            digest: Digest(entry.digest().0),
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
        },
        size: meta.len(),
        modified_ns: nanos(meta.mtime(), meta.mtime_nsec()),
        changed_ns: nanos(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
    }))
}

/// Whether a path of the tree, or a directory above it, is kept.
#[must_use]
pub fn kept(keep: &Keep, path: &[u8]) -> bool {
    let above = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at]);
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let ours = first == DOT_DIR.as_bytes();
    ours || above.into_iter().any(|directory| keep.keeps(directory, true)) || keep.keeps(path, false)
}

fn walk(
    root: &Path,
    relative: &mut Vec<u8>,
    keep: &Keep,
    depth: usize,
    into: &mut Vec<RelPath>,
) -> Result<(), ReadError> {
    let path = absolute(root, relative);
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
        let Ok(kind) = item.file_type() else { continue };
        let length = relative.len();
        if length > 0 {
            relative.push(b'/');
        }
        relative.extend_from_slice(name.as_bytes());
        if !keep.keeps(relative, kind.is_dir()) {
            if kind.is_dir() {
                match walk(root, relative, keep, depth + 1, into) {
                    // Gone since the directory above was read.
                    Err(ReadError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    }
                    done => done?,
                }
            } else if let Ok(path) = RelPath::new(relative.clone()) {
                into.push(path);
            }
            if into.len() > TREE_FILES_MAX {
                return Err(ReadError::TooMany { root: root.to_owned(), path });
            }
        }
        relative.truncate(length);
    }
    Ok(())
}

/// Where a path of the tree is.
#[must_use]
pub fn absolute(root: &Path, relative: &[u8]) -> PathBuf {
    root.join(std::ffi::OsStr::from_bytes(relative))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configdir::read_any;

    #[test]
    fn pass_and_bundle_of_a_tree_agree() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for n in 0..300 {
            put(&format!("conf.d/{}/{n}.conf", n % 7), &format!("# {n}\n"));
        }
        put("ssl/site.key", "kept by its name");
        put("ssl/odd.pem", "-----BEGIN PRIVATE KEY-----\n");
        put("logs/x.conf", "kept with its directory");
        put(".evenkeel/staged", "never a part of a tree");
        std::os::unix::fs::symlink("../nowhere", root.path().join("link")).unwrap();
        let keep = Keep::default();
        let (bundle, pass) = (read_any(root.path(), &keep).unwrap().files, pass(root.path(), &keep).unwrap());
        let of_bundle: Vec<_> =
            bundle.iter().map(|(path, entry)| (path.clone(), Digest(entry.digest().0))).collect();
        let of_pass: Vec<_> =
            pass.files.iter().map(|(path, found)| (path.clone(), found.standing.digest)).collect();
        assert_eq!(of_bundle, of_pass);
        assert_eq!(of_pass.len(), 301);
        for kept in ["ssl/site.key", "ssl/odd.pem", "logs/x.conf", ".evenkeel/staged"] {
            assert_eq!(one(root.path(), &keep, &RelPath::new(kept).unwrap()).unwrap(), None, "{kept}");
        }
        assert_eq!(below(root.path(), &keep, b"conf.d/3").unwrap().len(), 43);
        assert!(below(root.path(), &keep, b"conf.d/9").unwrap().is_empty());
    }
}
