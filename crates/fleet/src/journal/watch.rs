//! What whoever watches saw of hosts, from outside and on them. Only what changes is written down: a year in which nothing
//! happens costs nothing, and a strip chart can be drawn from what is there.

use serde::{Deserialize, Serialize};

use super::Author;
use crate::watch::{ProbeId, VantageId};
use crate::{Digest, HostId, Span, Timestamp};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Seen {
    /// From now on somebody watches. What was known of answers before counts no longer.
    Begun {
        /// The version of the program.
        version: String,
        /// How many probes go out, counted for each host.
        probes: u64,
        /// From where.
        vantages: Vec<VantageId>,
    },
    /// Nobody watches any more.
    Ended {
        /// Why.
        why: String,
    },
    /// Something that should have been heard all the time was not.
    Gap {
        /// What: the watch itself, or the dead-man's switch that it reports to.
        what: String,
        /// The last time that it was heard.
        from: Timestamp,
        /// The time from which it was heard again.
        until: Timestamp,
    },
    /// The answers to a probe changed.
    Turned(Transition),
    /// A vantage cannot be relied upon, or can be again.
    Vantage {
        /// Which.
        vantage: VantageId,
        /// Since when.
        at: Timestamp,
        /// Why not, when it cannot.
        unfit: Option<String>,
    },
    /// The rules of a firewall changed.
    Firewall(Firewall),
    /// A certificate that is served was looked at, and it is not the one of before.
    Certificate(Certificate),
    /// What a host answered, from its logs.
    Answered(Answers),
}

/// The answers to one probe, from one vantage to one host, changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The probe.
    pub probe: ProbeId,
    /// Whom it asks.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// When the first answer of the new kind was asked for.
    pub at: Timestamp,
    /// How long that answer took.
    pub took: Span,
    /// What the answers are like since.
    pub health: Health,
    /// How many answers in a row were like the ones before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What the answers to one probe are like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Health {
    /// As expected.
    Up,
    /// Not as expected.
    Down {
        /// The class of the failure: `refused`, `status`, …
        class: String,
        /// The failure with its evidence, for people.
        says: String,
    },
    /// Now this, now that, and too often to write each of them down.
    Flapping,
}

/// The rules of a firewall changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// The host.
    pub host: HostId,
    /// When it happened, as far as anybody could tell.
    pub at: Timestamp,
    /// The digest of the rules before.
    pub old: Option<Digest>,
    /// The digest of the rules now.
    pub new: Option<Digest>,
    /// What changed for those who ask, for people.
    pub says: String,
    /// The text diff of the rules.
    pub diff: String,
    /// Who did it.
    pub author: Option<Author>,
}

/// A certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The host.
    pub host: HostId,
    /// The name that was asked for.
    pub name: String,
    /// Where.
    pub address: String,
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// The serial number of the one on disk, where it could be read.
    pub on_disk: Option<String>,
    /// Who signed it.
    pub issuer: String,
    /// When it ends.
    pub ends: Timestamp,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// What a host answered, step by step. The probes' own requests are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The host.
    pub host: HostId,
    /// How long a step is.
    pub step: Span,
    /// The steps, in order; a step in which nothing was read is missing.
    pub steps: Vec<AnswersOfStep>,
}

/// What a host answered in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswersOfStep {
    /// When it began.
    pub at: Timestamp,
    /// How many requests were answered.
    pub all: u64,
    /// How many with a status of 500 and above that the server itself made.
    pub server: u64,
    /// And those that an upstream made, or of which the log does not say who made them.
    pub upstream: u64,
}
