//! One release: what it wants, and how far it is.

use std::collections::BTreeSet;

use crate::apply::RevertWhy;
use crate::journal::{By, Order, Proposal};
use crate::{Evidence, EvidenceKind, Generation, ReleaseId, Timestamp};

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its evidence is gathered; the host knows nothing of it.
    Gathering,
    /// The host is told to apply it.
    Ordered,
    /// The new contents stand in the host's tree.
    Switched,
    /// New workers serve it; it is watched.
    Proven,
    /// The host is told to make it permanent.
    Confirming,
    /// The host is told to go back.
    Reverting,
    /// It has ended.
    Ended(Outcome),
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is permanent.
    Confirmed,
    /// It was refused before the switch; the host is as it was.
    Refused,
    /// Somebody else wrote to the tree; nothing was overwritten.
    Conflict,
    /// The host went back.
    RolledBack {
        /// Whether it is proven that the old bundle serves.
        proven: bool,
    },
}

impl Stage {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gathering => "gathering evidence",
            Self::Ordered => "ordered",
            Self::Switched => "switched",
            Self::Proven => "proven",
            Self::Confirming => "being confirmed",
            Self::Reverting => "going back",
            Self::Ended(Outcome::Confirmed) => "confirmed",
            Self::Ended(Outcome::Refused) => "refused",
            Self::Ended(Outcome::Conflict) => "in conflict",
            Self::Ended(Outcome::RolledBack { proven: true }) => "rolled back",
            Self::Ended(Outcome::RolledBack { proven: false }) => "rolled back, unproven",
        }
    }
}

/// One release. What is written here was folded from the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub(crate) id: ReleaseId,
    pub(crate) proposal: Proposal,
    pub(crate) stage: Stage,
    pub(crate) held: BTreeSet<EvidenceKind>,
    pub(crate) proposed_at: Timestamp,
    pub(crate) applied_by: Option<Generation>,
    pub(crate) switched_at: Option<Timestamp>,
    pub(crate) proven_at: Option<Timestamp>,
    pub(crate) baked: bool,
    pub(crate) confirmer: Option<By>,
    pub(crate) reverting: Option<(RevertWhy, String)>,
    pub(crate) ended_at: Option<Timestamp>,
}

impl Release {
    pub(crate) fn new(id: ReleaseId, proposal: Proposal, at: Timestamp) -> Self {
        Self {
            id,
            proposal,
            stage: Stage::Gathering,
            held: BTreeSet::new(),
            proposed_at: at,
            applied_by: None,
            switched_at: None,
            proven_at: None,
            baked: false,
            confirmer: None,
            reverting: None,
            ended_at: None,
        }
    }

    /// Its number.
    pub fn id(&self) -> ReleaseId {
        self.id
    }

    /// Who wanted what, and why.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// How it ended, when it did.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether it has not ended.
    pub fn open(&self) -> bool {
        self.outcome().is_none()
    }

    /// When it was proposed.
    pub fn proposed_at(&self) -> Timestamp {
        self.proposed_at
    }

    /// When the new contents stood in the tree, as the fleet heard it.
    pub fn switched_at(&self) -> Option<Timestamp> {
        self.switched_at
    }

    /// When it was proven.
    pub fn proven_at(&self) -> Option<Timestamp> {
        self.proven_at
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// The first reason to go back, when there was one.
    pub fn reverting(&self) -> Option<(RevertWhy, &str)> {
        self.reverting.as_ref().map(|(why, reason)| (*why, reason.as_str()))
    }

    /// The end of the bake, once it is proven.
    pub fn bakes_until(&self) -> Option<Timestamp> {
        self.proven_at.map(|at| at + self.proposal.policy.bake)
    }

    /// The gates of the policy that nothing has passed yet.
    pub fn missing(&self) -> impl Iterator<Item = EvidenceKind> {
        self.proposal.policy.gates.iter().copied().filter(|gate| !self.held.contains(gate))
    }

    /// When the host ought to have gone on or back by itself.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let policy = &self.proposal.policy;
        match self.stage {
            Stage::Switched => self.switched_at.map(|at| at + policy.proof_within),
            Stage::Proven => self.switched_at.map(|at| at + policy.confirm_within),
            _ => None,
        }
    }

    pub(crate) fn fold_evidence(&mut self, evidence: &Evidence, at: Timestamp) {
        if evidence.holds {
            self.held.insert(evidence.kind);
        }
        let watched = evidence.kind == EvidenceKind::Observation;
        if watched && evidence.holds && self.bakes_until().is_some_and(|until| at >= until) {
            self.baked = true;
        }
    }

    pub(crate) fn fold_order(&mut self, generation: Generation, order: &Order) {
        match order {
            Order::Apply => {
                self.stage = Stage::Ordered;
                self.applied_by = Some(generation);
            }
            Order::Confirm(by) => {
                self.stage = Stage::Confirming;
                self.confirmer = Some(by.clone());
            }
            Order::Revert => self.stage = Stage::Reverting,
        }
    }

    pub(crate) fn end(&mut self, outcome: Outcome, at: Timestamp) {
        self.stage = Stage::Ended(outcome);
        self.ended_at = Some(at);
    }
}
