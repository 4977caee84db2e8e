//! How a release is let through: how long it may take to prove itself, how long it is watched, who confirms.

use crate::{EvidenceKind, Span};

/// The longest proof that a policy may allow: while it runs nobody knows what serves.
const PROOF_WITHIN_MAX: Span = Span::from_secs(10 * 60);
/// The longest confirm window: a day, so that a forgotten release ends.
const CONFIRM_WITHIN_MAX: Span = Span::from_secs(24 * 60 * 60);

/// What must hold, and for how long, before a release is permanent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a host may take from arming to proof before it reverts by itself; default 3 s.
    pub proof_within: Span,
    /// How long a host waits from arming for `Confirm` before it reverts by itself; default 60 s.
    pub confirm_within: Span,
    /// How long a proven release is watched before the policy confirms it; default 10 s.
    pub bake: Span,
    /// Whether a person confirms, and the policy never does; default false.
    pub hold: bool,
    /// What must have been seen to hold before the host is ordered to apply; default check and preflight.
    pub gates: Vec<EvidenceKind>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            proof_within: Span::from_secs(3),
            confirm_within: Span::from_secs(60),
            bake: Span::from_secs(10),
            hold: false,
            gates: vec![EvidenceKind::Check, EvidenceKind::Preflight],
        }
    }
}

/// Why a policy cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Nothing can be proven in no time.
    #[error("follow a policy whose proof may take no time at all")]
    NoProof,
    /// The proof may take longer than is safe.
    #[error("follow a policy whose proof may take {0}, longer than {PROOF_WITHIN_MAX}")]
    ProofTooLong(Span),
    /// The confirm window is longer than is safe.
    #[error("follow a policy whose confirm window is {0}, longer than {CONFIRM_WITHIN_MAX}")]
    ConfirmTooLong(Span),
    /// The host would revert before the bake ends.
    #[error(
        "follow a policy whose bake ({bake}) after the proof ({proof}) does not end before the confirm window ({confirm})"
    )]
    BakeOutlastsWindow {
        /// The time for the proof.
        proof: Span,
        /// The time the release is watched.
        bake: Span,
        /// The confirm window, which must be longer than both together.
        confirm: Span,
    },
    /// Something that can only be seen after the switch cannot be asked for before it.
    #[error("follow a policy that asks for {0} before the switch")]
    GateTooLate(EvidenceKind),
}

impl Policy {
    /// Checks that the policy can be followed.
    ///
    /// # Errors
    /// [`PolicyError`] names the first thing that cannot.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let Self { proof_within: proof, confirm_within: confirm, bake, .. } = *self;
        if proof == Span::ZERO {
            return Err(PolicyError::NoProof);
        }
        if proof > PROOF_WITHIN_MAX {
            return Err(PolicyError::ProofTooLong(proof));
        }
        if confirm > CONFIRM_WITHIN_MAX {
            return Err(PolicyError::ConfirmTooLong(confirm));
        }
        if proof.saturating_add(bake) >= confirm {
            return Err(PolicyError::BakeOutlastsWindow { proof, bake, confirm });
        }
        match self.gates.iter().find(|gate| !gate.before_the_order()) {
            Some(gate) => Err(PolicyError::GateTooLate(*gate)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(proof: u64, bake: u64, confirm: u64) -> Policy {
        Policy {
            proof_within: Span::from_secs(proof),
            bake: Span::from_secs(bake),
            confirm_within: Span::from_secs(confirm),
            ..Policy::default()
        }
    }

    #[test]
    fn default_policy_can_be_followed() {
        assert_eq!(Policy::default().validate(), Ok(()));
    }

    #[test]
    fn bake_ends_before_the_host_goes_back_by_itself() {
        assert_eq!(policy(3, 56, 60).validate(), Ok(()));
        assert!(matches!(policy(3, 57, 60).validate(), Err(PolicyError::BakeOutlastsWindow { .. })));
        assert!(matches!(policy(3, 0, 3).validate(), Err(PolicyError::BakeOutlastsWindow { .. })));
        let endless = Policy { bake: Span::from_millis(u64::MAX), ..Policy::default() };
        assert!(matches!(endless.validate(), Err(PolicyError::BakeOutlastsWindow { .. })));
    }

    #[test]
    fn windows_have_bounds() {
        assert_eq!(policy(0, 1, 60).validate(), Err(PolicyError::NoProof));
        assert_eq!(policy(601, 1, 700).validate(), Err(PolicyError::ProofTooLong(Span::from_secs(601))));
        assert_eq!(
            policy(3, 1, 86_401).validate(),
            Err(PolicyError::ConfirmTooLong(Span::from_secs(86_401)))
        );
    }

    #[test]
    fn proof_cannot_be_asked_for_before_the_switch() {
        let early = Policy { gates: vec![EvidenceKind::Proof], ..Policy::default() };
        assert_eq!(early.validate(), Err(PolicyError::GateTooLate(EvidenceKind::Proof)));
    }
}
