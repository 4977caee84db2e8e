//! What both trees know of the files that they serve.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use evenkeel_model::{FileKind, FileSystem};

use super::Trees;
use crate::served::Served;

/// How many answers are remembered; then they are forgotten.
const REMEMBERED_MAX: usize = 50_000;

/// The files of this machine that both trees serve, and those of the trees as far as they agree on them. A file that only
/// one tree brings along is unknown: what becomes of it is told as something that rests on it.
pub(super) struct Agreed<'t> {
    old: Served<'t>,
    new: Served<'t>,
    prefix: PathBuf,
    known: RefCell<HashMap<Vec<u8>, FileKind>>,
}

impl<'t> Agreed<'t> {
    pub(super) fn new(trees: &'t Trees) -> Agreed<'t> {
        let prefix = trees.old.place.prefix.clone();
        let (old, new) = (Served::new(&trees.old), Served::new(&trees.new));
        Agreed { old, new, prefix, known: RefCell::default() }
    }

    fn look(&self, path: &[u8]) -> FileKind {
        let (old, new) = (self.old.kind(path), self.new.kind(path));
        let inside = Path::new(OsStr::from_bytes(path)).starts_with(&self.prefix);
        match (old, new) {
            _ if old == new => old,
            // It is one and the same file: the tree of this machine knows that it is not there.
            (FileKind::Unknown, known) | (known, FileKind::Unknown) if !inside => known,
            _ => FileKind::Unknown,
        }
    }
}

impl FileSystem for Agreed<'_> {
    fn kind(&self, path: &[u8]) -> FileKind {
        if let Some(known) = self.known.borrow().get(path) {
            return *known;
        }
        let kind = self.look(path);
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(path.to_vec(), kind);
        kind
    }
}
