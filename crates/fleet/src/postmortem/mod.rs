//! The document that is written after an outage, as a value. Rendering is done elsewhere.
//!
//! Every claim names the journal entries it rests on, or says that there is not enough evidence.

mod cause;
mod impact;
pub mod incident;
mod measures;
mod story;
#[cfg(test)]
mod tests;
mod timeline;

use std::fmt;

use crate::journal::Phase;
use crate::{
    Actor, BundleId, Event, FileChange, HostId, Outcome, ReleaseId, Sequence, Span, Timestamp, What,
};
use story::Story;

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
    /// When the new bundle began to stand there; `None` when it never did, or when nobody noted it.
    pub from: Option<Timestamp>,
    /// When the old one was proven to serve again.
    pub until: Option<Timestamp>,
    /// How long that was; zero when it never stood there, `None` when the journal does not tell.
    pub duration: Option<Span>,
    /// What users could notice.
    pub impact: Impact,
    /// What went wrong, in one sentence.
    pub root_cause: Claim,
}

/// What users could notice, as far as live routes saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub claim: Claim,
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
    /// Why it went forward without approval.
    pub emergency: Option<String>,
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

impl Claim {
    pub(crate) fn rests(text: impl Into<String>, on: impl IntoIterator<Item = Sequence>) -> Self {
        Self::Rests { text: text.into(), on: on.into_iter().collect() }
    }

    pub(crate) fn not_enough(missing: impl Into<String>) -> Self {
        Self::NotEnough { missing: missing.into() }
    }
}

/// As a sentence; the entries it rests on are left out.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rests { text, .. } => f.write_str(text),
            Self::NotEnough { missing } => write!(f, "not enough evidence: {missing}"),
        }
    }
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

/// What happened to `release`. `events` is the whole journal from its first event. `None` when it holds no
/// such release, or nothing against it: it is under way, or was confirmed and never taken back.
pub fn postmortem(events: &[Event], release: ReleaseId) -> Option<Postmortem> {
    let story = Story::of(events, release)?;
    if !story.went_wrong() {
        return None;
    }
    let root_cause = cause::root_cause(&story);
    let summary = impact::summary(&story, root_cause.clone());
    let caught = cause::caught(&story);
    Some(Postmortem {
        release,
        host: story.release.proposal.host.clone(),
        outcome: story.release.outcome(),
        change: story.change(),
        timeline: timeline::timeline(&story),
        resolution: cause::resolution(&story),
        measures: measures::measures(&story, &summary.impact),
        rests_on: story.footings(),
        summary,
        root_cause,
        caught,
    })
}

/// A post-mortem for every release that was refused, taken back or met a conflict, and of which something
/// happened at or after `since`.
pub fn since(events: &[Event], since: Timestamp) -> Vec<Postmortem> {
    let proposed = events.iter().filter_map(|event| match event.what {
        What::Proposed { release, .. } => Some(release),
        _ => None,
    });
    let written = proposed.filter_map(|release| postmortem(events, release));
    written.filter(|it| it.timeline.last().is_some_and(|moment| moment.at >= since)).collect()
}
