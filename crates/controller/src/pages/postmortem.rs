//! A post-mortem as Markdown: the sections that every outage's document has, filled from evidence alone.

use std::fmt::Write as _;

use evenkeel_fleet::postmortem::{Measures, Since, Task};
use evenkeel_fleet::{Outcome, Postmortem, Sequence};

use crate::when;

/// A file list or a diff is cut after so many lines.
const LINES_MAX: usize = 400;

/// Renders one post-mortem.
#[must_use]
pub fn markdown(document: &Postmortem) -> String {
    let mut out = String::new();
    let _ = summary(&mut out, document)
        .and_then(|()| timeline(&mut out, document))
        .and_then(|()| cause(&mut out, document))
        .and_then(|()| change(&mut out, document))
        .and_then(|()| measures(&mut out, &document.measures))
        .and_then(|()| footing(&mut out, document));
    out
}

fn summary(out: &mut String, document: &Postmortem) -> std::fmt::Result {
    let ended = match document.outcome {
        Some(Outcome::Confirmed) => "confirmed",
        Some(Outcome::Refused) => "refused before the switch",
        Some(Outcome::Conflict) => "stopped by a conflict, nothing was overwritten",
        Some(Outcome::RolledBack { proven: true }) => {
            "taken back; the old configuration was proven to serve again"
        }
        Some(Outcome::RolledBack { proven: false }) => {
            "taken back; that the old configuration serves was NOT proven"
        }
        None => "still open",
    };
    let summary = &document.summary;
    writeln!(out, "# Post-mortem: release {} on {}\n", document.release, document.host)?;
    writeln!(out, "## Issue summary\n")?;
    writeln!(out, "* **Outcome**: {ended}")?;
    match (summary.duration, summary.from, summary.until) {
        (Some(duration), Some(from), Some(until)) => writeln!(
            out,
            "* **Duration**: {} ({} to {})",
            when::span(duration),
            when::shown(from),
            when::shown(until)
        )?,
        (Some(duration), ..) if duration.as_millis() == 0 => {
            writeln!(out, "* **Duration**: none: the change never stood on the host")?;
        }
        (_, Some(from), _) => writeln!(out, "* **Duration**: not known; since {}", when::shown(from))?,
        _ => writeln!(out, "* **Duration**: not enough evidence")?,
    }
    writeln!(out, "* **Impact**: {}", line(&summary.impact.claim.to_string()))?;
    writeln!(out, "* **Root cause**: {}", line(&summary.root_cause.to_string()))?;
    if let Some(caught) = &document.caught {
        let since = match caught.since {
            Since::Proposed => "after it was proposed, before anything was touched",
            Since::Switched => "after the switch",
        };
        let after = when::span(caught.after);
        writeln!(out, "* **Caught by**: {}, {after} {since}: {}", caught.by, line(&caught.said))?;
    }
    if summary.impact.routes.is_empty() {
        return writeln!(out);
    }
    writeln!(
        out,
        "\n| live route | request | expected | answers | asked | wrong |\n|---|---|---|---|---|---|"
    )?;
    for route in &summary.impact.routes {
        let answers = route.answers.iter().map(|(phase, answer)| format!("{}: {answer}", phase_name(*phase)));
        let answers = answers.collect::<Vec<_>>().join("; ");
        let cells = [&route.route, &route.request, &route.expected, &answers].map(|text| cell(text));
        let [name, request, expected, answers] = cells;
        let (asked, wrong) = (route.asked, route.wrong);
        let before = if route.wrong_before { " (wrong before the release too)" } else { "" };
        writeln!(out, "| {name} | `{request}` | {expected} | {answers}{before} | {asked} | {wrong} |")?;
    }
    writeln!(out)
}

fn phase_name(phase: evenkeel_fleet::journal::Phase) -> &'static str {
    use evenkeel_fleet::journal::Phase;
    match phase {
        Phase::Before => "before",
        Phase::After => "after",
        Phase::Watch => "while watched",
        Phase::Reverted => "after the way back",
    }
}

fn timeline(out: &mut String, document: &Postmortem) -> std::fmt::Result {
    writeln!(out, "## Timeline\n")?;
    if let Some(first) = document.timeline.first() {
        writeln!(out, "Times are local: {}.\n", when::shown(first.at))?;
    }
    writeln!(out, "| time | what happened | journal |\n|---|---|---|")?;
    for moment in &document.timeline {
        writeln!(out, "| {} | {} | {} |", when::clock(moment.at), cell(&moment.what), entry(moment.entry))?;
    }
    writeln!(out)
}

fn cause(out: &mut String, document: &Postmortem) -> std::fmt::Result {
    writeln!(out, "## Root cause and resolution\n")?;
    writeln!(out, "{}\n", line(&document.root_cause.to_string()))?;
    writeln!(out, "{}\n", line(&document.resolution.to_string()))
}

fn change(out: &mut String, document: &Postmortem) -> std::fmt::Result {
    let change = &document.change;
    writeln!(out, "## The change\n")?;
    let why = if change.why.is_empty() { "no reason given".to_owned() } else { line(&change.why) };
    writeln!(
        out,
        "By {}: {why}. From bundle `{}` to `{}`.\n",
        change.who,
        change.from.short(),
        change.to.short()
    )?;
    for file in change.files.iter().take(LINES_MAX) {
        writeln!(out, "* {}", line(&file.to_string()))?;
    }
    if change.files.len() > LINES_MAX {
        writeln!(out, "* … and {} more", change.files.len() - LINES_MAX)?;
    }
    if let Some(why) = &change.emergency {
        writeln!(out, "* applied as an emergency, without approval: {}", line(why))?;
    }
    for accepted in &change.accepted {
        writeln!(out, "* accepted by the author: {}", line(accepted))?;
    }
    if let Some(kept) = &change.kept {
        writeln!(out, "* changed by hand meanwhile, kept as bundle `{}`", kept.short())?;
    }
    if change.diff.is_empty() {
        return writeln!(out);
    }
    writeln!(out)?;
    fenced(out, "diff", &change.diff)
}

/// A block of text that nothing in it can end, cut after [`LINES_MAX`] lines.
pub(super) fn fenced(out: &mut String, language: &str, text: &str) -> std::fmt::Result {
    // Longer than any run of backticks in the text.
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    writeln!(out, "{fence}{language}")?;
    for text in text.lines().take(LINES_MAX) {
        writeln!(out, "{text}")?;
    }
    if text.lines().count() > LINES_MAX {
        writeln!(out, "… (cut here)")?;
    }
    writeln!(out, "{fence}\n")
}

fn measures(out: &mut String, measures: &Measures) -> std::fmt::Result {
    writeln!(out, "## Corrective and preventive measures\n")?;
    let mut list = |title: &str, tasks: &[Task]| -> std::fmt::Result {
        writeln!(out, "### {title}\n")?;
        if tasks.is_empty() {
            writeln!(out, "Nothing that the evidence asks for.")?;
        }
        for task in tasks {
            let on = task.on.iter().map(|on| entry(*on)).collect::<Vec<_>>().join(", ");
            let on = if on.is_empty() { String::new() } else { format!(" ({on})") };
            writeln!(out, "- [ ] {}: {}{on}", line(&task.what), line(&task.because))?;
        }
        writeln!(out)
    };
    list("Corrective", &measures.corrective)?;
    list("Preventive", &measures.preventive)
}

fn footing(out: &mut String, document: &Postmortem) -> std::fmt::Result {
    writeln!(out, "## What this rests on\n")?;
    for footing in &document.rests_on {
        writeln!(out, "* {} {}", entry(footing.entry), line(&footing.summary))?;
        for on in footing.rests_on.iter().take(LINES_MAX) {
            writeln!(out, "  * {}", line(on))?;
        }
    }
    writeln!(out, "\nEvery number above is an entry of the journal of {}.", document.host)
}

fn entry(sequence: Sequence) -> String {
    format!("#{sequence}")
}

/// A text on one line, so that nothing from outside begins a heading or a list.
pub(super) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

pub(super) fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
