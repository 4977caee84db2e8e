//! The document that is written after an outage, as a value. Rendering is done elsewhere.
//!
//! Every claim names the journal entries it rests on, or says that there is not enough evidence.

use crate::journal::Phase;
use crate::{Actor, BundleId, Event, FileChange, HostId, Outcome, ReleaseId, Sequence, Span, Timestamp};

/// What happened to a release that was refused, taken back, or met a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmortem {
    /// The release.
    pub release: ReleaseId,
    /// The host.
    pub host: HostId,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// Duration, impact, root cause.
    pub summary: Summary,
    /// What was changed, by whom and why.
    pub change: Change,
    /// Everything that happened, in order.
    pub timeline: Vec<Moment>,
    /// What went wrong, in full.
    pub root_cause: Claim,
    /// What ended it.
    pub resolution: Claim,
    /// What noticed it first, and how long that took.
    pub caught: Option<Caught>,
    /// What to do so that it does not happen again.
    pub measures: Measures,
    /// The evidence behind all of this.
    pub rests_on: Vec<Footing>,
}

/// The first section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// When the bundle that was taken back began to stand there; `None` when it never did.
    pub from: Option<Timestamp>,
    /// When the old one served again.
    pub until: Option<Timestamp>,
    /// How long that was; zero when it never stood there, `None` while it is open.
    pub duration: Option<Span>,
    /// What users could notice.
    pub impact: Impact,
    /// What went wrong, in one sentence.
    pub root_cause: Claim,
}

/// What users could notice, as far as live routes saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impact {
    /// How many requests were asked while the new bundle stood there.
    pub asked: u64,
    /// How many answers were wrong.
    pub wrong: u64,
    /// When the first wrong one came.
    pub first_wrong: Option<Timestamp>,
    /// When the last wrong one came.
    pub last_wrong: Option<Timestamp>,
    /// Each route, before and after.
    pub routes: Vec<RouteImpact>,
    /// What that says, or that nobody asked.
    pub claim: Option<Claim>,
}

/// One live route over the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteImpact {
    /// The route's name.
    pub route: String,
    /// The request.
    pub request: String,
    /// What the answer must hold.
    pub expected: String,
    /// The answers, in the order of the phases.
    pub answers: Vec<(Phase, String)>,
    /// How many were asked while the new bundle stood there.
    pub asked: u64,
    /// How many of them were wrong.
    pub wrong: u64,
    /// Whether it was wrong before the release already.
    pub wrong_before: bool,
}

/// Who changed what, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub who: Actor,
    /// Why.
    pub why: String,
    /// The bundle that stood there.
    pub from: BundleId,
    /// The bundle that was proposed.
    pub to: BundleId,
    /// The files that differ.
    pub files: Vec<FileChange>,
    /// The text diff, redacted.
    pub diff: String,
    /// Findings that the author had accepted.
    pub accepted: Vec<String>,
    /// What somebody had changed by hand meanwhile, saved as a bundle of its own.
    pub kept: Option<BundleId>,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
    /// The journal entry.
    pub entry: Sequence,
}

/// Something said, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is so, by these journal entries.
    Rests {
        /// What is so.
        text: String,
        /// The entries.
        on: Vec<Sequence>,
    },
    /// There is not enough evidence to say.
    NotEnough {
        /// What is missing.
        missing: String,
    },
}

/// What noticed it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The stage, deadline or person, for people.
    pub by: String,
    /// What it said.
    pub said: String,
    /// How long that took.
    pub after: Span,
    /// From when that is counted.
    pub since: Since,
    /// The journal entry.
    pub entry: Sequence,
}

/// From when a time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From the proposal: nothing had been touched.
    Proposed,
    /// From the switch: the new bundle stood there.
    Switched,
}

/// What to do so that it does not happen again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measures {
    /// Things to repair.
    pub corrective: Vec<Task>,
    /// Things that would have caught it earlier, or made it smaller.
    pub preventive: Vec<Task>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What to do.
    pub what: String,
    /// Why: what in this release shows that it is missing.
    pub because: String,
    /// The journal entries that show it.
    pub on: Vec<Sequence>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footing {
    /// The journal entry.
    pub entry: Sequence,
    /// What it says.
    pub summary: String,
    /// What that rests on in turn.
    pub rests_on: Vec<String>,
}

/// What happened to `release`. `events` is the whole journal from its first event; `None` when it holds no
/// such release, or when the release was confirmed or is open with nothing against it.
pub fn postmortem(events: &[Event], release: ReleaseId) -> Option<Postmortem> {
    let _ = (events, release);
    None
}

/// A post-mortem for every release that was refused, taken back or met a conflict at or after `since`.
pub fn since(events: &[Event], since: Timestamp) -> Vec<Postmortem> {
    let _ = (events, since);
    Vec::new()
}
