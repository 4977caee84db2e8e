//! The way of an opened release: its gates, the host's half, and the watch that follows.

use std::time::Duration;

use evenkeel_agent::{Agent, Looks, Order, Watcher};
use evenkeel_fleet::journal::{By, Phase};
use evenkeel_fleet::{Command, Effect, Evidence, Input, ReleaseId, Report};
use evenkeel_host::configdir::Keep;
use evenkeel_host::nginx::generation::Expected;
use evenkeel_syntax::fileset::FileSet;

use super::look::looks;
use super::{Ended, Host, HostError, Journal, Look, Outcome, Teller};
use crate::ask::Asker;
use crate::routes::Route;
use crate::stages::Outside;

/// A release on its way: what is known of it.
pub(super) struct Way<'a> {
    pub(super) release: ReleaseId,
    pub(super) from: &'a FileSet,
    pub(super) to: &'a FileSet,
    pub(super) live: &'a Look,
    pub(super) new: &'a Outside,
    pub(super) routes: &'a [Route],
    pub(super) proof: Duration,
    pub(super) hold: bool,
}

/// Hands the agent's steps on.
struct Steps<'t>(&'t mut dyn Teller);

impl Watcher for Steps<'_> {
    fn doing(&mut self, what: &str) {
        self.0.doing(what);
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}

impl Host {
    /// The way of an opened release, from its gates to its end.
    pub(super) fn walk(
        &self,
        journal: &mut Journal,
        way: &Way<'_>,
        gates: [Option<Evidence>; 2],
        keep: &Keep,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let release = way.release;
        let mut asker = Asker::new(way.routes, &way.live.outside.listens);
        if gates.iter().flatten().all(|gate| gate.holds) && !way.routes.is_empty() {
            teller.doing("asking the live routes");
            asker.round(&self.runtime);
            let answers = asker.answers();
            let _ =
                journal.tell(&self.runtime, &Input::Answered { release, phase: Phase::Before, answers })?;
        }
        let mut effects = Vec::new();
        for gate in gates.into_iter().flatten() {
            let (kind, holds, summary) = (gate.kind, gate.holds, gate.summary.clone());
            teller.done(kind.name(), &summary, holds);
            let told = journal.tell(&self.runtime, &Input::Saw { release, evidence: gate })?;
            effects = told.effects;
            if !holds {
                return Ok(self.ended(journal, release));
            }
        }
        if teller.interrupted() {
            let by = By::Person(self.settings.who.clone());
            let why = "interrupted before anything was touched".to_owned();
            let _ = journal.tell(&self.runtime, &Input::Rollback { release, by, why: why.clone() })?;
            return Ok(Outcome::new(Some(release), Ended::Refused, why));
        }
        let order = effects.into_iter().find_map(|effect| match effect {
            Effect::Order {
                generation,
                command: Command::Apply { proof_within, confirm_within, .. },
                ..
            } => Some((generation, proof_within, confirm_within)),
            _ => None,
        });
        let Some((generation, proof_within, confirm_within)) = order else {
            return Ok(self.ended(journal, release));
        };
        let agent = Agent::new(self.settings.place.clone(), keep.clone());
        let order = Order {
            generation,
            release,
            from: way.from,
            to: way.to,
            before: &looks(&way.live.outside, way.proof / 4),
            after: &Looks { expected: expected(way), error_logs: way.new.error_logs.clone() },
            proof_within,
            confirm_within,
        };
        let applied = agent.apply(&order, &mut Steps(teller));
        let mut observe = None;
        for report in applied.reports {
            tell_done(teller, &report);
            observe = self.report(journal, generation, report)?.or(observe);
        }
        if journal.fleet().release(release).is_some_and(|release| !release.open()) {
            let mut outcome = self.ended(journal, release);
            outcome.could_not_look |= applied.could_not_look;
            return Ok(outcome);
        }
        match observe {
            Some(until) => self.bake(journal, way, &agent, &asker, &applied.workers, until, teller),
            None => {
                let mut outcome = self.ended(journal, release);
                outcome.could_not_look = true;
                Ok(outcome)
            }
        }
    }
}

fn expected(way: &Way<'_>) -> Expected {
    let mut expected = looks(way.new, Duration::ZERO).expected;
    expected.limit = way.proof;
    expected
}

/// Tells a person of what the host says.
pub(super) fn tell_done(teller: &mut dyn Teller, report: &Report) {
    match report {
        Report::Saw(evidence) | Report::Proven(evidence) | Report::Refused(evidence) => {
            teller.done(evidence.kind.name(), &evidence.summary, evidence.holds);
        }
        Report::Conflict(paths) => {
            teller.done("conflict", &format!("somebody else wrote to {}", paths.join(", ")), false);
        }
        Report::Reverted(revert) => {
            let said = revert.evidence.first().map_or("", |evidence| evidence.summary.as_str());
            teller.done("revert", &format!("{said}, in {}", crate::when::span(revert.took)), revert.proven);
        }
        Report::Switched | Report::Confirmed | Report::NeverBegan => {}
    }
}
