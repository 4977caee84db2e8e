//! What a lab leaves in its directory: who holds it, since when, and what has been broken in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::LabError;

/// The one file by which a directory is known to be a lab's.
pub(super) const STATE: &str = "lab.json";
const LOCK: &str = "lock";

/// A process that cannot be taken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number on this machine.
    pub pid: i32,
    /// When it was started, in ticks since the machine was.
    pub start: u64,
}

impl Process {
    /// Looks at a process that runs.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let text = String::from_utf8_lossy(stat.get(after..)?).into_owned();
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        // The first one here is the third of proc_pid_stat(5); the start is the 22nd.
        let lives = !matches!(*fields.first()?, "Z" | "X");
        lives.then_some(Self { pid, start: fields.get(19)?.parse().ok()? })
    }

    /// Whether it still runs.
    pub fn lives(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }
}

/// A host that stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Its first process.
    pub init: Process,
}

/// An outage that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Broken {
    /// `A` to `E`.
    pub outage: String,
    /// When the first user noticed, in milliseconds since 1970.
    pub onset_ms: u64,
}

/// What is known of a lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The form of this file.
    pub version: u32,
    /// Who holds it.
    pub keeper: Option<Process>,
    /// How users are mapped: `ident`, `subid` or `alias`.
    pub mode: String,
    /// Its hosts.
    pub hosts: Vec<Standing>,
    /// The nginx of its web servers.
    pub nginx: PathBuf,
    /// How long it took to come up, in milliseconds.
    pub up_ms: u64,
    /// What is broken in it.
    pub broken: Option<Broken>,
}

impl State {
    /// Whether somebody holds the lab.
    pub fn lives(&self) -> bool {
        self.keeper.is_some_and(|keeper| keeper.lives())
    }
}

/// The directory that names a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabDir(PathBuf);

impl LabDir {
    /// The lab of this directory, which need not exist; `None`: the usual one of this user.
    ///
    /// # Errors
    /// The path is relative and the current directory is gone.
    pub fn new(dir: Option<&Path>) -> Result<Self, LabError> {
        let usual = || {
            let run = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
            let name = format!("evenkeel-lab-{}", nix::unistd::geteuid());
            run.unwrap_or_else(std::env::temp_dir).join(name)
        };
        let dir = dir.map_or_else(usual, Path::to_path_buf);
        let absolute = std::path::absolute(&dir);
        absolute.map(Self).map_err(|source| LabError::File { path: dir, source })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> LabError + use<> {
        let path = self.0.clone();
        move |source| LabError::File { path, source }
    }

    /// Reads what is known; `None` where there is no lab.
    ///
    /// # Errors
    /// [`LabError::File`]: the file cannot be read, or is not a lab's; or the directory is somebody else's.
    pub fn read(&self) -> Result<Option<State>, LabError> {
        let text = match fs::read(self.0.join(STATE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(self.failed())?,
        };
        let owner = fs::symlink_metadata(&self.0).map_err(self.failed())?.uid();
        if owner != nix::unistd::geteuid().as_raw() {
            return Err(self.failed()(io::ErrorKind::PermissionDenied.into()));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| self.failed()(error.into()))
    }

    /// Writes what is known, whole.
    pub(super) fn write(&self, state: &State) -> Result<(), LabError> {
        let next = self.0.join("lab.json.new");
        let written = serde_json::to_vec_pretty(state).map_err(io::Error::from);
        let written = written.and_then(|text| fs::write(&next, text));
        written.and_then(|()| fs::rename(&next, self.0.join(STATE))).map_err(self.failed())
    }

    /// Makes the directory, for its owner alone. One that is there must be empty, or a lab's.
    pub(super) fn make(&self) -> Result<(), LabError> {
        match fs::DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(&self.0).map_err(self.failed())?;
                let is_ours = found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw();
                let mut entries = fs::read_dir(&self.0).map_err(self.failed())?;
                let is_known = entries.all(|entry| {
                    entry.is_ok_and(|entry| entry.file_name() == LOCK || entry.file_name() == STATE)
                });
                if is_ours && is_known {
                    return Ok(());
                }
                Err(LabError::NotALab { dir: self.0.clone() })
            }
            made => made.map_err(self.failed()),
        }
    }

    /// Lets nobody else change the lab until the lock is dropped.
    pub(super) fn lock(&self) -> Result<File, LabError> {
        let file = File::create(self.0.join(LOCK)).map_err(self.failed())?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(LabError::Busy { dir: self.0.clone() }),
            Err(TryLockError::Error(source)) => Err(self.failed()(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_of_somebody_elses_files_is_no_lab() {
        let dir = tempfile::tempdir().unwrap();
        let lab = LabDir::new(Some(dir.path())).unwrap();
        lab.make().unwrap();
        fs::write(dir.path().join("thesis.txt"), "").unwrap();
        assert!(matches!(lab.make(), Err(LabError::NotALab { .. })));
        assert!(lab.read().unwrap().is_none());
        super::super::first::take_away(dir.path());
        assert!(dir.path().join("thesis.txt").exists());
    }

    #[test]
    fn process_is_known_by_its_start() {
        let me = Process::of(std::process::id() as i32).unwrap();
        assert!(me.lives());
        assert!(!Process { start: me.start + 1, ..me }.lives());
    }

    #[test]
    fn two_do_not_change_a_lab_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lab = LabDir::new(Some(dir.path())).unwrap();
        let held = lab.lock().unwrap();
        assert!(matches!(lab.lock(), Err(LabError::Busy { .. })));
        drop(held);
        lab.lock().unwrap();
    }
}
