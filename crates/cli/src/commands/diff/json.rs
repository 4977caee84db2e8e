//! The report of `diff`, as JSON.

use std::borrow::Cow;

use evenkeel_model::{Config, Example, NodeId, SettingChange, Side, Sides, What};
use evenkeel_syntax::secret::redact_str;
use serde_json::{Value, json};

use super::curl::curl;
use super::rows::{Row, Tally, Told, rows};
use super::show::asked;
use super::traffic::{ReadLog, Replayed};
use super::verify::Verified;
use super::{Report, assumptions, lacking, side_name, stream};
use crate::commands::route::show;

/// How many paths of a class are listed.
const PATHS_MAX: usize = 20;

pub(super) fn document(report: &Report<'_>) -> Value {
    let rows = rows(report);
    let diff = &report.diff;
    let problems = report.problems.iter().map(|fault| {
        json!({
            "side": side_name(fault.side), "file": fault.file, "line": fault.line, "rule": fault.code,
            "message": fault.message,
        })
    });
    let mut document = json!({
        "changes": rows.iter().map(|row| self::row(report, row)).collect::<Vec<_>>(),
        "stream": stream::document(report),
        "settings": diff.settings.iter().map(|change| setting(report, change)).collect::<Vec<_>>(),
        "complete": diff.incomplete_because.is_empty(),
        "incomplete_because": diff.incomplete_because,
        "problems": problems.collect::<Vec<_>>(),
    });
    if let Some(traffic) = &report.traffic {
        document["traffic"] = replayed(traffic);
    }
    if let Some(verified) = &report.verified {
        let Verified { nginx, mode, asked, disagree, failed, not_asked } = verified;
        document["verified"] = json!({
            "nginx": nginx, "mode": mode, "asked": asked, "disagree": disagree, "failed": failed,
            "not_asked": not_asked,
        });
    }
    redact(&mut document);
    document
}

fn row(report: &Report<'_>, row: &Row<'_>) -> Value {
    let mut entry = match &row.what {
        Told::Change(change) => {
            let mut entry = example(&change.witness);
            entry["class"] = change.class.clone().into();
            entry["what"] = what(change.what).into();
            entry["because"] = because(report, &change.because);
            entry["pairs"] = change.pairs.into();
            entry["only_odd"] = change.only_odd.into();
            entry["uncertain"] = change.uncertain.into();
            entry["found_by"] = "comparison".into();
            entry["examples"] = change.examples.iter().map(example).collect();
            entry
        }
        Told::Seen(sides, changes) => {
            let Sides { request, old, new } = sides;
            let mut entry = json!({
                "witness": asked(request), "request": show::asked(request),
                "old": show::outcome(old), "new": show::outcome(new), "class": request.url(),
            });
            let places = [(Side::Old, old.location.or(old.server)), (Side::New, new.location.or(new.server))];
            let places: Vec<_> = places.into_iter().filter_map(|(side, node)| Some((side, node?))).collect();
            entry["because"] = because(report, &places);
            entry["what"] = what(*changes).into();
            entry["found_by"] = "traffic".into();
            entry
        }
    };
    if let Some(tally) = &row.traffic {
        entry["traffic"] = counted(report, tally);
    }
    entry
}

fn example(example: &Example) -> Value {
    let Example { request, world, old, new } = example;
    json!({
        "witness": asked(request), "request": show::asked(request), "curl": curl(request),
        "given": assumptions(world), "old": show::outcome(old), "new": show::outcome(new),
    })
}

fn what(what: What) -> &'static str {
    match what {
        What::Outcome => "outcome",
        What::Upstream => "upstream",
        What::Headers => "headers",
        What::Access => "access",
    }
}

pub(super) fn because(report: &Report<'_>, because: &[(Side, NodeId)]) -> Value {
    let place = |(side, node): &(Side, NodeId)| {
        let config: &Config = report.trees.config(*side);
        let node = config.node(*node);
        json!({ "file": node.source().display, "line": node.line(), "side": side_name(*side), "directive": node.name() })
    };
    because.iter().map(place).collect()
}

fn setting(report: &Report<'_>, change: &SettingChange) -> Value {
    let SettingChange { kind, about, old, new, because } = change;
    json!({ "kind": kind, "about": about, "old": old, "new": new, "because": self::because(report, because) })
}

fn counted(report: &Report<'_>, tally: &Tally) -> Value {
    let all = report.traffic.as_ref().map_or(0, |traffic| traffic.counted.requests);
    let paths = tally.paths.most(PATHS_MAX).into_iter();
    let paths =
        paths.map(|(path, count)| json!({ "path": String::from_utf8_lossy(path), "requests": count }));
    json!({
        "requests": tally.requests, "share": share(tally.requests, all),
        "clients": tally.clients.count(), "clients_exact": tally.clients.is_exact(),
        "paths": paths.collect::<Vec<_>>(), "paths_exact": tally.paths.is_exact(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

fn replayed(traffic: &Replayed) -> Value {
    let counted = &traffic.counted;
    let name =
        |number: usize| traffic.logs.iter().find(|log| log.number == number).map(|log| log.name.clone());
    let unread = counted.first_unread.iter().map(|unread| {
        json!({
            "log": name(unread.log), "line": unread.line, "column": unread.column, "expected": unread.expected,
            "begins": String::from_utf8_lossy(&unread.begins),
        })
    });
    let logs = traffic.logs.iter().map(|log| {
        let ReadLog { name, reading, lacks, fault, .. } = log;
        json!({
            "name": name, "format": reading.format.name, "text": reading.format.text_of(), "chosen": reading.found,
            "lacks": lacking(lacks, reading), "fault": fault,
        })
    });
    json!({
        "requests": counted.requests, "changed": counted.changed(), "share": share(counted.changed(), counted.requests),
        "not_http": counted.not_http, "unread": counted.unread, "first_unread": unread.collect::<Vec<_>>(),
        "beyond": counted.beyond, "interrupted": traffic.interrupted, "logs": logs.collect::<Vec<_>>(),
    })
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
