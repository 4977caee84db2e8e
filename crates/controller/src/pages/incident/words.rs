//! What both forms say in the same words.

use evenkeel_fleet::Span;
use evenkeel_fleet::postmortem::incident::{Durations, Gate, Item, Met, Review, Times, Verdict};

use crate::when;

/// Each moment with its name.
pub(super) fn moments(times: &Times) -> Vec<(&'static str, String)> {
    times.named().into_iter().map(|(name, at)| (name, when::shown(at))).collect()
}

/// Each duration with its name and what it is counted from.
pub(super) fn durations(times: &Times) -> Vec<(&'static str, &'static str, String)> {
    let it: Durations = times.durations();
    let or = |span: Option<Span>, or: &str| span.map_or_else(|| or.to_owned(), when::span);
    let said = |span: Option<Span>| or(span, "not known");
    let nobody = |span: Option<Span>, why: &str| match times.acknowledged {
        Some(_) => said(span),
        None => or(span, why),
    };
    let open = |span: Option<Span>| or(span, "not yet");
    vec![
        ("time to detect", "onset to detection", said(it.to_detect)),
        ("alert delay", "detection to the first channel that took it", said(it.alert_delay)),
        (
            "time to name the cause",
            "detection to the true cause being named",
            or(it.to_name, "no cause was named for certain"),
        ),
        (
            "time to acknowledge",
            "detection to somebody taking it on",
            nobody(it.to_acknowledge, "nobody took it on"),
        ),
        (
            "time to diagnose",
            "acknowledgement to the true cause being named",
            nobody(it.to_diagnose, "not counted: nobody took it on"),
        ),
        ("time to mitigate", "onset to the end of the impact", open(it.to_mitigate)),
        ("time to repair", "onset to the repair", open(it.to_repair)),
        (
            "time to repair, counted from detection",
            "as other tools count it",
            open(it.to_repair_from_detection),
        ),
    ]
}

pub(super) fn status(review: &Review) -> &'static str {
    match (review.times.resolved, review.times.mitigated) {
        (Some(_), _) => "resolved",
        (None, Some(_)) => "users meet it no longer; not repaired yet",
        (None, None) => "open",
    }
}

pub(super) fn verdict(gate: &Gate) -> &'static str {
    match gate.verdict {
        Verdict::Stops => "would have stopped it",
        Verdict::Tells => "would have told of it",
        Verdict::Passes => "would have let it pass",
        Verdict::NotAsked => "could not be asked",
    }
}

pub(super) fn counterfactual(gates: &[Gate]) -> String {
    let of = |verdict: Verdict| {
        let names = gates.iter().filter(|gate| gate.verdict == verdict).map(|gate| gate.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let (stops, tells) = (of(Verdict::Stops), of(Verdict::Tells));
    match (gates.is_empty(), stops.is_empty(), tells.is_empty()) {
        (true, ..) => "Nothing was played once more: no host of the cause could be asked for it.".to_owned(),
        (_, true, true) => {
            "It was played once more, and nothing would have stopped it: that is a finding.".to_owned()
        }
        (_, true, false) => {
            format!("It was played once more. Nothing would have stopped it; {tells} would have told of it.")
        }
        (_, false, true) => {
            format!("It was played once more. It would have been stopped by: {stops}.")
        }
        (_, false, false) => {
            format!(
                "It was played once more. It would have been stopped by: {stops}; and told of by: {tells}."
            )
        }
    }
}

pub(super) fn item_state(item: &Item) -> String {
    let owner = item.owner.as_deref().unwrap_or("nobody yet");
    let due = item.due.map_or_else(|| "no date".to_owned(), |due| when::shown(due)[..10].to_owned());
    match &item.closed_by {
        Some(by) => format!("owner: {owner}; closed by {by}"),
        None => format!("owner: {owner}; due: {due}"),
    }
}

/// `4 requests in 6.2 s`, of one vantage.
pub(super) fn met(met: &Met) -> String {
    let down = when::span(met.down);
    match met.failed {
        Some(1) => format!("1 request failed, {down}"),
        Some(failed) => format!("{failed} requests failed, all that were sent in {down}"),
        None => format!("failed for {down}"),
    }
}

/// How this incident's times stand against the earlier ones: the median of those that are known.
pub(super) fn against_earlier(review: &Review) -> Option<String> {
    type Pick = fn(&Durations) -> Option<Span>;
    let median = |pick: Pick| {
        let mut known: Vec<Span> =
            review.earlier.iter().filter_map(|earlier| pick(&earlier.times.durations())).collect();
        known.sort_unstable();
        known.get(known.len() / 2).copied()
    };
    let now = review.times.durations();
    let mut said = Vec::new();
    let pairs: [(&str, Pick); 3] = [
        ("to detect", |it| it.to_detect),
        ("to acknowledge", |it| it.to_acknowledge),
        ("to mitigate", |it| it.to_mitigate),
    ];
    for (name, pick) in pairs {
        if let (Some(now), Some(before)) = (pick(&now), median(pick)) {
            said.push(format!("{name}: {} (before: {})", when::span(now), when::span(before)));
        }
    }
    let count = review.earlier.len();
    let incidents = if count == 1 { "one earlier incident" } else { "the median of earlier incidents" };
    (!said.is_empty()).then(|| {
        format!(
            "Against {incidents} ({count}): {}. A median hides how bad each one was; read them one by one.",
            said.join("; ")
        )
    })
}
