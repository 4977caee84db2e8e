//! What the host half says, in the fleet's words.

use evenkeel_fleet::apply::{RevertWhy, Way};
use evenkeel_fleet::journal::{Revert, Reverter};
use evenkeel_fleet::{Evidence, EvidenceKind, Span, Timestamp};
use evenkeel_host::nginx::generation::{Failure, FailureKind, Proof};
use evenkeel_host::slots::{Record, Upgrade};

/// `1 file`, `3 files`: a number and its noun.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A proof as evidence.
pub(crate) fn proof(proof: &Proof) -> Evidence {
    match proof {
        Proof::Holds(seen) => {
            let old = match seen.old_workers {
                0 => String::new(),
                old => format!("; {old} old ones still finish their requests"),
            };
            let summary = format!(
                "{} of the new configuration serve, after {} ms{old}",
                count(seen.workers.len(), "worker"),
                seen.first_ms
            );
            let foreign = seen.foreign_reloads.iter().map(|pid| foreign(*pid));
            Evidence::new(EvidenceKind::Proof, true, summary).details(foreign).rests_on(seen.rests_on.clone())
        }
        Proof::Fails(failure) => {
            let foreign = failure.foreign_reloads.iter().map(|pid| foreign(*pid));
            let details = failure.details.iter().cloned().chain(foreign);
            Evidence::new(EvidenceKind::Proof, false, said(failure)).details(details)
        }
    }
}

fn foreign(pid: i32) -> String {
    format!("process {pid} asked nginx to reload meanwhile, and it was not us")
}

/// The failure in one sentence.
pub(crate) fn said(failure: &Failure) -> String {
    let what = match failure.kind {
        FailureKind::RefusedByNginx => "nginx kept the old configuration",
        FailureKind::WorkersDied => "the new workers died",
        FailureKind::TooFewWorkers => "too few new workers",
        FailureKind::NotListening => "an address is not listened on",
        FailureKind::MasterGone => "nginx has ended",
        FailureKind::NoNewWorkers => "no new worker came",
        FailureKind::OldWorkersServe => "old workers go on serving",
        FailureKind::Deadline => "not done in time",
        FailureKind::CannotLook => "nginx could not be looked at",
    };
    format!("{what}: {}", failure.reason)
}

/// Says who told the nginx that stood by to reload, when somebody did.
#[must_use]
pub fn woken(both: &Upgrade) -> Option<String> {
    let who = match both.woken_by {
        0 => "somebody".to_owned(),
        pid => format!("process {pid}"),
    };
    let times = match both.woken {
        0 => return None,
        1 => String::new(),
        times => format!(" (the last of {times} times)"),
    };
    Some(format!(
        "{who} told nginx {} to reload while it stood by{times}; the workers that it started were sent away again",
        both.old.pid
    ))
}

/// A finished revert as the slots tell it.
#[must_use]
pub fn reverted(record: &Record) -> Revert {
    let why = record.applying.why.unwrap_or(RevertWhy::Asked);
    let by = match why {
        RevertWhy::Asked => Reverter::Person,
        RevertWhy::Evidence => Reverter::Command,
        RevertWhy::Boot => Reverter::Recovery,
        RevertWhy::CommandDied | RevertWhy::NotProvenInTime | RevertWhy::NotConfirmedInTime => Reverter::Fuse,
    };
    let how = record.reverted.unwrap_or_default();
    // Nothing to prove where nginx was never told, or does not run. Another bundle than the old one is not the old one.
    let proven = how.proven != Some(false) && how.way != Some(Way::LastKnownGood);
    let took = |until: i64| Span::from_millis(u64::try_from(until - how.decided_unix_ms).unwrap_or(0));
    let summary = match (how.proven, how.way) {
        (Some(true), Some(Way::ParseFree)) => {
            "parse-free: the nginx that stood by serves the old configuration again, from memory".to_owned()
        }
        (Some(true), Some(Way::LastKnownGood)) => {
            let good = record.confirmed.map(|good| good.short()).unwrap_or_default();
            format!(
                "last known good: nginx does not take the old configuration today; bundle {good}, confirmed before it, serves"
            )
        }
        (Some(true), _) => "reload: new workers serve the old configuration again".to_owned(),
        (Some(false), _) => "the old files stand again, but it is not proven that they serve".to_owned(),
        (None, _) => {
            "the old files stand again; nginx had not been told of the new ones, or does not run".to_owned()
        }
    };
    let mut evidence = vec![Evidence::new(EvidenceKind::Revert, proven, summary)];
    if !record.note.is_empty() {
        evidence[0].details.push(record.note.clone());
    }
    if let Some(kept) = how.foreign {
        let text = format!("what somebody changed by hand meanwhile is kept as bundle {}", kept.short());
        evidence.push(Evidence::new(EvidenceKind::HandFix, false, text).details([record.note.clone()]));
    }
    if let Some(text) = record.upgrade.as_ref().and_then(woken) {
        evidence.push(Evidence::new(EvidenceKind::ForeignReload, true, text));
    }
    let decided_at = u64::try_from(how.decided_unix_ms).ok().filter(|ms| *ms > 0).map(Timestamp::from_millis);
    let took = took(how.done_unix_ms);
    Revert { why, by, decided_at, proven, evidence, took, last_wrong: None, kept: how.foreign, way: how.way }
}
