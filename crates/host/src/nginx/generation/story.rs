//! What the error logs tell of one reload.

use std::collections::{BTreeMap, BTreeSet};

use super::{Failure, FailureKind};
use crate::identity::ProcessId;
use crate::nginx::log::{Level, LogLine, Meaning};

/// How many lines are kept to be shown.
const SHOWN_MAX: usize = 20;

/// What was read so far. Only lines of the master and of its children count: anybody's request can put text
/// into a log, but not at the beginning of a line and not under the number of the master.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// Lines of the master that end a reload, of which it is certain that they are about ours.
    refusals: Vec<String>,
    /// The same, where it is not: an earlier reload may have written them.
    doubtful: Vec<String>,
    /// Workers that ended badly, and how nginx put it.
    deaths: BTreeMap<i32, String>,
    /// What processes other than the master complained of.
    complaints: BTreeMap<i32, Vec<String>>,
    /// Whether the reload that we asked for was announced.
    pub(super) announced: bool,
    /// Who else asked for one.
    pub(super) foreign: BTreeSet<i32>,
}

/// Whose reload the lines of one round are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    Doubtful,
    Earlier,
}

impl Story {
    pub(super) fn take_in(&mut self, lines: Vec<LogLine>, master: ProcessId, sender: i32, whose: Whose) {
        for line in lines {
            if line.pid != master.pid {
                if line.level <= Level::Crit && self.complaints.len() < SHOWN_MAX {
                    self.complaints.entry(line.pid).or_default().push(line.message);
                }
                continue;
            }
            match line.meaning() {
                Meaning::Reconfiguring { from } if from == sender => self.announced = true,
                Meaning::Reconfiguring { from } => {
                    self.foreign.insert(from);
                }
                Meaning::WorkerFatal { pid, .. } | Meaning::WorkerKilled { pid, .. } => {
                    self.deaths.insert(pid, line.message);
                }
                Meaning::BindFailed { .. } | Meaning::ZoneConflict | Meaning::Emerg => {
                    let kept = match whose {
                        Whose::Ours => &mut self.refusals,
                        Whose::Doubtful => &mut self.doubtful,
                        Whose::Earlier => continue,
                    };
                    if kept.len() < SHOWN_MAX && !kept.contains(&line.message) {
                        kept.push(line.message);
                    }
                }
                Meaning::WorkerStarted { .. } | Meaning::Other => {}
            }
        }
    }

    /// Gives the failure that nginx itself reported, if it did.
    pub(super) fn refusal(&self) -> Option<Failure> {
        let (first, more) = self.refusals.split_first()?;
        Some(failure(FailureKind::RefusedByNginx, first.clone(), more.to_vec()))
    }

    /// Gives the failure that lies in the death of a worker that is not one of `before`.
    pub(super) fn death(&self, before: &[ProcessId]) -> Option<Failure> {
        let is_new = |pid: &i32| before.iter().all(|old| old.pid != *pid);
        let (pid, how) = self.deaths.iter().find(|(pid, _)| is_new(pid))?;
        Some(self.died(*pid, how.clone()))
    }

    /// Describes the death of one worker by its own last words, if it left any.
    pub(super) fn died(&self, pid: i32, how: String) -> Failure {
        match self.complaints.get(&pid).and_then(|complaints| complaints.last()) {
            Some(words) => failure(FailureKind::WorkersDied, words.clone(), vec![how]),
            None => failure(FailureKind::WorkersDied, how, Vec::new()),
        }
    }

    /// Gives a failure that was seen from outside, with whatever the logs say that may explain it.
    pub(super) fn seen(&self, kind: FailureKind, reason: String) -> Failure {
        if let Some((words, more)) = self.doubtful.split_first() {
            return failure(kind, words.clone(), [vec![reason], more.to_vec()].concat());
        }
        let words =
            self.complaints.iter().flat_map(|(pid, all)| all.iter().map(move |one| format!("{pid}: {one}")));
        failure(kind, reason, words.take(SHOWN_MAX).collect())
    }
}

fn failure(kind: FailureKind, reason: String, details: Vec<String>) -> Failure {
    Failure { kind, reason, details, foreign_reloads: Vec::new(), after_ms: 0 }
}
