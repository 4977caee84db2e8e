//! The way back itself: the slots first, then the files, then nginx, then the proof, then the slots.

use std::path::PathBuf;

use evenkeel_fleet::apply::{Alarm, Boottime, Decision, Stage, Way, decide};
use evenkeel_fleet::{BundleId, Span};
use evenkeel_syntax::fileset::Digest;

use super::REVERT_WITHIN_MS;
use super::bring_back::Ways;
use super::revert::RevertError;
use super::way_back::WayBack;
use crate::clock::{self, unix_ms};
use crate::configdir::bundles;
use crate::identity::ProcessId;
use crate::install::{self, PlanError, Staged, Steps, Undone};
use crate::nginx::find::{self, FindError};
use crate::place::Place;
use crate::slots::{Guard, Record, Reverted};

/// One going back.
pub(super) struct Back<'a> {
    /// What lies beside the tree, or why that cannot be told.
    pub(super) staged: Result<&'a Staged, &'a PlanError>,
    /// The host's nginx, where the plan does not say.
    pub(super) place: Option<&'a Place>,
    /// What made somebody look.
    pub(super) alarm: Alarm,
}

/// What putting the files back came to.
#[derive(Default)]
struct PutBack {
    restored: usize,
    foreign: Vec<PathBuf>,
    /// Whether what lay beside the tree was not enough.
    rescued: bool,
    /// Where the rescue saved what is foreign.
    saved: Option<Digest>,
}

impl Back<'_> {
    /// Decides once more, under the guard, and goes. The caller holds the guard to the end, so nobody else acts
    /// meanwhile.
    pub(super) fn go(&self, guard: &mut Guard<'_>, steps: &mut dyn Steps) -> Result<Record, RevertError> {
        let boot = clock::boot_id().map_err(RevertError::Host)?;
        let record = guard.record().cloned().ok_or(RevertError::NothingOpen)?.seen_from(boot);
        let release = record.applying.release;
        let why = match decide(&record.applying.standing(boot.0), self.alarm) {
            Decision::Revert { why, .. } => record.asked.unwrap_or(why),
            Decision::Done if record.stage() == Stage::Confirmed => {
                return Err(RevertError::Confirmed { release });
            }
            Decision::Done | Decision::Wait { .. } => return Err(RevertError::NothingOpen),
        };
        let within = Span::from_millis(REVERT_WITHIN_MS);
        let applying = record.applying.revert(why, boot.0, Boottime(clock::boottime_ms()), within)?;
        let last = record.reverted.unwrap_or_default();
        // The last try came to its end but for the disk: nginx need not be told another time.
        let finished = record.stage() == Stage::Reverting
            && last.restored_unix_ms != 0
            && record.applying.boot == boot.0;
        let mut how = if finished {
            last
        } else {
            let paths = if record.stage() == Stage::Reverting { last.paths } else { 0 };
            Reverted { decided_unix_ms: unix_ms(), paths, ..Reverted::default() }
        };
        // An earlier release was taken back, and nginx was not seen to load the old files: it may still serve that one.
        let owed = record.stage() == Stage::Armed && last.proven == Some(false);
        // Seen by everybody at once; a disk that is slow must not keep the wrong files standing. After a power cut
        // the slots say something earlier, which is as unconfirmed.
        let begun = Reverted { restored_unix_ms: 0, ..how };
        guard.write_unflushed(Record { applying, reverted: Some(begun), ..record.clone() })?;

        let mut notes = vec![record.note.clone()];
        let put_back = match self.put_back(&record, guard, steps, &mut notes) {
            Ok(put_back) => put_back,
            Err(why) => {
                guard.update(|record| record.reverted = Some(begun))?;
                return Err(RevertError::Files { why });
            }
        };
        let finished = finished && put_back.restored == 0;
        if !finished {
            how.restored_unix_ms = unix_ms();
        }
        how.paths = how.paths.saturating_add(u32::try_from(put_back.restored).unwrap_or(u32::MAX));
        let told =
            matches!(record.stage(), Stage::Switched | Stage::Signalled | Stage::Proven | Stage::Reverting);
        if !finished && (told || owed || put_back.restored > 0) {
            steps.reached("signal", b"");
            let way_back = self.staged.ok().and_then(|staged| WayBack::decode(staged.extra()));
            let state_dir = guard.state_dir();
            let ways = Ways {
                record: &record,
                state_dir: &state_dir,
                way_back: way_back.as_ref(),
                place: self.place,
            };
            how.proven = ways.go(&mut how, &mut notes);
        }
        if !put_back.foreign.is_empty() {
            how.foreign = self.save_foreign(&put_back, guard).map(|digest| BundleId(digest.0));
            let paths: Vec<_> = put_back.foreign.iter().map(|path| path.display().to_string()).collect();
            notes.push(format!("changed by somebody else meanwhile and kept: {}", paths.join(", ")));
        }
        notes.retain(|note| !note.is_empty());
        match self.staged.map(install::flush) {
            // Where the bundles had to help, there may be nothing beside the tree to flush.
            Ok(Err(error)) if !put_back.rescued => {
                // For the next try, in this boot: a power cut undoes more than this.
                let note = notes.join("; ");
                let reverting = Record { applying, reverted: Some(how), note, ..record };
                let _best_effort = guard.write_unflushed(reverting);
                return Err(error.into());
            }
            _ => {}
        }
        how.done_unix_ms = unix_ms();
        steps.reached("reverted", b"");
        let reverting = applying;
        let applying = reverting.advance(Stage::Reverted, boot.0, Boottime(clock::boottime_ms()))?;
        let reverting = Record { applying: reverting, reverted: Some(how), note: notes.join("; "), ..record };
        let mut record = Record { applying, ..reverting.clone() };
        if how.way == Some(Way::LastKnownGood) {
            record.confirmed = record.confirmed_before;
        }
        if let Err(error) = guard.write(record.clone()) {
            // The next try need not tell nginx another time.
            let _best_effort = guard.write_unflushed(reverting);
            return Err(error.into());
        }
        // Whoever tries again needs to know how nginx should look.
        if let Ok(staged) = self.staged
            && !record.is_unproven()
        {
            // What is not saved elsewhere stays beside the tree.
            let _best_effort = staged.clone().discard(how.foreign.is_some());
        }
        Ok(record)
    }

    /// Puts the old files back: from what lies beside the tree, and if that is not enough from the saved bundles.
    fn put_back(
        &self,
        record: &Record,
        guard: &Guard<'_>,
        steps: &mut dyn Steps,
        notes: &mut Vec<String>,
    ) -> Result<PutBack, String> {
        let undone = match self.staged {
            Ok(staged) => install::undo(staged, steps).map_err(|error| said(&error)),
            Err(error) => Err(said(error)),
        };
        let (undone, why) = match undone {
            Err(why) => (Undone::default(), Some(why)),
            Ok(undone) => {
                let failed = undone.failed.first();
                let why = failed.map(|(path, error)| format!("put {} back: {error}", path.display()));
                (undone, why)
            }
        };
        let mut put_back =
            PutBack { restored: undone.restored.len(), foreign: undone.foreign, ..PutBack::default() };
        let Some(why) = why else { return Ok(put_back) };
        let (from, to) = (Digest(record.applying.from.0), Digest(record.applying.to.0));
        match install::rescue(&record.config_dir, &guard.state_dir(), from, to) {
            Err(error) => Err(format!("{why}; and from the saved bundle: {}", said(&error))),
            Ok(rescued) => {
                notes.push(format!("put back from the saved bundle ({why})"));
                put_back.restored += rescued.restored.len();
                put_back.foreign.extend(rescued.foreign);
                Ok(PutBack { rescued: true, saved: rescued.saved, ..put_back })
            }
        }
    }

    /// Saves what is of neither bundle as one of its own, where there is room. It lies beside the tree besides.
    fn save_foreign(&self, put_back: &PutBack, guard: &Guard<'_>) -> Option<Digest> {
        if put_back.saved.is_some() {
            return put_back.saved;
        }
        let files = install::foreign_snapshot(self.staged.ok()?).ok().flatten()?;
        bundles::save(&guard.state_dir(), &files).ok()
    }
}

/// Gives the nginx that must load the old configuration: the one that was told of the new one, or the one that took its
/// place, started by a supervisor or a person. `Err(None)` when nobody knows where to look.
pub(super) fn nginx_of(
    record: &Record,
    way_back: Option<&WayBack>,
    place: Option<&Place>,
) -> Result<ProcessId, Option<FindError>> {
    let new = record.upgrade.and_then(|both| both.new);
    if let Some(master) = [record.master, new].into_iter().flatten().find(|master| master.lives()) {
        return Ok(master);
    }
    let place = way_back.map(|way_back| &way_back.place).or(place).ok_or(None)?;
    find::find(place).map(|master| master.id).map_err(Some)
}

/// An error and its causes, in one line.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text += &format!(": {next_text}");
        }
        cause = next.source();
    }
    text
}
