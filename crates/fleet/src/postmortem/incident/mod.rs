//! The document that is written after an incident, as a value: what users met, when somebody knew, which change did it, what was
//! suspected in vain, and what would have stopped it. Rendering is done elsewhere.

mod case;
mod change;
mod gates;
mod moments;
mod others;
mod rates;
mod strips;
#[cfg(test)]
mod tests;
mod times;
mod words;

pub use others::Beside;
pub use rates::RATE_STEP;
pub use times::{Durations, Times};

use super::{Claim, Moment, Task};
use crate::incident::Incidents;
pub use crate::journal::{Gate, Verdict};
use crate::journal::{IncidentStep, Seen as Watched, Severity};
use crate::watch::{ProbeId, VantageId};
use crate::{BundleId, Event, HostId, IncidentId, Sequence, Span, Timestamp, What};
use case::Case;

/// What happened in `incident`. `events` is the whole journal from its first event; `night` says whether somebody who is woken at
/// that moment is owed more. `None` when the journal holds no such incident, or when it is part of another one.
pub fn review(events: &[Event], incident: IncidentId, night: &dyn Fn(Timestamp) -> bool) -> Option<Review> {
    let case = Case::of(events, incident)?;
    let known = Incidents::replay(events);
    let times = moments::times(&case, &known);
    let strips = strips::strips(&case);
    let change = change::change(&case);
    let severity = case.clues.iter().map(|(_, clue)| clue.severity).max().map_or("", Severity::name);
    Some(Review {
        id: incident.to_string(),
        title: words::title(&case),
        severity: severity.to_owned(),
        hosts: case.hosts(),
        summary: words::summary(&case, &times),
        impact: impact(&case, &strips),
        marks: moments::marks(&case),
        timeline: timeline(&case),
        causes: words::causes(&case),
        misleading: words::misleading(&case),
        detection: words::detection(&case, &times),
        items: words::items(&case, change.as_ref(), &times),
        earlier: others::earlier(events, &known, incident, case.onset),
        coffees: words::coffees(&case, night),
        cautions: words::cautions(&case),
        counterfactual: gates::gates(&case, change.as_ref()),
        beside: others::beside(events, &case),
        rate: rates::rate(&case),
        strips,
        change,
        times,
    })
}

/// The incidents that the journal holds and that are not a part of another one, in order.
pub fn incidents(events: &[Event]) -> Vec<IncidentId> {
    let mut found = Vec::new();
    for event in events {
        if let What::Incident(it) = &event.what {
            match &it.step {
                IncidentStep::Opened { .. } => found.push(it.incident),
                IncidentStep::Merged { .. } => found.retain(|id| *id != it.incident),
                _ => {}
            }
        }
    }
    found
}

fn timeline(case: &Case<'_>) -> Vec<Moment> {
    let told = case.entries().filter(|(_, event)| case.tells(event));
    let moment = |(entry, event): (Sequence, &Event)| {
        // What was seen is told of the moment in which it was so, not of the one in which it was written down.
        let at = match &event.what {
            What::Watch(Watched::Turned(it)) => it.at,
            _ => event.at,
        };
        Moment { at, what: super::timeline::say(&event.what), entry }
    };
    let mut moments: Vec<Moment> = told.map(moment).collect();
    moments.sort_by_key(|moment| (moment.at, moment.entry));
    moments
}

fn impact(case: &Case<'_>, strips: &[Strip]) -> Impact {
    let down = strips::time_down(strips);
    let seen: Vec<Sequence> =
        case.clues.iter().filter(|(_, clue)| clue.probe.is_some()).map(|(on, _)| *on).collect();
    let claim = if seen.is_empty() {
        Claim::not_enough("no probe asked for what failed, and no log was counted")
    } else {
        let probes = case.probes().iter().map(|probe| format!("“{probe}”")).collect::<Vec<_>>().join(", ");
        Claim::rests(format!("{probes} failed at {} for {down}", list(&case.hosts())), seen)
    };
    let vantages = strips::vantages(case, strips);
    Impact { requests: None, probe_time_down: down, probes: case.probes(), vantages, claim }
}

/// `web1`, `web1 and web2`, `web1, web2 and web3`
fn list(hosts: &[HostId]) -> String {
    let names: Vec<&str> = hosts.iter().map(HostId::as_str).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

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
    /// Other incidents that were open at the same time.
    pub beside: Vec<Beside>,
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
    /// What each vantage met, of each probe and host.
    pub vantages: Vec<Met>,
    /// What that says, or that nobody counted.
    pub claim: Claim,
}

/// What one vantage met of one probe at one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The probe.
    pub probe: ProbeId,
    /// The host.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// For how long it failed.
    pub down: Span,
    /// How many of its requests failed in that time; `None` where nobody counted.
    pub failed: Option<u64>,
    /// In which ways: classes of failures.
    pub how: Vec<String>,
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
    /// By what it was made: "a package upgrade (webserver-common 1.22.1-9)", "an edit by hand".
    pub by: String,
    /// The tree before and the tree with it, where both were saved.
    pub bundles: Option<(BundleId, BundleId)>,
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
