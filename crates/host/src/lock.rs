//! One apply at a time on a host: the lock, and who holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How much of the holder's own words is kept.
const HOLDER_BYTES_MAX: u64 = 512;

/// The right to apply on this host. Given back when dropped, and by the kernel when its process ends.
#[derive(Debug)]
pub struct ApplyLock {
    file: Flock<File>,
}

/// Why an apply may not begin.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another apply is under way.
    #[error("begin: another apply is under way here ({by})")]
    Held {
        /// What its holder wrote down: process, since when, what for.
        by: String,
    },
    /// The lock file could not be used.
    #[error("lock {path}", path = path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ApplyLock {
    /// Takes the lock of this state directory at once or not at all, and writes `holder` into it for others
    /// to read.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder.
    pub fn acquire(state_dir: &Path, holder: &str) -> Result<Self, LockError> {
        let path = state_dir.join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(io)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                // Who holds it is a courtesy; on a full disk the lock is still a lock.
                let text = holder.bytes().take(HOLDER_BYTES_MAX as usize).collect::<Vec<u8>>();
                let _courtesy =
                    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
                Ok(Self { file })
            }
            Err((file, Errno::EWOULDBLOCK)) => {
                let mut by = Vec::new();
                let _courtesy = file.take(HOLDER_BYTES_MAX).read_to_end(&mut by);
                let by = String::from_utf8_lossy(&by).trim().to_owned();
                let by = if by.is_empty() { "its holder left no name".to_owned() } else { by };
                Err(LockError::Held { by })
            }
            Err((_, error)) => Err(io(error.into())),
        }
    }
}

/// Says which process holds the lock of this state directory, without touching it: a try to take it, however short,
/// could turn somebody else away.
pub(crate) fn holder(state_dir: &Path) -> Option<i32> {
    crate::slots::holder_of(&std::fs::symlink_metadata(state_dir.join("lock")).ok()?)
}

impl Drop for ApplyLock {
    fn drop(&mut self) {
        let _courtesy = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_apply_hears_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = ApplyLock::acquire(dir.path(), "process 7, release 3").unwrap();
        assert_eq!(holder(dir.path()), i32::try_from(std::process::id()).ok());
        let refused = ApplyLock::acquire(dir.path(), "process 8").unwrap_err();
        assert!(matches!(&refused, LockError::Held { by } if by == "process 7, release 3"), "{refused}");
        drop(first);
        assert_eq!(holder(dir.path()), None);
        ApplyLock::acquire(dir.path(), "process 8").unwrap();
    }
}
