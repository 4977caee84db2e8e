//! The report of `test`: for people, as JSON, as JUnit's XML.

use std::borrow::Cow;
use std::fmt::Write as _;

use evenkeel_model::{Judgement, Proof};
use evenkeel_syntax::secret::redact_str;
use serde_json::{Value, json as value};

use super::proven::Proven;
use super::report::Report;
use super::tested::{Tested, Verdict};
use crate::commands::route::show as way;
use crate::junit::{self, Case, Outcome, Suite};
use crate::output::Output;

/// How many blocks without an expectation are listed for people.
const MISSING_SHOWN_MAX: usize = 20;

pub(super) fn text(report: &Report<'_>, output: Output) -> String {
    let mut text = String::new();
    let several = report.tested.iter().any(|tested| tested.file != report.tested[0].file);
    for tested in &report.tested {
        let name = readable(&tested.spec.name);
        let at = if several { format!("{}:{}", tested.file, tested.spec.line) } else { String::new() };
        let (good, word, why) = match tested.verdict() {
            Verdict::Passed => (Some(true), "ok", None),
            Verdict::Failed(why) => (Some(false), "FAILED", Some(why)),
            Verdict::Undecided(why) => (None, "undecided", Some(format!("it rests on {}", readable(&why)))),
            Verdict::Unjudged(why) => (None, "not judged", Some(why.to_owned())),
        };
        let padded = format!("{word:<10}");
        let word = good.map_or_else(|| padded.clone(), |good| output.verdict(good, &padded));
        let reason =
            why.iter().filter(|_| good != Some(false)).map(|why| format!(": {why}")).collect::<String>();
        let place = if at.is_empty() { at } else { format!("  ({at})") };
        writeln!(text, "{word}  {name}{reason}{place}").expect("a String takes all");
        if let (Some(false), Some(why)) = (good, why) {
            text.push_str(&failure(report, tested, &why));
        }
    }
    for proven in &report.invariants {
        text.push_str(&invariant(report, proven, output));
    }
    if !report.tested.is_empty() || !report.invariants.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary(report));
    text
}

fn invariant(report: &Report<'_>, proven: &Proven<'_>, output: Output) -> String {
    let good = match proven.proof {
        Proof::Holds => Some(true),
        Proof::Fails(_) => Some(false),
        Proof::Undecided(_) => None,
    };
    let word = if good == Some(false) { "FAILED" } else { proven.word() };
    let padded = format!("{word:<10}");
    let word = good.map_or_else(|| padded.clone(), |good| output.verdict(good, &padded));
    let (name, why) = (readable(&proven.invariant.name), proven.why().unwrap_or_default());
    let why = if good.is_none() { format!(": {}", readable(&why)) } else { String::new() };
    let mut text = format!("{word}  {name}{why}\n");
    if let Some(against) = proven.against(report.config) {
        let place = format!("{}:{}", proven.file, proven.invariant.line);
        let said = proven.why().unwrap_or_default();
        let lines = [&said[..], &place].into_iter().chain(against.lines().filter(|line| !line.is_empty()));
        text.extend(lines.map(|line| format!("            {}\n", readable(line))));
    }
    text
}

/// Both values, and the way that was predicted.
fn failure(report: &Report<'_>, tested: &Tested<'_>, why: &str) -> String {
    let way = way::text(report.config, &tested.spec.request, &tested.route);
    let place = format!("{}:{}", tested.file, tested.spec.line);
    let lines = why.lines().chain([&place[..]]).chain(way.lines().filter(|line| !line.is_empty()));
    lines.map(|line| format!("            {}\n", readable(line))).collect()
}

fn summary(report: &Report<'_>) -> String {
    let counts = report.counts();
    let rehearsed = report.stands.is_some();
    let mut said = vec![format!("{} passed", counts.passed)];
    let mut more = |count: usize, what: &str| {
        if count > 0 {
            said.push(format!("{count} {what}"));
        }
    };
    more(counts.failed, "failed");
    let hint = if rehearsed { "" } else { " (--rehearse asks a real nginx)" };
    more(counts.undecided, &format!("undecided{hint}"));
    more(counts.unjudged, "not judged");
    let invariants = if counts.proven == 1 { "invariant" } else { "invariants" };
    more(counts.proven, &format!("{invariants} proven"));
    let mut text = format!("{}\n", said.join(", "));
    if let Some(stands) = &report.stands {
        writeln!(text, "rehearsed in a sandbox ({})", stands.mode).expect("a String takes all");
    }
    let coverage = &report.coverage;
    let (covered, total) = (coverage.covered(), coverage.total);
    writeln!(
        text,
        "coverage: {covered} of {total} servers, locations and lines of maps ({} %)",
        coverage.percent()
    )
    .expect("a String takes all");
    if report.list_coverage {
        for (node, count) in &coverage.counts {
            let (file, line, what) = report.block(*node);
            writeln!(text, "{count:>6}  {file}:{line}  {what}").expect("a String takes all");
        }
    } else if !coverage.missing.is_empty() {
        text.push_str("no expectation that holds reaches:\n");
    }
    let missing = if report.list_coverage { Vec::new() } else { missing(report) };
    for (file, line, what) in missing.iter().take(MISSING_SHOWN_MAX) {
        writeln!(text, "  {file}:{line}  {what}").expect("a String takes all");
    }
    if missing.len() > MISSING_SHOWN_MAX {
        let left = missing.len() - MISSING_SHOWN_MAX;
        writeln!(text, "  and {left} more (--json lists them all)").expect("a String takes all");
    }
    for fault in report.faults() {
        writeln!(text, "{fault}").expect("a String takes all");
    }
    text
}

/// The blocks that nothing reaches, a snippet that is included often once.
fn missing(report: &Report<'_>) -> Vec<(String, u32, String)> {
    let mut missing: Vec<(String, u32, String)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for node in &report.coverage.missing {
        let block = report.block(*node);
        if seen.insert(block.clone()) {
            missing.push(block);
        }
    }
    missing
}

pub(super) fn json(report: &Report<'_>) -> Value {
    let counts = report.counts();
    let missing: Vec<Value> = missing(report)
        .into_iter()
        .map(|(file, line, what)| value!({ "file": file, "line": line, "what": what }))
        .collect();
    let coverage = &report.coverage;
    let all = report.list_coverage.then_some(&coverage.counts).into_iter().flatten();
    let all = all.map(|(node, count)| {
        let (file, line, what) = report.block(*node);
        value!({ "file": file, "line": line, "what": what, "routes": count })
    });
    let all: Vec<Value> = all.collect();
    let mut document = value!({
        "routes": report.tested.iter().map(|tested| one(report, tested)).collect::<Vec<_>>(),
        "summary": {
            "passed": counts.passed, "failed": counts.failed, "undecided": counts.undecided,
            "not_judged": counts.unjudged, "proven": counts.proven,
        },
        "coverage": {
            "total": coverage.total, "covered": coverage.covered(), "percent": coverage.percent(),
            "missing": missing, "all": all,
        },
        "faults": report.faults(),
        "invariants": report.invariants.iter().map(|proven| proven.json(report.config)).collect::<Vec<_>>(),
    });
    if let Some(stands) = &report.stands {
        document["rehearsal"] = value!({ "mode": stands.mode, "differences": stands.differences });
    }
    redact(&mut document);
    document
}

/// Takes what looks like a secret out of every text.
fn redact(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = redact_str(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(entries) => entries.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn one(report: &Report<'_>, tested: &Tested<'_>) -> Value {
    let (verdict, why) = match tested.verdict() {
        Verdict::Passed => ("passed", None),
        Verdict::Failed(why) => ("failed", Some(why)),
        Verdict::Undecided(why) => ("undecided", Some(why)),
        Verdict::Unjudged(why) => ("not-judged", Some(why.to_owned())),
    };
    let mut document = way::document(report.config, &tested.spec.request, &tested.route);
    document["name"] = tested.spec.name.clone().into();
    document["file"] = tested.file.into();
    document["defined_at"] = tested.spec.line.into();
    document["verdict"] = verdict.into();
    document["because"] = why.into();
    if let Some(Judgement::Fails(differences)) = &tested.model {
        let each = differences.iter().map(|difference| {
            value!({ "key": difference.key, "expected": difference.expected, "found": difference.found })
        });
        document["differences"] = each.collect();
    }
    if !tested.seen.is_empty() {
        let seen = tested.seen.iter().map(|seen| value!({ "nginx": seen.nginx, "answer": seen.observed }));
        document["rehearsed"] = seen.collect();
    }
    document
}

pub(super) fn junit(report: &Report<'_>) -> String {
    let case = |tested: &Tested<'_>| {
        let outcome = match tested.verdict() {
            Verdict::Passed => Outcome::Passed,
            Verdict::Failed(why) => Outcome::Failed { details: failure(report, tested, &why), message: why },
            Verdict::Undecided(why) => Outcome::Skipped(format!("undecided: it rests on {why}")),
            Verdict::Unjudged(why) => Outcome::Skipped(why.to_owned()),
        };
        Case {
            name: redact_str(&tested.spec.name).into_owned(),
            class: tested.file.to_owned(),
            place: Some((tested.file.to_owned(), tested.spec.line)),
            outcome,
        }
    };
    let mut cases: Vec<Case> = report.tested.iter().map(case).collect();
    cases.extend(report.invariants.iter().map(|proven| Case {
        name: redact_str(&proven.invariant.name).into_owned(),
        class: proven.file.to_owned(),
        place: Some((proven.file.to_owned(), proven.invariant.line)),
        outcome: match &proven.proof {
            Proof::Holds => Outcome::Passed,
            Proof::Fails(_) => Outcome::Failed {
                message: proven.why().unwrap_or_default(),
                details: proven.against(report.config).unwrap_or_default(),
            },
            Proof::Undecided(_) => {
                Outcome::Skipped(format!("undecided: {}", proven.why().unwrap_or_default()))
            }
        },
    }));
    cases.extend(report.faults().into_iter().map(|fault| Case {
        name: "the tree".to_owned(),
        class: "evenkeel".to_owned(),
        place: None,
        outcome: Outcome::Failed { message: fault, details: String::new() },
    }));
    junit::document(&Suite { name: "evenkeel test".to_owned(), said: summary(report), cases })
}

/// Text of a file or a tree, without secrets and safe on a terminal.
fn readable(text: &str) -> Cow<'_, str> {
    let text = redact_str(text);
    if text.chars().any(char::is_control) { text.escape_debug().to_string().into() } else { text }
}
