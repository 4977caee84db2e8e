//! Going back, whoever does it: the fuse, a `rollback` from another terminal, or `recover` at boot.

use std::io;
use std::path::{Path, PathBuf};

use evenkeel_fleet::apply::{Alarm, Boottime, Decision, IllegalStep, RevertWhy, Stage, decide};
use evenkeel_fleet::{BundleId, ReleaseId, Span};
use nix::sys::signal::Signal;

use super::way_back::WayBack;
use super::{GUARD_GRACE_MS, KILL_WITHIN_MS, REVERT_WITHIN_MS};
use crate::clock::{self, unix_ms};
use crate::configdir::bundles;
use crate::identity::ProcessId;
use crate::install::{self, PlanError, Staged, Steps, UndoError, Unobserved};
use crate::nginx::generation::{self, Before, Proof};
use crate::nginx::{control, find};
use crate::place::Place;
use crate::slots::{ConfirmError, Guard, Record, Reverted, Slots, SlotsError};

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
    /// The plan of the exchange is not there or not what was written.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What was staged cannot be opened.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// Some files could not be put back.
    #[error("put {path} back (and {others} others)", path = path.display())]
    Failed {
        /// The first of them.
        path: PathBuf,
        /// How many more there are.
        others: usize,
        /// What the kernel said.
        source: io::Error,
    },
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
    /// How long to wait for the fuse before doing its work, in milliseconds.
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
    let record = slots.read()?.ok_or(RevertError::NothingOpen)?;
    if let Some(fuse) = record.fuse.filter(|fuse| *fuse != ProcessId::me())
        && let Some(handle) = fuse.open().map_err(RevertError::Host)?
    {
        let _ended = handle.signal(if marked { Signal::SIGUSR1 } else { Signal::SIGTERM });
        if !handle.ended_within(ask.within_ms).map_err(RevertError::Host)? {
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
    go_back(&mut guard, &staged, Alarm::RevertAsked, &mut Unobserved)
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
    let Some(record) = open else { return Ok(None) };
    if record.fuse.is_some_and(ProcessId::lives) {
        let ask = Ask { why: RevertWhy::Boot, note: "recover was called", within_ms: REVERT_WITHIN_MS };
        return request_revert(&place.state_dir, &ask).map(Some);
    }
    let command = open_command(&record)?;
    free_guard(&mut slots, command.as_ref(), GUARD_GRACE_MS)?;
    let mut guard = slots.lock(GUARD_GRACE_MS)?;
    let staged = open_staged(&guard)?;
    match go_back(&mut guard, &staged, Alarm::Boot, &mut Unobserved) {
        Err(RevertError::NothingOpen | RevertError::Confirmed { .. }) => Ok(None),
        done => done.map(Some),
    }
}

/// The way back itself: the slots first, then the files, then nginx, then the proof, then the slots. The caller holds
/// the guard from the decision to the end, so nobody else acts meanwhile.
pub(super) fn go_back(
    guard: &mut Guard<'_>,
    staged: &Staged,
    alarm: Alarm,
    steps: &mut dyn Steps,
) -> Result<Record, RevertError> {
    let boot = clock::boot_id().map_err(RevertError::Host)?;
    let record = guard.record().cloned().ok_or(RevertError::NothingOpen)?;
    let release = record.applying.release;
    let why = match decide(&record.applying.standing(boot.0), alarm) {
        Decision::Revert { why, .. } => record.asked.unwrap_or(why),
        Decision::Done if record.stage() == Stage::Confirmed => {
            return Err(RevertError::Confirmed { release });
        }
        Decision::Done | Decision::Wait { .. } => return Err(RevertError::NothingOpen),
    };
    let now = Boottime(clock::boottime_ms());
    let within = Span::from_millis(REVERT_WITHIN_MS);
    let begun = record.reverted.unwrap_or_default();
    let mut how = Reverted { decided_unix_ms: unix_ms(), paths: begun.paths, ..Reverted::default() };
    // Seen by everybody at once; a disk that is slow must not keep the wrong files standing. After a power cut the
    // slots say something earlier, which is as unconfirmed.
    guard.write_unflushed(Record {
        applying: record.applying.revert(why, boot.0, now, within)?,
        reverted: Some(how),
        ..record.clone()
    })?;

    let undone = install::undo(staged, steps)?;
    how.restored_unix_ms = unix_ms();
    how.paths += u32::try_from(undone.restored.len()).unwrap_or(u32::MAX);
    if let Some((path, source)) = undone.failed.into_iter().next() {
        guard.update(|record| record.reverted = Some(how))?;
        return Err(RevertError::Failed { path, others: 0, source });
    }

    let mut notes = vec![record.note.clone()];
    let told =
        matches!(record.stage(), Stage::Switched | Stage::Signalled | Stage::Proven | Stage::Reverting);
    if told || !undone.restored.is_empty() {
        steps.reached("signal", b"");
        how.proven = bring_back(&record, staged, &mut how, &mut notes);
    }
    install::flush(staged)?;
    if !undone.foreign.is_empty() {
        let saved = install::foreign_snapshot(staged).ok().flatten();
        let state_dir = guard.state_dir();
        how.foreign =
            saved.and_then(|files| bundles::save(&state_dir, &files).ok()).map(|digest| BundleId(digest.0));
        let paths: Vec<_> = undone.foreign.iter().map(|path| path.display().to_string()).collect();
        notes.push(format!("changed by somebody else meanwhile and kept: {}", paths.join(", ")));
    }
    how.done_unix_ms = unix_ms();
    notes.retain(|note| !note.is_empty());
    let now = Boottime(clock::boottime_ms());
    steps.reached("reverted", b"");
    let reverting = guard.record().map_or(record.applying, |record| record.applying);
    let applying = reverting.advance(Stage::Reverted, boot.0, now)?;
    guard.update(|record| {
        record.applying = applying;
        record.reverted = Some(how);
        record.note = notes.join("; ");
    })?;
    // What is not saved elsewhere stays beside the tree, and is named there.
    let _best_effort = staged.clone().discard(how.foreign.is_some());
    guard.record().cloned().ok_or(RevertError::NothingOpen)
}

/// Tells nginx to load the old configuration and watches until it serves. `None` where no nginx runs.
fn bring_back(record: &Record, staged: &Staged, how: &mut Reverted, notes: &mut Vec<String>) -> Option<bool> {
    let way_back = WayBack::decode(staged.extra());
    let master = record.master.filter(|master| master.lives()).or_else(|| {
        // Restarted meanwhile, by a supervisor or a person.
        way_back.as_ref().and_then(|way_back| find::find(&way_back.place).ok()).map(|master| master.id)
    })?;
    let logs = way_back.as_ref().map_or(&[][..], |way_back| &way_back.error_logs);
    let before = Before::take(master, logs);
    let reload = match control::reload(master) {
        Ok(reload) => reload,
        Err(error) => {
            notes.push(format!("nginx could not be told: {error}"));
            return Some(false);
        }
    };
    how.signalled_unix_ms = unix_ms();
    let Some(way_back) = way_back else {
        notes.push("nothing is known of how nginx should look, so nothing is proven".to_owned());
        return Some(false);
    };
    match generation::prove(before, &reload, &way_back.expected) {
        Proof::Holds(_) => Some(true),
        Proof::Fails(failure) => {
            notes.push(format!("the old configuration is not proven: {}", failure.reason));
            Some(false)
        }
    }
}

fn open_staged(guard: &Guard<'_>) -> Result<Staged, RevertError> {
    let record = guard.record().ok_or(RevertError::NothingOpen)?;
    Ok(Staged::open(&record.plan, record.plan_digest)?)
}

pub(super) fn open_command(record: &Record) -> Result<Option<crate::identity::ProcessHandle>, RevertError> {
    match record.command.filter(|command| *command != ProcessId::me()) {
        Some(command) => command.open().map_err(RevertError::Host),
        None => Ok(None),
    }
}

/// Makes sure that the guard can be had: a command that withholds it is killed. The kernel gives it back then.
pub(super) fn free_guard(
    slots: &mut Slots,
    command: Option<&crate::identity::ProcessHandle>,
    grace_ms: u64,
) -> Result<(), RevertError> {
    let withheld = matches!(slots.lock(grace_ms), Err(SlotsError::Busy { .. }));
    if withheld
        && let Some(command) = command
        && slots.holder().is_none_or(|holder| holder == command.id().pid)
    {
        let _ended = command.signal(Signal::SIGKILL).map_err(RevertError::Host)?;
        command.ended_within(KILL_WITHIN_MS).map_err(RevertError::Host)?;
    }
    Ok(())
}

fn signal(process: Option<ProcessId>, signal: Signal) {
    if let Some(handle) = process.and_then(|process| process.open().ok().flatten()) {
        let _ended = handle.signal(signal);
    }
}
