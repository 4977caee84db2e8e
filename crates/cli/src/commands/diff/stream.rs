//! Connections to servers of stream that end elsewhere.

use evenkeel_model::{Side, StreamChange, StreamRoute};
use serde_json::{Value, json};

use super::json::because;
use super::show::{line, places};
use super::{Report, side_name};
use crate::commands::route::show::readable;
use crate::commands::route::stream::{asks, outcome, witness};
use crate::output::Output;

/// How many other connections of a class are told.
const OTHERS_MAX: usize = 4;

/// The entry `stream` of the document.
pub(super) fn document(report: &Report<'_>) -> Value {
    report.diff.stream.iter().map(|change| one(report, change)).collect()
}

fn one(report: &Report<'_>, change: &StreamChange) -> Value {
    let [old, new] = [Side::Old, Side::New].map(|side| {
        let route = if side == Side::Old { &change.old } else { &change.new };
        outcome(report.trees.config(side), &route.outcome)
    });
    json!({
        "class": change.class, "witness": witness(&change.witness), "request": asks(&change.witness),
        "old": old, "new": new, "because": because(report, &change.because), "cells": change.cells,
        "uncertain": change.uncertain, "examples": change.examples.iter().map(witness).collect::<Vec<_>>(),
    })
}

/// The words about connections behind those about requests; empty where none change.
pub(super) fn headline(report: &Report<'_>) -> String {
    match report.diff.stream.len() {
        0 => String::new(),
        1 => ", 1 class of connections to stream does".to_owned(),
        many => format!(", {many} classes of connections to stream do"),
    }
}

pub(super) fn text(report: &Report<'_>, limit: usize, output: Output, text: &mut String) {
    let changes = &report.diff.stream;
    for change in changes.iter().take(limit) {
        text.push('\n');
        line(text, &output.verdict(false, &readable(change.class.as_bytes())));
        let mut say = |what: &str, words: &str| line(text, &format!("  {what:<8} {words}"));
        say("witness", &witness(&change.witness));
        for (side, route) in [(Side::Old, &change.old), (Side::New, &change.new)] {
            say(side_name(side), &way(report, side, route));
        }
        if !change.because.is_empty() {
            say("because", &places(report, &change.because));
        }
        if change.uncertain {
            say("perhaps", "it rests on what no configuration tells; `evenkeel route` says on what");
        }
        for other in change.examples.iter().take(OTHERS_MAX) {
            say("also", &witness(other));
        }
    }
    if changes.len() > limit {
        line(text, &format!("\nand {} more classes of connections; --all shows them", changes.len() - limit));
    }
}

fn way(report: &Report<'_>, side: Side, route: &StreamRoute) -> String {
    let ends = readable(route.outcome.to_string().as_bytes());
    match route.server {
        Some(server) => format!("{ends}  [{}]", super::show::place(report.trees.config(side), server)),
        None => ends,
    }
}
