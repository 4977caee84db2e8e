//! Whether a host could go on serving, or take over: what is not yet an outage and will be one, at the next reload, the next boot or
//! the next failover. `evenkeel ready` looks on the host itself; a watch asks for that, and makes evidence of it.
//!
//! Source of what makes a standby ready: the outages of others that began with one that was not (docs/outages.md).

mod blocks;
mod certificates;
mod firewall;

use std::collections::BTreeMap;

use evenkeel_fleet::journal::Severity;
use evenkeel_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use blocks::lasting;
pub(crate) use certificates::{ends, of_served};
pub(crate) use firewall::{after_boot, listened};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// nginx runs, and runs what is on disk.
    Running,
    /// nginx would start again.
    Start,
    /// What it listens on has somebody who listens, and clients come through the firewall, now and after a boot.
    Firewall,
    /// Certificates as they are shown, and as they lie on disk.
    Certificates,
    /// Accept queues.
    Queues,
    /// Workers of older configurations.
    Workers,
    /// Addresses that are stopped with no end.
    Blocks,
}

impl Part {
    /// Every part, in the order in which they are told.
    pub const ALL: [Part; 7] = [
        Part::Running,
        Part::Start,
        Part::Firewall,
        Part::Certificates,
        Part::Queues,
        Part::Workers,
        Part::Blocks,
    ];

    /// Its name, as JSON and keys of evidence have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Start => "start",
            Self::Firewall => "firewall",
            Self::Certificates => "certificates",
            Self::Queues => "queues",
            Self::Workers => "workers",
            Self::Blocks => "blocks",
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ill {
    /// What it is part of.
    pub part: Part,
    /// What tells it from others of that part: an address, a name. The same fault has the same again.
    pub about: String,
    /// What is wrong, in one line that stays the same as long as the fault does.
    pub says: String,
    /// What was seen of it.
    pub details: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
}

/// One `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listened {
    /// Where nginx listens: `0.0.0.0:443`.
    pub address: String,
    /// `tcp` or `udp`.
    pub transport: String,
    /// What becomes of a client now.
    pub now: Passage,
    /// The same with the rules that the next boot loads.
    pub after_boot: Passage,
}

/// What becomes of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Passage {
    /// It gets its answer.
    Reachable,
    /// It is this machine's own, or of a family that has no address: nobody outside can or need.
    Local,
    /// A rule stops it.
    Blocked {
        /// Which one.
        rule: String,
    },
    /// It rests on something that is not known.
    Unknown {
        /// That.
        because: String,
    },
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Readiness {
    /// What is not as it should be, the worst first.
    pub ills: Vec<Ill>,
    /// What is well, by part, in a few words.
    pub well: BTreeMap<Part, String>,
    /// What could not be looked at, by part, and why.
    pub unseen: BTreeMap<Part, String>,
    /// Every `listen`.
    pub listens: Vec<Listened>,
    /// How many connections were turned away at each address, since nginx listens there.
    pub turned_away: BTreeMap<String, u64>,
}

impl Readiness {
    /// Whether nothing stands against it. What could not be looked at does not.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ills.is_empty() && self.blocked().next().is_none()
    }

    /// Each `listen` that clients do not come to now.
    pub fn blocked(&self) -> impl Iterator<Item = (&Listened, &str)> {
        self.listens.iter().filter_map(|it| match &it.now {
            Passage::Blocked { rule } => Some((it, rule.as_str())),
            _ => None,
        })
    }

    pub(crate) fn well(&mut self, part: Part, says: impl Into<String>) {
        self.well.insert(part, says.into());
    }

    pub(crate) fn unseen(&mut self, part: Part, why: impl Into<String>) {
        self.unseen.insert(part, why.into());
    }

    /// Adds what is wrong; where that is nothing, the part is well.
    pub(crate) fn part(&mut self, part: Part, ills: Vec<Ill>, well: impl Into<String>) {
        if ills.is_empty() {
            self.well(part, well);
        }
        self.ills.extend(ills);
    }
}

/// What is said of workers of older configurations, after so long.
pub(crate) fn old_workers(leaving: usize, since: Span, longest: Span) -> Option<Ill> {
    (leaving > 0 && since >= longest).then(|| Ill {
        part: Part::Workers,
        about: "leaving".to_owned(),
        says: "workers of an older configuration do not end: they serve what was replaced".to_owned(),
        details: vec![format!(
            "{leaving} of them, since {} at least; `worker_shutdown_timeout` ends such workers after a while",
            crate::when::span(since)
        )],
        severity: Severity::Note,
    })
}

/// How far away the end of a certificate is, in days.
pub(crate) fn days_left(until: Timestamp, now: Timestamp) -> u64 {
    until.since(now).as_millis() / 86_400_000
}
