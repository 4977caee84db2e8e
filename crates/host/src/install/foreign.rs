//! What somebody else put into the tree while a release was open: found, kept, and made a bundle of its own.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};

use super::plan::{Action, PlanError};
use super::spot::{Unholdable, entry};
use super::stage::{Staged, remove};
use super::undo::{UndoError, open};
use crate::configdir::{ReadError, read_any};
use crate::place::{DOT_DIR, Place};
use crate::slots::{Slots, SlotsError};

/// Gives what lies beside the tree and is of neither bundle: the path where it stood, and where it lies now.
///
/// # Errors
/// [`UndoError`] when what was staged cannot be opened.
pub fn foreign(staged: &Staged) -> Result<Vec<(PathBuf, PathBuf)>, UndoError> {
    let mut found = Vec::new();
    beside(staged, |path, name, directory, entry| {
        if matches!(entry, Beside::Foreign(_)) {
            found.push((PathBuf::from(OsStr::from_bytes(path.as_bytes())), directory.join(name)));
        }
    })?;
    Ok(found)
}

/// Gives the tree as it was before the undo, as far as it can be told: what stands now, with the release's and the
/// foreign entries where they stood. `None` when nothing foreign is known.
///
/// # Errors
/// [`ForeignError`] when the tree or what was staged cannot be read.
pub fn foreign_snapshot(staged: &Staged) -> Result<Option<FileSet>, ForeignError> {
    let mut files = read_any(staged.config_dir(), staged.keep())?.files;
    let (mut any, mut found) = (false, Vec::new());
    beside(staged, |path, _, _, entry| {
        any |= matches!(entry, Beside::Foreign(_));
        found.push((path.clone(), entry));
    })?;
    for step in &staged.plan().steps {
        if let Action::Exchange { to: None, .. } = step.action {
            files.remove(&step.path);
        }
    }
    // The foreign ones last: where both lie beside the tree, the foreign one came out last.
    found.sort_by_key(|(_, entry)| matches!(entry, Beside::Foreign(_)));
    for (path, entry) in found {
        if let Beside::New(entry) | Beside::Foreign(Some(entry)) = entry {
            files.insert(path, entry);
        }
    }
    Ok(any.then_some(files))
}

/// Gives the paths that differ from the old bundle although everything was put back: added, edited or deleted by
/// somebody else where the release did not go. They stay.
///
/// # Errors
/// [`ReadError`] when the tree cannot be read.
pub fn strays(staged: &Staged, from: &FileSet) -> Result<Vec<PathBuf>, ReadError> {
    let live = read_any(staged.config_dir(), staged.keep())?.files;
    let paths = from.diff(&live);
    Ok(paths.iter().map(|change| PathBuf::from(OsStr::from_bytes(change.path.as_bytes()))).collect())
}

/// Why what is foreign could not be made a tree.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The tree could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was staged could not be read.
    #[error(transparent)]
    Undo(#[from] UndoError),
}

impl Staged {
    /// Takes away what was staged: after a confirmation, or when nothing was switched, or after a revert. What is
    /// of neither bundle stays where it lies, unless it has been saved (`saved`), and is named.
    ///
    /// # Errors
    /// [`UndoError`] when what was staged cannot be opened.
    pub fn discard(self, saved: bool) -> Result<Vec<PathBuf>, UndoError> {
        let kept = if saved { Vec::new() } else { foreign(&self)? };
        if kept.is_empty() {
            remove(&self.written, &self.name);
        } else {
            let mut ours = Vec::new();
            beside(&self, |_, name, directory, entry| {
                if !matches!(entry, Beside::Foreign(_)) {
                    ours.push(directory.join(name));
                }
            })?;
            for path in ours {
                let _best_effort = fs::remove_file(path);
            }
        }
        Ok(kept.into_iter().map(|(_, lies)| lies).collect())
    }
}

/// Takes away what earlier releases left beside the tree, and gives what stays there because it is of no bundle. What
/// belongs to a release that the slots call open, or whose way back is not proven, is left alone, and everything when they cannot be read.
///
/// # Errors
/// When the dot directory or the slots cannot be read; a missing one is nothing to do.
pub fn sweep(place: &Place) -> io::Result<Vec<PathBuf>> {
    let open = match Slots::open(&place.state_dir).and_then(|slots| slots.read()) {
        Ok(record) => record
            .filter(|record| record.stage().unconfirmed() || record.is_unproven())
            .map(|record| record.plan),
        Err(SlotsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut stays = Vec::new();
    let dot = place.config_dir.canonicalize()?.join(DOT_DIR);
    let items = match fs::read_dir(&dot) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(stays),
        items => items?,
    };
    for item in items {
        let directory = item?.path();
        let plan = directory.join("plan");
        if open.as_ref() == Some(&plan) {
            continue;
        }
        match fs::read(&plan).map_err(|source| PlanError::Io { path: plan.clone(), source }) {
            Ok(bytes) => match Staged::from_bytes(&bytes, &plan) {
                Ok(staged) => stays.extend(staged.discard(false).unwrap_or_else(|_| vec![directory])),
                Err(_) => stays.push(directory),
            },
            // The plan is written last: without one this was never armed, and holds only what we wrote.
            Err(PlanError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let _best_effort = fs::remove_dir_all(&directory);
            }
            Err(_) => stays.push(directory),
        }
    }
    let _when_empty = fs::remove_dir(&dot);
    Ok(stays)
}

/// What lies at one of the two names of a step.
enum Beside {
    Old,
    New(Entry),
    Foreign(Option<Entry>),
}

fn beside(staged: &Staged, mut each: impl FnMut(&RelPath, &str, &Path, Beside)) -> Result<(), UndoError> {
    let (_, dots) = open(staged)?;
    for (index, step) in staged.plan().steps.iter().enumerate() {
        let Action::Exchange { from, to } = step.action else { continue };
        let root = staged.written.root_of[index] as usize;
        let directory = staged.directory(&staged.written.roots[root]);
        for name in [format!("s{index}"), format!("x{index}")] {
            let found = entry(dots[root].name(name.as_bytes()));
            let found = found.map_err(|source| UndoError::Open { path: directory.join(&name), source })?;
            let lies = match found {
                Ok(None) => continue,
                Err(Unholdable) => Beside::Foreign(None),
                Ok(Some(entry)) if Some(entry.digest()) == to => Beside::New(entry),
                Ok(Some(entry)) if Some(entry.digest()) == from => Beside::Old,
                Ok(Some(entry)) => Beside::Foreign(Some(entry)),
            };
            each(&step.path, &name, &directory, lies);
        }
    }
    Ok(())
}
