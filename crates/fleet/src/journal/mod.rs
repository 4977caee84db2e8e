//! The one append-only vocabulary: what happened, in a form that later versions can read.
//!
//! Everything else is a fold over these events. The form (`form.rs`) is a public promise: a variant or a
//! field may be added with a new [`FORMAT`], none changes its meaning.

mod alerts;
mod drift;
mod form;
mod incidents;
mod packages;
mod releases;
#[cfg(test)]
mod tests;
mod watch;

use serde::{Deserialize, Serialize};

pub use alerts::{Alert, AlertKind, AlertStep};
pub use drift::{Author, Drift, DriftChange, DriftEnd, DriftHow, DriftStage, KnownBy};
pub use form::{Format, NewerFormat};
pub use incidents::{
    Cause, Clue, Finding, Gate, Held, Incident, IncidentStep, Maintenance, MaintenanceStep, NoteKind,
    RULED_OUT, Replay, Severity, Source, Started, Verdict,
};
pub use packages::{Conffile, ConffileOutcome, PackageRun, PackageStage, PackageStep, Served};
pub use releases::{
    Adoption, By, Choice, Order, Phase, Proposal, Recovery, RefusedBy, Revert, Reverter, RouteAnswer,
};
pub use watch::{Answers, AnswersOfStep, Certificate, Firewall, Health, Seen, Transition};

use crate::apply::RevertWhy;
use crate::{Actor, Evidence, Generation, HostId, ReleaseId, Timestamp};

/// The version in which this program writes events; it reads this one and every older one.
pub const FORMAT: u16 = 4;

/// Longest text diff in the journal, in bytes; the whole one can be made again from the two bundles.
pub const DIFF_BYTES_MAX: usize = 256 * 1024;

impl What {
    /// The release it is about.
    pub fn release(&self) -> Option<ReleaseId> {
        match self {
            Self::Proposed { release, .. }
            | Self::Saw { release, .. }
            | Self::Answered { release, .. }
            | Self::Refused { release, .. }
            | Self::Ordered { release, .. }
            | Self::Switched { release, .. }
            | Self::Proven { release, .. }
            | Self::Confirmed { release, .. }
            | Self::RevertOrdered { release, .. }
            | Self::Reverted { release, .. }
            | Self::Conflict { release, .. } => Some(*release),
            Self::Note { release, .. } => *release,
            Self::Adopted(_)
            | Self::Frozen { .. }
            | Self::Thawed { .. }
            | Self::Recovered(_)
            | Self::Packages(_)
            | Self::Served(_)
            | Self::Drift(_)
            | Self::Watch(_)
            | Self::Incident(_)
            | Self::Alert(_)
            | Self::Maintenance(_) => None,
        }
    }
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// What stands on a host was made its confirmed bundle.
    Adopted(Adoption),
    /// Somebody wants a host to go to another bundle.
    Proposed {
        /// The number it was given.
        release: ReleaseId,
        /// Who, why and what.
        proposal: Proposal,
    },
    /// A stage proved or saw something.
    Saw {
        /// The release it is about.
        release: ReleaseId,
        /// What it proved or saw.
        evidence: Evidence,
    },
    /// What live routes answered.
    Answered {
        /// The release it is about.
        release: ReleaseId,
        /// When they were asked, seen from the release.
        phase: Phase,
        /// One a route.
        answers: Vec<RouteAnswer>,
    },
    /// A release ended before the switch.
    Refused {
        /// The release.
        release: ReleaseId,
        /// What refused it.
        by: RefusedBy,
        /// Why, for people.
        reason: String,
    },
    /// A host is about to be told something.
    Ordered {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
        /// The number of this order.
        generation: Generation,
        /// What it is told.
        order: Order,
    },
    /// The new contents stand in a host's tree.
    Switched {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
    },
    /// New workers serve the new bundle.
    Proven {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
    },
    /// The bundle is permanent on a host.
    Confirmed {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
        /// Who confirmed it.
        by: By,
    },
    /// It was decided that a host goes back.
    RevertOrdered {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
        /// Why.
        why: RevertWhy,
        /// Why, for people.
        reason: String,
        /// Who decided.
        by: By,
    },
    /// A host went back.
    Reverted {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
        /// How it went.
        revert: Revert,
    },
    /// Somebody else wrote to the tree after the release was proposed; nothing was overwritten.
    Conflict {
        /// The release.
        release: ReleaseId,
        /// The host.
        host: HostId,
        /// What they wrote to.
        paths: Vec<String>,
    },
    /// No forward change from now on.
    Frozen {
        /// The host it is about; all when absent.
        scope: Option<HostId>,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
        /// When it ends by itself, if it does.
        until: Option<Timestamp>,
    },
    /// A freeze ended.
    Thawed {
        /// The scope of that freeze.
        scope: Option<HostId>,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
    },
    /// A host came back from a crash or a boot.
    Recovered(Recovery),
    /// Something worth knowing that changes nothing.
    Note {
        /// The host it is about.
        host: Option<HostId>,
        /// The release it is about.
        release: Option<ReleaseId>,
        /// Who said it.
        who: Actor,
        /// What they said.
        text: String,
    },
    /// A package manager touches what a host runs, or its tree; since format 2.
    Packages(PackageRun),
    /// A service manager started a host's server, or had it read its tree again; since format 2.
    Served(Served),
    /// What stands on a host is not what was released, or is again; since format 3.
    Drift(Drift),
    /// Whoever watches saw something change, or began, or ended; since format 3.
    Watch(Seen),
    /// An incident went a step; since format 3.
    Incident(Incident),
    /// An alert went a step towards whoever is on call; since format 3.
    Alert(Alert),
    /// Somebody works on hosts on purpose; since format 3.
    Maintenance(Maintenance),
}
