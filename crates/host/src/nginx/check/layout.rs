//! The proposed tree as a list of what has to be made, written down before the fork: a child of a process with
//! threads may not allocate.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_syntax::fileset::{Entry, FileSet};

use super::{CheckError, Question};
use crate::nginx::view::View;
use crate::place::DOT_DIR;

/// How many directories of the live tree are taken over.
const DIRECTORIES_MAX: usize = 20_000;

/// Where the proposed tree has to appear, and what it consists of.
#[derive(Debug)]
pub(super) struct Layout {
    /// The tree, as the master sees it.
    pub(super) tree: CString,
    /// Another path under which the master reads the same directory.
    pub(super) second: Option<CString>,
    pub(super) pieces: Vec<Piece>,
}

/// One thing to make. Paths are absolute.
#[derive(Debug)]
pub(super) enum Piece {
    Directory {
        path: CString,
    },
    File {
        path: CString,
        bytes: Arc<[u8]>,
    },
    Link {
        path: CString,
        target: CString,
    },
    /// Something of the live tree, at the same relative path.
    Kept {
        from: CString,
        path: CString,
        is_directory: bool,
    },
}

impl Piece {
    pub(super) fn path(&self) -> PathBuf {
        let (Self::Directory { path }
        | Self::File { path, .. }
        | Self::Link { path, .. }
        | Self::Kept { path, .. }) = self;
        PathBuf::from(std::ffi::OsStr::from_bytes(path.as_bytes()))
    }
}

impl Layout {
    pub(super) fn of(question: &Question<'_>, files: &FileSet) -> Result<Self, CheckError> {
        let failed = |path: &Path, source| CheckError::LayOut { path: path.to_owned(), source };
        // In another view links lead elsewhere; there the tree is where the master says.
        let elsewhere = question.master.filter(|master| master.own_view);
        let config_dir = &question.place.config_dir;
        let (tree, live) = match elsewhere {
            Some(master) => {
                let view = View::of(master.id.pid).map_err(|source| failed(&master.tree, source))?;
                (master.tree.clone(), view.outside(&master.tree))
            }
            None => {
                let tree = fs::canonicalize(config_dir).map_err(|source| failed(config_dir, source))?;
                (tree.clone(), tree)
            }
        };
        let second = question.master.filter(|master| !master.own_view).and_then(|master| {
            let other = fs::canonicalize(&master.tree).ok()?;
            (other != tree).then_some(other)
        });
        let mut planned = Plan { tree: &tree, live: &live, directories: BTreeSet::new(), pieces: Vec::new() };
        planned.directories(question.kept).map_err(|source| failed(&live, source))?;
        for (path, entry) in files.iter() {
            planned
                .entry(path.as_bytes(), entry)
                .map_err(|source| failed(&planned.path(path.as_bytes()), source))?;
        }
        for kept in question.kept {
            planned.kept(kept).map_err(|source| failed(&tree.join(kept), source))?;
        }
        let Plan { directories, pieces, .. } = planned;
        let directories = directories.into_iter().map(|path| Ok(Piece::Directory { path: c_path(&path)? }));
        let directories: io::Result<Vec<_>> = directories.collect();
        let directories = directories.map_err(|source| failed(&tree, source))?;
        let c = |path: &Path| c_path(path).map_err(|source| failed(path, source));
        Ok(Self {
            second: second.as_deref().map(c).transpose()?,
            pieces: directories.into_iter().chain(pieces).collect(),
            tree: c(&tree)?,
        })
    }
}

struct Plan<'a> {
    tree: &'a Path,
    live: &'a Path,
    /// Parents sort before their children.
    directories: BTreeSet<PathBuf>,
    pieces: Vec<Piece>,
}

impl Plan<'_> {
    fn path(&self, relative: &[u8]) -> PathBuf {
        self.tree.join(std::ffi::OsStr::from_bytes(relative))
    }

    /// Takes over the directories of the live tree: a bundle does not hold empty ones.
    fn directories(&mut self, kept: &[PathBuf]) -> io::Result<()> {
        let mut todo = vec![PathBuf::new()];
        while let Some(next) = todo.pop() {
            for entry in fs::read_dir(self.live.join(&next))? {
                let entry = entry?;
                let path = next.join(entry.file_name());
                if !entry.file_type()?.is_dir() || path == Path::new(DOT_DIR) || kept.contains(&path) {
                    continue;
                }
                if self.directories.len() >= DIRECTORIES_MAX {
                    return Ok(());
                }
                self.directories.insert(self.tree.join(&path));
                todo.push(path);
            }
        }
        Ok(())
    }

    fn parents_of(&mut self, path: &Path) {
        let parents = path.ancestors().skip(1).take_while(|parent| *parent != self.tree);
        self.directories.extend(parents.map(Path::to_owned));
    }

    fn entry(&mut self, relative: &[u8], entry: &Entry) -> io::Result<()> {
        let path = self.path(relative);
        self.parents_of(&path);
        // What was a directory in the live tree may be a file now.
        self.directories.remove(&path);
        let path = c_path(&path)?;
        self.pieces.push(match entry {
            Entry::File(bytes) => Piece::File { path, bytes: Arc::clone(bytes) },
            Entry::Link(target) => Piece::Link { path, target: CString::new(target.clone())? },
        });
        Ok(())
    }

    fn kept(&mut self, relative: &Path) -> io::Result<()> {
        let path = self.tree.join(relative);
        let live = self.live.join(relative);
        let Ok(metadata) = fs::symlink_metadata(&live) else { return Ok(()) };
        self.parents_of(&path);
        self.directories.remove(&path);
        let path = c_path(&path)?;
        self.pieces.push(if metadata.is_symlink() {
            let target = fs::read_link(&live)?.into_os_string().into_vec();
            Piece::Link { path, target: CString::new(target)? }
        } else {
            Piece::Kept { from: c_path(relative)?, path, is_directory: metadata.is_dir() }
        });
        Ok(())
    }
}

/// Gives a path with a zero at its end.
pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
