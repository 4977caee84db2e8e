//! The steps of an incident, and the windows in which one is expected.

use serde::{Deserialize, Serialize};

use super::By;
use crate::watch::ProbeId;
use crate::{Actor, BundleId, HostId, IncidentId, ReleaseId, Span, Timestamp};

/// An incident went a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Which.
    pub incident: IncidentId,
    /// The step.
    pub step: IncidentStep,
}

/// What an incident went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IncidentStep {
    /// Evidence opened it.
    Opened {
        /// What happened, in one line.
        title: String,
        /// The evidence.
        clue: Clue,
        /// Why nobody is alerted, when nobody is.
        held: Option<Held>,
    },
    /// More evidence, or evidence of before once more.
    Evidence {
        /// The evidence.
        clue: Clue,
    },
    /// Some evidence is gone.
    Cleared {
        /// The key of the evidence.
        key: String,
        /// Since when it is gone.
        at: Timestamp,
        /// Why, for people.
        why: String,
    },
    /// It is part of another one: everything more is told of that one.
    Merged {
        /// The other one.
        into: IncidentId,
        /// Why they are one, for people.
        why: String,
    },
    /// Its cause was looked for.
    Diagnosed {
        /// What was found.
        finding: Finding,
    },
    /// What had been changed was played once more, through everything that could have stopped it.
    Replayed {
        /// What came of it.
        replay: Replay,
    },
    /// Somebody takes care of it.
    Acked {
        /// Who.
        who: Actor,
    },
    /// Somebody, or a program, said something about it.
    Noted {
        /// Who.
        who: Actor,
        /// What it is for the post-mortem.
        kind: NoteKind,
        /// What they said.
        text: String,
    },
    /// Somebody says who does what is to be done about it, until when, or what it was done by. What is said last of a task holds.
    Tasked {
        /// Who says so.
        who: Actor,
        /// What is to be done: the text of a task of the post-mortem, its beginning, or one that is not there.
        task: String,
        /// Who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// What closed it: a release, for example.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed_by: Option<String>,
    },
    /// Nobody wants to hear of it for a time.
    Silenced {
        /// Who wants that.
        who: Actor,
        /// Why.
        why: String,
        /// When it ends.
        until: Timestamp,
    },
    /// What held its alerts back is over, or something holds them back from now on.
    Held {
        /// What holds them back from now on, if anything does.
        held: Option<Held>,
    },
    /// All evidence is gone: users are served again.
    Mitigated {
        /// Since when.
        at: Timestamp,
    },
    /// It is over.
    Resolved {
        /// Who says so: a person, or the policy when it stayed green long enough.
        by: By,
        /// Why.
        why: String,
    },
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Users will notice at the next fault.
    Warning,
    /// Users notice.
    Critical,
}

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Answers to a probe, from as many vantages as must agree.
    Probe,
    /// A vantage that cannot be relied upon.
    Vantage,
    /// What stands on a host, or runs there, is not what was released.
    Drift,
    /// A standby that could not take over.
    Readiness,
    /// Counts of a log that are worse than before.
    Judge,
    /// A certificate.
    Certificate,
    /// A person.
    Person,
}

/// One piece of evidence that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clue {
    /// What tells it from other evidence; the same fault gives the same key again.
    pub key: String,
    /// Where it comes from.
    pub source: Source,
    /// The host it is about.
    pub host: Option<HostId>,
    /// The upstream it is about.
    pub upstream: Option<String>,
    /// The probe it comes from.
    pub probe: Option<ProbeId>,
    /// The class of the failure.
    pub class: Option<String>,
    /// What is wrong, in one line.
    pub says: String,
    /// What was seen of it: one line for each vantage, file or count.
    pub details: Vec<String>,
    /// The first sign of it.
    pub since: Timestamp,
    /// How bad it is.
    pub severity: Severity,
}

/// Why nobody is alerted of an incident. It is watched and written down all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Held {
    /// What it depends on has an incident of its own.
    Dependency(IncidentId),
    /// Somebody works there on purpose.
    Maintenance(String),
}

/// What stands between a suspicion and the fact that rules it out.
pub const RULED_OUT: &str = "; ruled out: ";

/// What came of looking for a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The cause in one line; or that there is not enough evidence, and what would settle it.
    pub says: String,
    /// Whether the first cause is named with confidence.
    pub confident: bool,
    /// Possible causes, the most likely first.
    pub causes: Vec<Cause>,
    /// What it is not, and why not, with [`RULED_OUT`] between them.
    pub ruled_out: Vec<String>,
    /// What could not be looked at, and would have told more.
    pub missing: Vec<String>,
}

/// One possible cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The name of its row in the table of causes.
    pub name: String,
    /// The cause in one line.
    pub says: String,
    /// What it rests on.
    pub rests_on: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What to look at first.
    pub check: String,
    /// What cures it.
    pub fix: String,
    /// The release to take back, when one is to blame.
    pub release: Option<ReleaseId>,
    /// The hosts on which it is so, where it is told of hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostId>,
    /// What was started shortly before and may have brought it, where an application is to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub started: Vec<Started>,
}

/// An application was started on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub host: HostId,
    /// What, for people: its command line and where it listens.
    pub what: String,
    /// By whom, as far as that is seen: the user as whom it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A change, played once more on the host where it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The host.
    pub host: HostId,
    /// The tree as released and the tree with the change, both kept there; `None`: what stood there was as released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundles: Option<(BundleId, BundleId)>,
    /// The text diff of the two, redacted and bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// What was asked, in the order in which people meet it.
    pub gates: Vec<Gate>,
}

/// One thing that could have stopped a change, asked afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its name: `check`, `diff`, `rehearse`, …
    pub name: String,
    /// What would have come of it.
    pub verdict: Verdict,
    /// What it said.
    pub said: String,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Span>,
}

/// What would have come of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would have refused the change, or taken it back.
    Stops,
    /// It would have told of it, and refuses nothing.
    Tells,
    /// It would have let it pass without a word.
    Passes,
    /// It could not be asked.
    NotAsked,
}

/// What a note is for the post-mortem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Something worth knowing.
    Note,
    /// Something that was done.
    Action,
    /// A suspicion that is followed from now on.
    Suspect,
    /// The end of a suspicion: it was not that.
    RuledOut,
    /// The cause.
    Cause,
}

/// A time in which somebody works on hosts on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// What it is called.
    pub name: String,
    /// Who.
    pub who: Actor,
    /// Whether it is planned or called off.
    pub step: MaintenanceStep,
}

/// Planned, or called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MaintenanceStep {
    /// It is planned.
    Planned {
        /// The hosts; all when there is none.
        hosts: Vec<HostId>,
        /// When it begins.
        from: Timestamp,
        /// When it ends.
        until: Timestamp,
        /// Why.
        why: String,
    },
    /// It is over before its end, or does not begin.
    CalledOff,
}
