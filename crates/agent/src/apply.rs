//! One apply, from the staged files to the proof.

use std::time::{Duration, Instant};

use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_fleet::{Evidence, EvidenceKind, Report, Timestamp};
use evenkeel_host::clock;
use evenkeel_host::fuse::{self, WayBack};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::install::{self, Staged, SwitchError, Unobserved};
use evenkeel_host::nginx::control;
use evenkeel_host::nginx::find::{Master, find};
use evenkeel_host::nginx::generation::{self, Before, Expected, Proof};
use evenkeel_host::slots::Slots;

mod beside;

use crate::{Agent, Applied, Order, Watcher, read, report};

/// How long new workers are watched before they are asked anything: the old ones accept for another 100 ms.
const FIRST_LOOK: Duration = Duration::from_millis(120);
/// How often the workers are looked at while they must stay.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the guard may be held by somebody else.
const GUARD_WITHIN_MS: u64 = 2_000;

/// What is told of an apply, each with its time.
#[derive(Default)]
struct Reports(Vec<(Timestamp, Report)>);

impl Reports {
    fn push(&mut self, report: Report) {
        let now = u64::try_from(clock::unix_ms()).unwrap_or(0);
        self.0.push((Timestamp::from_millis(now), report));
    }
}

/// Why an apply ends before its proof.
enum Stop {
    /// Nothing was armed; the host is as it was.
    Refused { kind: EvidenceKind, why: String, could_not_look: bool },
    /// Somebody else wrote to the tree.
    Conflict(Vec<String>),
    /// Armed, and perhaps switched: it must be taken back.
    Back { kind: EvidenceKind, why: String, details: Vec<String>, could_not_look: bool },
}

fn refused(why: &dyn std::error::Error) -> Stop {
    Stop::Refused { kind: EvidenceKind::Staged, why: chain(why), could_not_look: true }
}

fn back(kind: EvidenceKind, why: &dyn std::error::Error) -> Stop {
    Stop::Back { kind, why: chain(why), details: Vec::new(), could_not_look: true }
}

/// An error and its causes on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

pub(crate) fn apply(agent: &Agent, order: &Order<'_>, watcher: &mut dyn Watcher) -> Applied {
    let mut applied = Applied { reports: Vec::new(), workers: Vec::new(), could_not_look: false };
    let mut reports = Reports::default();
    match go(agent, order, watcher, &mut reports) {
        Ok(workers) => applied.workers = workers,
        Err(Stop::Refused { kind, why, could_not_look }) => {
            applied.could_not_look = could_not_look;
            reports.push(Report::Refused(Evidence::new(kind, false, why)));
        }
        Err(Stop::Conflict(paths)) => {
            // Armed and untouched: the slots are closed, and nothing was to be put back.
            match agent.revert(RevertWhy::Evidence, "somebody else changed the tree") {
                Ok(_) => reports.push(Report::Conflict(paths)),
                Err(error) => not_closed(&mut applied, &mut reports, &error),
            }
        }
        Err(Stop::Back { kind, why, details, could_not_look }) => {
            applied.could_not_look = could_not_look;
            watcher.doing("going back");
            let back = agent.revert(RevertWhy::Evidence, &why);
            // Another terminal or the fuse was first: then what stands here is its doing, and how it went is known.
            if back.is_err()
                && let Some(reverted) = agent.reverted(order.release)
            {
                applied.could_not_look = false;
                reports.push(reverted);
                applied.reports = reports.0;
                return applied;
            }
            let evidence = Evidence::new(kind, false, why).details(details);
            reports.push(match kind {
                EvidenceKind::Proof => Report::Proven(evidence),
                _ => Report::Saw(evidence),
            });
            match back {
                Ok(record) => reports.push(Report::Reverted(report::reverted(&record))),
                Err(error) => not_closed(&mut applied, &mut reports, &error),
            }
        }
    }
    applied.reports = reports.0;
    applied
}

/// The host did not go back: the fuse or `recover` will have to.
fn not_closed(applied: &mut Applied, reports: &mut Reports, error: &dyn std::error::Error) {
    applied.could_not_look = true;
    let why = format!("the way back is not finished: {}", chain(error));
    reports.push(Report::Saw(Evidence::new(EvidenceKind::Revert, false, why)));
}

fn go(
    agent: &Agent,
    order: &Order<'_>,
    watcher: &mut dyn Watcher,
    reports: &mut Reports,
) -> Result<Vec<ProcessId>, Stop> {
    let place = &agent.place;
    let interrupted = |watcher: &dyn Watcher| match watcher.interrupted() {
        false => Ok(()),
        true => Err(Stop::Refused {
            kind: EvidenceKind::Staged,
            why: "interrupted before the switch".to_owned(),
            could_not_look: false,
        }),
    };
    let master = find(place).map_err(|error| refused(&error))?;
    let mut slots = Slots::create(&place.state_dir).map_err(|error| refused(&error))?;
    // What an interrupted release before us left is nobody's any more.
    // What of it is of no bundle stays where it lies.
    let _stays = install::sweep(place);

    watcher.doing("staging the new files");
    let staged = stage(agent, order)?;
    if let Err(stop) = interrupted(watcher) {
        let _nothing_foreign = staged.discard(false);
        return Err(stop);
    }
    watcher.doing("arming the fuse");
    let armed = fuse::arm(
        &mut slots,
        &place.state_dir,
        &fuse::Order {
            generation: order.generation,
            release: order.release,
            staged: &staged,
            master: Some(master.id),
            parse_free: order.parse_free,
            proof_within: order.proof_within,
            confirm_within: order.confirm_within,
        },
        &agent.launch,
    );
    let armed = match armed {
        Ok(armed) => armed,
        Err(error) => {
            let stop = refused(&error);
            let _nothing_foreign = staged.discard(false);
            return Err(stop);
        }
    };
    let notes = armed.note.iter().map(String::as_str);
    let summary = format!(
        "{} staged beside the tree, the fuse is armed",
        report::count(staged.plan().steps.len(), "change")
    );
    reports.push(Report::Saw(Evidence::new(EvidenceKind::Staged, true, summary).details(notes)));

    watcher.doing("switching");
    let (before, reload) = switch(order, &staged, &mut slots, &master, watcher, reports)?;
    watcher.doing("waiting for the proof");
    prove(order, &mut slots, before, &reload, watcher, reports)
}

fn stage(agent: &Agent, order: &Order<'_>) -> Result<Staged, Stop> {
    let good = order.good.into_iter().flat_map(|looks| &looks.error_logs);
    let logs = order.before.error_logs.iter().chain(&order.after.error_logs).chain(good).cloned();
    let mut error_logs: Vec<_> = logs.collect();
    error_logs.sort();
    error_logs.dedup();
    let way_back = WayBack {
        place: agent.place.clone(),
        error_logs,
        expected: order.before.expected.clone(),
        good: order.good.map(|looks| looks.expected.clone()),
    };
    let plan = install::plan(order.from, order.to);
    let name = order.release.to_string();
    let staged = install::stage(&agent.place, &agent.keep, &plan, order.to, &name, &way_back.encode());
    staged.map_err(|error| refused(&error))
}

/// Exchanges the files, makes sure that nginx will read them, and tells it: all under one guard, so that the fuse comes
/// before or after all of it.
fn switch(
    order: &Order<'_>,
    staged: &Staged,
    slots: &mut Slots,
    master: &Master,
    watcher: &dyn Watcher,
    reports: &mut Reports,
) -> Result<(Before, control::Reload), Stop> {
    let mut guard =
        slots.lock(GUARD_WITHIN_MS).map_err(|error| back(EvidenceKind::CompareAndSwap, &error))?;
    match install::switch(staged, order.from, &mut guard, &mut Unobserved) {
        Ok(()) => {}
        Err(SwitchError::Conflict { paths }) => {
            return Err(Stop::Conflict(paths.iter().map(|path| path.display().to_string()).collect()));
        }
        Err(error) => return Err(back(EvidenceKind::CompareAndSwap, &error)),
    }
    reports.push(Report::Saw(Evidence::new(
        EvidenceKind::CompareAndSwap,
        true,
        "nobody else wrote to the tree since it was looked at",
    )));
    reports.push(Report::Switched);
    let seen = read::what_is_read(order.from, order.to, master);
    let evidence = seen.map_err(|why| Stop::Back {
        kind: EvidenceKind::WhatIsRead,
        why,
        details: Vec::new(),
        could_not_look: true,
    })?;
    reports.push(Report::Saw(evidence));
    if watcher.interrupted() {
        let why = "interrupted".to_owned();
        return Err(Stop::Back {
            kind: EvidenceKind::Observation,
            why,
            details: Vec::new(),
            could_not_look: false,
        });
    }
    let mut logs = order.before.error_logs.clone();
    logs.extend(order.after.error_logs.iter().cloned());
    logs.sort();
    logs.dedup();
    let before = Before::take(master.id, &logs);
    guard.advance(Stage::Signalled).map_err(|error| back(EvidenceKind::Proof, &error))?;
    let tell = if order.parse_free { control::upgrade } else { control::reload };
    let reload = tell(master.id).map_err(|error| back(EvidenceKind::Proof, &error))?;
    Ok((before, reload))
}

fn prove(
    order: &Order<'_>,
    slots: &mut Slots,
    before: Before,
    reload: &control::Reload,
    watcher: &mut dyn Watcher,
    reports: &mut Reports,
) -> Result<Vec<ProcessId>, Stop> {
    let stay = order.after.expected.stay;
    let expected = Expected { stay: stay.min(FIRST_LOOK), ..order.after.expected.clone() };
    let proof = if order.parse_free {
        beside::new_workers(slots, before, reload, &expected, watcher)?
    } else {
        generation::prove_unless(before, reload, &expected, &mut || watcher.interrupted())
    };
    let mut evidence = report::proof(&proof);
    let Proof::Holds(seen) = proof else {
        return Err(Stop::Back {
            kind: EvidenceKind::Proof,
            why: evidence.summary,
            details: evidence.details,
            could_not_look: false,
        });
    };
    if order.parse_free {
        watcher.doing("sending the old workers away");
        let old = reload.master;
        evidence.rests_on.push(beside::old_stands_by(slots, old, expected.limit, watcher)?);
    }
    let no = |kind, why: String| Stop::Back { kind, why, details: Vec::new(), could_not_look: false };
    let stays_until = Instant::now() + stay.saturating_sub(expected.stay);
    if let Some(wrong) = watcher.wrong() {
        return Err(no(EvidenceKind::Observation, wrong));
    }
    loop {
        if watcher.interrupted() {
            return Err(no(EvidenceKind::Observation, "interrupted".to_owned()));
        }
        if let Some(gone) = crate::gone(&seen.workers) {
            return Err(no(EvidenceKind::Proof, format!("the new workers died: {gone}")));
        }
        let left = stays_until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
    evidence.rests_on.push(format!("they stayed for {} ms", stay.as_millis()));
    let mut guard = slots.lock(GUARD_WITHIN_MS).map_err(|error| back(EvidenceKind::Proof, &error))?;
    guard.advance(Stage::Proven).map_err(|error| back(EvidenceKind::Proof, &error))?;
    reports.push(Report::Proven(evidence));
    Ok(seen.workers)
}
