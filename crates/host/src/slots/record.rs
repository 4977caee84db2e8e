//! What a slot holds: the pure half ([`Applying`]) and what only this host knows of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_fleet::apply::{Applying, Boottime, RevertWhy, Stage, Way};
use evenkeel_fleet::{BundleId, Digest, Generation, ReleaseId};

use crate::clock::BootId;
use crate::codec::{Garbled, Reader, Writer};
use crate::identity::ProcessId;

/// How long a note may be, in bytes; what is longer is cut.
const NOTE_BYTES_MAX: usize = 512;

/// Where an apply stands on this host. Everything that is needed to go back without the command, a database
/// or a controller is here or in the plan that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How far the apply is, its order, its bundles and its deadlines.
    pub applying: Applying,
    /// The bundle that was confirmed last.
    pub confirmed: Option<BundleId>,
    /// The one confirmed before that.
    pub confirmed_before: Option<BundleId>,
    /// The root of the tree that is changed, without symbolic links in it.
    pub config_dir: PathBuf,
    /// The plan of the exchange, beside the staged files.
    pub plan: PathBuf,
    /// The digest of the plan's bytes.
    pub plan_digest: Digest,
    /// The nginx that must load the old configuration again.
    pub master: Option<ProcessId>,
    /// The command that applies.
    pub command: Option<ProcessId>,
    /// The fuse that watches it.
    pub fuse: Option<ProcessId>,
    /// Whether somebody wants the old bundle back, and why.
    pub asked: Option<RevertWhy>,
    /// Why, or what came of it, for people. Cut at 512 bytes.
    pub note: String,
    /// How the way back went; `None` while no one has gone it.
    pub reverted: Option<Reverted>,
    /// The two masters, when the way back that reads nothing is armed.
    pub upgrade: Option<Upgrade>,
}

/// Two masters of one nginx: the old one stands by with the old configuration in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upgrade {
    /// The one that stands by.
    pub old: ProcessId,
    /// The one that it started, once that has begun.
    pub new: Option<ProcessId>,
    /// When the workers of the old one were sent away, on the clock of [`crate::clock::boottime_ms`]; 0 while they were
    /// not.
    pub resting_ms: u64,
    /// How often somebody else has woken the old one since.
    pub woken: u32,
    /// Who did it last, by the process number in nginx's log; 0 when that is not known.
    pub woken_by: i32,
}

impl Upgrade {
    /// The upgrade of a master that has not begun yet.
    pub fn of(old: ProcessId) -> Self {
        Self { old, new: None, resting_ms: 0, woken: 0, woken_by: 0 }
    }
}

/// How a revert went, with its times on the wall clock in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reverted {
    /// When it was decided.
    pub decided_unix_ms: i64,
    /// When the old files stood again; 0 while they do not.
    pub restored_unix_ms: i64,
    /// When nginx was told; 0 when it was not.
    pub signalled_unix_ms: i64,
    /// When it was over; 0 while it is not.
    pub done_unix_ms: i64,
    /// How many paths were put back.
    pub paths: u32,
    /// Whether new workers were seen to serve the old bundle. `None` where there was nothing to prove: nginx
    /// had not been told of the new one, or none runs.
    pub proven: Option<bool>,
    /// What stood in the tree and was of neither bundle, saved as a bundle of its own.
    pub foreign: Option<BundleId>,
    /// Which way it went; `None` where nginx was not told.
    pub way: Option<Way>,
}

impl Record {
    /// Gives the record of a host on which nothing was ever applied.
    pub fn idle(config_dir: &Path) -> Self {
        Self {
            applying: Applying::IDLE,
            confirmed: None,
            confirmed_before: None,
            config_dir: config_dir.to_owned(),
            plan: PathBuf::new(),
            plan_digest: Digest([0; 32]),
            master: None,
            command: None,
            fuse: None,
            asked: None,
            note: String::new(),
            reverted: None,
            upgrade: None,
        }
    }

    /// Gives how far the apply is.
    pub fn stage(&self) -> Stage {
        self.applying.stage
    }

    /// Says whether the old files stand again while nginx was not seen to load them: it may still serve what nobody
    /// confirmed.
    pub fn is_unproven(&self) -> bool {
        self.stage() == Stage::Reverted && self.reverted.is_some_and(|how| how.proven == Some(false))
    }

    /// Forgets processes of an earlier boot: in this one their numbers may be somebody else's, and start times begin
    /// anew.
    #[must_use]
    pub fn seen_from(self, boot: BootId) -> Self {
        if self.applying.boot == boot.0 {
            return self;
        }
        Self { master: None, command: None, fuse: None, upgrade: None, ..self }
    }

    pub(super) fn encode(&self, to: &mut Writer) {
        let Applying {
            stage,
            generation,
            release,
            from,
            to: bundle,
            boot,
            proof_deadline,
            confirm_deadline,
            why,
        } = self.applying;
        to.u8(stage.number());
        to.u64(generation.0);
        to.u64(release.0);
        to.array(&from.0);
        to.array(&bundle.0);
        to.array(&boot);
        to.u64(proof_deadline.0);
        to.u64(confirm_deadline.0);
        to.u8(why.map_or(0, RevertWhy::number));
        for bundle in [self.confirmed, self.confirmed_before] {
            to.option(bundle, |to, bundle| to.array(&bundle.0));
        }
        to.bytes(self.config_dir.as_os_str().as_bytes());
        to.bytes(self.plan.as_os_str().as_bytes());
        to.array(&self.plan_digest.0);
        for process in [self.master, self.command, self.fuse] {
            to.option(process, write_process);
        }
        to.u8(self.asked.map_or(0, RevertWhy::number));
        to.bytes(cut(&self.note).as_bytes());
        to.option(self.reverted, |to, reverted| reverted.encode(to));
        // Since the second layout.
        to.u8(self.reverted.and_then(|reverted| reverted.way).map_or(0, Way::number));
        to.option(self.upgrade, |to, upgrade| upgrade.encode(to));
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, Garbled> {
        let applying = Applying {
            stage: Stage::from_number(from.u8()?).ok_or(Garbled)?,
            generation: Generation(from.u64()?),
            release: ReleaseId(from.u64()?),
            from: BundleId(from.array()?),
            to: BundleId(from.array()?),
            boot: from.array()?,
            proof_deadline: Boottime(from.u64()?),
            confirm_deadline: Boottime(from.u64()?),
            why: why(from)?,
        };
        let mut record = Self {
            applying,
            confirmed: from.option(bundle)?,
            confirmed_before: from.option(bundle)?,
            config_dir: path(from)?,
            plan: path(from)?,
            plan_digest: Digest(from.array()?),
            master: from.option(process)?,
            command: from.option(process)?,
            fuse: from.option(process)?,
            asked: why(from)?,
            note: String::from_utf8_lossy(from.bytes()?).into_owned(),
            reverted: from.option(Reverted::decode)?,
            upgrade: None,
        };
        if from.0.is_empty() {
            // The first layout ended here.
            return Ok(record);
        }
        let way = match from.u8()? {
            0 => None,
            number => Some(Way::from_number(number).ok_or(Garbled)?),
        };
        record.reverted = record.reverted.map(|reverted| Reverted { way, ..reverted });
        record.upgrade = from.option(Upgrade::decode)?;
        Ok(record)
    }
}

impl Upgrade {
    fn encode(self, to: &mut Writer) {
        write_process(to, self.old);
        to.option(self.new, write_process);
        to.u64(self.resting_ms);
        to.u32(self.woken);
        to.u32(self.woken_by.cast_unsigned());
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Garbled> {
        Ok(Self {
            old: process(from)?,
            new: from.option(process)?,
            resting_ms: from.u64()?,
            woken: from.u32()?,
            woken_by: from.u32()?.cast_signed(),
        })
    }
}

impl Reverted {
    fn encode(self, to: &mut Writer) {
        for time in [self.decided_unix_ms, self.restored_unix_ms, self.signalled_unix_ms, self.done_unix_ms] {
            to.i64(time);
        }
        to.u32(self.paths);
        to.option(self.proven, |to, proven| to.u8(u8::from(proven)));
        to.option(self.foreign, |to, bundle| to.array(&bundle.0));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Garbled> {
        Ok(Self {
            decided_unix_ms: from.i64()?,
            restored_unix_ms: from.i64()?,
            signalled_unix_ms: from.i64()?,
            done_unix_ms: from.i64()?,
            paths: from.u32()?,
            proven: from.option(|from| Ok(from.u8()? == 1))?,
            foreign: from.option(bundle)?,
            way: None,
        })
    }
}

fn cut(note: &str) -> &str {
    let mut end = note.len().min(NOTE_BYTES_MAX);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}

fn why(from: &mut Reader<'_>) -> Result<Option<RevertWhy>, Garbled> {
    match from.u8()? {
        0 => Ok(None),
        number => RevertWhy::from_number(number).map(Some).ok_or(Garbled),
    }
}

fn bundle(from: &mut Reader<'_>) -> Result<BundleId, Garbled> {
    from.array().map(BundleId)
}

fn path(from: &mut Reader<'_>) -> Result<PathBuf, Garbled> {
    from.bytes().map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
}

fn write_process(to: &mut Writer, process: ProcessId) {
    to.u32(process.pid.cast_unsigned());
    to.u64(process.start_ticks);
}

fn process(from: &mut Reader<'_>) -> Result<ProcessId, Garbled> {
    Ok(ProcessId { pid: from.u32()?.cast_signed(), start_ticks: from.u64()? })
}
