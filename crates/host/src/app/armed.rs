//! The one file that says how an application is taken back, and who looks after it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::{BundleId, ReleaseId};

use super::{Step, StepError, Versions};
use crate::codec::{Garbled, Reader, Writer};
use crate::slots::Record;
use crate::sys;

const FILE: &str = "app-way-back";
const FILE_BYTES_MAX: u64 = 1 << 20;
const MAGIC: &[u8; 8] = b"ekapp\0\0\x01";

/// How the application of a release is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// The release.
    pub release: ReleaseId,
    /// What it releases.
    pub to: BundleId,
    /// The step that takes it back.
    pub step: Step,
    /// From which version to which it had gone.
    pub versions: Versions,
}

/// What becomes of the application, as the slots say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its release is permanent.
    Keep,
    /// Its release ended, or never began.
    Back,
    /// Its release is open.
    Wait,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArmedError {
    /// It cannot be read or written.
    #[error("use {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("read {path}: it was never written like this", path = path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
    },
    /// The step failed; it stays armed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl Fate {
    /// What becomes of the application of `armed` when nobody who applies it lives.
    pub fn of(armed: &Armed, record: Option<&Record>) -> Self {
        let ours =
            |record: &&Record| record.applying.release == armed.release && record.applying.to == armed.to;
        match record.filter(ours).map(Record::stage) {
            Some(Stage::Confirmed) => Self::Keep,
            // Nothing is armed yet: the tree is untouched, and no fuse will speak of it.
            None | Some(Stage::Idle | Stage::Staged | Stage::Reverted) => Self::Back,
            Some(_) => Self::Wait,
        }
    }
}

impl Armed {
    /// Writes it down, durably.
    ///
    /// # Errors
    /// [`ArmedError::Io`]; then the application must not be touched.
    pub fn save(&self, state_dir: &Path) -> Result<(), ArmedError> {
        let path = state_dir.join(FILE);
        let io = |source| ArmedError::Io { path: path.clone(), source };
        let new = state_dir.join(format!("{FILE}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&new)
            .map_err(io)?;
        file.write_all(&self.encode()).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&new, &path).and_then(|()| File::open(state_dir)?.sync_all()).map_err(io)
    }

    /// Reads it; `None` when no application waits.
    ///
    /// # Errors
    /// [`ArmedError`] when it is there and cannot be used.
    pub fn load(state_dir: &Path) -> Result<Option<Self>, ArmedError> {
        Ok(open(state_dir)?.map(|(armed, _)| armed))
    }

    /// Forgets it: the application is where it shall be.
    ///
    /// # Errors
    /// [`ArmedError::Io`].
    pub fn remove(state_dir: &Path) -> Result<(), ArmedError> {
        let path = state_dir.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ArmedError::Io { path, source: error })
            }
            _ => Ok(()),
        }
    }

    /// Takes the right to look after it, for as long as the file is held; `None` when somebody else has it, or no
    /// application waits.
    ///
    /// # Errors
    /// [`ArmedError`] when it is there and cannot be used.
    pub(super) fn hold(state_dir: &Path) -> Result<Option<(Self, File)>, ArmedError> {
        let Some((armed, file)) = open(state_dir)? else { return Ok(None) };
        let held = sys::flock(file.as_fd(), libc::LOCK_EX | libc::LOCK_NB).is_ok();
        Ok(held.then_some((armed, file)))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.array(MAGIC);
        out.u64(self.release.0);
        out.array(&self.to.0);
        out.bytes(self.step.name.as_bytes());
        out.u32(u32::try_from(self.step.command.len()).unwrap_or(u32::MAX));
        for word in &self.step.command {
            out.bytes(word.as_bytes());
        }
        out.option(self.step.user.as_deref(), |out, user| out.bytes(user.as_bytes()));
        out.u64(u64::try_from(self.step.within.as_millis()).unwrap_or(u64::MAX));
        out.bytes(self.versions.old.as_bytes());
        out.bytes(self.versions.new.as_bytes());
        let sum = blake3::hash(&out.0);
        out.array(sum.as_bytes());
        out.0
    }

    fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let (body, sum) = bytes.split_at_checked(bytes.len().saturating_sub(32)).ok_or(Garbled)?;
        if blake3::hash(body).as_bytes() != sum {
            return Err(Garbled);
        }
        let mut from = Reader(body);
        if from.array::<8>()? != *MAGIC {
            return Err(Garbled);
        }
        let text = |from: &mut Reader<'_>| -> Result<String, Garbled> {
            String::from_utf8(from.bytes()?.to_vec()).map_err(|_| Garbled)
        };
        let (release, to) = (ReleaseId(from.u64()?), BundleId(from.array()?));
        let name = text(&mut from)?;
        let count = from.u32()?;
        let command = (0..count).map(|_| text(&mut from)).collect::<Result<_, _>>()?;
        let user = from.option(text)?;
        let within = Duration::from_millis(from.u64()?);
        let versions = Versions { old: text(&mut from)?, new: text(&mut from)? };
        Ok(Self { release, to, step: Step { name, command, user, within }, versions })
    }
}

fn open(state_dir: &Path) -> Result<Option<(Armed, File)>, ArmedError> {
    let path = state_dir.join(FILE);
    let io = |source| ArmedError::Io { path: path.clone(), source };
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Vec::new();
    (&file).take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    let armed = Armed::decode(&bytes).map_err(|Garbled| ArmedError::Garbled { path: path.clone() })?;
    Ok(Some((armed, file)))
}

/// Ends what was left armed and is looked after by nobody, as the slots say: what recovery and the next command do.
/// `None`: there is nothing, its guard lives, or its release is open. `Some(true)`: the application was taken back;
/// `Some(false)`: it stays, because its release was confirmed.
///
/// # Errors
/// [`ArmedError`]; what failed stays armed and can be tried again.
pub fn take_back(state_dir: &Path, record: Option<&Record>) -> Result<Option<(Armed, bool)>, ArmedError> {
    let Some((armed, _held)) = Armed::hold(state_dir)? else { return Ok(None) };
    let back = match Fate::of(&armed, record) {
        Fate::Wait => return Ok(None),
        Fate::Keep => false,
        Fate::Back => {
            armed.step.run(&armed.versions, &|| false)?;
            true
        }
    };
    Armed::remove(state_dir)?;
    Ok(Some((armed, back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed() -> Armed {
        Armed {
            release: ReleaseId(7),
            to: BundleId([2; 32]),
            step: Step {
                name: "rollback".to_owned(),
                command: vec!["/bin/true".to_owned(), "{old}".to_owned()],
                user: Some("deploy".to_owned()),
                within: Duration::from_secs(60),
            },
            versions: Versions { old: "1.0".to_owned(), new: "1.1".to_owned() },
        }
    }

    fn record(release: u64, to: u8, stage: Stage) -> Record {
        let mut record = Record::idle(Path::new("/etc/nginx"));
        record.applying.release = ReleaseId(release);
        record.applying.to = BundleId([to; 32]);
        record.applying.stage = stage;
        record
    }

    #[test]
    fn what_is_armed_is_read_back_and_a_torn_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Armed::load(dir.path()).unwrap(), None);
        armed().save(dir.path()).unwrap();
        assert_eq!(Armed::load(dir.path()).unwrap(), Some(armed()));
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(Armed::load(dir.path()), Err(ArmedError::Garbled { .. })), "{cut}");
        }
        Armed::remove(dir.path()).unwrap();
        Armed::remove(dir.path()).unwrap();
        assert_eq!(Armed::load(dir.path()).unwrap(), None);
    }

    #[test]
    fn application_stays_only_with_its_confirmed_release() {
        for stage in Stage::ALL {
            let fate = Fate::of(&armed(), Some(&record(7, 2, *stage)));
            let expected = match stage {
                Stage::Confirmed => Fate::Keep,
                Stage::Idle | Stage::Staged | Stage::Reverted => Fate::Back,
                _ => Fate::Wait,
            };
            assert_eq!(fate, expected, "{stage}");
            assert_eq!(Fate::of(&armed(), Some(&record(6, 2, *stage))), Fate::Back);
            assert_eq!(Fate::of(&armed(), Some(&record(7, 3, *stage))), Fate::Back);
        }
        assert_eq!(Fate::of(&armed(), None), Fate::Back);
    }

    #[test]
    fn what_somebody_looks_after_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let marker = dir.path().join("back");
        let mut armed = armed();
        armed.step.user = None;
        armed.step.command = vec!["/usr/bin/touch".to_owned(), marker.display().to_string()];
        armed.save(dir.path()).unwrap();
        let held = Armed::hold(dir.path()).unwrap().unwrap();
        assert_eq!(take_back(dir.path(), None).unwrap(), None);
        drop(held);
        assert_eq!(take_back(dir.path(), Some(&record(7, 2, Stage::Proven))).unwrap(), None);
        assert!(!marker.exists());
        assert_eq!(take_back(dir.path(), None).unwrap(), Some((armed, true)));
        assert!(marker.exists() && Armed::load(dir.path()).unwrap().is_none());
    }

    #[test]
    fn step_that_fails_stays_armed() {
        let dir = tempfile::tempdir().unwrap();
        let mut armed = armed();
        (armed.step.user, armed.step.command) = (None, vec!["/bin/false".to_owned()]);
        armed.save(dir.path()).unwrap();
        assert!(matches!(take_back(dir.path(), None), Err(ArmedError::Step(_))));
        assert_eq!(Armed::load(dir.path()).unwrap(), Some(armed));
    }
}
