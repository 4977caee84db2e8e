//! Each step of an incident, an alert or a watch as a sentence.

use crate::What;
use crate::journal::{
    Alert, AlertKind, AlertStep, Author, By, Drift, DriftHow, DriftStage, Health, Held, Incident,
    IncidentStep, Maintenance, MaintenanceStep, NoteKind, Replay, Seen, Severity, Verdict,
};

/// What happened, in one line; `None` for what another part of the journal tells.
pub fn said(what: &What) -> Option<String> {
    match what {
        What::Drift(it) => Some(drift(it)),
        What::Watch(seen) => Some(self::seen(seen)),
        What::Incident(Incident { incident, step }) => Some(format!("{incident} {}", self::step(step))),
        What::Alert(Alert { alert, step }) => Some(format!("{alert} {}", self::alert(step))),
        What::Maintenance(Maintenance { name, who, step }) => Some(match step {
            MaintenanceStep::Planned { why, hosts, .. } => {
                format!("{who} planned the maintenance \"{name}\" of {}: {why}", scope(hosts))
            }
            MaintenanceStep::CalledOff => format!("{who} called the maintenance \"{name}\" off"),
        }),
        _ => None,
    }
}

fn scope(hosts: &[crate::HostId]) -> String {
    if hosts.is_empty() {
        return "every host".to_owned();
    }
    hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Begun { version, probes, vantages } => {
            let places = if vantages.len() == 1 { "vantage" } else { "vantages" };
            format!("the watch began: {probes} probes from {} {places}, version {version}", vantages.len())
        }
        Seen::Ended { why } => format!("the watch ended: {why}"),
        Seen::Gap { what, from, until } => format!("nothing was heard of {what} for {}", until.since(*from)),
        Seen::Turned(it) => {
            let how = match &it.health {
                Health::Up => "as expected".to_owned(),
                Health::Down { says, .. } => says.clone(),
                Health::Flapping => "now right, now wrong".to_owned(),
            };
            format!("{} of {} from {}: {how}", it.probe, it.host, it.vantage)
        }
        Seen::Vantage { vantage, unfit: Some(why), .. } => {
            format!("{vantage} cannot be relied upon: {why}")
        }
        Seen::Vantage { vantage, unfit: None, .. } => format!("{vantage} can be relied upon again"),
        Seen::Firewall(it) => {
            format!("the firewall of {} changed{}: {}", it.host, by_author(it.author.as_ref()), it.says)
        }
        Seen::Answered(it) => {
            let sum = |of: fn(&crate::journal::AnswersOfStep) -> u64| it.steps.iter().map(of).sum::<u64>();
            let (all, failed) = (sum(|step| step.all), sum(|step| step.server + step.upstream));
            format!("{} answered {all} requests, {failed} of them with 5xx", it.host)
        }
        Seen::Certificate(it) => {
            let fault = it.fault.as_ref().map_or_else(String::new, |fault| format!(", and {fault}"));
            format!("{} serves the certificate {} for {}{fault}", it.host, it.serial, it.name)
        }
    }
}

fn drift(it: &Drift) -> String {
    let host = &it.host;
    match &it.stage {
        // What it means is worked out once it is quiet, and told in an event of its own.
        DriftStage::Opened | DriftStage::Updated if it.changes.is_empty() => {
            format!("what the drift of {host} does: {}", it.meaning.join("; "))
        }
        DriftStage::Opened | DriftStage::Updated => {
            let paths: Vec<&str> = it.changes.iter().map(|change| change.path.as_str()).collect();
            let more = if it.more == 0 { String::new() } else { format!(" and {} more", it.more) };
            let author = it.changes.iter().find_map(|change| change.author.as_ref());
            let (paths, by) = (paths.join(", "), by_author(author));
            if it.changes.iter().all(|change| change.how == DriftHow::Back) {
                return format!("{paths}{more} of {host}: as released again{by}");
            }
            format!("{host} drifts from what was released: {paths}{more}{by}")
        }
        DriftStage::Silenced { who, why, .. } => {
            let paths: Vec<&str> = it.changes.iter().map(|change| change.path.as_str()).collect();
            let of = if paths.is_empty() { String::new() } else { format!(" in {}", paths.join(", ")) };
            format!("the drift of {host}{of} was silenced for a time by {who}: {why}")
        }
        DriftStage::SilenceOver => {
            let paths: Vec<&str> = it.changes.iter().map(|change| change.path.as_str()).collect();
            format!(
                "{host} still drifts from what was released, and the silence is over: {}",
                paths.join(", ")
            )
        }
        DriftStage::Ended(end) => {
            format!("{host} is as released again: {}", end.said())
        }
    }
}

/// ` by …`, as far as it is known.
fn by_author(author: Option<&Author>) -> String {
    let Some(author) = author else { return String::new() };
    let of = author.login.as_ref().or(author.user.as_ref());
    let of = of.map_or_else(String::new, |of| format!(" of {of}"));
    format!(", {} by `{}`{of}", author.known_by.sure(), author.command)
}

fn step(step: &IncidentStep) -> String {
    match step {
        IncidentStep::Opened { title, held: None, .. } => format!("opened: {title}"),
        IncidentStep::Opened { title, held: Some(held), .. } => {
            format!("opened, and nobody is alerted ({}): {title}", self::held(held))
        }
        IncidentStep::Evidence { clue } => format!("has more evidence: {}", clue.says),
        IncidentStep::Cleared { why, .. } => format!("has less evidence: {why}"),
        IncidentStep::Merged { into, why } => format!("is part of {into}: {why}"),
        IncidentStep::Diagnosed { finding } if finding.confident => format!("has a cause: {}", finding.says),
        IncidentStep::Diagnosed { finding } => format!("was looked into: {}", finding.says),
        IncidentStep::Replayed { replay } => replayed(replay),
        IncidentStep::Acked { who } => format!("is taken care of by {who}"),
        IncidentStep::Noted { who, kind, text } => {
            let kind = match kind {
                NoteKind::Note => "",
                NoteKind::Action => " (done)",
                NoteKind::Suspect => " (suspected)",
                NoteKind::RuledOut => " (ruled out)",
                NoteKind::Cause => " (the cause)",
            };
            format!("note of {who}{kind}: {text}")
        }
        IncidentStep::Tasked { task, closed_by: Some(by), .. } => {
            format!("has a task less: {task} (closed by {by})")
        }
        IncidentStep::Tasked { task, owner: Some(owner), .. } => format!("has a task for {owner}: {task}"),
        IncidentStep::Tasked { task, .. } => format!("has a task: {task}"),
        IncidentStep::Silenced { who, why, .. } => format!("was silenced for a time by {who}: {why}"),
        IncidentStep::Held { held: Some(held) } => format!("alerts nobody from now on: {}", self::held(held)),
        IncidentStep::Held { held: None } => "alerts again: what held it back is over".to_owned(),
        IncidentStep::Mitigated { .. } => "has no evidence any more: users are served".to_owned(),
        IncidentStep::Resolved { by: By::Policy, why } => format!("is over: {why}"),
        IncidentStep::Resolved { by: By::Person(who), why } if why.is_empty() => {
            format!("is over, says {who}")
        }
        IncidentStep::Resolved { by: By::Person(who), why } => format!("is over, says {who}: {why}"),
    }
}

fn replayed(replay: &Replay) -> String {
    let stops = replay.gates.iter().filter(|gate| gate.verdict == Verdict::Stops);
    let stops: Vec<&str> = stops.map(|gate| gate.name.as_str()).collect();
    let what = match replay.bundles {
        Some(_) => "had what was changed played once more",
        None => "had the live routes asked",
    };
    let by = if stops.is_empty() {
        "nothing would have stopped it".to_owned()
    } else {
        format!("it would have been stopped by {}", stops.join(", "))
    };
    format!("{what} on {}: {by}", replay.host)
}

/// Why nobody is alerted.
pub fn held(held: &Held) -> String {
    match held {
        Held::Dependency(other) => format!("it depends on what {other} is about"),
        Held::Maintenance(name) => format!("maintenance \"{name}\""),
    }
}

fn alert(step: &AlertStep) -> String {
    let try_of = |attempt: &u32| if *attempt == 1 { String::new() } else { format!(" (attempt {attempt})") };
    match step {
        AlertStep::Created { incident, kind, channels, .. } => {
            format!("is to tell {} that {incident} {}", channels.join(", "), kind_said(*kind))
        }
        AlertStep::Diverted { from, to, why } => format!("goes through {to} too, because {from} {why}"),
        AlertStep::Sending { channel, attempt, repeat: false } => {
            format!("is sent through {channel}{}", try_of(attempt))
        }
        AlertStep::Sending { channel, attempt, repeat: true } => {
            format!("is sent through {channel} once more{}: it may be there already", try_of(attempt))
        }
        AlertStep::Failed { channel, attempt, why, .. } => {
            format!("was not accepted by {channel}{}: {why}", try_of(attempt))
        }
        AlertStep::Accepted { channel, attempt, receipt } => {
            let receipt = if receipt.is_empty() { String::new() } else { format!(": {receipt}") };
            format!("was accepted by {channel}{}{receipt}", try_of(attempt))
        }
        AlertStep::GivenUp { channel, why } => format!("will not go through {channel}: {why}"),
    }
}

/// What an alert of this kind says of its incident.
pub fn kind_said(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Opened => "opened",
        AlertKind::Worse => "is worse",
        AlertKind::Diagnosed => "was looked into",
        AlertKind::Escalated => "is taken care of by nobody",
        AlertKind::Reminder => "is still there",
        AlertKind::Acked => "is taken care of",
        AlertKind::Resolved => "is over",
    }
}

impl Severity {
    /// Its name, as settings and JSON write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
