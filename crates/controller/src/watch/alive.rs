//! One watch at a time, and a mark that tells when the last one died without a word.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_fleet::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How often the mark is renewed.
const RENEW: Duration = Duration::from_secs(5);

/// The right to watch, and the mark of it.
#[derive(Debug)]
pub struct Watching {
    file: Flock<File>,
    path: PathBuf,
    died_at: Option<Timestamp>,
}

/// Why a watch may not begin.
#[derive(Debug, thiserror::Error)]
pub enum AliveError {
    /// Another one is there.
    #[error("watch: another `evenkeel watch` with the state directory {dir} is running", dir = .0.display())]
    Another(PathBuf),
    /// The file could not be used.
    #[error("use {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Watching {
    /// Takes the right to watch, at once or not at all.
    pub(super) fn begin(state_dir: &Path) -> Result<Watching, AliveError> {
        let path = state_dir.join("watching");
        let failed = |source| AliveError::Io { path: path.clone(), source };
        evenkeel_host::place::ensure_state_dir(state_dir).map_err(|error| failed(io::Error::other(error)))?;
        // A mark that is there was left by one that died: its time is the last sign of life.
        let died = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = match Flock::lock(file.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Err(AliveError::Another(state_dir.to_path_buf())),
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let _of_the_one_before = file.set_len(0);
        let watching = Watching { file, path, died_at: died.and_then(timestamp) };
        watching.renew();
        Ok(watching)
    }

    /// The last sign of life of the watch before, when it died without a word.
    pub(super) fn died_at(&self) -> Option<Timestamp> {
        self.died_at
    }

    /// Renews the mark, and has it tell whether the journal can be written. A length needs no room on a full disk.
    pub(super) fn touch(&self, is_unwritten: bool) {
        let length = u64::from(is_unwritten);
        if self.file.metadata().is_ok_and(|it| it.len() != length) {
            let _nobody_else_can_tell = self.file.set_len(length);
        }
        let modified = self.file.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < RENEW)) {
            return;
        }
        self.renew();
    }

    fn renew(&self) {
        // A mark that is a little old makes the gap a little long.
        let _on_a_full_disk = self.file.set_modified(SystemTime::now());
    }

    /// The watch ends as it should: no mark is left.
    pub(super) fn end(self) {
        let _the_next_one_tells_of_a_gap = fs::remove_file(&self.path);
    }
}

/// Whether a watch runs whose journal cannot be written: what it knows stands in its memory alone.
#[must_use]
pub fn is_unwritten(state_dir: &Path) -> bool {
    let Ok(file) = File::open(state_dir.join("watching")) else { return false };
    file.metadata().is_ok_and(|it| it.len() > 0)
        && matches!(Flock::lock(file, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
}

fn timestamp(at: SystemTime) -> Option<Timestamp> {
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watch_whose_journal_cannot_be_written_says_so_while_it_lives() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_unwritten(dir.path()));
        let watching = Watching::begin(dir.path()).unwrap();
        watching.touch(true);
        assert!(is_unwritten(dir.path()));
        watching.touch(false);
        assert!(!is_unwritten(dir.path()));
        watching.touch(true);
        drop(watching);
        assert!(!is_unwritten(dir.path()), "it is gone, and its memory with it");
    }

    #[test]
    fn one_watch_at_a_time_and_one_that_died_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let first = Watching::begin(dir.path()).unwrap();
        assert_eq!(first.died_at(), None);
        assert!(matches!(Watching::begin(dir.path()), Err(AliveError::Another(_))));
        // The kernel takes the lock back when a process dies; the mark stays.
        drop(first);
        let second = Watching::begin(dir.path()).unwrap();
        assert!(second.died_at().is_some());
        second.end();
        assert_eq!(Watching::begin(dir.path()).unwrap().died_at(), None);
    }
}
