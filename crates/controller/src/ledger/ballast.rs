//! Room that is kept for the journal: a file beside it that holds nothing, and goes when the disk is full.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::fcntl::posix_fallocate;

/// How much is kept: an incident with its evidence and alerts takes some ten kilobytes.
const BYTES: nix::libc::off_t = 512 << 10;
/// How often it is tried to have it again.
const AGAIN: Duration = Duration::from_secs(60);

/// The file, where somebody wants one.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    tried: Option<Instant>,
    is_there: bool,
}

impl Ballast {
    pub(super) fn at(path: PathBuf) -> Ballast {
        Ballast { path, tried: None, is_there: false }
    }

    /// Lays it where there is room and none lies; now and then only.
    pub(super) fn keep(&mut self) {
        if self.is_there || self.tried.is_some_and(|at| at.elapsed() < AGAIN) {
            return;
        }
        self.tried = Some(Instant::now());
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path);
        self.is_there = file.is_ok_and(|file| posix_fallocate(&file, 0, BYTES).is_ok());
        if !self.is_there {
            let _there_may_be_none = fs::remove_file(&self.path);
        }
    }

    /// Gives the room away. Says whether there was any.
    pub(super) fn give(&mut self) -> bool {
        // One that the kernel does not want to be asked for twice.
        self.tried = Some(Instant::now());
        std::mem::take(&mut self.is_there) && fs::remove_file(&self.path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn room_is_kept_once_and_given_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ballast");
        let mut ballast = Ballast::at(path.clone());
        assert!(!ballast.give(), "there is none yet");
        let mut ballast = Ballast::at(path.clone());
        ballast.keep();
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 512 << 10, "room, not a promise of it");
        assert!(ballast.give() && !path.exists());
        assert!(!ballast.give());
        // Whoever has just given it does not take it back at once.
        ballast.keep();
        assert!(!path.exists());
    }
}
