//! What the fuse and recovery decide. Everything they know is one slot and one alarm.

use super::{Applying, Boottime, RevertWhy, Stage};

/// Where an apply stands, as one slot tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub stage: Stage,
    /// When the present step must be over: the proof, and while reverting the revert.
    pub proof_deadline: Boottime,
    /// When the release must be confirmed.
    pub confirm_deadline: Boottime,
    /// Whether the deadlines count in the present boot. In another one every deadline is past.
    pub same_boot: bool,
}

/// What made somebody look at the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The command that applies has died.
    CommandDied,
    /// Time has passed.
    Tick {
        /// The present time.
        now: Boottime,
    },
    /// Somebody wants the old bundle back.
    RevertAsked,
    /// The host booted, or recovery was called: no command and no fuse live.
    Boot,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing until then, unless another alarm comes.
    Wait {
        /// When to look again.
        until: Boottime,
    },
    /// Put the old bundle back.
    Revert {
        /// Why.
        why: RevertWhy,
        /// Whether the command may live and must be killed first, by its process handle. After that the slot
        /// must be read and decided again: the command may have gone on until its end.
        kill_command: bool,
    },
    /// Nothing is unconfirmed.
    Done,
}

/// Decides what happens to an apply.
///
/// Dead before proof: back at once. No proof in time: kill the command, back. Proven but not confirmed in
/// time: back. Dead after proof: wait for the confirmation. Asked, or booted, before confirmation: back.
pub fn decide(standing: &Standing, alarm: Alarm) -> Decision {
    let Standing { stage, proof_deadline, confirm_deadline, same_boot } = *standing;
    if !stage.unconfirmed() {
        return Decision::Done;
    }
    let proven = stage == Stage::Proven;
    let (deadline, late) = if proven {
        (confirm_deadline, RevertWhy::NotConfirmedInTime)
    } else {
        (proof_deadline, RevertWhy::NotProvenInTime)
    };
    match alarm {
        Alarm::Boot => Decision::Revert { why: RevertWhy::Boot, kill_command: false },
        Alarm::RevertAsked => Decision::Revert { why: RevertWhy::Asked, kill_command: same_boot },
        Alarm::CommandDied if !proven => {
            Decision::Revert { why: RevertWhy::CommandDied, kill_command: false }
        }
        Alarm::CommandDied if same_boot => Decision::Wait { until: confirm_deadline },
        // Nothing is armed, so there is no deadline and the tree is untouched.
        Alarm::Tick { .. } if stage == Stage::Staged => Decision::Wait { until: Boottime(u64::MAX) },
        Alarm::Tick { now } if same_boot && now < deadline => Decision::Wait { until: deadline },
        Alarm::CommandDied => Decision::Revert { why: late, kill_command: false },
        Alarm::Tick { .. } => Decision::Revert { why: late, kill_command: same_boot },
    }
}

impl Applying {
    /// Where this apply stands, seen from the boot with that id.
    pub fn standing(&self, boot: [u8; 16]) -> Standing {
        Standing {
            stage: self.stage,
            proof_deadline: self.proof_deadline,
            confirm_deadline: self.confirm_deadline,
            same_boot: self.boot == boot,
        }
    }
}
