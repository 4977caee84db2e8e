//! The document that is written after an incident, as a value: what users met, when somebody knew, which change did it, what was
//! suspected in vain, and what would have stopped it. Rendering is done elsewhere.

mod times;

pub use times::{Durations, Times};

use super::{Claim, Moment, Task};
use crate::watch::{ProbeId, VantageId};
use crate::{HostId, Sequence, Span, Timestamp};

/// What happened in one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its name, as `evenkeel incident list` shows it.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// How bad, in the words of the settings.
    pub severity: String,
    /// The hosts that it is about.
    pub hosts: Vec<HostId>,
    /// Its moments.
    pub times: Times,
    /// What happened, why, and what ended it: one sentence each.
    pub summary: [Claim; 3],
    /// What users met.
    pub impact: Impact,
    /// What each vantage saw.
    pub strips: Vec<Strip>,
    /// Requests and failures over time, from the access log; empty where none was read.
    pub rate: Vec<Rate>,
    /// What is marked in the charts.
    pub marks: Vec<Mark>,
    /// Everything that happened, in order.
    pub timeline: Vec<Moment>,
    /// The change that mattered; `None` when none is to blame.
    pub change: Option<Change>,
    /// What it was, most likely first.
    pub causes: Vec<Cause>,
    /// What it was not.
    pub misleading: Vec<Misleading>,
    /// How it was noticed, and what should have noticed it.
    pub detection: Detection,
    /// The change, played once more through everything that could have stopped it.
    pub counterfactual: Vec<Gate>,
    /// What to do about it.
    pub items: Vec<Item>,
    /// Earlier incidents, newest first.
    pub earlier: Vec<Earlier>,
    /// Who is owed a coffee.
    pub coffees: Vec<Coffee>,
    /// Why times or causes may be less certain than they look.
    pub cautions: Vec<String>,
}

/// What users met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    /// Requests and how many failed, from access logs.
    pub requests: Option<Requests>,
    /// For how long at least one probe was down, summed over probes and hosts.
    pub probe_time_down: Span,
    /// The probes that were down.
    pub probes: Vec<ProbeId>,
    /// What that says, or that nobody counted.
    pub claim: Claim,
}

/// What access logs counted during the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// All of them.
    pub all: u64,
    /// Those that ended with 5xx, or with a status that was not there before.
    pub failed: u64,
    /// Distinct client addresses among the failed.
    pub clients: u64,
}

/// What one vantage saw of one probe at one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// The probe.
    pub probe: ProbeId,
    /// The host.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// What was seen, in order and without gaps.
    pub stretches: Vec<Stretch>,
}

/// A time in which a probe was answered in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// How it was.
    pub seen: Seen,
}

/// How a probe was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// As expected.
    Up,
    /// It failed: the class of the failure.
    Down(String),
    /// The vantage could not be trusted, or nothing is known of that time.
    Unknown,
}

/// Requests in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// When the interval began.
    pub at: Timestamp,
    /// All requests in it.
    pub all: u64,
    /// Those that failed.
    pub failed: u64,
}

/// Something that is marked in the charts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What sort.
    pub kind: MarkKind,
    /// What happened.
    pub what: String,
    /// The journal entry.
    pub entry: Sequence,
}

/// What is marked in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A change: release, drift, package, firewall, certificate.
    Change,
    /// The incident was opened.
    Opened,
    /// A channel took the alert.
    Alerted,
    /// Somebody took it on.
    Acknowledged,
    /// A person or a command did something about it.
    Action,
    /// It was over.
    Resolved,
}

impl MarkKind {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Opened => "opened",
            Self::Alerted => "alert accepted",
            Self::Acknowledged => "acknowledged",
            Self::Action => "action",
            Self::Resolved => "resolved",
        }
    }
}

/// The change that mattered. Whoever made it is named as a role or a tool, never as a person: the journal has the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it went live.
    pub at: Timestamp,
    /// What it was: "release r4", "drift in conf.d/a.conf".
    pub what: String,
    /// By what it was made: "a package upgrade (nginx-common 1.22.1-9)", "an edit by hand".
    pub by: String,
    /// The text diff, redacted.
    pub diff: String,
    /// What it means: which requests changed their outcome.
    pub meaning: Vec<String>,
    /// What else carries the same configuration.
    pub elsewhere: Vec<HostId>,
    /// The journal entries.
    pub on: Vec<Sequence>,
}

/// A cause, as the diagnosis gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What it was.
    pub what: String,
    /// How sure that is, in words.
    pub confidence: String,
    /// What it rests on.
    pub rests_on: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What would put it right.
    pub fix: String,
    /// When the diagnosis first named it.
    pub named_at: Option<Timestamp>,
    /// The journal entries.
    pub on: Vec<Sequence>,
}

/// Something that was suspected, and was not it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misleading {
    /// What was suspected.
    pub what: String,
    /// What closed it.
    pub because: String,
    /// How long it was followed; `None` where nobody noted it.
    pub cost: Option<Span>,
    /// The journal entries.
    pub on: Vec<Sequence>,
}

/// How it was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// What noticed it first.
    pub by: Claim,
    /// What should have noticed it, and did not.
    pub gaps: Vec<String>,
}

/// One thing that could have stopped the change, asked afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its name: `check`, `diff`, `rehearse`, …
    pub name: String,
    /// Whether it would have stopped it; `None` when it could not be asked.
    pub stops: Option<bool>,
    /// What it said.
    pub said: String,
    /// How long it took.
    pub took: Option<Span>,
}

/// One thing to do, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What to do, and why.
    pub task: Task,
    /// Who does it; `None` when nobody took it.
    pub owner: Option<String>,
    /// Until when.
    pub due: Option<Timestamp>,
    /// What closed it: a release, for example.
    pub closed_by: Option<String>,
}

/// An earlier incident, to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its name.
    pub id: String,
    /// What it was.
    pub title: String,
    /// Its moments.
    pub times: Times,
}

/// A coffee owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coffee {
    /// The one it is owed to.
    pub to: String,
    /// How many.
    pub cups: u32,
    /// Why.
    pub why: String,
}
