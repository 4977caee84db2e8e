//! The trees of a sandbox: each laid out whole, one of them shown.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::Mode;

use super::mounts::Mounts;
use super::paths::resolve;
use crate::sandbox::sys;
use crate::sandbox::wire::{Entry, Failure, Pool, Raw};

/// A tree: a mount of it, or what it consists of.
pub(super) enum Held<'a> {
    Shown(OwnedFd),
    Copied(u32, &'a [(Raw, Entry)]),
}

impl Mounts {
    /// Lays the trees out one after the other, each with the files that go into it, and shows the first one.
    pub(super) fn lay_trees(
        &mut self,
        config_dir: &Path,
        trees: Vec<Held<'_>>,
        pool: &Pool,
        mut fill: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (existing, rest) = resolve(config_dir).map_err(Failure::with(config_dir))?;
        self.config_dir = self.provide_parents(&existing, &rest).map_err(Failure::with(config_dir))?;
        let at = self.config_dir.clone();
        self.trees = trees.len();
        for (number, tree) in trees.into_iter().enumerate() {
            let failed = || Failure::with(config_dir);
            match &tree {
                Held::Shown(mount) => sys::attach(mount.as_fd(), AT_FDCWD, &at).map_err(failed())?,
                Held::Copied(mode, entries) => {
                    let fresh = self.fresh(*mode).map_err(failed())?;
                    sys::attach(fresh.as_fd(), AT_FDCWD, &at).map_err(failed())?;
                    write(&at, entries, pool).map_err(failed())?;
                }
            }
            fill(self)?;
            sys::seal(&at).map_err(failed())?;
            let whole = sys::clone_mount(AT_FDCWD, &at, false).map_err(failed())?;
            let name = PathBuf::from(format!("tree{number}"));
            nix::sys::stat::mkdirat(&self.attic, &name, Mode::from_bits_truncate(0o700))
                .map_err(|error| failed()(error.into()))?;
            sys::attach(whole.as_fd(), self.attic.as_fd(), &name).map_err(failed())?;
            umount2(&at, MntFlags::MNT_DETACH).map_err(|error| failed()(error.into()))?;
        }
        self.exchange(0).map_err(Failure::with(config_dir))
    }

    /// Shows another tree, over the one that is there: nobody sees anything between the two.
    pub(super) fn exchange(&self, tree: usize) -> io::Result<()> {
        if tree >= self.trees {
            return Err(io::ErrorKind::NotFound.into());
        }
        let whole = sys::clone_mount(self.attic.as_fd(), Path::new(&format!("tree{tree}")), false)?;
        sys::attach(whole.as_fd(), AT_FDCWD, &self.config_dir)
    }
}

/// Writes the entries of a copied tree.
fn write(at: &Path, entries: &[(Raw, Entry)], pool: &Pool) -> io::Result<()> {
    for (path, entry) in entries {
        let path = at.join(path.path());
        match entry {
            Entry::Directory(mode) => {
                fs::create_dir(&path)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
            }
            Entry::File(bytes, mode) => {
                fs::write(&path, pool.get(*bytes))?;
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
            }
            Entry::Link(target) => symlink(target.path(), &path)?,
            Entry::Pipe => nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o666))?,
        }
    }
    Ok(())
}
