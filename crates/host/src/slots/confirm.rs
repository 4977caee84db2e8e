//! Making an applied bundle permanent, and beginning to take it back. Both are decided under the guard.

use evenkeel_fleet::apply::{Boottime, IllegalStep, RevertWhy, Stage};
use evenkeel_fleet::{BundleId, Generation, ReleaseId};

use super::{Guard, Record, SlotsError};
use crate::clock;

/// Why a release is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The slots could not be used.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// Nothing waits for a confirmation.
    #[error("confirm: no release waits for it")]
    NothingOpen,
    /// Another release is open.
    #[error("confirm {wanted}: {open} is the one that waits")]
    Other {
        /// What was to be confirmed.
        wanted: ReleaseId,
        /// What waits.
        open: ReleaseId,
    },
    /// It is not proven, the deadline is past, or the host goes back already.
    #[error("confirm {release}")]
    Refused {
        /// The release.
        release: ReleaseId,
        /// Why.
        source: IllegalStep,
    },
    /// The kernel does not say which boot this is.
    #[error("tell in which boot the deadline counts")]
    Boot(#[source] std::io::Error),
}

/// Confirms the open release (or refuses to, when it is not `release`), and returns when that is durable.
/// After this the fuse has nothing to do.
///
/// # Errors
/// [`ConfirmError`]; the record is as it was.
pub fn confirm(guard: &mut Guard<'_>, release: Option<ReleaseId>) -> Result<Record, ConfirmError> {
    let Some(record) =
        guard.record().filter(|record| !matches!(record.stage(), Stage::Idle | Stage::Confirmed))
    else {
        return Err(ConfirmError::NothingOpen);
    };
    let open = record.applying.release;
    if let Some(wanted) = release.filter(|wanted| *wanted != open) {
        return Err(ConfirmError::Other { wanted, open });
    }
    let refused = |source| ConfirmError::Refused { release: open, source };
    if record.asked.is_some() {
        return Err(refused(IllegalStep::TooLate { to: Stage::Confirmed }));
    }
    let boot = clock::boot_id().map_err(ConfirmError::Boot)?;
    let now = Boottime(clock::boottime_ms());
    let applying = record.applying.advance(Stage::Confirmed, boot.0, now).map_err(refused)?;
    let confirmed = Some(applying.to);
    let before = if record.confirmed == confirmed { record.confirmed_before } else { record.confirmed };
    let master = record.upgrade.and_then(|both| both.new).or(record.master);
    let record = Record { applying, confirmed, confirmed_before: before, master, ..record.clone() };
    guard.write(record.clone())?;
    Ok(record)
}

impl Guard<'_> {
    /// Goes one stage further under the guard and only when it is not too late: what `advance` of
    /// [`Applying`](evenkeel_fleet::apply::Applying) allows, and nobody has asked to go back.
    ///
    /// # Errors
    /// [`AdvanceError`]; the record is as it was.
    pub fn advance(&mut self, to: Stage) -> Result<(), AdvanceError> {
        let record = self.record().ok_or(AdvanceError::NothingOpen)?;
        if record.asked.is_some() {
            return Err(AdvanceError::Step(IllegalStep::TooLate { to }));
        }
        let boot = clock::boot_id().map_err(AdvanceError::Boot)?;
        let applying = record.applying.advance(to, boot.0, Boottime(clock::boottime_ms()))?;
        Ok(self.update(|record| record.applying = applying)?)
    }

    /// Makes what stands in the tree the confirmed bundle of this host, under an order that is not older than any
    /// accepted one.
    ///
    /// # Errors
    /// [`AdvanceError`] when a release is open, or the order is stale.
    pub fn adopt(
        &mut self,
        config_dir: &std::path::Path,
        bundle: BundleId,
        order: Generation,
    ) -> Result<(), AdvanceError> {
        let record = self.record().cloned().unwrap_or_else(|| Record::idle(config_dir));
        if record.stage().unconfirmed() {
            let source = IllegalStep::Order { from: record.stage(), to: Stage::Confirmed };
            return Err(AdvanceError::Step(source));
        }
        let applying = record.applying.ordered(order)?;
        let (confirmed, before) = (record.confirmed, record.confirmed_before);
        let confirmed_before = if confirmed == Some(bundle) { before } else { confirmed };
        Ok(self.write(Record { applying, confirmed: Some(bundle), confirmed_before, ..record })?)
    }

    /// Writes down that somebody wants the old bundle back. The first reason stays.
    ///
    /// # Errors
    /// Those of [`Guard::write`].
    pub fn ask_revert(&mut self, why: RevertWhy, note: &str) -> Result<(), SlotsError> {
        self.update(|record| {
            if record.asked.is_none() {
                record.asked = Some(why);
                note.clone_into(&mut record.note);
            }
        })
    }
}

/// Why an apply does not go to its next stage.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// The slots could not be used.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// No apply is under way.
    #[error("go on: no apply is under way")]
    NothingOpen,
    /// It is too late, or out of order.
    #[error(transparent)]
    Step(#[from] IllegalStep),
    /// The kernel does not say which boot this is.
    #[error("tell in which boot the deadline counts")]
    Boot(#[source] std::io::Error),
}
