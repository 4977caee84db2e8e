//! Whether released, on disk and running agree, and whether a restart now would work.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_fleet::apply::{Stage, Way};
use evenkeel_fleet::{BundleId, FileChange, ReleaseId, Silence};
use evenkeel_host::nginx::check::Verdict;
use evenkeel_host::nginx::find::{FindError, Master, find};
use evenkeel_host::nginx::generation::{RunningVerdict, running};
use evenkeel_host::place::DOT_DIR;
use evenkeel_host::slots::Record;
use evenkeel_store::StoreError;

use super::leaving::leaving;
use super::settle::abandoned;
use super::{Host, HostError, Journal, Look, now};
use crate::{diff, stages, when};

/// How the reason begins where nginx could not be asked whether it would start.
pub(super) const NOBODY_KNOWS: &str = "nobody knows: ";

/// What the host says of itself.
#[derive(Debug)]
pub struct Status {
    /// The bundle that was confirmed last, and the release that brought it.
    pub released: Option<(BundleId, Option<ReleaseId>)>,
    /// What stands on disk.
    pub on_disk: BundleId,
    /// The paths in which the disk differs from what was released.
    pub drift: Vec<String>,
    /// Those of them that somebody silenced for a time, as they stand there now.
    pub silences: Vec<(String, Silence)>,
    /// What runs.
    pub running: Running,
    /// Whether a start of nginx with what is on disk would work, and nginx's words.
    pub restart: Result<Vec<String>, String>,
    /// The release that is open, and how far it is.
    pub open: Option<(ReleaseId, &'static str)>,
    /// Who forbade forward changes, and why.
    pub frozen: Option<String>,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// Whether the journal is there and could not be read: then this is what slots, disk and nginx say alone.
    pub journal_unread: bool,
}

/// What nginx runs, as far as it can be told from outside.
#[derive(Debug)]
pub enum Running {
    /// Every worker is younger than the newest change on disk.
    OnDisk {
        /// What that rests on.
        because: String,
    },
    /// It runs something else than what is on disk.
    Other {
        /// What that rests on.
        because: String,
    },
    /// It cannot be told.
    Unknown {
        /// Why.
        because: String,
    },
    /// No nginx runs.
    Stopped {
        /// What was found.
        because: String,
    },
}

/// Whether the three agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agrees {
    /// Released, on disk and running are the same, and a restart would work.
    Yes,
    /// They are not, or it would not.
    No,
}

impl Status {
    /// Whether all is as it should be.
    #[must_use]
    pub fn agrees(&self) -> Agrees {
        let same = self.released.is_some_and(|(bundle, _)| bundle == self.on_disk) || self.is_silenced();
        let runs = matches!(self.running, Running::OnDisk { .. });
        if same && runs && self.restart.is_ok() && self.open.is_none() { Agrees::Yes } else { Agrees::No }
    }
}

impl Status {
    /// Whether the disk differs from what was released, and all of it is silenced.
    #[must_use]
    pub fn is_silenced(&self) -> bool {
        !self.silences.is_empty() && self.silences.len() == self.drift.len()
    }

    /// The silence that holds at a path.
    #[must_use]
    pub fn silence(&self, path: &str) -> Option<&Silence> {
        self.silences.iter().find(|(silent, _)| silent == path).map(|(_, silence)| silence)
    }
}

impl Host {
    /// Looks at this host and changes nothing.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at.
    pub fn status(&self) -> Result<Status, HostError> {
        let (mut notes, mut journal_unread) = (Vec::new(), false);
        let record = self.agent_here().standing()?;
        let journal = match self.read_journal() {
            Ok(journal) => Some(journal),
            Err(HostError::Journal(StoreError::Missing { .. })) => None,
            Err(error) => {
                notes.push(evenkeel_agent::chain(&error));
                journal_unread = true;
                None
            }
        };
        let found = find(&self.settings.place);
        let master = found.as_ref().ok();
        let compiled = self.compiled(master)?;
        let (live, _) = self.live(&self.model_settings(&compiled, master))?;
        let on_disk = BundleId(live.snapshot.files.digest().0);
        let released = self.released(journal.as_ref(), record.as_ref());
        let differs = released.filter(|(bundle, _)| *bundle != on_disk);
        let changes = differs.map_or_else(|| Ok(Vec::new()), |(bundle, _)| self.drift(bundle, &live));
        let silences = silences(self, journal.as_ref(), changes.as_deref().unwrap_or_default());
        let drift = match changes {
            Ok(changes) => changes.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        let running = match &found {
            Ok(master) => self.runs(master, &live, on_disk, record.as_ref()),
            Err(FindError::UpgradePending { old, new }) if stands_by(record.as_ref(), *old) => {
                Running::Unknown {
                    because: format!(
                        "nginx {new} serves the open release, and nginx {old} stands by for the way back"
                    ),
                }
            }
            Err(error @ (FindError::NotRunning { .. } | FindError::Stale { .. })) => {
                Running::Stopped { because: error.to_string() }
            }
            Err(error) => Running::Unknown { because: error.to_string() },
        };
        let by = format!("nginx {}", self.settings.place.nginx.display());
        let restart = match self.restart_works(&live) {
            Ok(Verdict::Accepted { warnings }) => {
                Ok(warnings.iter().map(|warning| warning.text.clone()).collect())
            }
            Ok(refused @ Verdict::Refused { .. }) => Err(stages::preflight_evidence(&refused, &by).summary),
            Err(error) => Err(format!("{NOBODY_KNOWS}{error}")),
        };
        if let Some(host) = journal.as_ref().and_then(|journal| journal.fleet().host(&self.settings.name)) {
            notes.extend(host.doubt().map(str::to_owned));
        }
        let frozen = journal
            .as_ref()
            .and_then(|journal| journal.fleet().frozen(&self.settings.name, now()))
            .map(|it| {
                let until =
                    it.until.map_or_else(String::new, |until| format!(" until {}", when::shown(until)));
                format!("by {}, since {}{until}: {}", it.who, when::shown(it.since), it.why)
            });
        notes.extend(master.and_then(|master| leaving(master.id, &live.config)));
        Ok(Status {
            released,
            on_disk,
            drift,
            silences,
            running,
            restart,
            open: record
                .as_ref()
                .filter(|record| record.stage().unconfirmed() && !untouched(record, on_disk))
                .map(|record| (record.applying.release, record.stage().name())),
            frozen,
            notes,
            journal_unread,
        })
    }

    /// What was confirmed last: what the journal says, and what a command did that died before it had written it down.
    pub(super) fn released(
        &self,
        journal: Option<&Journal>,
        record: Option<&Record>,
    ) -> Option<(BundleId, Option<ReleaseId>)> {
        let unwritten = journal.and_then(|journal| {
            let open = journal.fleet().open(&self.settings.name)?;
            let record = record.filter(|record| record.stage() == Stage::Confirmed)?;
            let same = record.applying.release == open.id() && record.applying.to == open.proposal().to;
            same.then_some((record.applying.to, Some(open.id())))
        });
        let from_journal = journal.and_then(|journal| {
            let bundle = journal.fleet().host(&self.settings.name)?.confirmed()?;
            let by = journal.fleet().releases().rev().find(|it| {
                it.proposal().to == bundle && it.outcome() == Some(evenkeel_fleet::Outcome::Confirmed)
            });
            Some((bundle, by.map(evenkeel_fleet::Release::id)))
        });
        unwritten.or(from_journal).or_else(|| Some((record?.confirmed?, None)))
    }

    fn drift(&self, released: BundleId, live: &Look) -> Result<Vec<FileChange>, HostError> {
        Ok(diff::changes(&self.bundle(released)?, &live.snapshot.files))
    }

    /// Workers read what is on disk when the master told them apart from it: all of them started after the newest change,
    /// or none did.
    fn runs(&self, master: &Master, live: &Look, on_disk: BundleId, record: Option<&Record>) -> Running {
        let newest = newest_change(&self.settings.place.config_dir, live);
        let Some(newest) = newest else {
            return Running::Unknown { because: "the times of the files cannot be read".to_owned() };
        };
        if record.is_some_and(|record| never_left(record, newest) && proven(record, master, on_disk)) {
            let because = "it came back from memory, proven, and nothing changed on disk since".to_owned();
            return Running::OnDisk { because };
        }
        // What was taken away left its trace in the directory. So did our own staging, where a directory is a mount.
        let gone = directory_change(&self.settings.place.config_dir, live);
        if let Some(gone) = gone.filter(|_| !record.is_some_and(|record| proven(record, master, on_disk)))
            && let RunningVerdict::Older { worker, .. } = running(master.id, gone)
        {
            return Running::Other {
                because: format!(
                    "worker {} started before something was added or taken away on disk",
                    worker.pid
                ),
            };
        }
        match running(master.id, newest) {
            RunningVerdict::Newer => {
                Running::OnDisk { because: "every worker started after the newest change on disk".to_owned() }
            }
            RunningVerdict::Older { worker, .. } => Running::Other {
                because: format!("worker {} started before the newest change on disk", worker.pid),
            },
            // Our own exchange is the newest change, and a reload follows it within a tick of the clock.
            RunningVerdict::Unclear if record.is_some_and(|record| proven(record, master, on_disk)) => {
                Running::OnDisk {
                    because: "it was proven when it was switched to, and nothing changed since".to_owned(),
                }
            }
            // A script that writes and starts at once looks like this; a change that came within the same hundredth of a
            // second after the start would too.
            RunningVerdict::Unclear => Running::OnDisk {
                because: "the workers started within 20 ms of the newest change on disk".to_owned(),
            },
            RunningVerdict::NoWorkers => Running::Stopped { because: "the master has no workers".to_owned() },
        }
    }
}

/// Whether a release was taken back from memory, and its files were the last to change.
fn never_left(record: &Record, newest: SystemTime) -> bool {
    let how = record.reverted.filter(|how| how.way == Some(Way::ParseFree));
    let done_ms = how.and_then(|how| u64::try_from(how.done_unix_ms).ok());
    done_ms.is_some_and(|done_ms| newest <= SystemTime::UNIX_EPOCH + Duration::from_millis(done_ms))
}

/// Whether this master stands by until the open release is confirmed.
fn stands_by(record: Option<&Record>, old: i32) -> bool {
    record.is_some_and(|record| {
        record.stage().unconfirmed() && record.upgrade.is_some_and(|both| both.old.pid == old)
    })
}

/// Whether a release was interrupted before anything was touched, so that the next command has nothing to undo.
fn untouched(record: &Record, on_disk: BundleId) -> bool {
    abandoned(record)
        && matches!(record.stage(), Stage::Staged | Stage::Armed)
        && record.applying.from == on_disk
}

/// Whether the slots say that this master was proven to serve what is on disk.
fn proven(record: &Record, master: &Master, on_disk: BundleId) -> bool {
    let serves = match record.stage() {
        Stage::Confirmed => record.applying.to,
        Stage::Reverted if record.reverted.is_some_and(|how| how.proven == Some(true)) => {
            record.applying.from
        }
        _ => return false,
    };
    record.master == Some(master.id) && serves == on_disk
}

/// When a file of the tree, or what is in a directory of it, changed last.
fn newest_change(config_dir: &Path, live: &Look) -> Option<SystemTime> {
    let mut newest: Option<SystemTime> = None;
    for (path, _) in live.snapshot.files.iter() {
        let path =
            config_dir.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path.as_bytes()));
        let meta = std::fs::symlink_metadata(&path).ok()?;
        let (seconds, nanos) = (u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        newest = newest.max(Some(changed));
    }
    debug_assert!(!config_dir.ends_with(DOT_DIR), "the dot directory is no tree");
    newest
}

/// When a name was added to a directory below the root, or taken away, last. The root itself changes whenever something is
/// staged in it.
fn directory_change(config_dir: &Path, live: &Look) -> Option<SystemTime> {
    let changed = |directory| std::fs::symlink_metadata(config_dir.join(directory)).ok()?.modified().ok();
    directories(live).into_iter().filter_map(changed).max()
}

/// The directories of a tree below its root.
fn directories(live: &Look) -> std::collections::BTreeSet<std::path::PathBuf> {
    let path = |bytes: &[u8]| {
        std::path::PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
    };
    let of = live
        .snapshot
        .files
        .iter()
        .filter_map(|(file, _)| path(file.as_bytes()).parent().map(Path::to_path_buf));
    of.filter(|directory| !directory.as_os_str().is_empty()).collect()
}

/// The changes of which nothing is to be said now.
fn silences(host: &Host, journal: Option<&Journal>, changes: &[FileChange]) -> Vec<(String, Silence)> {
    let Some(host) = journal.and_then(|journal| journal.fleet().host(&host.settings.name)) else {
        return Vec::new();
    };
    let of = |change: &FileChange| {
        Some((change.path.clone(), host.silence(&change.path, change.new, now())?.clone()))
    };
    changes.iter().filter_map(of).collect()
}
