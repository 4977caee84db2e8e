//! Append, then act, by type.

use crate::apply::RevertWhy;
use crate::{BundleId, Event, Generation, HostId, PolicyError, ReleaseId, Sequence, Span, Timestamp, What};

/// What [`Fleet::step`](crate::Fleet::step) decided: events that must be durable, and effects that may only
/// be performed once they are.
///
/// The fleet that made the turn has applied its events already. If the append fails, that fleet is ahead of
/// the journal: throw it away and replay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a turn's events must be appended and its effects performed"]
pub struct Turn {
    expected: Sequence,
    events: Vec<Event>,
    effects: Vec<Effect>,
    refusal: Option<Refusal>,
}

impl Turn {
    pub(crate) fn new(
        expected: Sequence,
        events: Vec<Event>,
        effects: Vec<Effect>,
        refusal: Option<Refusal>,
    ) -> Self {
        Self { expected, events, effects, refusal }
    }

    /// The sequence that the journal must have for the append.
    pub fn expected(&self) -> Sequence {
        self.expected
    }

    /// What must be appended, in this order; empty when nothing happened.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Why the input was not followed. Events may say that it was asked for.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// The release that this turn opened.
    pub fn proposed(&self) -> Option<ReleaseId> {
        self.events.iter().find_map(|event| match event.what {
            What::Proposed { release, .. } => Some(release),
            _ => None,
        })
    }

    /// Hands out the effects against the receipt for this turn's events.
    ///
    /// # Panics
    /// When the receipt is for another append: acting on what is not durable is never right.
    pub fn perform(self, receipt: Receipt) -> Vec<Effect> {
        let wanted = self.expected.after(self.events.len());
        assert_eq!((receipt.before, receipt.sequence), (self.expected, wanted), "a receipt for another turn");
        self.effects
    }
}

/// The proof that an append is durable. Only a store makes one, after the append is on the disk.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    before: Sequence,
    sequence: Sequence,
}

impl Receipt {
    /// For stores alone: `count` events after `before` are durable, so that no crash loses them.
    pub fn durable(before: Sequence, count: usize) -> Self {
        Self { before, sequence: before.after(count) }
    }

    /// Whether it is the one for `count` events after `before`.
    pub(crate) fn is_for(&self, before: Sequence, count: usize) -> bool {
        (self.before, self.sequence) == (before, before.after(count))
    }

    /// The journal's sequence after the append.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }
}

/// Something to do once the turn's events are durable. Each may be performed twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell a host something.
    Order {
        /// The host.
        host: HostId,
        /// The number of this order; the host refuses a lower one than it has seen.
        generation: Generation,
        /// What it is told.
        command: Command,
    },
    /// Watch a proven release: ask its live routes. At or after `until`, or as soon as something does not
    /// hold, say what was seen as [`EvidenceKind::Observation`](crate::EvidenceKind::Observation). The policy
    /// confirms on nothing less.
    Observe {
        /// The host.
        host: HostId,
        /// The release.
        release: ReleaseId,
        /// The end of the bake.
        until: Timestamp,
        /// How often to ask.
        every: Span,
    },
}

/// What a host is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Go to a bundle, with a way back.
    Apply {
        /// The release.
        release: ReleaseId,
        /// What must stand there now.
        from: BundleId,
        /// What shall stand there.
        to: BundleId,
        /// From arming to proof; later than that the host reverts by itself.
        proof_within: Span,
        /// From arming to `Confirm`; later than that the host reverts by itself.
        confirm_within: Span,
    },
    /// Make the release permanent.
    Confirm {
        /// The release.
        release: ReleaseId,
    },
    /// Go back, at any stage before `Confirm`.
    Revert {
        /// The release.
        release: ReleaseId,
        /// Why.
        why: RevertWhy,
    },
}

/// Why an input was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What stands on the host was never confirmed.
    #[error("start from what stands on {host}: nobody confirmed it (adopt it first)")]
    NotAdopted {
        /// The host.
        host: HostId,
        /// Its confirmed bundle, when it has one.
        confirmed: Option<BundleId>,
    },
    /// The host has an open release.
    #[error("go on while {open} is open on {host}")]
    Open {
        /// The host.
        host: HostId,
        /// Its open release.
        open: ReleaseId,
    },
    /// A freeze is in force. The attempt is in the journal.
    #[error("change anything: frozen by {who} ({why})")]
    Frozen {
        /// Who froze.
        who: String,
        /// Why.
        why: String,
    },
    /// The bundle to go back to was never confirmed on that host.
    #[error("go back to {to}: it was never confirmed on this host", to = .0.short())]
    NeverConfirmed(BundleId),
    /// The policy cannot be followed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// There is no such release.
    #[error("find {0}")]
    NoSuchRelease(ReleaseId),
    /// There is no open release on the host.
    #[error("find an open release on {0}")]
    NothingOpen(HostId),
    /// The release has ended.
    #[error("change {0}: it has ended")]
    Ended(ReleaseId),
    /// Only a proven release can be confirmed.
    #[error("confirm {0}: it is not proven")]
    NotProven(ReleaseId),
    /// The confirm window is over, or the host is going back already.
    #[error("confirm {0}: it is too late, the host goes back")]
    TooLate(ReleaseId),
    /// A report answers an older order.
    #[error("take a report on order {reported}: the release on that host began with order {current}")]
    Stale {
        /// The order that the report names.
        reported: Generation,
        /// The order that opened the release.
        current: Generation,
    },
    /// A report answers an order that this journal never gave.
    #[error("take a report on order {0}, which this journal never gave")]
    NeverOrdered(Generation),
    /// A report does not fit the stage that the release is in.
    #[error("take the report {report:?} on {release}, which is {stage}")]
    OutOfPlace {
        /// The release.
        release: ReleaseId,
        /// The stage it is in.
        stage: &'static str,
        /// What was reported.
        report: &'static str,
    },
    /// There is no freeze to end.
    #[error("thaw what is not frozen")]
    NotFrozen,
}
