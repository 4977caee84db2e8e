//! The one append-only vocabulary: what happened, in a form that later versions can read.
//!
//! Everything else is a fold over these events. The form (`form.rs`) is a public promise: a variant or a
//! field may be added with a new [`FORMAT`], none changes its meaning.

mod drift;
mod form;
mod packages;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use drift::{Author, Drift, DriftChange, DriftEnd, DriftHow, DriftStage, KnownBy};
pub use form::{Format, NewerFormat};
pub use packages::{Conffile, ConffileOutcome, PackageRun, PackageStage, PackageStep, Served};

use crate::apply::{RevertWhy, Way};
use crate::{
    Actor, BundleId, Evidence, EvidenceKind, FileChange, Generation, HostId, Policy, ReleaseId, Span,
    Timestamp,
};

/// The version in which this program writes events; it reads this one and every older one.
pub const FORMAT: u16 = 2;

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
            | Self::Served(_) => None,
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
}

/// What stands on a host becomes its confirmed bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adoption {
    /// The host.
    pub host: HostId,
    /// What stands there.
    pub bundle: BundleId,
    /// What was confirmed until now.
    pub before: Option<BundleId>,
    /// The highest order that the host has accepted, so that a new journal does not give orders that an old
    /// one gave before it was lost.
    pub generation: Generation,
    /// The files that differ from it.
    pub changes: Vec<FileChange>,
    /// Their text diff, redacted.
    pub diff: String,
    /// Who adopts it.
    pub who: Actor,
    /// Why.
    pub why: String,
}

/// Who wants which host to go from which bundle to which, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The host.
    pub host: HostId,
    /// The bundle that stands there: the host's confirmed one, unless this goes back.
    pub from: BundleId,
    /// The bundle that shall stand there.
    pub to: BundleId,
    /// Whether it goes back to a bundle that was confirmed on this host before; a freeze does not stop that.
    pub goes_back: bool,
    /// Who.
    pub who: Actor,
    /// Why.
    pub why: String,
    /// The files that differ.
    pub changes: Vec<FileChange>,
    /// Their text diff, redacted.
    pub diff: String,
    /// Findings that would have refused it and that the author accepted.
    pub accepted: Vec<String>,
    /// Why it goes forward without approval and in spite of a freeze; since format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<String>,
    /// How it is let through.
    pub policy: Policy,
}

/// When live routes were asked, seen from a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the host was ordered to apply.
    Before,
    /// Once, right after the proof.
    After,
    /// Again and again, from the switch until the release was confirmed or reverted.
    Watch,
    /// After the host went back.
    Reverted,
}

/// What one live route answered over one [`Phase`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteAnswer {
    /// The route's name.
    pub route: String,
    /// The request, as people write it.
    pub request: String,
    /// What the answer must hold.
    pub expected: String,
    /// The last answer, or why there was none.
    pub answer: String,
    /// How often it was asked.
    pub asked: u64,
    /// How many of the answers were wrong.
    pub wrong: u64,
    /// When the first wrong one came.
    pub first_wrong: Option<Timestamp>,
    /// When the last wrong one came.
    pub last_wrong: Option<Timestamp>,
}

/// What ended a release before the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// Evidence of this kind did not hold.
    Evidence(EvidenceKind),
    /// A freeze was in force.
    Freeze,
    /// Somebody withdrew it.
    Person(Actor),
    /// The program that gathered its evidence ended.
    Interrupted,
    /// The host did not begin.
    Host,
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The release's policy.
    Policy,
    /// A person.
    Person(Actor),
}

/// What a host is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// To go to the proposed bundle, with a way back.
    Apply,
    /// To make it permanent.
    Confirm(By),
    /// To go back.
    Revert,
}

/// Who brought a host back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reverter {
    /// The command that had applied it.
    Command,
    /// The independent process that watches the command.
    Fuse,
    /// Recovery, at boot or when asked.
    Recovery,
    /// A person's rollback.
    Person,
}

/// How a host went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// Why it did.
    pub why: RevertWhy,
    /// Who did it.
    pub by: Reverter,
    /// Whether it is proven that the old bundle serves.
    pub proven: bool,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
    /// When it was decided, by the host's clock; `None` when nobody noted it. The event may be recorded much
    /// later, by the next command.
    pub decided_at: Option<Timestamp>,
    /// From the decision to the end of its proof.
    pub took: Span,
    /// From the decision to the last answer that was wrong, as far as anybody asked.
    pub last_wrong: Option<Span>,
    /// What somebody had changed by hand meanwhile, saved as a bundle of its own.
    pub kept: Option<BundleId>,
    /// Which way it went; `None` where the server was not told, or nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

/// Which bundle recovery took: the first that the host accepts today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The confirmed one.
    Confirmed,
    /// The one that was confirmed before it.
    LastKnownGood,
    /// The proposed one.
    Proposed,
}

/// How a host came back from a crash or a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The host.
    pub host: HostId,
    /// The bundle that stands there now.
    pub bundle: BundleId,
    /// Which one that is.
    pub choice: Choice,
    /// What was found, and what the choice rests on. It holds when the bundle was proven to serve.
    pub evidence: Evidence,
}
