//! Going back, whoever does it: the fuse, a `rollback` from another terminal, or `recover` at boot.

use std::io;
use std::path::Path;
use std::time::Duration;

use evenkeel_fleet::ReleaseId;
use evenkeel_fleet::apply::{Alarm, IllegalStep, RevertWhy, Stage};
use nix::sys::signal::Signal;

use super::back::Back;
use super::hung::free_guard;
use super::way_back::WayBack;
use super::{GUARD_GRACE_MS, KILL_WITHIN_MS, REVERT_WITHIN_MS};
use crate::clock;
use crate::identity::{ProcessHandle, ProcessId};
use crate::install::{PlanError, Staged, UndoError, Unobserved};
use crate::nginx::generation::BUSY_MAX;
use crate::place::Place;
use crate::slots::{ConfirmError, Guard, Record, Slots, SlotsError};

/// The least that a revert is given, and what it gets beside its proof: for the files, and for a command that must be
/// killed first.
const WITHIN_MIN: Duration = Duration::from_secs(20);
const WITHIN_MARGIN: Duration = Duration::from_secs(10);
/// How often the slots are read while a fuse that lives goes back, in milliseconds.
const LOOK_EVERY_MS: u64 = 20;

/// How long a confirmation waits for the end of the master that stood by. It may finish requests for longer.
const OLD_ENDS_WITHIN: Duration = Duration::from_secs(1);

/// Why a host did not go back. What the slots say then still holds, so somebody can try again.
#[derive(Debug, thiserror::Error)]
pub enum RevertError {
    /// The slots could not be used.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// Nothing is open.
    #[error("go back: no release is open here")]
    NothingOpen,
    /// It was confirmed before the revert began.
    #[error("go back: {release} was confirmed meanwhile")]
    Confirmed {
        /// The release.
        release: ReleaseId,
    },
    /// Some files could not be put back, neither from what lies beside the tree nor from the saved bundles.
    #[error("put the old files back: {why}")]
    Files {
        /// What stands in the way.
        why: String,
    },
    /// The old files stand, and whether they would after a power cut is not known.
    #[error(transparent)]
    Flush(#[from] UndoError),
    /// The kernel does not say which boot this is, or refuses a process handle.
    #[error("look at this host")]
    Host(#[source] io::Error),
    /// The stages do not follow each other.
    #[error(transparent)]
    Step(#[from] IllegalStep),
}

/// A request to go back.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Why: [`RevertWhy::Asked`] for a person, [`RevertWhy::Evidence`] when what was seen did not hold.
    pub why: RevertWhy,
    /// For people; goes into the slots.
    pub note: &'a str,
    /// How long to wait for the fuse before doing its work, in milliseconds; [`revert_within`] when that is longer.
    pub within_ms: u64,
}

/// Confirms the open release and tells the fuse that it has nothing left to do.
///
/// # Errors
/// [`ConfirmError`]: not proven, too late, or another release.
pub fn confirm(state_dir: &Path, release: Option<ReleaseId>) -> Result<Record, ConfirmError> {
    let mut slots = Slots::open(state_dir)?;
    let record = match slots.lock(GUARD_GRACE_MS) {
        Ok(mut guard) => crate::slots::confirm(&mut guard, release)?,
        Err(busy) => {
            // Whoever goes back holds the guard until that is proven, and it is too late then.
            let going = Slots::open(state_dir)?.read()?.filter(|record| record.stage() == Stage::Reverting);
            let Some(record) = going else { return Err(busy.into()) };
            let source = IllegalStep::TooLate { to: Stage::Confirmed };
            return Err(ConfirmError::Refused { release: record.applying.release, source });
        }
    };
    signal(record.fuse, Signal::SIGUSR1);
    super::rest::end_old(&record, OLD_ENDS_WITHIN);
    Ok(record)
}

/// Takes the open release back, from any terminal, and waits until that is done. The fuse does it where one lives;
/// where none does, or it does not move, this does. Do not hold the guard while calling this.
///
/// # Errors
/// [`RevertError`]; in particular when nothing is open.
pub fn request_revert(state_dir: &Path, ask: &Ask<'_>) -> Result<Record, RevertError> {
    let mut slots = Slots::open(state_dir)?;
    let marked = match slots.lock(GUARD_GRACE_MS) {
        Ok(mut guard) => {
            if !guard.record().is_some_and(|record| record.stage().unconfirmed()) {
                return Err(RevertError::NothingOpen);
            }
            guard.ask_revert(ask.why, ask.note)?;
            true
        }
        // A command hangs with the guard in its hand. The fuse knows what to do about that.
        Err(SlotsError::Busy { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let boot = clock::boot_id().map_err(RevertError::Host)?;
    let record = slots.read()?.ok_or(RevertError::NothingOpen)?.seen_from(boot);
    if let Some(fuse) = record.fuse.filter(|fuse| *fuse != ProcessId::me())
        && let Some(handle) = fuse.open().map_err(RevertError::Host)?
    {
        let _ended = handle.signal(if marked { Signal::SIGUSR1 } else { Signal::SIGTERM });
        let within_ms = u64::try_from(revert_within(&record).as_millis()).unwrap_or(u64::MAX);
        if !over_within(&slots, &handle, &record, ask.within_ms.max(within_ms))? {
            // One that hangs must not wake up in the middle of what we do now.
            let _ended = handle.signal(Signal::SIGKILL);
            handle.ended_within(KILL_WITHIN_MS).map_err(RevertError::Host)?;
        }
        let now = slots.read()?.ok_or(RevertError::NothingOpen)?;
        match now.stage() {
            Stage::Reverted if now.applying.release == record.applying.release => return Ok(now),
            Stage::Confirmed => return Err(RevertError::Confirmed { release: now.applying.release }),
            _ => {}
        }
    }
    let command = open_command(&record)?;
    free_guard(&mut slots, command.as_ref(), GUARD_GRACE_MS)?;
    let mut guard = slots.lock(GUARD_GRACE_MS)?;
    let staged = open_staged(&guard)?;
    Back { staged: staged.as_ref(), place: None, alarm: Alarm::RevertAsked }.go(&mut guard, &mut Unobserved)
}

/// Does what the fuse would have done: at boot, or by hand when command and fuse are gone. May be called any number
/// of times; `Ok(None)` when nothing is open. A fuse that lives is asked to do it.
///
/// # Errors
/// [`RevertError`].
pub fn recover(place: &Place) -> Result<Option<Record>, RevertError> {
    let mut slots = match Slots::open(&place.state_dir) {
        Err(SlotsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        slots => slots?,
    };
    let open = slots.read()?.filter(|record| record.stage().unconfirmed());
    let boot = clock::boot_id().map_err(RevertError::Host)?;
    let Some(record) = open.map(|record| record.seen_from(boot)) else { return Ok(None) };
    if record.fuse.is_some_and(ProcessId::lives) {
        let ask = Ask { why: RevertWhy::Boot, note: "recover was called", within_ms: REVERT_WITHIN_MS };
        return request_revert(&place.state_dir, &ask).map(Some);
    }
    let command = open_command(&record)?;
    free_guard(&mut slots, command.as_ref(), GUARD_GRACE_MS)?;
    let mut guard = slots.lock(GUARD_GRACE_MS)?;
    let staged = open_staged(&guard)?;
    let back = Back { staged: staged.as_ref(), place: Some(place), alarm: Alarm::Boot };
    match back.go(&mut guard, &mut Unobserved) {
        Err(RevertError::NothingOpen | RevertError::Confirmed { .. }) => Ok(None),
        done => done.map(Some),
    }
}

/// Gives how long the way back of this record may take, the proof included, before whoever goes it counts as hung:
/// what the plan says of the proof, and never less than 20 seconds.
pub fn revert_within(record: &Record) -> Duration {
    let staged = Staged::open(&record.plan, record.plan_digest).ok();
    let way_back = staged.and_then(|staged| WayBack::decode(staged.extra()));
    let proof = way_back.map_or(Duration::ZERO, |way_back| {
        let expected = way_back.expected;
        expected.limit.saturating_add(expected.stay).saturating_add(BUSY_MAX)
    });
    proof.saturating_add(WITHIN_MARGIN).max(WITHIN_MIN)
}

/// Waits until the fuse has ended, or has nothing more to tell: after an unproven revert it stays to try again.
fn over_within(
    slots: &Slots,
    fuse: &ProcessHandle,
    record: &Record,
    limit_ms: u64,
) -> Result<bool, RevertError> {
    let end = clock::boottime_ms().saturating_add(limit_ms);
    loop {
        let left_ms = end.saturating_sub(clock::boottime_ms());
        if fuse.ended_within(left_ms.min(LOOK_EVERY_MS)).map_err(RevertError::Host)? {
            return Ok(true);
        }
        let stays = |now: Record| now.is_unproven() && now.applying.release == record.applying.release;
        if slots.read().is_ok_and(|now| now.is_some_and(stays)) {
            return Ok(true);
        }
        if left_ms == 0 {
            return Ok(false);
        }
    }
}

fn open_staged(guard: &Guard<'_>) -> Result<Result<Staged, PlanError>, RevertError> {
    let record = guard.record().ok_or(RevertError::NothingOpen)?;
    Ok(Staged::open(&record.plan, record.plan_digest))
}

pub(super) fn open_command(record: &Record) -> Result<Option<ProcessHandle>, RevertError> {
    match record.command.filter(|command| *command != ProcessId::me()) {
        Some(command) => command.open().map_err(RevertError::Host),
        None => Ok(None),
    }
}

pub(super) fn signal(process: Option<ProcessId>, signal: Signal) {
    if let Some(handle) = process.and_then(|process| process.open().ok().flatten()) {
        let _ended = handle.signal(signal);
    }
}
