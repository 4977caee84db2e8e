//! Trying again after a revert that was not proven: the old files stand, and nginx may still serve the unconfirmed
//! configuration because it refused the old one. What stood in its way may go away by itself.
//!
//! The guard is held while nginx is told and while the outcome is written down, not during the proof: an apply that
//! begins meanwhile finds it free, and the proof ends at its next look.

use std::io;
use std::os::unix::ffi::OsStrExt;

use super::GUARD_GRACE_MS;
use super::back::{nginx_of, said};
use super::revert::{RevertError, signal};
use super::way_back::WayBack;
use crate::clock::{self, unix_ms};
use crate::configdir::read_entry;
use crate::install::{Action, Staged};
use crate::nginx::control;
use crate::nginx::find::FindError;
use crate::nginx::generation::{self, Before, Proof};
use crate::nginx::upgrade;
use crate::place::Place;
use crate::slots::{Record, Slots, SlotsError};

/// What one try came to.
#[derive(Debug)]
pub(super) struct Tried {
    /// What the slots say after it.
    pub(super) record: Record,
    /// Why the old configuration is still not proven.
    pub(super) unproven: Option<String>,
}

/// Tells nginx once more to load the old configuration that stands after an unproven revert, and proves it. `Ok(None)`
/// when the slots speak of no such revert, or another release began meanwhile. In the record that is given, `proven` is
/// `Some(true)`, or `None` where no nginx runs, and the slots say so, too; or it is still `Some(false)` and the note
/// says what this try came to.
///
/// # Errors
/// [`RevertError`] when the slots cannot be used.
pub fn prove_again(place: &Place) -> Result<Option<Record>, RevertError> {
    let mut slots = match Slots::open(&place.state_dir) {
        Err(SlotsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        slots => slots?,
    };
    let Some(record) = slots.read()?.filter(Record::is_unproven) else { return Ok(None) };
    let staged = Staged::open(&record.plan, record.plan_digest).ok();
    let tried = once(&mut slots, staged.as_ref(), Some(place))?;
    Ok(tried.map(|Tried { record, unproven }| match unproven {
        Some(why) => Record { note: why, ..record },
        None => {
            // A fuse that tries, too, has nothing left to do.
            signal(record.fuse, nix::sys::signal::Signal::SIGUSR1);
            record
        }
    }))
}

/// Says whether both speak of the same revert, and it is still unproven.
pub(super) fn same(record: &Record, now: &Record) -> bool {
    let order = |record: &Record| (record.applying.release, record.applying.generation);
    now.is_unproven() && order(now) == order(record)
}

/// One try. `staged` is what lies beside the tree, where it is still known.
pub(super) fn once(
    slots: &mut Slots,
    staged: Option<&Staged>,
    place: Option<&Place>,
) -> Result<Option<Tried>, RevertError> {
    let boot = clock::boot_id().map_err(RevertError::Host)?;
    let way_back = staged.and_then(|staged| WayBack::decode(staged.extra()));
    let (record, told) = {
        let guard = slots.lock(GUARD_GRACE_MS)?;
        let Some(record) = guard.record().filter(|record| record.is_unproven()) else { return Ok(None) };
        let record = record.clone().seen_from(boot);
        let told = tell(&record, staged, way_back.as_ref(), place);
        (record, told)
    };
    let (before, reload) = match told {
        Ok(told) => told,
        Err(Silent::NothingRuns) => {
            let note = "no nginx runs any more; the next one that starts reads the old configuration";
            return settle(slots, &record, staged, None, note);
        }
        Err(Silent::Hindered(why)) => return Ok(Some(Tried { record, unproven: Some(why) })),
    };
    let signalled_unix_ms = unix_ms();
    let Some(way_back) = way_back else {
        let why = "nginx was told; nothing is known of how it should look, so nothing is proven".to_owned();
        return Ok(Some(Tried { record, unproven: Some(why) }));
    };
    let mut over = || matches!(slots.read(), Ok(Some(now)) if !same(&record, &now));
    match generation::prove_unless(before, &reload, &way_back.expected, &mut over) {
        Proof::Holds(_) => {
            let stood = record.reverted.unwrap_or_default().restored_unix_ms;
            let after_s = (unix_ms() - stood).max(0) / 1_000;
            let note =
                format!("the old configuration is proven now, {after_s} s after its files stood again");
            settle(slots, &record, staged, Some(signalled_unix_ms), &note)
        }
        Proof::Fails(failure) => {
            let why = format!("the old configuration is not proven: {}", failure.reason);
            Ok(Some(Tried { record, unproven: Some(why) }))
        }
    }
}

/// Why nginx was not told.
enum Silent {
    NothingRuns,
    Hindered(String),
}

fn tell(
    record: &Record,
    staged: Option<&Staged>,
    way_back: Option<&WayBack>,
    place: Option<&Place>,
) -> Result<(Before, control::Reload), Silent> {
    if let Some(path) = staged.and_then(unconfirmed_again) {
        let why = format!("what was taken back stands at {path} again, so nginx is not told");
        return Err(Silent::Hindered(why));
    }
    let master = nginx_of(record, way_back, place).map_err(|error| match error {
        Some(FindError::NotRunning { .. } | FindError::Stale { .. }) => Silent::NothingRuns,
        Some(error) => Silent::Hindered(said(&error)),
        None => Silent::Hindered("nothing is known of the nginx to tell".to_owned()),
    })?;
    let logs = way_back.map_or(&[][..], |way_back| &way_back.error_logs);
    if let Some(both) = record.upgrade.filter(|both| both.old == master && upgrade::newer(master).is_some()) {
        // It reads nothing while the other one runs.
        let told = upgrade::go_back(both.old, both.new, both.resting_ms > 0, logs);
        return told
            .map(|told| (told.before, told.reload))
            .map_err(|error| Silent::Hindered(format!("nginx could not be told: {}", said(&error))));
    }
    let before = Before::take(master, logs);
    match control::reload(master) {
        Ok(reload) => Ok((before, reload)),
        Err(error) => Err(Silent::Hindered(format!("nginx could not be told: {}", said(&error)))),
    }
}

/// Gives the first path at which the unconfirmed entry stands again: somebody else has put it there, and a reload would
/// load it.
fn unconfirmed_again(staged: &Staged) -> Option<String> {
    let stands_again = |from, to, path: &[u8]| {
        let path = std::ffi::OsStr::from_bytes(path);
        let now = read_entry(&staged.config_dir().join(path)).ok()?.map(|entry| entry.digest());
        (now == to && now != from).then_some(())
    };
    staged.plan().steps.iter().find_map(|step| {
        let Action::Exchange { from, to } = step.action else { return None };
        stands_again(from, to, step.path.as_bytes()).map(|()| step.path.to_string())
    })
}

/// Writes down that it is over, unless somebody else has something else in hand by now.
fn settle(
    slots: &mut Slots,
    record: &Record,
    staged: Option<&Staged>,
    proven_since: Option<i64>,
    note: &str,
) -> Result<Option<Tried>, RevertError> {
    let mut guard = slots.lock(GUARD_GRACE_MS)?;
    let Some(now) = guard.record().filter(|now| same(record, now)).cloned() else { return Ok(None) };
    let mut how = now.reverted.unwrap_or_default();
    how.proven = proven_since.map(|_| true);
    if let Some(signalled_unix_ms) = proven_since {
        how.signalled_unix_ms = signalled_unix_ms;
        how.done_unix_ms = unix_ms();
    }
    let note = if now.note.is_empty() { note.to_owned() } else { format!("{note}; before: {}", now.note) };
    let record = Record { reverted: Some(how), note, ..now };
    guard.write(record.clone())?;
    if let Some(staged) = staged {
        let _best_effort = staged.clone().discard(how.foreign.is_some());
    }
    Ok(Some(Tried { record, unproven: None }))
}
