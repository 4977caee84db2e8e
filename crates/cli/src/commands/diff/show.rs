//! The report of `diff`, for people.

use evenkeel_model::{Config, Example, NodeId, Outcome, Request, Route, SettingChange, Side, What};
use evenkeel_syntax::secret::redact_str;

use super::beside::beside;
use super::counts::{counted, lines, log, number, percent};
use super::curl::curl;
use super::rows::{Row, Told, rows};
use super::verify::Verified;
use super::{Report, assumptions, side_name, stream};
use crate::commands::route::show::readable;
use crate::output::Output;

/// How many rows are shown without `--all`.
const ROWS_MAX: usize = 20;
/// How many other requests of a row, assumptions, faults and reasons.
const OTHERS_MAX: usize = 4;
/// The longest text of an answer that is shown.
pub(super) const TEXT_CHARS_MAX: usize = 80;

pub(super) fn text(report: &Report<'_>, output: Output) -> String {
    let mut text = String::new();
    faults(report, output, &mut text);
    let rows = rows(report);
    let limit = if report.all { usize::MAX } else { ROWS_MAX };
    text.push_str(&headline(report, &rows, output));
    for row in rows.iter().take(limit) {
        text.push('\n');
        one(report, row, output, &mut text);
    }
    if rows.len() > limit {
        line(&mut text, &format!("\nand {} more; --all shows them", rows.len() - limit));
    }
    stream::text(report, limit, output, &mut text);
    settings(report, limit, &mut text);
    if let Some(traffic) = &report.traffic {
        text.push('\n');
        traffic.logs.iter().for_each(|each| log(each, &mut text));
        lines(traffic, &mut text);
    }
    if let Some(verified) = &report.verified {
        replayed(verified, output, &mut text);
    }
    let because = &report.diff.incomplete_because;
    if !because.is_empty() {
        text.push_str("\nnot everything could be looked at, so a change may be missing:\n");
        some(because, limit, &mut text);
    }
    redact_str(&text).into_owned()
}

pub(super) fn line(text: &mut String, words: &str) {
    text.push_str(words);
    text.push('\n');
}

fn some(items: &[String], limit: usize, text: &mut String) {
    for item in items.iter().take(limit) {
        line(text, &format!("  {}", readable(item.as_bytes())));
    }
    if items.len() > limit {
        line(text, &format!("  and {} more", items.len() - limit));
    }
}

fn faults(report: &Report<'_>, output: Output, text: &mut String) {
    for side in [Side::Old, Side::New] {
        let faults: Vec<_> = report.problems.iter().filter(|fault| fault.side == side).collect();
        if faults.is_empty() {
            continue;
        }
        let headline = format!("nginx would refuse the {} tree:", side_name(side));
        line(text, &output.verdict(false, &headline));
        for fault in faults.iter().take(OTHERS_MAX) {
            line(text, &format!("  {}:{}: error[{}]: {}", fault.file, fault.line, fault.code, fault.message));
        }
        if faults.len() > OTHERS_MAX {
            line(text, &format!("  and {} more; `evenkeel check` lists them", faults.len() - OTHERS_MAX));
        }
        line(text, "what follows compares the trees as far as they go\n");
    }
}

fn headline(report: &Report<'_>, rows: &[Row<'_>], output: Output) -> String {
    let proven = report.diff.incomplete_because.is_empty();
    let settings = match report.diff.settings.len() {
        0 => String::new(),
        1 => ", 1 setting does".to_owned(),
        many => format!(", {many} settings do"),
    };
    let settings = stream::headline(report) + &settings;
    let words = match rows.len() {
        0 if proven => format!("no request changes{settings}"),
        0 => format!("no request was found that changes{settings}"),
        1 => "1 class of requests changes".to_owned(),
        many => format!("{many} classes of requests change"),
    };
    let share = match &report.traffic {
        Some(traffic) if traffic.counted.requests > 0 => {
            let (changed, all) = (traffic.counted.changed(), traffic.counted.requests);
            format!(
                ": {} of {} requests in the log ({})",
                number(changed),
                number(all),
                percent(changed, all)
            )
        }
        _ => String::new(),
    };
    format!("{}{share}\n", output.verdict(rows.is_empty() && settings.is_empty() && proven, &words))
}

fn one(report: &Report<'_>, row: &Row<'_>, output: Output, text: &mut String) {
    let (title, request, [old, new]) = match &row.what {
        Told::Change(change) => {
            let witness = &change.witness;
            (title(&change.class, change.what), &witness.request, [&witness.old, &witness.new])
        }
        Told::Seen(sides, what) => {
            (title(&sides.request.url(), *what), &sides.request, [&sides.old, &sides.new])
        }
    };
    line(text, &output.verdict(false, &title));
    let mut say = |what: &str, words: &str| line(text, &format!("  {what:<8} {words}"));
    say("witness", &asked(request));
    if let Told::Change(change) = &row.what {
        let assumed = assumptions(&change.witness.world);
        if !assumed.is_empty() {
            say("given", &listed(&assumed, OTHERS_MAX));
        }
    }
    for (side, route) in [Side::Old, Side::New].into_iter().zip([old, new]) {
        say(side_name(side), &way(report.trees.config(side), route));
    }
    let what = match &row.what {
        Told::Change(change) => change.what,
        Told::Seen(_, what) => *what,
    };
    for (side, words) in beside(report.trees, what, old, new) {
        say(side, &words);
    }
    match &row.what {
        Told::Change(change) => {
            if !change.because.is_empty() {
                say("because", &places(report, &change.because));
            }
            if change.uncertain {
                let rests = old.depends_on.iter().chain(&new.depends_on).map(ToString::to_string);
                say("perhaps", &format!("it rests on {}", listed(&unique(rests), OTHERS_MAX)));
            }
            if change.only_odd {
                say("rare", "every such request has a control character in it");
            }
            if let Some(tally) = &row.traffic {
                say("traffic", &counted(report, tally));
            }
            if change.pairs > 1 {
                say("blocks", &format!("{} pairs of an old and a new block", change.pairs));
            }
            let others = change.examples.iter().filter(|example| example.request != change.witness.request);
            let others: Vec<String> = others.map(also).collect();
            for other in others.iter().take(OTHERS_MAX) {
                say("also", other);
            }
        }
        Told::Seen(..) => {
            say("found", "in the log alone: the comparison did not come to it");
            if let Some(tally) = &row.traffic {
                say("traffic", &counted(report, tally));
            }
        }
    }
    if let Some(command) = curl(request) {
        say("try", &command);
    }
}

/// The class, and what of it changes where that is not its end.
fn title(class: &str, what: What) -> String {
    let what = match what {
        What::Outcome => "",
        What::Upstream => ": other servers answer",
        What::Headers => ": other headers are added",
        What::Access => ": others may ask, or more often",
    };
    format!("{}{what}", readable(class.as_bytes()))
}

/// A request on one line: URL, headers that matter, client.
pub(super) fn asked(request: &Request) -> String {
    let mut words = request.url();
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host")) {
        words.push_str(&format!("  {}: {}", readable(name), readable(value)));
    }
    if let Some(client) = request.client {
        words.push_str(&format!("  from {client}"));
    }
    if request.header("host").is_none() {
        words.push_str("  (without a Host header)");
    }
    words
}

fn way(config: &Config, route: &Route) -> String {
    let ends = ends(route);
    match route.location.or(route.server) {
        Some(node) => format!("{ends}  [{}]", place(config, node)),
        None => ends,
    }
}

/// Where a request ends, in a few words.
pub(super) fn ends(route: &Route) -> String {
    let unusual = route.status.filter(|&status| status != 200);
    let with = unusual.map(|status| format!(", {status}")).unwrap_or_default();
    match &route.outcome {
        Outcome::Pass { kind, servers, pass, .. } => {
            let to = if servers.is_empty() {
                String::new()
            } else {
                format!(" ({})", listed(servers, OTHERS_MAX))
            };
            format!("{} {}{to}{with}", kind.directive(), readable(pass))
        }
        Outcome::File { path } => format!("the file {}{with}", readable(path)),
        Outcome::Files { candidates } => {
            let all: Vec<_> = candidates.iter().map(|path| readable(path)).collect();
            format!("the first that exists of {}{with}", listed(&all, OTHERS_MAX))
        }
        Outcome::Redirect { status, location } => format!("{status} to {}", readable(location)),
        Outcome::Return { status, body } => match body.as_deref().filter(|body| !body.is_empty()) {
            Some(body) => {
                let body = readable(body);
                let short: String = body.chars().take(TEXT_CHARS_MAX).collect();
                let more = if short.len() < body.len() { "…" } else { "" };
                format!("{status} \"{short}{more}\"")
            }
            None => status.to_string(),
        },
        Outcome::Close { reason } => format!("closed without an answer: {reason}"),
        Outcome::Error { status, reason } => format!("{status}: {reason}"),
    }
}

fn also(example: &Example) -> String {
    format!("{}: {} -> {}", asked(&example.request), ends(&example.old), ends(&example.new))
}

pub(super) fn place(config: &Config, node: NodeId) -> String {
    let node = config.node(node);
    if node.is_root() {
        return String::from("the main file");
    }
    format!("{}:{}", node.source().display, node.line())
}

pub(super) fn places(report: &Report<'_>, because: &[(Side, NodeId)]) -> String {
    let place = |(side, node): &(Side, NodeId)| {
        let config = report.trees.config(*side);
        format!("{} {} ({})", side_name(*side), self::place(config, *node), config.node(*node).name())
    };
    listed(&because.iter().map(place).collect::<Vec<_>>(), OTHERS_MAX)
}

fn unique(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut unique: Vec<String> = items.collect();
    unique.sort();
    unique.dedup();
    unique
}

/// The first of several, and how many more.
fn listed(items: &[String], limit: usize) -> String {
    let more = items.len().saturating_sub(limit);
    let shown = items[..items.len() - more]
        .iter()
        .map(|item| readable(item.as_bytes()))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn settings(report: &Report<'_>, limit: usize, text: &mut String) {
    let all = &report.diff.settings;
    if all.is_empty() {
        return;
    }
    text.push_str("\nsettings that change:\n");
    let row = |change: &SettingChange| {
        let SettingChange { kind, about, old, new, because } = change;
        let about = if about.starts_with(kind) { about.clone() } else { format!("{kind} {about}") };
        let words = match (old, new) {
            (None, None) => about,
            (None, Some(new)) if new.is_empty() => format!("{about} is new"),
            (None, Some(new)) => format!("{about} is new: {new}"),
            (Some(_), None) => format!("{about} is gone"),
            (Some(old), Some(new)) => format!("{about}: {old} -> {new}"),
        };
        let places = places(report, because);
        if places.is_empty() { words } else { format!("{words}  [{places}]") }
    };
    some(&all.iter().map(row).collect::<Vec<_>>(), limit, text);
}

fn replayed(verified: &Verified, output: Output, text: &mut String) {
    let Verified { nginx, mode, asked, disagree, failed, not_asked } = verified;
    let good = disagree.is_empty() && failed.is_empty();
    let words = match (asked, disagree.len()) {
        (0, _) => "no witness was asked".to_owned(),
        (_, 0) => format!("verified: {asked} answers of {nginx}, all as predicted"),
        (_, many) => format!("WRONG: {many} of {asked} answers of {nginx} are not as predicted"),
    };
    line(text, &format!("\n{} (sandbox mode {mode})", output.verdict(good, &words)));
    some(disagree, usize::MAX, text);
    some(failed, usize::MAX, text);
    if !not_asked.is_empty() {
        line(text, "not asked:");
        some(not_asked, OTHERS_MAX, text);
    }
}
