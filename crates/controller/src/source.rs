//! Fetches what the model wants to know of a tree: from a directory, or from a tree held in memory.
//!
//! A tree may lie anywhere. Its *prefix* says where it will live; a path under the prefix is read inside the tree, also
//! where an absolute symbolic link (Debian's `sites-enabled`) names it. Every other path is read from this machine; one
//! that is not there is *unknown* on a laptop and *absent* on the host itself.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use evenkeel_model::{Answer as Found, Config, Files, Settings, Want, Wants};
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};

/// A configuration file larger than this is not read.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// As many symbolic links as Linux follows in one path.
const LINKS_MAX: u32 = 40;

/// Where the bytes of a tree come from.
#[derive(Debug, Clone, Copy)]
pub enum Root<'a> {
    /// A directory.
    Directory(&'a Path),
    /// A tree in memory; what it does not hold (kept files) is looked for in the live directory.
    Files {
        /// The tree.
        files: &'a FileSet,
        /// Where kept files stand.
        live: &'a Path,
        /// The kept files, relative to the tree.
        kept: &'a [PathBuf],
    },
}

/// What is wanted of a path, without the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Bytes,
    Directory,
    Presence,
}

/// A tree that answers for paths as nginx on the host would see them.
#[derive(Debug)]
pub struct Source<'a> {
    root: Root<'a>,
    prefix: PathBuf,
    on_host: bool,
    replaced: HashMap<PathBuf, Arc<[u8]>>,
    /// Directories whose symbolic links are resolved already.
    resolved: HashMap<PathBuf, Place>,
    links: u32,
}

/// Where a path leads once links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Inside(PathBuf),
    Outside(PathBuf),
    Loop,
}

impl<'a> Source<'a> {
    /// A tree that will live at `prefix`. `on_host`: this machine is the host, so what is not here is absent.
    #[must_use]
    pub fn new(root: Root<'a>, prefix: &Path, on_host: bool) -> Source<'a> {
        let prefix = prefix.to_path_buf();
        Source { root, prefix, on_host, replaced: HashMap::new(), resolved: HashMap::new(), links: 0 }
    }

    /// Takes `bytes` for the file at `path` (absolute, as nginx would see it).
    pub fn replace(&mut self, path: PathBuf, bytes: Vec<u8>) {
        self.replaced.insert(path, bytes.into());
    }

    /// Loads the configuration of the tree: answers the model until it wants nothing more.
    #[must_use]
    pub fn load(&mut self, settings: &Settings) -> Config {
        let mut files = Files::new();
        loop {
            match evenkeel_model::load(settings, &mut files) {
                Ok(config) => return config,
                Err(Wants(wants)) => {
                    for want in wants {
                        let answer = self.answer(&want);
                        files.supply(want, answer);
                    }
                }
            }
        }
    }

    /// Answers for one absolute path.
    pub fn answer(&mut self, want: &Want) -> Found {
        let (path, ask) = match want {
            Want::Bytes(path) => (path, Ask::Bytes),
            Want::Directory(path) => (path, Ask::Directory),
            Want::Presence(path) => (path, Ask::Presence),
        };
        let path = Path::new(OsStr::from_bytes(path));
        if let Some(bytes) = self.replaced.get(path) {
            return match ask {
                Ask::Bytes => Found::Bytes(bytes.clone()),
                _ => Found::Present,
            };
        }
        self.links = 0;
        match self.resolve(path) {
            Place::Loop => Found::Unreadable("too many levels of symbolic links".to_owned()),
            Place::Outside(path) => match on_disk(&path, ask) {
                Found::Absent if !self.on_host => Found::Unknown,
                found => found,
            },
            Place::Inside(path) => match self.root {
                Root::Directory(root) => on_disk(&root.join(path), ask),
                Root::Files { files, live, kept } => {
                    if kept.contains(&path) {
                        return on_disk(&live.join(path), ask);
                    }
                    in_memory(files, kept, &path, ask)
                }
            },
        }
    }

    /// Follows the links of a path, those that lead into the prefix staying inside the tree.
    fn resolve(&mut self, path: &Path) -> Place {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return self.place(path);
        };
        if path == self.prefix {
            return Place::Inside(PathBuf::new());
        }
        let parent = match self.resolved.get(parent) {
            Some(place) => place.clone(),
            None => {
                let place = self.resolve(parent);
                self.resolved.insert(parent.to_path_buf(), place.clone());
                place
            }
        };
        let (Place::Inside(parent) | Place::Outside(parent)) = &parent else { return Place::Loop };
        let at = if parent.is_absolute() { parent.join(name) } else { self.prefix.join(parent).join(name) };
        match self.link(&at) {
            None => self.place(&at),
            Some(target) => {
                self.links += 1;
                if self.links > LINKS_MAX {
                    return Place::Loop;
                }
                let from = at.parent().unwrap_or(Path::new("/"));
                self.resolve(&normal(&from.join(target)))
            }
        }
    }

    fn place(&self, path: &Path) -> Place {
        match path.strip_prefix(&self.prefix) {
            Ok(inside) => Place::Inside(inside.to_path_buf()),
            Err(_) => Place::Outside(path.to_path_buf()),
        }
    }

    /// The target of the link at an absolute path, if there is one.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        match (path.strip_prefix(&self.prefix), self.root) {
            (Ok(inside), Root::Directory(root)) => std::fs::read_link(root.join(inside)).ok(),
            (Ok(inside), Root::Files { files, .. }) => match files.get(&rel(inside)?)? {
                Entry::Link(target) => Some(PathBuf::from(OsStr::from_bytes(target))),
                Entry::File(_) => None,
            },
            (Err(_), _) => std::fs::read_link(path).ok(),
        }
    }
}

fn rel(path: &Path) -> Option<RelPath> {
    RelPath::new(path.as_os_str().as_bytes().to_vec()).ok()
}

/// Removes `.` and `..` from an absolute path.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn on_disk(path: &Path, ask: Ask) -> Found {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Found::Absent,
        _ => Found::Unreadable(error.to_string()),
    };
    match ask {
        Ask::Presence => std::fs::metadata(path).map_or_else(failed, |_| Found::Present),
        Ask::Directory => match std::fs::read_dir(path) {
            Ok(entries) => Found::Directory(
                entries.flatten().map(|entry| entry.file_name().as_bytes().to_vec()).collect(),
            ),
            Err(error) => failed(error),
        },
        Ask::Bytes => read_file(path).unwrap_or_else(failed),
    }
}

fn read_file(path: &Path) -> std::io::Result<Found> {
    // O_NONBLOCK: a fifo that stands where a file is expected must not hold us.
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), libc_nonblock());
    let file = options.open(path)?;
    let meta = file.metadata()?;
    let kind = meta.file_type();
    if kind.is_dir() {
        return Ok(Found::Unreadable("it is a directory".to_owned()));
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return Ok(Found::Unreadable("it is not a regular file".to_owned()));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Ok(Found::Unreadable(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(Found::Bytes(bytes.into()))
}

/// `O_NONBLOCK` on Linux.
const fn libc_nonblock() -> i32 {
    0o4000
}

fn in_memory(files: &FileSet, kept: &[PathBuf], path: &Path, ask: Ask) -> Found {
    let entry = rel(path).and_then(|path| files.get(&path).cloned());
    match (entry, ask) {
        (Some(Entry::File(bytes)), Ask::Bytes) => Found::Bytes(bytes),
        (Some(_), Ask::Presence) => Found::Present,
        (Some(_), _) => Found::Absent,
        (None, ask) => {
            let names = names_below(files, kept, path);
            match ask {
                _ if names.is_empty() && !path.as_os_str().is_empty() => Found::Absent,
                Ask::Directory => Found::Directory(names),
                Ask::Presence => Found::Present,
                Ask::Bytes => Found::Unreadable("it is a directory".to_owned()),
            }
        }
    }
}

/// The names directly below a directory of a tree in memory.
fn names_below(files: &FileSet, kept: &[PathBuf], directory: &Path) -> Vec<Vec<u8>> {
    let directory = directory.as_os_str().as_bytes();
    let below = |path: &[u8]| -> Option<Vec<u8>> {
        let rest = match directory {
            [] => path,
            directory => path.strip_prefix(directory)?.strip_prefix(b"/")?,
        };
        rest.split(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
    };
    let mut names: Vec<Vec<u8>> = files.iter().filter_map(|(path, _)| below(path.as_bytes())).collect();
    names.extend(kept.iter().filter_map(|path| below(path.as_os_str().as_bytes())));
    names.sort();
    names.dedup();
    names
}
