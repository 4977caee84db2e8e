//! The way of an opened release: its gates, the host's half, and the watch that follows.

use std::time::Duration;

use evenkeel_agent::{Agent, Looks, Order, Watcher, count};
use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_fleet::journal::{By, Phase};
use evenkeel_fleet::{BundleId, Command, Effect, Evidence, Input, ReleaseId, Report, Timestamp};
use evenkeel_host::configdir::Keep;
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_host::slots::Record;
use evenkeel_syntax::fileset::FileSet;
use tokio::runtime::Runtime;

use super::app::{Move, Touched};
use super::look::looks_within;
use super::rollback::not_written;
use super::{Ended, Host, HostError, Journal, Look, Outcome, Teller, now};
use crate::ask::Asker;
use crate::endpoint::{Endpoint, Said};
use crate::routes::Route;
use crate::stages::Outside;

/// A release on its way: what is known of it.
pub(super) struct Way<'a> {
    pub(super) release: ReleaseId,
    /// What is asked, besides the routes, whether new workers serve.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) from: &'a FileSet,
    pub(super) to: &'a FileSet,
    pub(super) live: &'a Look,
    pub(super) new: &'a Outside,
    pub(super) routes: &'a [Route],
    pub(super) proof: Duration,
    /// Whether the old master stands by until the release is confirmed.
    pub(super) parse_free: bool,
    /// What nginx looks like with the bundle confirmed before `from`.
    pub(super) good: Option<Looks>,
    pub(super) hold: bool,
    /// The application that goes first.
    pub(super) app: Option<&'a Move>,
}

/// Hands the agent's steps on, and asks the live routes as soon as new workers serve.
struct Steps<'t, 'a> {
    teller: &'t mut dyn Teller,
    runtime: &'t Runtime,
    asker: &'t mut Asker<'a>,
    asked_at: Option<Timestamp>,
    endpoint: Option<&'t Endpoint>,
    listens: &'t [Listen],
    /// What the generation endpoint said.
    serves: Option<Said>,
}

impl Watcher for Steps<'_, '_> {
    fn doing(&mut self, what: &str) {
        self.teller.doing(what);
    }

    fn interrupted(&self) -> bool {
        self.teller.interrupted()
    }

    fn wrong(&mut self) -> Option<String> {
        let wrong = self.asker.first_look(self.runtime);
        self.asked_at = Some(now());
        self.serves = self.endpoint.map(|it| it.ask(self.runtime, self.listens));
        match &self.serves {
            Some(Said::Wrong(why)) => wrong.or_else(|| Some(why.clone())),
            _ => wrong,
        }
    }
}

impl Host {
    /// The way of an opened release, from its gates to its end. When it cannot be followed to its end (the journal cannot
    /// be written any more, say), the host goes back.
    pub(super) fn walk(
        &self,
        journal: &mut Journal,
        way: &Way<'_>,
        gates: Vec<Evidence>,
        keep: &Keep,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let mut touched = Touched::default();
        let followed = self.follow(journal, way, gates, (keep, &mut touched), teller);
        let mut ended = followed.or_else(|error| self.brought_back(way, error, teller));
        if let Ok(outcome) = &mut ended {
            self.end_app(journal, touched, outcome, teller);
        }
        ended
    }

    /// What becomes of a host whose release cannot be followed to its end.
    fn brought_back(
        &self,
        way: &Way<'_>,
        error: HostError,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let agent = self.agent_here();
        let standing = agent.standing().ok().flatten();
        if Host::waiting(standing.as_ref()) == Some(way.release) {
            teller.doing("going back");
            // What is left undone here the fuse does.
            let _back = agent.revert(RevertWhy::Evidence, "what was to come could not be written down");
        }
        // What became of the host matters more than what became of the journal.
        match agent.standing().ok().flatten().filter(|record| is_of(record, way)) {
            Some(record) if record.stage() == Stage::Reverted => {
                let revert = evenkeel_agent::reverted(&record);
                let reason = format!("taken back, because it could not be followed to its end: {error}");
                let mut outcome =
                    Outcome::new(Some(way.release), Ended::RolledBack { proven: revert.proven }, reason);
                outcome.took = Some(revert.took);
                outcome.could_not_look = true;
                outcome.notes.push(not_written(&error));
                Ok(outcome)
            }
            Some(record) if record.stage() == Stage::Confirmed => {
                let mut outcome = Outcome::new(Some(way.release), Ended::Confirmed, "");
                outcome.notes.push(not_written(&error));
                Ok(outcome)
            }
            _ => Err(error),
        }
    }

    fn follow(
        &self,
        journal: &mut Journal,
        way: &Way<'_>,
        gates: Vec<Evidence>,
        (keep, touched): (&Keep, &mut Touched),
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let release = way.release;
        let mut asker = Asker::new(way.routes, &way.live.outside.listens);
        if gates.iter().all(|gate| gate.holds) && !way.routes.is_empty() {
            teller.doing("asking the live routes");
            asker.round(&self.runtime);
            let answers = asker.answers();
            let _ =
                journal.tell(&self.runtime, &Input::Answered { release, phase: Phase::Before, answers })?;
        }
        let mut effects = Vec::new();
        for gate in gates {
            let (kind, holds, summary) = (gate.kind, gate.holds, gate.summary.clone());
            teller.done(kind.name(), &summary, holds);
            let told = journal.tell(&self.runtime, &Input::Saw { release, evidence: gate })?;
            effects = told.effects;
            if !holds {
                return Ok(self.ended(journal, release));
            }
        }
        if let Some(app) = way.app
            && !teller.interrupted()
        {
            let to = BundleId(way.to.digest().0);
            let evidence = self.update_app(app, (release, to), touched, teller);
            let holds = evidence.holds;
            teller.done(evidence.kind.name(), &evidence.summary, holds);
            effects = journal.tell(&self.runtime, &Input::Saw { release, evidence })?.effects;
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
            before: &looks_within(&way.live.outside, way.proof),
            after: &looks_within(way.new, way.proof),
            good: way.good.as_ref(),
            parse_free: way.parse_free,
            proof_within,
            confirm_within,
        };
        let forgiven = asker.wrong_already(&self.routes(way.from).unwrap_or_default());
        let mut after = Asker::new(way.routes, &way.new.listens).forgiving(forgiven.clone());
        let endpoint = way.endpoint.as_ref();
        let (runtime, listens) = (&self.runtime, way.new.listens.as_slice());
        let mut steps =
            Steps { teller, runtime, asker: &mut after, asked_at: None, endpoint, listens, serves: None };
        let applied = agent.apply(&order, &mut steps);
        let serves = steps.serves.take();
        let asked_at = steps.asked_at.filter(|_| after.was_asked());
        let (mut observe, mut told_after) = (None, false);
        for (at, report) in applied.reports {
            // What was asked before this was so comes before it in the journal too.
            if asked_at.is_some_and(|asked| asked <= at) && !told_after {
                self.tell_after(journal, release, asked_at, &after)?;
                if after.answers().iter().all(|answer| answer.wrong == 0) {
                    let asked = count(after.live_asked(), "live route");
                    teller.done("routes", &format!("{asked} asked, none answered wrongly"), true);
                }
                told_after = true;
            }
            if let (Report::Proven(proof), Some(Said::New(said) | Said::NotThere(said))) = (&report, &serves)
                && proof.holds
            {
                teller.done("generation", said, true);
            }
            tell_done(teller, &report);
            observe = self.report(journal, generation, (at, report))?.or(observe);
        }
        if journal.fleet().release(release).is_some_and(|release| !release.open()) {
            let mut outcome = self.ended(journal, release);
            outcome.could_not_look |= applied.could_not_look;
            self.name_what_stays(journal, &mut outcome);
            return Ok(outcome);
        }
        // Another command may have told of the proof before us.
        let until = journal.fleet().release(release).and_then(|release| release.bakes_until());
        match observe.or(until) {
            Some(until) => {
                let asked = (&mut after, forgiven);
                self.bake(journal, way, &agent, asked, &applied.workers, until, teller)
            }
            None => {
                let mut outcome = self.ended(journal, release);
                outcome.could_not_look = true;
                Ok(outcome)
            }
        }
    }

    /// What the live routes answered once new workers served.
    fn tell_after(
        &self,
        journal: &mut Journal,
        release: ReleaseId,
        at: Option<Timestamp>,
        asker: &Asker<'_>,
    ) -> Result<(), HostError> {
        let input = Input::Answered { release, phase: Phase::After, answers: asker.answers() };
        let _ = journal.tell_at(&self.runtime, at.unwrap_or_else(now), &input)?;
        Ok(())
    }
}

/// Whether a record is of this release, and not of another that had its number in a journal that was lost.
fn is_of(record: &Record, way: &Way<'_>) -> bool {
    let applying = &record.applying;
    applying.release == way.release
        && applying.to.0 == way.to.digest().0
        && applying.from.0 == way.from.digest().0
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
