//! What a release wants, what it is told and what came of it.

use serde::{Deserialize, Serialize};

use crate::apply::{RevertWhy, Way};
use crate::{
    Actor, BundleId, Evidence, EvidenceKind, FileChange, Generation, HostId, Policy, Span, Timestamp,
};

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
