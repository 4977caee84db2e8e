//! Where things are on this host: the tree, the nginx that reads it, and what Evenkeel keeps of its own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The directory inside a tree where a release is staged. It is never part of a tree.
pub const DOT_DIR: &str = ".evenkeel";

/// One nginx on this host, its tree, and where Evenkeel remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The root of the tree, `/etc/nginx` on most hosts. May be a symbolic link to a directory.
    pub config_dir: PathBuf,
    /// The main configuration file, `config_dir/nginx.conf` unless said otherwise.
    pub main: PathBuf,
    /// The nginx binary to ask when none runs.
    pub nginx: PathBuf,
    /// Where that nginx writes its process number.
    pub pid: PathBuf,
    /// What Evenkeel remembers of this host, 0700: bundles, slots, locks, the journal.
    pub state_dir: PathBuf,
}

impl Place {
    /// Gives the place of a Debian-like host for this tree and state directory; set the fields that differ.
    pub fn new(config_dir: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        let config_dir = config_dir.into();
        Self {
            main: config_dir.join("nginx.conf"),
            config_dir,
            nginx: PathBuf::from("/usr/sbin/nginx"),
            pid: PathBuf::from("/run/nginx.pid"),
            state_dir: state_dir.into(),
        }
    }

    /// Gives the directory of the saved bundles.
    pub fn bundles_dir(&self) -> PathBuf {
        self.state_dir.join("bundles")
    }

    /// Gives the file of the two slots.
    pub fn slots_file(&self) -> PathBuf {
        slots_file(&self.state_dir)
    }
}

/// Gives the file of the two slots in this state directory.
pub fn slots_file(state_dir: &Path) -> PathBuf {
    state_dir.join("slots")
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It could not be made or looked at.
    #[error("use {path} to remember in", path = path.display())]
    Io {
        /// The state directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Something else stands there.
    #[error("use {path} to remember in: it is not a directory", path = path.display())]
    NotADirectory {
        /// What stands there.
        path: PathBuf,
    },
    /// It belongs to somebody else, who could change what is remembered.
    #[error("use {path} to remember in: it belongs to user {owner}, and this is user {me}", path = path.display())]
    Foreign {
        /// The state directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        me: u32,
    },
    /// Others may write there.
    #[error("use {path} to remember in: others may write there (mode {mode:o}); chmod 0700 it", path = path.display())]
    Writable {
        /// The state directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// Makes the state directory where it is missing (0700, its parents too), and refuses one that others could
/// change.
///
/// # Errors
/// [`StateDirError`] says what is wrong with it.
pub fn ensure_state_dir(path: &Path) -> Result<(), StateDirError> {
    let io = |source| StateDirError::Io { path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        }
        Err(error) => return Err(io(error)),
        Ok(meta) if !meta.is_dir() => return Err(StateDirError::NotADirectory { path: path.to_owned() }),
        Ok(_) => {}
    }
    let meta = fs::metadata(path).map_err(io)?;
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != me {
        return Err(StateDirError::Foreign { path: path.to_owned(), owner: meta.uid(), me });
    }
    if meta.mode() & 0o022 != 0 {
        return Err(StateDirError::Writable { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn missing_state_dir_is_made_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("var/lib/evenkeel");
        ensure_state_dir(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        ensure_state_dir(&path).unwrap();
    }

    #[test]
    fn state_dir_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(ensure_state_dir(dir.path()), Err(StateDirError::Writable { mode: 0o770, .. })));
    }

    #[test]
    fn state_dir_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        if !nix::unistd::geteuid().is_root() {
            // An ordinary user owns none of root's directories.
            assert!(matches!(
                ensure_state_dir(Path::new("/etc")),
                Err(StateDirError::Foreign { owner: 0, .. })
            ));
            return;
        }
        std::os::unix::fs::chown(dir.path(), Some(12_345), None).unwrap();
        assert!(matches!(ensure_state_dir(dir.path()), Err(StateDirError::Foreign { owner: 12_345, .. })));
    }

    #[test]
    fn file_in_place_of_a_state_dir_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(ensure_state_dir(file.path()), Err(StateDirError::NotADirectory { .. })));
    }
}
