//! What a stage proved or saw.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// Most details kept with one piece of evidence.
const DETAILS_MAX: usize = 200;
/// Longest summary or detail, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $when:ident;)*) => {
        /// Which stage a piece of evidence comes from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EvidenceKind { $($(#[$doc])* $kind,)* }

        impl EvidenceKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name in the journal, also for people.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Whether it can be gathered before a host is ordered to apply.
            pub fn before_the_order(self) -> bool {
                match self { $(Self::$kind => kinds!(@$when),)* }
            }
        }
    };
    (@before) => { true };
    (@after) => { false };
}

kinds! {
    /// The text was checked against what is live: rules, syntax, includes.
    Check = "check", before;
    /// The host's own program accepted the staged tree.
    Preflight = "preflight", before;
    /// The host's own program takes the old bundle today, or stands by with it: there is a way back.
    WayBack = "way-back", before;
    /// What the change does to those who ask: worked out from the two texts, and it refuses nothing.
    Diff = "diff", before;
    /// A server of the same kind ran the tree in a sandbox, from the step that leads to it to what it answers.
    Rehearsal = "rehearsal", before;
    /// The routes' expectations were asked, live or on a model.
    Routes = "routes", before;
    /// What in the change is a high risk, and who else approved it.
    Approval = "approval", before;
    /// The application that belongs to the configuration was brought to its version.
    App = "application", before;
    /// The new contents lie on the host's disk, complete.
    Staged = "staged", after;
    /// Nobody wrote to the tree since the release was proposed.
    CompareAndSwap = "compare-and-swap", after;
    /// What the server will read is what was written.
    WhatIsRead = "what-is-read", after;
    /// New workers serve the new bundle.
    Proof = "proof", after;
    /// What was seen while the release was watched.
    Observation = "observation", after;
    /// The old bundle serves again, or does not.
    Revert = "revert", after;
    /// What recovery found and chose.
    Recovery = "recovery", after;
    /// Somebody changed the tree by hand while a release was open.
    HandFix = "hand-fix", after;
    /// Somebody else made the server load its configuration while a release was open.
    ForeignReload = "foreign-reload", after;
}

/// A name that is no kind of evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a kind of evidence")]
pub struct UnknownEvidenceKind(String);

impl FromStr for EvidenceKind {
    type Err = UnknownEvidenceKind;

    fn from_str(name: &str) -> Result<Self, UnknownEvidenceKind> {
        let kind = Self::ALL.iter().find(|kind| kind.name() == name);
        kind.copied().ok_or_else(|| UnknownEvidenceKind(name.to_owned()))
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a stage proved or saw. The text comes from outside and was redacted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Which stage it comes from.
    pub kind: EvidenceKind,
    /// Whether what the stage asked for holds.
    pub holds: bool,
    /// One line for people.
    pub summary: String,
    /// The lines behind the summary; at most 200.
    pub details: Vec<String>,
    /// What it rests on: a log line's place, a process, a route's name. Empty means: on nothing.
    pub rests_on: Vec<String>,
    /// The digest of the whole record when it was stored beside the journal.
    pub digest: Option<Digest>,
}

impl Evidence {
    /// Evidence with a summary and nothing else yet. Long text is cut.
    pub fn new(kind: EvidenceKind, holds: bool, summary: impl Into<String>) -> Self {
        let (details, rests_on) = (Vec::new(), Vec::new());
        Self { kind, holds, summary: cut(summary.into()), details, rests_on, digest: None }
    }

    /// Adds the lines behind the summary; what is beyond 200 of them is counted, not kept.
    #[must_use]
    pub fn details<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        push(&mut self.details, lines);
        self
    }

    /// Adds what it rests on, within the same bound.
    #[must_use]
    pub fn rests_on<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        push(&mut self.rests_on, lines);
        self
    }

    /// Names the stored record.
    #[must_use]
    pub fn digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }
}

fn push<T: Into<String>>(kept: &mut Vec<String>, lines: impl IntoIterator<Item = T>) {
    let mut dropped = 0_usize;
    for line in lines {
        if kept.len() < DETAILS_MAX { kept.push(cut(line.into())) } else { dropped += 1 }
    }
    if dropped > 0 {
        kept.push(format!("… and {dropped} more"));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name() {
        for kind in EvidenceKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        assert!("rumour".parse::<EvidenceKind>().is_err());
    }

    #[test]
    fn text_from_outside_has_a_bound() {
        let lines = (0..1_000).map(|n| format!("line {n}"));
        let evidence = Evidence::new(EvidenceKind::Proof, true, "é".repeat(10_000)).details(lines);
        assert!(evidence.summary.len() <= TEXT_BYTES_MAX + '…'.len_utf8());
        assert!(evidence.summary.ends_with("é…"));
        assert_eq!(evidence.details.len(), DETAILS_MAX + 1);
        assert_eq!(evidence.details.last().unwrap(), "… and 800 more");
    }
}
