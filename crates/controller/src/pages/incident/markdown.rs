//! The post-mortem of an incident as Markdown.

use std::fmt::Write as _;

use evenkeel_fleet::Sequence;
use evenkeel_fleet::postmortem::incident::{Cause, Change, Review};

use super::words;
use crate::pages::postmortem::{cell, fenced, line};
use crate::when;

/// Renders the document.
#[must_use]
pub fn markdown(review: &Review) -> String {
    let mut out = String::new();
    let _ = head(&mut out, review)
        .and_then(|()| impact(&mut out, review))
        .and_then(|()| timeline(&mut out, review))
        .and_then(|()| change(&mut out, review.change.as_ref()))
        .and_then(|()| causes(&mut out, review))
        .and_then(|()| afterwards(&mut out, review))
        .and_then(|()| measures(&mut out, review));
    out
}

fn head(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "# Post-mortem: {} ({})\n", line(&review.title), review.id)?;
    let hosts = review.hosts.iter().map(|host| host.as_str().to_owned()).collect::<Vec<_>>().join(", ");
    writeln!(
        out,
        "{}; severity {}; hosts: {}.\n",
        words::status(review),
        line(&review.severity),
        line(&hosts)
    )?;
    writeln!(out, "## Issue summary\n")?;
    for claim in &review.summary {
        writeln!(out, "{}\n", line(&claim.to_string()))?;
    }
    writeln!(out, "| moment | time |\n|---|---|")?;
    for (name, at) in words::moments(&review.times) {
        writeln!(out, "| {name} | {at} |")?;
    }
    writeln!(out, "\n| duration | counted from | |\n|---|---|---|")?;
    for (name, what, span) in words::durations(&review.times) {
        writeln!(out, "| {name} | {what} | {span} |")?;
    }
    for caution in &review.cautions {
        writeln!(out, "\nCaution: {}", line(caution))?;
    }
    writeln!(out)
}

fn impact(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "## Impact\n\n{}\n", line(&review.impact.claim.to_string()))?;
    if let Some(it) = review.impact.requests {
        writeln!(out, "* {} of {} requests failed, from {} client addresses", it.failed, it.all, it.clients)?;
    }
    for it in &review.impact.vantages {
        let of = format!("“{}” of {} from {}", line(&it.probe.0), it.host, line(&it.vantage.0));
        writeln!(out, "* {of}: {} ({})", words::met(it), line(&it.how.join(", ")))?;
    }
    if !review.beside.is_empty() {
        writeln!(out, "\nOpen at the same time:\n")?;
    }
    for it in &review.beside {
        writeln!(out, "* {} {}, since {}{}", it.id, line(&it.title), when::clock(it.onset), entries(&it.on))?;
        if let Some(cause) = &it.cause {
            writeln!(out, "   * cause: {}", line(cause))?;
        }
        for on in &it.rests_on {
            writeln!(out, "   * rests on: {}", line(on))?;
        }
    }
    writeln!(out)
}

fn timeline(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "## Timeline\n")?;
    if let Some(first) = review.timeline.first() {
        writeln!(out, "Times are local: {}.\n", when::shown(first.at))?;
    }
    writeln!(out, "| time | what happened | journal |\n|---|---|---|")?;
    for moment in &review.timeline {
        writeln!(out, "| {} | {} | #{} |", when::clock(moment.at), cell(&moment.what), moment.entry)?;
    }
    writeln!(out)
}

fn change(out: &mut String, change: Option<&Change>) -> std::fmt::Result {
    writeln!(out, "## The change that mattered\n")?;
    let Some(change) = change else {
        return writeln!(out, "No change is to blame, as far as the evidence goes.\n");
    };
    writeln!(
        out,
        "{}, by {}, at {}{}.\n",
        line(&change.what),
        line(&change.by),
        when::shown(change.at),
        entries(&change.on)
    )?;
    for meaning in &change.meaning {
        writeln!(out, "* {}", line(meaning))?;
    }
    if !change.elsewhere.is_empty() {
        let hosts = change.elsewhere.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ");
        writeln!(out, "* the same configuration stands on {}", line(hosts.as_str()))?;
    }
    if !change.diff.is_empty() {
        fenced(out, "diff", &change.diff)?;
    }
    writeln!(out)
}

fn causes(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "## Root cause and resolution\n")?;
    if review.causes.is_empty() {
        writeln!(out, "Not enough evidence to name a cause.\n")?;
    }
    for (index, cause) in review.causes.iter().enumerate() {
        one_cause(out, index, cause)?;
    }
    writeln!(out, "## What it was not\n")?;
    if review.misleading.is_empty() {
        writeln!(out, "Nothing else was suspected, as far as the journal goes.")?;
    }
    for it in &review.misleading {
        let cost = it.cost.map_or_else(String::new, |cost| format!("; it cost {}", when::span(cost)));
        writeln!(out, "* {}: {}{cost}{}", line(&it.what), line(&it.because), entries(&it.on))?;
    }
    writeln!(out)
}

fn one_cause(out: &mut String, index: usize, cause: &Cause) -> std::fmt::Result {
    writeln!(
        out,
        "{}. **{}** ({}){}",
        index + 1,
        line(&cause.what),
        line(&cause.confidence),
        entries(&cause.on)
    )?;
    for on in &cause.rests_on {
        writeln!(out, "   * rests on: {}", line(on))?;
    }
    for against in &cause.against {
        writeln!(out, "   * against it: {}", line(against))?;
    }
    if !cause.fix.is_empty() {
        writeln!(out, "   * fix: {}", line(&cause.fix))?;
    }
    writeln!(out)
}

fn afterwards(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "## Detection\n\n{}\n", line(&review.detection.by.to_string()))?;
    for gap in &review.detection.gaps {
        writeln!(out, "* {}", line(gap))?;
    }
    if !review.detection.gaps.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "## What would have stopped it\n\n{}\n", words::counterfactual(&review.counterfactual))?;
    if !review.counterfactual.is_empty() {
        writeln!(out, "| asked | verdict | what it said | took |\n|---|---|---|---|")?;
        for gate in &review.counterfactual {
            let took = gate.took.map_or_else(|| "-".to_owned(), when::span);
            writeln!(
                out,
                "| {} | {} | {} | {took} |",
                cell(&gate.name),
                words::verdict(gate),
                cell(&gate.said)
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn measures(out: &mut String, review: &Review) -> std::fmt::Result {
    writeln!(out, "## Corrective and preventive measures\n")?;
    if review.items.is_empty() {
        writeln!(out, "Nothing that the evidence asks for.")?;
    }
    for item in &review.items {
        let done = if item.closed_by.is_some() { 'x' } else { ' ' };
        let task = &item.task;
        writeln!(
            out,
            "- [{done}] {}: {} ({}){}",
            line(&task.what),
            line(&task.because),
            line(&words::item_state(item)),
            entries(&task.on)
        )?;
    }
    if let Some(text) = words::against_earlier(review) {
        writeln!(out, "\n## Compared with earlier incidents\n\n{text}\n")?;
        writeln!(out, "| incident | to detect | to acknowledge | to mitigate |\n|---|---|---|---|")?;
        for earlier in &review.earlier {
            let it = earlier.times.durations();
            let cell_of =
                |span: Option<evenkeel_fleet::Span>| span.map_or_else(|| "-".to_owned(), when::span);
            let (detect, ack) = (cell_of(it.to_detect), cell_of(it.to_acknowledge));
            let mitigate = cell_of(it.to_mitigate);
            writeln!(out, "| {} {} | {detect} | {ack} | {mitigate} |", earlier.id, cell(&earlier.title))?;
        }
    }
    if !review.coffees.is_empty() {
        writeln!(out, "\n## Coffee owed\n")?;
        for coffee in &review.coffees {
            let cups = if coffee.cups == 1 { "one".to_owned() } else { coffee.cups.to_string() };
            writeln!(out, "* {cups} to {}: {}", line(&coffee.to), line(&coffee.why))?;
        }
    }
    writeln!(out, "\nEvery number after a # is an entry of the journal.")
}

fn entries(on: &[Sequence]) -> String {
    if on.is_empty() {
        return String::new();
    }
    let list: Vec<String> = on.iter().map(|on| format!("#{on}")).collect();
    format!(" ({})", list.join(", "))
}
