//! The trees of a sandbox: each laid out whole, one of them shown.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::Mode;

use super::mounts::{Mounts, own};
use super::paths::resolve;
use crate::sandbox::sys;
use crate::sandbox::wire::{Entry, Failure, Pool, Raw};

/// A tree: a mount of it, or what it consists of.
pub(crate) enum Held<'a> {
    Shown(OwnedFd),
    Copied(u32, &'a [(Raw, Entry)]),
}

/// Something in the trees that nginx writes to: one and the same in all of them.
pub(crate) struct Written {
    path: PathBuf,
    /// Owner, group and mode of a directory.
    directory: Option<(u32, u32, u32)>,
}

impl Written {
    pub(crate) fn file(path: PathBuf) -> Self {
        Self { path, directory: None }
    }

    pub(crate) fn directory(path: PathBuf, uid: u32, gid: u32, mode: u32) -> Self {
        Self { path, directory: Some((uid, gid, mode)) }
    }
}

impl Mounts {
    /// Lays the trees out one after the other, each with the files that go into it, and shows the first one.
    pub(crate) fn lay_trees(
        &mut self,
        config_dir: &Path,
        trees: Vec<Held<'_>>,
        (pool, written): (&Pool, &[Written]),
        mut fill: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let shared = written.iter().map(|it| self.in_attic(it).map_err(Failure::with(&it.path)));
        let shared = shared.collect::<Result<Vec<PathBuf>, Failure>>()?;
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
            for it in written {
                self.make_room(it).map_err(Failure::with(&it.path))?;
            }
            sys::seal(&at).map_err(failed())?;
            for (it, name) in written.iter().zip(&shared) {
                self.show(it, name).map_err(Failure::with(&it.path))?;
            }
            let whole = sys::clone_mount(AT_FDCWD, &at, false).map_err(failed())?;
            let name = PathBuf::from(format!("tree{number}"));
            nix::sys::stat::mkdirat(&self.attic, &name, Mode::from_bits_truncate(0o700))
                .map_err(|error| failed()(error.into()))?;
            sys::attach(whole.as_fd(), self.attic.as_fd(), &name).map_err(failed())?;
            umount2(&at, MntFlags::MNT_DETACH).map_err(|error| failed()(error.into()))?;
        }
        self.exchange(0).map_err(Failure::with(config_dir))
    }

    /// Makes what is written in the attic, and gives its name there.
    fn in_attic(&mut self, it: &Written) -> io::Result<PathBuf> {
        match it.directory {
            Some((_, _, mode)) => drop(self.fresh(mode)?),
            None => drop(self.fresh_file(b"", 0o644)?),
        }
        // The attic's names are numbers, this is the newest.
        Ok(PathBuf::from(self.shown.to_string()))
    }

    /// Has something lie in the tree over which it can be shown.
    fn make_room(&mut self, it: &Written) -> io::Result<()> {
        match it.directory {
            Some((uid, gid, mode)) => self.directory(&it.path, uid, gid, mode),
            None => self.file(&it.path, b"", 0o644),
        }
    }

    fn show(&self, it: &Written, name: &Path) -> io::Result<()> {
        let mount = sys::clone_mount(self.attic.as_fd(), name, false)?;
        let (at, _) = resolve(&it.path)?;
        sys::attach(mount.as_fd(), AT_FDCWD, &at)?;
        if let Some((uid, gid, _)) = it.directory {
            own(&at, uid, gid);
        }
        Ok(())
    }

    /// Shows another tree, over the one that is there: nobody sees anything between the two.
    pub(crate) fn exchange(&self, tree: usize) -> io::Result<()> {
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
