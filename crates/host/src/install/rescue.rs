//! The last way back: from the saved bundles, when what was staged beside the tree is gone or damaged. Unlike an undo it
//! needs space, and everything that it puts back is a new file with the owner and mode of the one that stands.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_syntax::fileset::{Digest, FileSet, RelPath};

use super::stage::{StageError, stage};
use super::switch::{SwitchError, exchange_all};
use super::{Unobserved, plan};
use crate::configdir::bundles::{self, BundleError};
use crate::configdir::{Keep, read_entry};
use crate::place::Place;

/// What was put back from the bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// Where something was put back, relative to the root.
    pub restored: Vec<PathBuf>,
    /// Where something of neither bundle stood, relative to the root.
    pub foreign: Vec<PathBuf>,
    /// All that stood at the paths of the two bundles, saved, when something of it was of neither.
    pub saved: Option<Digest>,
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// The old bundle is not there, or not what it was.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The tree could not be read.
    #[error("read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The old files could not be written.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// They could not be exchanged.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

/// Makes every path of the two bundles what it was in `from`. Everything else in the tree is left alone; what is of
/// neither bundle is saved first.
///
/// # Errors
/// [`RescueError`]; the tree is as it was, or some of it is put back already.
pub fn rescue(config_dir: &Path, state_dir: &Path, from: Digest, to: Digest) -> Result<Rescued, RescueError> {
    let old = bundles::load(state_dir, from)?;
    // Without the new bundle nobody can tell which files it created: they stay.
    let new = bundles::load(state_dir, to).unwrap_or_default();
    let mut current = FileSet::new();
    let mut foreign = Vec::new();
    let paths: std::collections::BTreeSet<&RelPath> =
        old.iter().chain(new.iter()).map(|(path, _)| path).collect();
    for path in paths {
        let relative = PathBuf::from(OsStr::from_bytes(path.as_bytes()));
        let absolute = config_dir.join(&relative);
        let standing = match read_entry(&absolute) {
            Err(error) if super::undo::gone(&error) => None,
            // A directory, say, whose files are looked at by themselves. What cannot be moved away is refused below.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => None,
            standing => standing.map_err(|source| RescueError::Read { path: absolute, source })?,
        };
        if standing.as_ref() != old.get(path) && standing.as_ref() != new.get(path) {
            foreign.push(relative);
        }
        if let Some(entry) = standing {
            current.insert(path.clone(), entry);
        }
    }
    let saved = if foreign.is_empty() { None } else { Some(bundles::save(state_dir, &current)?) };
    let plan = plan(&current, &old);
    let place = Place::new(config_dir, state_dir);
    let staged = stage(&place, &Keep::default(), &plan, &old, "rescue", &[])?;
    let exchanged = exchange_all(&staged, &mut Unobserved);
    let restored =
        plan.steps.iter().map(|step| PathBuf::from(OsStr::from_bytes(step.path.as_bytes()))).collect();
    // What came out is in one of the bundles. After a failure it stays beside the tree.
    exchanged?;
    let _best_effort = staged.discard(true);
    Ok(Rescued { restored, foreign, saved })
}
