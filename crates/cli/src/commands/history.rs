//! `history` and `show`: what the journal says of this host.

mod drifted;

use anyhow::{Context as _, bail};
use evenkeel_controller::local::{Host, Journal};
use evenkeel_controller::when;
use evenkeel_fleet::journal::{Phase, RouteAnswer};
use evenkeel_fleet::{Event, Release, ReleaseId, What};
use serde_json::{Value, json};

use crate::args;
use crate::commands::package;
use crate::output::{Exit, Output, put, table};

/// Lists releases and adoptions, the newest first.
pub(crate) fn history(args: &args::History, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let journal = host.read_journal().context("read the history of this host")?;
    let rows = rows(&journal, args.limit);
    if output.json {
        let list: Vec<Value> = rows.iter().map(|row| row.json()).collect();
        put(&json!({ "history": list }).to_string());
        return Ok(Exit::Yes);
    }
    if rows.is_empty() {
        put("nothing was released on this host yet");
        return Ok(Exit::Yes);
    }
    let cells = |row: &Row| {
        vec![
            row.id.clone(),
            when::shown(row.at),
            cut(&row.outcome),
            row.bundle.clone(),
            row.who.clone(),
            row.why.clone(),
        ]
    };
    let heading = ["id", "when", "outcome", "bundle", "who", "why"].map(str::to_owned).to_vec();
    put(&table(&std::iter::once(heading).chain(rows.iter().map(cells)).collect::<Vec<_>>()));
    Ok(Exit::Yes)
}

/// The beginning of a long outcome; `show` has the whole.
fn cut(text: &str) -> String {
    const SHOWN: usize = 70;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

struct Row {
    id: String,
    at: evenkeel_fleet::Timestamp,
    outcome: String,
    bundle: String,
    who: String,
    why: String,
}

impl Row {
    fn json(&self) -> Value {
        json!({ "id": self.id, "at": when::rfc3339(self.at), "outcome": self.outcome, "bundle": self.bundle,
                "who": self.who, "why": self.why })
    }
}

fn rows(journal: &Journal, limit: usize) -> Vec<Row> {
    let row = |event: &Event| match &event.what {
        What::Proposed { release, proposal } => Some(Row {
            id: release.to_string(),
            at: event.at,
            outcome: journal.fleet().release(*release).map_or_else(String::new, outcome),
            bundle: proposal.to.short(),
            who: proposal.who.to_string(),
            why: proposal.why.clone(),
        }),
        What::Adopted(adoption) => Some(Row {
            id: "adopt".to_owned(),
            at: event.at,
            outcome: "adopted".to_owned(),
            bundle: adoption.bundle.short(),
            who: adoption.who.to_string(),
            why: adoption.why.clone(),
        }),
        What::Frozen { who, why, .. } => Some(Row {
            id: "freeze".to_owned(),
            at: event.at,
            outcome: "frozen".to_owned(),
            bundle: String::new(),
            who: who.to_string(),
            why: why.clone(),
        }),
        What::Thawed { who, why, .. } => Some(Row {
            id: "thaw".to_owned(),
            at: event.at,
            outcome: "thawed".to_owned(),
            bundle: String::new(),
            who: who.to_string(),
            why: why.clone(),
        }),
        What::Packages(run) => Some(Row {
            id: "packages".to_owned(),
            at: event.at,
            outcome: package::outcome(run),
            bundle: run.after.map_or_else(String::new, |bundle| bundle.short()),
            who: run.who.to_string(),
            why: run.command.clone(),
        }),
        What::Drift(drift) => drifted::row(event.at, drift),
        What::Served(served) => Some(Row {
            id: served.action.clone(),
            at: event.at,
            outcome: "the service manager did it".to_owned(),
            bundle: served.bundle.short(),
            who: served.who.to_string(),
            why: String::new(),
        }),
        _ => None,
    };
    journal.events().iter().rev().filter_map(row).take(limit).collect()
}

fn outcome(release: &Release) -> String {
    match release.reverting() {
        Some((_, reason)) if !release.open() => format!("{} ({reason})", release.stage().name()),
        _ => release.stage().name().to_owned(),
    }
}

/// Reads `r12` or `12`.
pub(crate) fn release_id(text: &str) -> anyhow::Result<ReleaseId> {
    let number = text.strip_prefix('r').unwrap_or(text).parse();
    number.map(ReleaseId).with_context(|| format!("read \"{text}\" as a release; they are called r1, r2, …"))
}

/// Shows one release: who, why, what, and each answer before and after.
pub(crate) fn show(args: &args::Show, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let journal = host.read_journal().context("read the history of this host")?;
    if args.id == "packages" {
        let last = journal.events().iter().rev().find_map(|event| match &event.what {
            What::Packages(run) => Some(run),
            _ => None,
        });
        let Some(run) = last else {
            bail!("find a change by a package manager: there is none in the journal")
        };
        output.print(|| package::details(run), || package::document(run));
        return Ok(Exit::Yes);
    }
    if args.id == "drift" {
        let last = drifted::last(&journal);
        let Some(first) = last.first() else { bail!("find a drift: there is none in the journal") };
        output.print(|| drifted::text(&last), || drifted::document(first, &last));
        return Ok(Exit::Yes);
    }
    let id = release_id(&args.id)?;
    let Some(release) = journal.fleet().release(id) else {
        bail!("find {id}: there is no such release on this host; `evenkeel history` lists them");
    };
    output.print(|| text(&journal, release), || document(&journal, release));
    Ok(Exit::Yes)
}

fn about(what: &What, id: ReleaseId) -> bool {
    match what {
        What::Proposed { release, .. }
        | What::Saw { release, .. }
        | What::Answered { release, .. }
        | What::Refused { release, .. }
        | What::Ordered { release, .. }
        | What::Switched { release, .. }
        | What::Proven { release, .. }
        | What::Confirmed { release, .. }
        | What::RevertOrdered { release, .. }
        | What::Reverted { release, .. }
        | What::Conflict { release, .. } => *release == id,
        What::Note { release, .. } => *release == Some(id),
        _ => false,
    }
}

fn text(journal: &Journal, release: &Release) -> String {
    let proposal = release.proposal();
    let mut out = format!("{}  {}\n", release.id(), outcome(release));
    let mut field = |name: &str, text: &str| out.push_str(&format!("{name:<10}{text}\n"));
    field("host", proposal.host.as_str());
    field("who", &proposal.who.to_string());
    field("why", if proposal.why.is_empty() { "(no reason given)" } else { &proposal.why });
    field("from", &proposal.from.to_string());
    field("to", &proposal.to.to_string());
    if let Some(why) = &proposal.emergency {
        field("EMERGENCY", why);
    }
    for accepted in &proposal.accepted {
        field("accepted", accepted);
    }
    for change in &proposal.changes {
        field("file", &change.to_string());
    }
    out.push_str("\nwhat happened\n");
    for event in journal.events().iter().filter(|event| about(&event.what, release.id())) {
        if let Some(said) = said(&event.what) {
            out.push_str(&format!("  {}  {said}\n", when::clock(event.at)));
        }
        for detail in details(&event.what) {
            out.push_str(&format!("                {detail}\n"));
        }
    }
    let answers = answers(journal, release.id());
    if !answers.is_empty() {
        out.push_str("\nlive routes\n");
        for (phase, answer) in answers {
            let verdict = if answer.wrong > 0 { "WRONG" } else { "ok" };
            out.push_str(&format!(
                "  {:<9} {verdict:<5} {}: {} -> {}\n",
                phase_name(phase),
                answer.route,
                answer.request,
                answer.answer
            ));
        }
    }
    if !proposal.diff.is_empty() {
        out.push_str(&format!("\n{}", proposal.diff));
    }
    out
}

/// One line for each event that a reader wants to see.
pub(crate) fn said(what: &What) -> Option<String> {
    Some(match what {
        What::Proposed { .. } => "proposed".to_owned(),
        What::Saw { evidence, .. } => {
            let verdict = if evidence.holds { "" } else { "FAILED " };
            format!("{verdict}{}: {}", evidence.kind, evidence.summary)
        }
        What::Refused { reason, .. } => format!("refused: {reason}"),
        What::Switched { .. } => "switched: the new files stand in the tree".to_owned(),
        What::Proven { .. } => "proven: new workers serve the new configuration".to_owned(),
        What::Confirmed { by, .. } => match by {
            evenkeel_fleet::journal::By::Policy => "confirmed by the policy".to_owned(),
            evenkeel_fleet::journal::By::Person(who) => format!("confirmed by {who}"),
        },
        What::RevertOrdered { reason, .. } => format!("going back: {reason}"),
        What::Reverted { revert, .. } => {
            let proven = if revert.proven { "proven to serve" } else { "NOT proven to serve" };
            let by = revert.way.map(|way| format!(" by {way}")).unwrap_or_default();
            format!("rolled back{by} in {}: the old configuration is {proven}", when::span(revert.took))
        }
        What::Conflict { paths, .. } => format!("conflict: somebody else wrote to {}", paths.join(", ")),
        What::Note { text, .. } => text.clone(),
        _ => return None,
    })
}

fn details(what: &What) -> Vec<String> {
    match what {
        What::Saw { evidence, .. } => {
            evidence.details.iter().chain(&evidence.rests_on).take(20).cloned().collect()
        }
        What::Reverted { revert, .. } => {
            let mut lines: Vec<String> = revert.evidence.iter().map(|it| it.summary.clone()).collect();
            if let Some(kept) = revert.kept {
                lines.push(format!("what had been changed by hand is kept as bundle {}", kept.short()));
            }
            lines
        }
        _ => Vec::new(),
    }
}

fn answers(journal: &Journal, id: ReleaseId) -> Vec<(Phase, &RouteAnswer)> {
    let of = |event: &'_ Event| match &event.what {
        What::Answered { release, .. } => *release == id,
        _ => false,
    };
    let mut out = Vec::new();
    for event in journal.events().iter().filter(|event| of(event)) {
        if let What::Answered { phase, answers, .. } = &event.what {
            out.extend(answers.iter().map(|answer| (*phase, answer)));
        }
    }
    out
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "before",
        Phase::After => "after",
        Phase::Watch => "watched",
        Phase::Reverted => "reverted",
    }
}

fn document(journal: &Journal, release: &Release) -> Value {
    let proposal = release.proposal();
    let events: Vec<Value> = journal
        .events()
        .iter()
        .filter(|event| about(&event.what, release.id()))
        .filter_map(|event| Some(json!({ "at": when::rfc3339(event.at), "what": said(&event.what)? })))
        .collect();
    let changes: Vec<Value> = proposal
        .changes
        .iter()
        .map(|change| {
            json!({ "path": change.path, "old": change.old.map(|it| it.to_string()),
                    "new": change.new.map(|it| it.to_string()) })
        })
        .collect();
    let answers: Vec<Value> = answers(journal, release.id())
        .into_iter()
        .map(|(phase, it)| {
            json!({ "phase": phase_name(phase), "route": it.route, "request": it.request, "expected": it.expected,
                    "answer": it.answer, "asked": it.asked, "wrong": it.wrong })
        })
        .collect();
    json!({
        "id": release.id().to_string(), "host": proposal.host.as_str(), "outcome": release.stage().name(),
        "reason": release.reverting().map(|(_, reason)| reason), "who": proposal.who.to_string(), "why": proposal.why,
        "from": proposal.from.to_string(), "to": proposal.to.to_string(), "accepted": proposal.accepted,
        "emergency": proposal.emergency,
        "proposed_at": when::rfc3339(release.proposed_at()), "ended_at": release.ended_at().map(when::rfc3339),
        "changes": changes, "events": events, "routes": answers, "diff": proposal.diff,
    })
}
