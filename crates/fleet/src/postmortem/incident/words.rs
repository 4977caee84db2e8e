//! The sentences of the document, each with the entries that it rests on.

use super::case::Case;
use super::{Cause, Change, Coffee, Detection, Item, Misleading, Times};
use crate::journal::{AlertStep, By, DriftStage, IncidentStep, NoteKind, RULED_OUT, Seen, Source};
use crate::postmortem::{Claim, Task};
use crate::{Sequence, What};

/// What happened, why, and what ended it.
pub(super) fn summary(case: &Case<'_>, times: &Times) -> [Claim; 3] {
    let first = case.clues.first().map(|(entry, _)| *entry);
    let long = match times.durations().to_mitigate {
        Some(span) => format!("For {span}"),
        None => "Until now".to_owned(),
    };
    let happened = Claim::rests(format!("{long}: {}{}.", title(case), vantages(case)), first);
    let why = match (case.notes(NoteKind::Cause).last(), case.cause()) {
        (Some((entry, _, text)), _) => Claim::rests(text, [entry]),
        (None, Some((entry, finding, cause))) if finding.confident => {
            Claim::rests(format!("{}.", cause.says), [entry])
        }
        (None, Some((entry, _, cause))) => Claim::rests(format!("Perhaps: {}.", cause.says), [entry]),
        (None, None) => Claim::not_enough("no cause was named"),
    };
    [happened, why, ended(case, times)]
}

/// What it is, for the head of a document: what failed, where and how.
pub(super) fn title(case: &Case<'_>) -> String {
    let told = || {
        let (_, clue) = case.clues.iter().find(|(_, clue)| clue.probe.is_some())?;
        let (probe, host) = (clue.probe.as_ref()?, clue.host.as_ref()?);
        let says = clue.says.strip_prefix(&format!("{probe}: "))?;
        let how = says.rsplit_once(" (").map_or(says, |(how, _)| how);
        let how = how.strip_suffix(" is not the one expected").unwrap_or(how);
        Some(format!("“{probe}” of {host}: {how}"))
    };
    told().unwrap_or_else(|| case.title.to_owned())
}

/// `, seen from 3 of 3 vantages`
fn vantages(case: &Case<'_>) -> String {
    let told = case.clues.iter().find_map(|(_, clue)| {
        let (_, count) = clue.says.strip_suffix(')')?.rsplit_once(" (")?;
        (clue.probe.is_some() && count.contains(" of ")).then(|| format!(", seen from {count}"))
    });
    told.unwrap_or_default()
}

/// What was done last before users were served again; else what is said of the end.
fn ended(case: &Case<'_>, times: &Times) -> Claim {
    let until = times.mitigated.or(times.resolved);
    let done = case.entries().filter(|(_, event)| {
        event.at >= case.onset && until.is_none_or(|until| event.at <= until + crate::Span::from_secs(5))
    });
    let done = done.filter_map(|(entry, event)| match &event.what {
        What::Incident(it) => match &it.step {
            IncidentStep::Noted { kind: NoteKind::Action, text, .. } => Some((entry, text.clone())),
            _ => None,
        },
        What::Reverted { .. } | What::Switched { .. } | What::Adopted(_) | What::Watch(Seen::Firewall(_)) => {
            Some((entry, super::super::timeline::say(&event.what)))
        }
        _ => None,
    });
    if let Some((entry, text)) = done.last() {
        return Claim::rests(text, [entry]);
    }
    if let Some(claim) = put_back(case, until) {
        return claim;
    }
    let resolved = case.steps().filter_map(|(entry, _, step)| match step {
        IncidentStep::Resolved { why, .. } if !why.is_empty() => Some((entry, why.as_str())),
        _ => None,
    });
    match resolved.last() {
        Some((entry, why)) => Claim::rests(format!("What ended it was not written down; {why}."), [entry]),
        None => Claim::not_enough("nothing in the journal says what ended it"),
    }
}

/// The hosts whose drift ended until then, together.
fn put_back(case: &Case<'_>, until: Option<crate::Timestamp>) -> Option<Claim> {
    let on_its_way = |host: &crate::HostId| {
        case.cause().is_none_or(|(_, _, cause)| cause.hosts.is_empty() || cause.hosts.contains(host))
    };
    let (mut hosts, mut on, mut how) = (Vec::new(), Vec::new(), None);
    for (entry, event) in case.entries().filter(|(_, event)| event.at >= case.onset) {
        let What::Drift(it) = &event.what else { continue };
        let DriftStage::Ended(end) = &it.stage else { continue };
        if until.is_none_or(|until| event.at <= until + crate::Span::from_secs(5)) && on_its_way(&it.host) {
            if !hosts.contains(&it.host) {
                hosts.push(it.host.clone());
            }
            on.push(entry);
            how = Some(*end);
        }
    }
    hosts.sort_unstable();
    let is = if hosts.len() == 1 { "is" } else { "are" };
    let how = how?.said();
    Some(Claim::rests(format!("{} {is} as released again: {how}.", super::list(&hosts)), on))
}

pub(super) fn causes(case: &Case<'_>) -> Vec<Cause> {
    let Some((entry, finding, _)) = case.cause() else { return Vec::new() };
    let named = |name: &str| {
        let first = case.findings().find(|(_, _, finding)| finding.causes.iter().any(|it| it.name == name));
        first.map(|(_, at, _)| at)
    };
    let cause = |(index, it): (usize, &crate::journal::Cause)| Cause {
        what: it.says.clone(),
        confidence: if index == 0 && finding.confident { "confident" } else { "possible" }.to_owned(),
        rests_on: it.rests_on.clone(),
        against: it.against.clone(),
        fix: it.fix.clone(),
        named_at: named(&it.name),
        on: vec![entry],
    };
    finding.causes.iter().enumerate().map(cause).collect()
}

/// Suspicions that people followed and closed, and what the diagnosis ruled out.
pub(super) fn misleading(case: &Case<'_>) -> Vec<Misleading> {
    let mut open: Vec<(Sequence, crate::Timestamp, &str)> = Vec::new();
    let mut closed = Vec::new();
    for (entry, at, step) in case.steps() {
        let IncidentStep::Noted { kind, text, .. } = step else { continue };
        match kind {
            NoteKind::Suspect => open.push((entry, at, text)),
            NoteKind::RuledOut => {
                if let Some((began, since, what)) = open.pop() {
                    closed.push(Misleading {
                        what: what.to_owned(),
                        because: text.clone(),
                        cost: Some(at.since(since)),
                        on: vec![began, entry],
                    });
                }
            }
            NoteKind::Cause => {
                for (began, since, what) in open.drain(..).filter(|(_, _, what)| *what != text.as_str()) {
                    closed.push(Misleading {
                        what: what.to_owned(),
                        because: "the cause was found to be another one".to_owned(),
                        cost: Some(at.since(since)),
                        on: vec![began, entry],
                    });
                }
            }
            NoteKind::Note | NoteKind::Action => {}
        }
    }
    if let Some((entry, finding, _)) = case.cause() {
        closed.extend(finding.ruled_out.iter().map(|text| {
            let (what, because) = text.split_once(RULED_OUT).unwrap_or((text, ""));
            let by = "ruled out by the diagnosis";
            let because = if because.is_empty() { by.to_owned() } else { format!("{by}, because {because}") };
            Misleading { what: what.to_owned(), because, cost: None, on: vec![entry] }
        }));
    }
    closed
}

pub(super) fn detection(case: &Case<'_>, times: &Times) -> Detection {
    let by = match case.clues.first() {
        Some((entry, clue)) => {
            let after = times
                .durations()
                .to_detect
                .map_or_else(String::new, |span| format!(", {span} after the onset"));
            Claim::rests(format!("{}: {}{after}.", noticed(clue.source), clue.says), [*entry])
        }
        None => Claim::not_enough("nothing says what noticed it"),
    };
    let mut gaps = Vec::new();
    if case.clues.iter().all(|(_, clue)| clue.source == Source::Person) {
        gaps.push("No probe saw it: a person had to.".to_owned());
    }
    for (_, _, _, step) in case.alerts() {
        if let AlertStep::Diverted { from, to, why } = step {
            gaps.push(format!("{from} did not take the alert ({why}); {to} had to."));
        }
    }
    gaps.dedup();
    if let Some((_, finding, _)) = case.cause() {
        gaps.extend(finding.missing.iter().map(|missing| format!("Could not be looked at: {missing}.")));
    }
    Detection { by, gaps }
}

fn noticed(source: Source) -> &'static str {
    match source {
        Source::Probe => "A probe",
        Source::Vantage => "A vantage",
        Source::Drift => "The watch over the tree",
        Source::Readiness => "The watch over the standby",
        Source::Judge => "The counts of a log",
        Source::Certificate => "The watch over certificates",
        Source::Person => "A person",
    }
}

/// What to do about it: only what the evidence gives reason for.
pub(super) fn items(case: &Case<'_>, change: Option<&Change>, times: &Times) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |what: String, because: &str, on: Vec<Sequence>, closed_by: Option<String>| {
        let task = Task { what, because: because.to_owned(), on };
        items.push(Item { task, owner: None, due: None, closed_by });
    };
    if let Some((entry, _, cause)) = case.cause() {
        if !cause.fix.is_empty() {
            add(cause.fix.clone(), &cause.says, vec![entry], undone(case, cause));
        }
        if cause.release.is_none()
            && let Some(change) = change
        {
            let (what, because) = if cause.started.is_empty() {
                (
                    "let this change go through a release",
                    format!("{} went live beside any release", change.what),
                )
            } else {
                (
                    "let the application go out by a release, with the configuration that belongs to it",
                    change.what.clone(),
                )
            };
            add(what.to_owned(), &because, change.on.clone(), None);
        }
    }
    if let Some((entry, finding, _)) = case.cause() {
        for missing in &finding.missing {
            add(
                format!("see to it that this can be looked at: {missing}"),
                "it would have told more",
                vec![entry],
                None,
            );
        }
    }
    let mut diverted: Vec<&str> = Vec::new();
    for (entry, _, _, step) in case.alerts() {
        if let AlertStep::Diverted { from, why, .. } = step
            && !diverted.contains(&from.as_str())
        {
            diverted.push(from);
            add(format!("repair the channel {from}"), why, vec![entry], None);
        }
    }
    let first = case.clues.first().map(|(entry, _)| *entry).into_iter().collect::<Vec<_>>();
    if times.acknowledged.is_none() {
        add("name who takes an alert on".to_owned(), "nobody acknowledged this one", first.clone(), None);
    }
    if case.clues.iter().all(|(_, clue)| clue.source == Source::Person) {
        add(
            "add a probe that sees this".to_owned(),
            "a person noticed it before anything else did",
            first,
            None,
        );
    }
    said_of(case, &mut items);
    items
}

/// What people said of tasks, and those that they added.
fn said_of(case: &Case<'_>, items: &mut Vec<Item>) {
    for (entry, _, step) in case.steps() {
        let IncidentStep::Tasked { who, task, owner, due, closed_by } = step else { continue };
        let same = items.iter().position(|item| item.task.what == *task);
        let mut begins = (0..items.len()).filter(|&at| items[at].task.what.starts_with(task.as_str()));
        let at = same.or_else(|| begins.next().filter(|_| begins.next().is_none())).unwrap_or_else(|| {
            let task = Task { what: task.clone(), because: format!("{who} said so"), on: Vec::new() };
            items.push(Item { task, owner: None, due: None, closed_by: None });
            items.len() - 1
        });
        let item = &mut items[at];
        item.owner = owner.clone().or(item.owner.take());
        item.due = due.or(item.due);
        item.closed_by = closed_by.clone().or(item.closed_by.take());
        item.task.on.push(entry);
    }
}

/// What undid the change, if it was undone.
fn undone(case: &Case<'_>, cause: &crate::journal::Cause) -> Option<String> {
    let ours = |host: &crate::HostId| cause.hosts.is_empty() || cause.hosts.contains(host);
    let after = case.entries().filter(|(_, event)| event.at >= case.onset);
    let ends = after.filter_map(|(entry, event)| match &event.what {
        What::Reverted { release, .. } => Some(format!("the way back of {release} (#{entry})")),
        What::Drift(it) if matches!(it.stage, DriftStage::Ended(_)) && ours(&it.host) => {
            Some(format!("the end of the drift (#{entry})"))
        }
        What::Confirmed { release, .. } => Some(format!("release {release} (#{entry})")),
        _ => None,
    });
    ends.last()
}

/// One cup for whoever took it on, or did something about it; one more for whoever was woken.
pub(super) fn coffees(case: &Case<'_>, night: &dyn Fn(crate::Timestamp) -> bool) -> Vec<Coffee> {
    let mut owed: Vec<Coffee> = Vec::new();
    for (_, at, step) in case.steps() {
        let (who, why) = match step {
            IncidentStep::Acked { who } => (who, "took it on"),
            IncidentStep::Noted { who, kind: NoteKind::Action, .. } => (who, "did something about it"),
            IncidentStep::Resolved { by: By::Person(who), .. } => (who, "saw it through"),
            _ => continue,
        };
        let (to, cups) = (who.to_string(), if night(at) { 2 } else { 1 });
        if !owed.iter().any(|coffee| coffee.to == to) {
            let why = if cups == 2 { format!("{why}, at night") } else { why.to_owned() };
            owed.push(Coffee { to, cups, why });
        }
    }
    owed
}

/// What makes times or causes less certain than they look.
pub(super) fn cautions(case: &Case<'_>) -> Vec<String> {
    let mut cautions = Vec::new();
    for (entry, event) in case.entries().filter(|(_, event)| case.near(event.at)) {
        if let What::Watch(Seen::Gap { what, from, until }) = &event.what {
            cautions.push(format!("nothing was heard of {what} for {} (#{entry})", until.since(*from)));
        }
    }
    if let Some((_, finding, _)) = case.cause()
        && !finding.confident
    {
        cautions.push("the cause is not certain: the diagnosis asks for more evidence".to_owned());
    }
    cautions
}
