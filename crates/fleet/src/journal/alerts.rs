//! The way of an alert to whoever is on call. An alert is written down before anything is sent: what was created and neither
//! accepted nor given up is still to be delivered, whatever was killed meanwhile.

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::{AlertId, IncidentId, Timestamp};

/// An alert went a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Which.
    pub alert: AlertId,
    /// The step.
    pub step: AlertStep,
}

/// What an alert went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AlertStep {
    /// It shall be delivered.
    Created {
        /// The incident it tells of.
        incident: IncidentId,
        /// What it tells.
        kind: AlertKind,
        /// How bad the incident is.
        severity: Severity,
        /// In one line.
        title: String,
        /// More lines.
        lines: Vec<String>,
        /// Through these channels, each of them.
        channels: Vec<String>,
    },
    /// It shall go through one more channel, because another one does not take it.
    Diverted {
        /// The channel that does not take it.
        from: String,
        /// The channel that shall.
        to: String,
        /// Why.
        why: String,
    },
    /// It is about to be sent: written down before, so that a second delivery after a crash is known for what it may be.
    Sending {
        /// The channel.
        channel: String,
        /// The number of this attempt, the first being 1.
        attempt: u32,
        /// Whether the other side may have it already.
        repeat: bool,
    },
    /// It was not accepted.
    Failed {
        /// The channel.
        channel: String,
        /// The number of the attempt.
        attempt: u32,
        /// Why, without secrets.
        why: String,
        /// Whether the other side may have it all the same.
        perhaps: bool,
        /// When the channel is tried again at the earliest.
        retry_at: Timestamp,
    },
    /// The other side has it.
    Accepted {
        /// The channel.
        channel: String,
        /// The number of the attempt.
        attempt: u32,
        /// What the other side said.
        receipt: String,
    },
    /// It will not be sent through this channel.
    GivenUp {
        /// The channel.
        channel: String,
        /// Why, without secrets.
        why: String,
    },
}

/// What an alert tells of its incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// It began.
    Opened,
    /// It is worse than it was.
    Worse,
    /// Its cause is known, or suspected.
    Diagnosed,
    /// Nobody took care of it in time.
    Escalated,
    /// It is still there.
    Reminder,
    /// Somebody takes care of it.
    Acked,
    /// It is over.
    Resolved,
}
