//! The master that stands by: it is kept without workers while the release is open, and ended when that is confirmed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_fleet::apply::{IllegalStep, RevertWhy, Stage};
use nix::sys::signal::Signal;

use super::GUARD_GRACE_MS;
use super::revert::signal;
use crate::clock;
use crate::identity::ProcessId;
use crate::nginx::log::{Meaning, Offsets};
use crate::nginx::{control, upgrade};
use crate::slots::{AdvanceError, Guard, Record, Slots, SlotsError, Upgrade};

/// How often the two masters are looked at, in milliseconds.
pub(super) const EVERY_MS: u64 = 50;
/// How long somebody else may hold the guard while the release goes forward, in milliseconds.
const GUARD_WITHIN_MS: u64 = 2_000;
/// How long workers that were sent away may still look as if they served, in milliseconds.
const LEAVING_MS: u64 = 500;

/// Who watches over the master that stands by.
pub(super) struct Rest {
    logs: Option<Offsets>,
}

impl Rest {
    /// Begins to follow the error logs where this way back is armed.
    pub(super) fn of(record: &Record, error_logs: Vec<PathBuf>) -> Self {
        Self { logs: record.upgrade.map(|both| Offsets::take(both.old, error_logs)) }
    }

    /// Whether there is something to watch in this record.
    pub(super) fn is_watched(record: &Record) -> bool {
        let open = matches!(record.stage(), Stage::Signalled | Stage::Proven);
        open && record.upgrade.is_some_and(|both| both.resting_ms > 0)
    }

    /// Looks once. Says what it did, when it did something: sent workers away that somebody had woken, or asked for the
    /// way back because the new master has ended, and its workers go on without it.
    ///
    /// # Errors
    /// [`SlotsError`]; a guard that is busy is none.
    pub(super) fn look(&mut self, slots: &mut Slots, record: &Record) -> Result<Option<String>, SlotsError> {
        let Some(both) = record.upgrade.filter(|_| Self::is_watched(record)) else { return Ok(None) };
        if let Some(new) = both.new.filter(|new| !new.lives()) {
            let why = format!("nginx {}, which served the new configuration, has ended", new.pid);
            return within(slots, record, |guard| {
                guard.ask_revert(RevertWhy::Evidence, &why).map(|()| why.clone())
            });
        }
        let serving = upgrade::serving(both.old);
        if serving.is_empty() {
            return Ok(None);
        }
        let began = |worker: &ProcessId| clock::from_ticks(worker.start_ticks);
        let woken = serving.iter().any(|worker| began(worker) > both.resting_ms);
        if !woken && clock::boottime_ms() < both.resting_ms + LEAVING_MS {
            return Ok(None);
        }
        let lines = self.logs.as_mut().map(Offsets::new_lines).unwrap_or_default();
        let asked = lines.into_iter().filter(|line| line.pid == both.old.pid);
        let mut by = asked.filter_map(|line| match line.meaning() {
            Meaning::Reconfiguring { from } => Some(from),
            _ => None,
        });
        let by = by.next_back().unwrap_or(0);
        within(slots, record, |guard| {
            let _has_ended = control::rest(both.old);
            guard.update(|record| {
                let Some(both) = record.upgrade.as_mut() else { return };
                // Those that take a while to leave are not counted another time.
                both.resting_ms = clock::boottime_ms();
                if woken {
                    both.woken = both.woken.saturating_add(1);
                    both.woken_by = by;
                }
            })?;
            let who = if by == 0 { "somebody".to_owned() } else { format!("process {by}") };
            let count = serving.len();
            Ok(match woken {
                true => {
                    format!("{who} told nginx {} to reload; {count} workers sent away again", both.old.pid)
                }
                false => format!("{count} workers of nginx {} told once more to leave", both.old.pid),
            })
        })
    }
}

/// Does something under the guard, when it is free and the record still speaks of the same.
fn within(
    slots: &mut Slots,
    record: &Record,
    act: impl FnOnce(&mut Guard<'_>) -> Result<String, SlotsError>,
) -> Result<Option<String>, SlotsError> {
    let mut guard = match slots.lock(GUARD_GRACE_MS) {
        Err(SlotsError::Busy { .. }) => return Ok(None),
        guard => guard?,
    };
    let same = |now: &Record| {
        Rest::is_watched(now) && now.asked.is_none() && now.applying.generation == record.applying.generation
    };
    if guard.record().is_some_and(same) { act(&mut guard).map(Some) } else { Ok(None) }
}

/// Writes down which master serves the new configuration: whoever goes back needs to know.
///
/// # Errors
/// [`AdvanceError`] when somebody goes back already.
pub fn new_begun(slots: &mut Slots, new: ProcessId) -> Result<(), AdvanceError> {
    still_open(slots, |guard| {
        guard.update(|record| record.upgrade = record.upgrade.map(|both| Upgrade { new: Some(new), ..both }))
    })
}

/// Sends the workers of the old master away, once those of the new one are proven, and has the fuse watch over it.
///
/// # Errors
/// [`AdvanceError`] when somebody goes back already, or the slots cannot be written.
pub fn stand_by(slots: &mut Slots) -> Result<(), AdvanceError> {
    still_open(slots, |guard| {
        let resting_ms = clock::boottime_ms();
        guard.update(|record| record.upgrade = record.upgrade.map(|both| Upgrade { resting_ms, ..both }))?;
        if let Some(record) = guard.record() {
            // One that has ended meanwhile is seen by the proof.
            let _has_ended = record.upgrade.map(|both| control::rest(both.old));
            signal(record.fuse, Signal::SIGUSR1);
        }
        Ok(())
    })
}

fn still_open(
    slots: &mut Slots,
    act: impl FnOnce(&mut Guard<'_>) -> Result<(), SlotsError>,
) -> Result<(), AdvanceError> {
    let mut guard = slots.lock(GUARD_WITHIN_MS)?;
    let record = guard.record().ok_or(AdvanceError::NothingOpen)?;
    match record.stage() {
        Stage::Signalled if record.asked.is_none() => Ok(act(&mut guard)?),
        _ => Err(AdvanceError::Step(IllegalStep::TooLate { to: Stage::Proven })),
    }
}

/// Ends the master that stood by for a release that is confirmed, and says whether it has ended.
pub(super) fn end_old(record: &Record, within: Duration) -> bool {
    match record.upgrade.filter(|_| record.stage() == Stage::Confirmed) {
        Some(both) if both.old.lives() => upgrade::stay(both.old, within),
        _ => true,
    }
}

/// Ends the master that stood by for a release that was confirmed by somebody who then died. Gives it when it has not
/// ended yet: it finishes its requests first.
///
/// # Errors
/// When the slots cannot be read.
pub fn finish(state_dir: &Path, within: Duration) -> Result<Option<ProcessId>, SlotsError> {
    let record = match Slots::open(state_dir) {
        Err(SlotsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        slots => slots?.read()?,
    };
    let Ok(boot) = clock::boot_id() else { return Ok(None) };
    let Some(record) = record.map(|record| record.seen_from(boot)) else { return Ok(None) };
    let ended = end_old(&record, within);
    Ok(record.upgrade.map(|both| both.old).filter(|_| !ended))
}
