//! Whether a plan can be followed on this tree as it stands: mount points, things in the way, rights. Asked
//! before a single byte is written.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use super::plan::{Action, Plan, Planned};
use super::stage::StageError;
use crate::place::DOT_DIR;

/// A plan fitted to a tree.
pub(super) struct Fitted {
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) steps: Vec<Planned>,
    pub(super) root_of: Vec<u32>,
}

pub(super) fn fit(config_dir: &Path, plan: &Plan, mounts: &[PathBuf]) -> Result<Fitted, StageError> {
    let mut fitted = Fitted { roots: vec![Vec::new()], steps: Vec::new(), root_of: Vec::new() };
    let mut looked_at: Option<PathBuf> = None;
    for step in &plan.steps {
        let relative = Path::new(OsStr::from_bytes(step.path.as_bytes()));
        let path = config_dir.join(relative);
        if is_ours(step.path.as_bytes()) {
            return Err(StageError::DotDirectory { path });
        }
        let mounted = |point: &PathBuf| match step.action {
            Action::MoveDirectory => point.starts_with(relative),
            _ => point == relative,
        };
        if mounts.iter().any(mounted) {
            return Err(StageError::MountPoint { path });
        }
        match step.action {
            Action::MakeDirectory if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) => continue,
            Action::MoveDirectory => only_planned(config_dir, relative, plan)?,
            Action::Exchange { from: None, .. } => absent(&path, step, plan)?,
            _ => {}
        }
        let root = root_of(relative, mounts);
        let parent = path.parent().expect("a path below the root has a parent");
        if looked_at.as_deref() != Some(parent) {
            writable(parent, &config_dir.join(root))?;
            looked_at = Some(parent.to_owned());
        }
        let root = root.as_os_str().as_bytes();
        let known = fitted.roots.iter().position(|known| known == root);
        let index = known.unwrap_or_else(|| {
            fitted.roots.push(root.to_vec());
            fitted.roots.len() - 1
        });
        fitted.steps.push(step.clone());
        fitted.root_of.push(u32::try_from(index).expect("there are fewer mount points than that"));
    }
    Ok(fitted)
}

/// The deepest mount point that the path lies below.
fn root_of<'m>(path: &Path, mounts: &'m [PathBuf]) -> &'m Path {
    let above = mounts.iter().filter(|point| path.starts_with(point) && path != point.as_path());
    above.max_by_key(|point| point.components().count()).map_or(Path::new(""), PathBuf::as_path)
}

/// Nothing stands where a file is to be created, but for a directory that another step moves away.
fn absent(path: &Path, step: &Planned, plan: &Plan) -> Result<(), StageError> {
    match fs::symlink_metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        Err(source) => Err(StageError::Look { path: path.to_owned(), source }),
        Ok(_) => {
            let moved = |other: &Planned| other.action == Action::MoveDirectory && other.path == step.path;
            if plan.steps.iter().any(moved) {
                Ok(())
            } else {
                Err(StageError::InTheWay { path: path.to_owned() })
            }
        }
    }
}

/// A directory that is moved away holds nothing but what the plan deletes.
fn only_planned(config_dir: &Path, directory: &Path, plan: &Plan) -> Result<(), StageError> {
    let path = config_dir.join(directory);
    let look = |source| StageError::Look { path: path.clone(), source };
    let items = match fs::read_dir(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        items => items.map_err(look)?,
    };
    for item in items {
        let item = item.map_err(look)?;
        let relative = directory.join(item.file_name());
        if item.file_type().map_err(look)?.is_dir() {
            only_planned(config_dir, &relative, plan)?;
        } else if !plan.steps.iter().any(|step| step.path.as_bytes() == relative.as_os_str().as_bytes()) {
            return Err(StageError::InTheWay { path: item.path() });
        }
    }
    Ok(())
}

/// The nearest directory that stands may be changed, and lies on the file system of its root.
fn writable(directory: &Path, root: &Path) -> Result<(), StageError> {
    let standing = directory.ancestors().find(|path| path.is_dir()).unwrap_or(root);
    let rights = AccessFlags::W_OK | AccessFlags::X_OK | AccessFlags::R_OK;
    faccessat(AT_FDCWD, standing, rights, AtFlags::AT_EACCESS).map_err(|error: Errno| {
        StageError::NotWritable { path: standing.to_owned(), source: error.into() }
    })?;
    let device = |path: &Path| {
        fs::metadata(path)
            .map(|meta| meta.dev())
            .map_err(|source| StageError::Look { path: path.to_owned(), source })
    };
    if device(standing)? == device(root)? {
        Ok(())
    } else {
        Err(StageError::OtherFileSystem { path: standing.to_owned() })
    }
}

/// The name of the dot directory is never part of a tree, so no step may touch it.
fn is_ours(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|name| name == DOT_DIR.as_bytes())
}
