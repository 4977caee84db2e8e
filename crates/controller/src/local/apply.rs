//! `apply`: from a proposed tree to a confirmed release, or back.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_agent::{Agent, Order, Watcher};
use evenkeel_fleet::apply::RevertWhy;
use evenkeel_fleet::journal::{Phase, Proposal};
use evenkeel_fleet::{
    BundleId, Command, Effect, Evidence, EvidenceKind, Generation, Input, Policy, ReleaseId, Report,
};
use evenkeel_host::configdir::{Keep, bundles};
use evenkeel_host::nginx::find::find;
use evenkeel_syntax::fileset::FileSet;
use evenkeel_syntax::secret::redact_str;

use super::look::looks;
use super::{Ended, Host, HostError, Journal, Look, Outcome, Teller, span};
use crate::ask::Asker;
use crate::routes::Route;
use crate::{diff, stages};

/// Beyond nginx's own time for a reload: exchanging the files, watching new workers stay.
const PROOF_MARGIN: Duration = Duration::from_secs(2);
const CONFIRM_WITHIN: Duration = Duration::from_secs(60);
const BAKE: Duration = Duration::from_secs(10);

/// What to apply, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The proposed tree.
    pub tree: PathBuf,
    /// How long the host waits for a confirmation; 60 s by default.
    pub confirm_within: Option<Duration>,
    /// How long a proven release is watched; 10 s by default.
    pub bake: Option<Duration>,
    /// How long a reload may take; 3 s by default, more where `nginx -t` takes long.
    pub proof_within: Option<Duration>,
    /// Wait for a person.
    pub hold: bool,
    /// Findings to go on in spite of.
    pub accept: Vec<String>,
    /// Why.
    pub why: String,
    /// Look at everything, change nothing.
    pub dry_run: bool,
}

/// A release on its way: what is known of it.
pub(super) struct Way<'a> {
    pub(super) release: ReleaseId,
    pub(super) from: &'a FileSet,
    pub(super) to: &'a FileSet,
    pub(super) live: &'a Look,
    pub(super) new: &'a stages::Outside,
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
    /// Applies a tree to this host, with a way back.
    ///
    /// # Errors
    /// [`HostError`] when something cannot be looked at; the host is as it was. Every answer that is no is an
    /// [`Outcome`].
    pub fn apply(&self, request: &Request, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        teller.doing("looking at this host");
        let _lock = self.lock("apply")?;
        let mut journal = self.open_journal()?;
        let _record = self.begin(&mut journal)?;

        let master = find(&self.settings.place)?;
        let compiled = self.compiled(Some(&master))?;
        let settings = self.model_settings(&compiled, Some(&master));
        let (live, keep) = self.live(&settings)?;
        let new = self.proposed(&request.tree, &settings, &live, &keep)?;
        let (from, to) = (&live.snapshot.files, &new.snapshot.files);
        if let Some(conflict) = self.confirmed_is(&mut journal, &live)? {
            return Ok(conflict);
        }
        if from.digest() == to.digest() {
            let reason = format!("the tree is what stands here already ({})", to.digest().short());
            return Ok(Outcome::new(None, Ended::Unchanged, reason));
        }

        teller.doing("checking the tree");
        let was = stages::check(live_config(self, &settings, &live), None, &self.settings.rules);
        let checked = stages::check(new.config, Some(&was.config), &self.settings.rules);
        let gate = stages::gate(&checked.report, &was.report, &request.accept);
        let (routes, route_notes, broken) = self.asked(from, to);
        let check = match broken {
            None => stages::check_evidence(&gate, &checked.report),
            Some(why) => Evidence::new(EvidenceKind::Check, false, why),
        };
        bundles::save(&self.settings.place.state_dir, from)?;
        bundles::save(&self.settings.place.state_dir, to)?;

        let (verdict, took) = if check.holds {
            teller.doing("asking the running nginx");
            let (verdict, took) = self.preflight(&master, to, &live, &new.outside)?;
            (Some(verdict), took)
        } else {
            (None, Duration::ZERO)
        };
        let reload = request.proof_within.unwrap_or_else(|| looks(&new.outside, took).expected.limit);
        let policy = windows(request, reload);
        let preflight = verdict.as_ref().map(|verdict| {
            stages::preflight_evidence(
                verdict,
                &format!("the running nginx {} (process {})", compiled.version, master.id.pid),
            )
        });
        if request.dry_run {
            return Ok(dry(&check, preflight.as_ref(), teller));
        }

        let proposal = Proposal {
            host: self.settings.name.clone(),
            from: BundleId(from.digest().0),
            to: BundleId(to.digest().0),
            goes_back: false,
            who: self.settings.who.clone(),
            why: redact_str(&request.why).into_owned(),
            changes: diff::changes(from, to),
            diff: diff::text(from, to),
            accepted: gate.accepted.clone(),
            policy,
        };
        let told = journal.tell(&self.runtime, &Input::Propose(proposal))?;
        let release = match (told.proposed, told.refusal) {
            (Some(release), None) => release,
            (release, Some(evenkeel_fleet::Refusal::Frozen { who, why })) => {
                let reason = format!("frozen by {who}: {why}");
                teller.done("frozen", &reason, false);
                return Ok(Outcome::new(release, Ended::Refused, reason));
            }
            (_, Some(refusal)) => return Err(refusal.into()),
            (None, None) => return Err(HostError::NothingBefore("the journal opened no release".to_owned())),
        };
        let way = Way {
            release,
            from,
            to,
            live: &live,
            new: &new.outside,
            routes: &routes,
            proof: reload,
            hold: request.hold,
        };
        let mut outcome = self.walk(&mut journal, &way, [Some(check), preflight], &keep, teller)?;
        outcome.notes.extend(gate.shown.iter().map(stages::line));
        outcome.notes.extend(route_notes);
        outcome.notes.extend(
            new.snapshot.skipped.iter().map(|it| format!("left out: {} is a {}", it.path.display(), it.kind)),
        );
        Ok(outcome)
    }

    /// Makes sure that what stands on disk is what was confirmed. A host that never released anything is adopted as it is.
    pub(super) fn confirmed_is(
        &self,
        journal: &mut Journal,
        live: &Look,
    ) -> Result<Option<Outcome>, HostError> {
        let digest = live.snapshot.files.digest();
        match journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed()) {
            Some(confirmed) if confirmed.0 == digest.0 => Ok(None),
            None => {
                let _first = self.adopt_look(journal, live, "what stood here before the first release")?;
                Ok(None)
            }
            Some(confirmed) => {
                let released = self.bundle(confirmed).unwrap_or_default();
                let changes = diff::changes(&released, &live.snapshot.files);
                let paths: Vec<String> = changes.iter().map(ToString::to_string).collect();
                let shown = paths.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let mut outcome = Outcome::new(
                    None,
                    Ended::Conflict,
                    format!("the live tree is not what was released ({shown}); nothing was overwritten"),
                );
                outcome.notes.push("`evenkeel adopt` makes what stands there the confirmed bundle; `evenkeel rollback` puts the released one back".to_owned());
                Ok(Some(outcome))
            }
        }
    }

    /// The routes to ask: the new tree's, and the live tree's that it takes away. The third says why none can be.
    fn asked(&self, from: &FileSet, to: &FileSet) -> (Vec<Route>, Vec<String>, Option<String>) {
        let mut notes = Vec::new();
        let old = self.routes(from).unwrap_or_else(|why| {
            notes.push(format!("the live tree's routes are not asked: {why}"));
            Vec::new()
        });
        let mut routes = match self.routes(to) {
            Ok(routes) => routes,
            Err(why) => return (Vec::new(), notes, Some(why)),
        };
        for route in old {
            let known = routes.iter().any(|new| new.name == route.name || new.request() == route.request());
            if !known {
                notes.push(format!(
                    "the change takes the route \"{}\" away; it was asked all the same",
                    route.name
                ));
                routes.push(route);
            }
        }
        (routes, notes, None)
    }

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
            let by = evenkeel_fleet::journal::By::Person(self.settings.who.clone());
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
            after: &evenkeel_agent::Looks { expected: expected(way), error_logs: way.new.error_logs.clone() },
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

    /// Tells the fleet what the host says; gives the end of the bake when it begins.
    pub(super) fn report(
        &self,
        journal: &mut Journal,
        generation: Generation,
        report: Report,
    ) -> Result<Option<evenkeel_fleet::Timestamp>, HostError> {
        let host = self.settings.name.clone();
        let told = journal.tell(&self.runtime, &Input::Reported { host, generation, report })?;
        // The host has gone back by itself already where that is what the fleet would order now.
        Ok(told.effects.into_iter().find_map(|effect| match effect {
            Effect::Observe { until, .. } => Some(until),
            Effect::Order { .. } => None,
        }))
    }

    /// Decides that the host goes back, has it done, and tells of it.
    pub(super) fn take_back(
        &self,
        journal: &mut Journal,
        agent: &Agent,
        release: ReleaseId,
        why: (RevertWhy, &str),
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        teller.done("going back", why.1, false);
        let record = agent.revert(why.0, why.1);
        let generation = match journal.fleet().host(&self.settings.name) {
            Some(host) => host.generation(),
            None => Generation(0),
        };
        match record {
            Ok(record) => {
                let report = Report::Reverted(evenkeel_agent::reverted(&record));
                tell_done(teller, &report);
                let _ = self.report(journal, generation, report)?;
            }
            Err(error) => {
                // Somebody else may have ended it first: the slots say how.
                let standing = agent.standing()?;
                journal.catch_up(&self.runtime)?;
                self.settle(journal, standing.as_ref(), false)?;
                if Host::waiting(standing.as_ref()) == Some(release) {
                    return Err(error.into());
                }
            }
        }
        Ok(self.ended(journal, release))
    }

    /// How a release ended, as the journal tells it.
    pub(super) fn ended(&self, journal: &Journal, id: ReleaseId) -> Outcome {
        use evenkeel_fleet::{Outcome as End, What};
        let Some(release) = journal.fleet().release(id) else {
            return Outcome::new(Some(id), Ended::Stuck, "the journal does not know this release");
        };
        let said = journal.events().iter().rev().find_map(|event| match &event.what {
            What::Refused { release, reason, .. } if *release == id => Some(reason.clone()),
            What::Conflict { release, paths, .. } if *release == id => {
                Some(format!("somebody else wrote to {}; nothing was overwritten", paths.join(", ")))
            }
            _ => None,
        });
        let reverting = release.reverting().map(|(_, reason)| reason.to_owned());
        let reason = said.or(reverting).unwrap_or_default();
        let ended = match release.outcome() {
            Some(End::Confirmed) => Ended::Confirmed,
            Some(End::Refused) => Ended::Refused,
            Some(End::Conflict) => Ended::Conflict,
            Some(End::RolledBack { proven }) => Ended::RolledBack { proven },
            None => Ended::Stuck,
        };
        let mut outcome = Outcome::new(Some(id), ended, reason);
        let failed = |what: &What| match what {
            What::Saw { release, evidence } if *release == id && !evidence.holds => {
                Some(evidence.kind.name())
            }
            What::Reverted { release, revert, .. } if *release == id => Some(revert.why.name()),
            What::Conflict { release, .. } if *release == id => Some("conflict"),
            _ => None,
        };
        outcome.caught_by = journal.events().iter().find_map(|event| failed(&event.what));
        for event in journal.events() {
            if let What::Reverted { release, revert, .. } = &event.what
                && *release == id
            {
                outcome.took = Some(revert.took);
                if let Some(kept) = revert.kept {
                    let said =
                        revert.evidence.iter().flat_map(|it| &it.details).find(|it| it.contains("kept"));
                    outcome.notes.push(format!(
                        "what somebody changed by hand meanwhile is kept as bundle {}{}",
                        kept.short(),
                        said.map(|said| format!(" ({said})")).unwrap_or_default()
                    ));
                }
            }
        }
        outcome
    }

    pub(super) fn agent_here(&self) -> Agent {
        Agent::new(self.settings.place.clone(), Keep::default())
    }
}

/// The windows of a release. Longer proofs get longer windows; a window that a person asked for stays, and what goes on
/// inside it is made to fit.
fn windows(request: &Request, reload: Duration) -> Policy {
    let proof = reload + PROOF_MARGIN;
    let (confirm, bake) = match (request.confirm_within, request.bake) {
        (Some(confirm), Some(bake)) => (confirm, bake),
        (Some(confirm), None) => (confirm, BAKE.min(confirm / 3)),
        (None, bake) => (CONFIRM_WITHIN.max((proof + bake.unwrap_or(BAKE)) * 3 / 2), bake.unwrap_or(BAKE)),
    };
    let left = confirm.saturating_sub(bake).saturating_sub(Duration::from_millis(1));
    Policy {
        proof_within: span(proof.min(left)),
        confirm_within: span(confirm),
        bake: span(bake),
        hold: request.hold,
        ..Policy::default()
    }
}

fn expected(way: &Way<'_>) -> evenkeel_host::nginx::generation::Expected {
    let mut expected = looks(way.new, Duration::ZERO).expected;
    expected.limit = way.proof;
    expected
}

/// The live configuration once more: a check consumes what it checks.
fn live_config(host: &Host, settings: &evenkeel_model::Settings, live: &Look) -> evenkeel_model::Config {
    host.meaning(&live.snapshot.files, settings, live)
}

fn dry(check: &Evidence, preflight: Option<&Evidence>, teller: &mut dyn Teller) -> Outcome {
    let mut outcome = Outcome::new(None, Ended::WouldApply, "nothing stands in its way; nothing was changed");
    for evidence in [Some(check), preflight].into_iter().flatten() {
        teller.done(evidence.kind.name(), &evidence.summary, evidence.holds);
        if !evidence.holds {
            outcome = Outcome::new(None, Ended::Refused, evidence.summary.clone());
        }
    }
    outcome
}

/// Tells a person of what the host says.
fn tell_done(teller: &mut dyn Teller, report: &Report) {
    match report {
        Report::Saw(evidence) | Report::Proven(evidence) | Report::Refused(evidence) => {
            teller.done(evidence.kind.name(), &evidence.summary, evidence.holds);
        }
        Report::Conflict(paths) => {
            teller.done("conflict", &format!("somebody else wrote to {}", paths.join(", ")), false)
        }
        Report::Reverted(revert) => {
            let said = revert.evidence.first().map_or("", |evidence| evidence.summary.as_str());
            teller.done("revert", &format!("{said}, in {}", crate::when::span(revert.took)), revert.proven);
        }
        Report::Switched | Report::Confirmed | Report::NeverBegan => {}
    }
}
