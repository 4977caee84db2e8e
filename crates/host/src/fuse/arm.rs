//! Arming: the way back is on the disk and watched by a process of its own before a single file is exchanged.

use std::io;

use evenkeel_fleet::apply::{Applying, Boottime, IllegalStep, RevertWhy, Stage};
use evenkeel_fleet::{BundleId, Generation, ReleaseId, Span};

use super::revert::signal;
use nix::sys::signal::Signal;

use super::launch::{Launch, READY_WITHIN_MS};
use super::{GUARD_GRACE_MS, REVERT_WITHIN_MS};
use crate::clock;
use crate::identity::ProcessId;
use crate::install::Staged;
use crate::slots::{Record, Slots, SlotsError, Upgrade};

/// What is to be armed.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The number of the order; a host refuses one that is not higher than all before.
    pub generation: Generation,
    /// The release.
    pub release: ReleaseId,
    /// What lies beside the tree. Its `extra` is a [`WayBack`](super::WayBack).
    pub staged: &'a Staged,
    /// The nginx that runs, if one does.
    pub master: Option<ProcessId>,
    /// Whether that nginx stands by, with the old configuration in memory, until the release is confirmed.
    pub parse_free: bool,
    /// From now to the proof; later than that the host goes back.
    pub proof_within: Span,
    /// From now to the confirmation; later than that the host goes back.
    pub confirm_within: Span,
}

/// A release that will be taken back unless it is confirmed in time.
#[derive(Debug)]
pub struct Armed {
    /// The fuse.
    pub fuse: ProcessId,
    /// What people should know: that the fuse shares our control group, for example.
    pub note: Option<String>,
    /// When the release must be confirmed, on the clock of [`clock::boottime_ms`].
    pub confirm_deadline: Boottime,
    /// When it must be proven, on the same clock.
    pub proof_deadline: Boottime,
}

/// Why nothing was armed. Nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// The slots could not be used.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// Another release is open, or a later order was accepted.
    #[error("arm {release}")]
    Refused {
        /// The release.
        release: ReleaseId,
        /// Why.
        source: IllegalStep,
    },
    /// The kernel does not say which boot this is.
    #[error("tell in which boot the deadlines count")]
    Boot(#[source] io::Error),
    /// The fuse did not say that it is ready.
    #[error("start the fuse: {said}")]
    Fuse {
        /// What it said, or what became of it.
        said: String,
    },
}

/// Writes the armed release into the slots, starts the fuse and waits until it has validated everything that it
/// needs to go back. Only after this may anything be switched.
///
/// # Errors
/// [`ArmError`]; the slots say that nothing is open.
pub fn arm(
    slots: &mut Slots,
    state_dir: &std::path::Path,
    order: &Order<'_>,
    launch: &Launch,
) -> Result<Armed, ArmError> {
    let boot = clock::boot_id().map_err(ArmError::Boot)?;
    let refused = |source| ArmError::Refused { release: order.release, source };
    let plan = order.staged.plan();
    let (from, to) = (BundleId(plan.from.0), BundleId(plan.to.0));
    let (applying, earlier_fuse) = {
        let mut guard = slots.lock(GUARD_GRACE_MS)?;
        let now = guard.record().map_or(Applying::IDLE, |record| record.applying);
        let applying = now.stage(order.generation, order.release, from, to).map_err(refused)?;
        let at = Boottime(clock::boottime_ms());
        let applying = applying.arm(boot.0, at, order.proof_within, order.confirm_within).map_err(refused)?;
        let mut record = guard.record().cloned().unwrap_or_else(|| Record::idle(order.staged.config_dir()));
        let earlier_fuse = record.clone().seen_from(boot).fuse;
        if record.confirmed.is_none() {
            record.confirmed = Some(from);
        }
        // An earlier way back that nginx was not seen to take is still owed, should this release end before its switch.
        let owed = record.reverted.filter(|_| record.is_unproven());
        guard.write(Record {
            applying,
            config_dir: order.staged.config_dir().to_owned(),
            plan: order.staged.plan_path().to_owned(),
            plan_digest: order.staged.plan_digest(),
            master: order.master,
            command: Some(ProcessId::me()),
            fuse: None,
            asked: None,
            note: String::new(),
            reverted: owed,
            upgrade: order.master.filter(|_| order.parse_free).map(Upgrade::of),
            ..record
        })?;
        (applying, earlier_fuse)
    };
    // One that still tries to prove an earlier way back looks now, and ends.
    signal(earlier_fuse, Signal::SIGUSR1);
    let started = launch.start(state_dir, READY_WITHIN_MS);
    let (child, note) = match started {
        Ok(started) => started,
        Err(not_ready) => {
            disarm(slots, &not_ready.0)?;
            return Err(ArmError::Fuse { said: not_ready.0 });
        }
    };
    // Its end is seen through its handle; as our child it is reaped when we end.
    drop(child);
    match slots.read()?.and_then(|record| record.fuse) {
        Some(fuse) => Ok(Armed {
            fuse,
            note,
            confirm_deadline: applying.confirm_deadline,
            proof_deadline: applying.proof_deadline,
        }),
        None => {
            let said = "it said it was ready and did not write its name down".to_owned();
            disarm(slots, &said)?;
            Err(ArmError::Fuse { said })
        }
    }
}

/// Nothing was switched, so the way back is only a matter of saying so.
fn disarm(slots: &mut Slots, why: &str) -> Result<(), SlotsError> {
    let Ok(boot) = clock::boot_id() else { return Ok(()) };
    let mut guard = slots.lock(GUARD_GRACE_MS)?;
    let now = Boottime(clock::boottime_ms());
    let Some(record) = guard.record().filter(|record| record.stage() == Stage::Armed) else { return Ok(()) };
    let within = Span::from_millis(REVERT_WITHIN_MS);
    let reverting = record.applying.revert(RevertWhy::Evidence, boot.0, now, within);
    let reverted = reverting.and_then(|applying| applying.advance(Stage::Reverted, boot.0, now));
    let applying = reverted.expect("an armed release may be taken back");
    guard.update(|record| {
        record.applying = applying;
        record.note = format!("the fuse was not ready: {why}");
    })
}
