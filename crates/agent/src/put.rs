//! Putting a bundle in place where no nginx runs that could be asked to load it: what recovery does at boot.

use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::{Generation, Span};
use evenkeel_host::configdir::FileSet;
use evenkeel_host::fuse::{self, ArmError, Order};
use evenkeel_host::install::{self, StageError, SwitchError, Unobserved};
use evenkeel_host::slots::{AdvanceError, ConfirmError, Record, Slots, SlotsError};

use crate::{Agent, OUTSIDE};

/// How long putting files in place may take before the fuse puts the old ones back.
const WITHIN: Span = Span::from_secs(30);
/// How long the guard may be held by somebody else, in milliseconds.
const GUARD_WITHIN_MS: u64 = 2_000;

/// Why a bundle was not put in place. The fuse has put the old files back, or will.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The slots cannot be used.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// The files could not be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The way back could not be armed.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// The files could not be exchanged.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// It took too long.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// It could not be made permanent.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
}

impl Agent {
    /// Exchanges `from` for `to` on disk, makes that permanent, and tells no nginx. `after` is the record of what was
    /// interrupted.
    ///
    /// # Errors
    /// [`PutError`] says which step failed.
    pub fn put(&self, after: &Record, from: &FileSet, to: &FileSet) -> Result<(), PutError> {
        let mut slots = Slots::create(&self.place.state_dir)?;
        let release = OUTSIDE;
        let plan = install::plan(from, to);
        let staged =
            install::stage(&self.place, &self.keep, &plan, to, &format!("{release}-recovered"), &[])?;
        let order = Order {
            generation: Generation(after.applying.generation.0 + 1),
            release,
            staged: &staged,
            master: None,
            parse_free: false,
            proof_within: WITHIN,
            confirm_within: WITHIN.saturating_add(WITHIN),
        };
        let _armed = fuse::arm(&mut slots, &self.place.state_dir, &order, &self.launch)?;
        {
            let mut guard = slots.lock(GUARD_WITHIN_MS)?;
            install::switch(&staged, from, &mut guard, &mut Unobserved)?;
            // Nothing runs that could be told or proven: nginx itself has accepted this tree a moment ago.
            guard.advance(Stage::Signalled)?;
            guard.advance(Stage::Proven)?;
        }
        self.confirm(release)?;
        Ok(())
    }
}
