//! What lies where nginx would look for a file to serve.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use evenkeel_model::{FileKind, FileSystem};

use crate::tree::Place;

/// Directories whose permissions are remembered; more than that are asked for again.
const REMEMBERED_MAX: usize = 10_000;

/// The files that a tree may serve: those of the tree from where it lies, all others from this machine. What a tree's
/// own machine does not have is absent; what another one lacks is unknown, and so is what not everybody may read,
/// because nobody says here as whom the workers run.
#[derive(Debug)]
pub(crate) struct Served<'p> {
    place: &'p Place,
    /// Directories through which everybody may go.
    open: RefCell<HashMap<PathBuf, bool>>,
}

impl<'p> Served<'p> {
    pub(crate) fn new(place: &'p Place) -> Served<'p> {
        Served { place, open: RefCell::default() }
    }

    fn is_open(&self, directory: &Path) -> bool {
        if let Some(&open) = self.open.borrow().get(directory) {
            return open;
        }
        let here = std::fs::metadata(directory).is_ok_and(|meta| for_all(&meta, 0o001));
        let open = here && directory.parent().is_none_or(|parent| self.is_open(parent));
        let mut remembered = self.open.borrow_mut();
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(directory.to_path_buf(), open);
        }
        open
    }
}

impl FileSystem for Served<'_> {
    fn kind(&self, path: &[u8]) -> FileKind {
        let path = Path::new(OsStr::from_bytes(path));
        let Ok(inside) = path.strip_prefix(&self.place.prefix) else {
            return match std::fs::metadata(path) {
                Ok(meta) => self.found(path, &meta),
                Err(error) if is_absent(&error) && self.place.on_host => FileKind::Absent,
                Err(_) => FileKind::Unknown,
            };
        };
        let path = self.place.directory.join(inside);
        match std::fs::metadata(&path) {
            // Where it will live, its owner and mode may be others.
            Ok(meta) if !self.place.on_host => kind(&meta),
            Ok(meta) => self.found(&path, &meta),
            Err(error) if is_absent(&error) => FileKind::Absent,
            Err(_) => FileKind::Unknown,
        }
    }
}

impl Served<'_> {
    fn found(&self, path: &Path, meta: &Metadata) -> FileKind {
        let readable = for_all(meta, if meta.is_dir() { 0o001 } else { 0o004 });
        if readable && path.parent().is_none_or(|parent| self.is_open(parent)) {
            kind(meta)
        } else {
            FileKind::Unknown
        }
    }
}

fn kind(meta: &Metadata) -> FileKind {
    match (meta.is_dir(), meta.is_file()) {
        (true, _) => FileKind::Directory,
        (_, true) => FileKind::File,
        _ => FileKind::Unknown,
    }
}

fn for_all(meta: &Metadata, bits: u32) -> bool {
    meta.mode() & bits == bits
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput)
}
