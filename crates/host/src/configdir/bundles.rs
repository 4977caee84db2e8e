//! Saved bundles: `<state_dir>/bundles/<digest>/` holds the files as they were, under their own names, so that a
//! person can copy them back without any program of ours.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use evenkeel_syntax::fileset::{Digest, Entry, FileSet};

use super::{Keep, ReadError, read_any};

/// From so many files on, one flush of the file system is quicker than one a file.
const FLUSH_ONE_BY_ONE_MAX: usize = 32;

/// Why a bundle was not saved, found or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file of it could not be written.
    #[error("write {path}", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// No bundle of that name is saved here.
    #[error("find bundle {digest} in {path}", path = path.display())]
    Missing {
        /// Its name.
        digest: Digest,
        /// Where it would be.
        path: PathBuf,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its files are no longer what they were.
    #[error("trust bundle {digest} in {path}: its files have changed (they are {found} now)", path = path.display())]
    Changed {
        /// Its name.
        digest: Digest,
        /// Where it is.
        path: PathBuf,
        /// What its files amount to now.
        found: Digest,
    },
}

/// Saves a bundle and returns when it is durable. One that is there already is left as it is.
///
/// # Errors
/// [`BundleError::Write`]; nothing is left behind under the bundle's name.
pub fn save(state_dir: &Path, files: &FileSet) -> Result<Digest, BundleError> {
    let digest = files.digest();
    let bundles = state_dir.join("bundles");
    let target = path(state_dir, digest);
    directory(&bundles)?;
    if target.is_dir() {
        return Ok(digest);
    }
    let temporary = bundles.join(format!(".new.{}.{}", std::process::id(), digest.short()));
    let _leftover = fs::remove_dir_all(&temporary);
    let saved = fill(&temporary, files).and_then(|()| match fs::rename(&temporary, &target) {
        Err(_) if target.is_dir() => Ok(()),
        Err(source) => Err(BundleError::Write { path: target.clone(), source }),
        Ok(()) => flush_directory(&bundles),
    });
    if saved.is_err() || temporary.exists() {
        let _leftover = fs::remove_dir_all(&temporary);
    }
    saved.map(|()| digest)
}

/// Where a bundle lies when it is saved: a directory with its files under their own names.
#[must_use]
pub fn path(state_dir: &Path, digest: Digest) -> PathBuf {
    state_dir.join("bundles").join(digest.to_string())
}

/// Reads a saved bundle and verifies that it still is what its name says.
///
/// # Errors
/// [`BundleError::Missing`] and [`BundleError::Changed`] above all.
pub fn load(state_dir: &Path, digest: Digest) -> Result<FileSet, BundleError> {
    let path = path(state_dir, digest);
    if !path.is_dir() {
        return Err(BundleError::Missing { digest, path });
    }
    let files = read_any(&path, &Keep::nothing())?.files;
    let found = files.digest();
    if found == digest { Ok(files) } else { Err(BundleError::Changed { digest, path, found }) }
}

/// Lists the saved bundles, in no order that means anything. What else lies there is passed over.
///
/// # Errors
/// When the directory cannot be read; a missing one is empty.
pub fn list(state_dir: &Path) -> io::Result<Vec<Digest>> {
    let entries = match fs::read_dir(state_dir.join("bundles")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut digests = Vec::new();
    for entry in entries {
        if let Some(digest) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            digests.push(digest);
        }
    }
    Ok(digests)
}

/// Says which of the saved bundles nothing needs any more: all but the `keep_last` confirmed last and those
/// still referred to (by the slots, or by an open release). `confirmed` is the oldest first.
pub fn prunable(
    saved: &[Digest],
    confirmed: &[Digest],
    keep_last: usize,
    referred: &[Digest],
) -> Vec<Digest> {
    let mut last: Vec<Digest> = Vec::new();
    for digest in confirmed.iter().rev() {
        if last.len() >= keep_last {
            break;
        }
        if !last.contains(digest) {
            last.push(*digest);
        }
    }
    saved.iter().filter(|digest| !last.contains(digest) && !referred.contains(digest)).copied().collect()
}

/// Removes one saved bundle. One that is not there is not an error.
///
/// # Errors
/// [`BundleError::Write`] names what could not be removed.
pub fn remove(state_dir: &Path, digest: Digest) -> Result<(), BundleError> {
    let bundles = state_dir.join("bundles");
    let path = bundles.join(digest.to_string());
    // Under another name first: what carries a bundle's name is always whole.
    let doomed = bundles.join(format!(".old.{}.{}", std::process::id(), digest.short()));
    match fs::rename(&path, &doomed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.map_err(|source| BundleError::Write { path, source })?,
    }
    fs::remove_dir_all(&doomed).map_err(|source| BundleError::Write { path: doomed, source })
}

/// Removes the saved bundles that are neither in `keep` nor among the `newest` saved last, as far as that can be done,
/// and gives those that are gone. `keep` must name all that anybody may still need: what was confirmed, and both
/// bundles of an open release.
pub fn prune(state_dir: &Path, keep: &BTreeSet<Digest>, newest: usize) -> Vec<Digest> {
    let bundles = state_dir.join("bundles");
    let saved_at =
        |digest: &Digest| fs::metadata(bundles.join(digest.to_string())).and_then(|meta| meta.modified());
    let saved = list(state_dir).unwrap_or_default();
    // One whose age cannot be told is left alone.
    let mut saved: Vec<_> =
        saved.into_iter().filter_map(|digest| Some((saved_at(&digest).ok()?, digest))).collect();
    saved.sort_unstable_by(|one, other| other.cmp(one));
    let old = saved.into_iter().skip(newest).map(|(_, digest)| digest);
    old.filter(|digest| !keep.contains(digest) && remove(state_dir, *digest).is_ok()).collect()
}

fn fill(root: &Path, files: &FileSet) -> Result<(), BundleError> {
    directory(root)?;
    let one_by_one = files.len() <= FLUSH_ONE_BY_ONE_MAX;
    let mut directories = BTreeSet::from([root.to_owned()]);
    for (path, entry) in files.iter() {
        let path = root.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        let parent = path.parent().expect("a path below the root has a parent");
        if !directories.contains(parent) {
            directory(parent)?;
            let between = parent.ancestors().take_while(|above| *above != root);
            directories.extend(between.map(Path::to_owned));
        }
        let written = match entry {
            Entry::Link(target) => std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), &path),
            Entry::File(bytes) => {
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(
                    |mut file| {
                        file.write_all(bytes)?;
                        if one_by_one { file.sync_all() } else { Ok(()) }
                    },
                )
            }
        };
        written.map_err(|source| BundleError::Write { path, source })?;
    }
    if one_by_one {
        directories.iter().rev().try_for_each(|path| flush_directory(path))
    } else {
        flush_all(root)
    }
}

fn directory(path: &Path) -> Result<(), BundleError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| BundleError::Write { path: path.to_owned(), source })
}

fn flush_directory(path: &Path) -> Result<(), BundleError> {
    let flushed = File::open(path).and_then(|directory| directory.sync_all());
    flushed.map_err(|source| BundleError::Write { path: path.to_owned(), source })
}

/// Flushes the whole file system that a path lies on.
fn flush_all(path: &Path) -> Result<(), BundleError> {
    flush_file_system(path).map_err(|source| BundleError::Write { path: path.to_owned(), source })
}

/// Flushes the whole file system that a directory lies on.
pub(crate) fn flush_file_system(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(File::open(path)?)?)
}
