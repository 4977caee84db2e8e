//! `confirm` and `rollback`, from any terminal.

use std::time::Duration;

use evenkeel_agent::Agent;
use evenkeel_fleet::apply::RevertWhy;
use evenkeel_fleet::journal::{By, Proposal};
use evenkeel_fleet::{BundleId, Command, Effect, EvidenceKind, Generation, Input, Policy, ReleaseId, What};
use evenkeel_host::configdir::{Keep, bundles};
use evenkeel_host::nginx::check::Verdict;
use evenkeel_host::nginx::find::{FindError, find};
use evenkeel_host::slots::Record;
use evenkeel_syntax::secret::redact_str;

use super::look::looks;
use super::walk::Way;
use super::way_back::tell_of_old;
use super::{Ended, Host, HostError, Journal, Look, Outcome, Teller, now, span};
use crate::{diff, stages};

/// How long a rollback is watched: its bundle served here before.
const BAKE: Duration = Duration::from_secs(1);
/// How long a rollback's proof may take beyond a reload.
pub(super) const PROOF_MARGIN: Duration = Duration::from_secs(4);

impl Host {
    /// Confirms the release that waits.
    ///
    /// # Errors
    /// [`HostError`] when nothing waits, or it is too late.
    pub fn confirm(&self, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        let agent = self.agent_here();
        let mut journal = self.open_journal()?;
        let record = agent.standing()?;
        self.settle(&mut journal, record.as_ref(), false)?;
        let Some(release) = Host::waiting(record.as_ref()) else {
            return Ok(Outcome::new(None, Ended::Refused, "no release waits for a confirmation"));
        };
        let who = self.settings.who.clone();
        let told = journal.tell(&self.runtime, &Input::Confirm { release, who })?;
        if let Some(refusal) = told.refusal {
            return Ok(Outcome::new(Some(release), Ended::Refused, refusal.to_string()));
        }
        let generation = ordered(&told.effects).unwrap_or_default();
        match agent.confirm(release) {
            Ok(report) => {
                let _ = self.report(&mut journal, generation, (now(), report))?;
                teller.done("confirm", &format!("{release} is permanent"), true);
                let mut outcome = self.ended(&journal, release);
                tell_of_old(&mut outcome, agent.standing()?.as_ref(), &self.settings.place.pid);
                Ok(outcome)
            }
            Err(error) => {
                let standing = agent.standing()?;
                self.settle(&mut journal, standing.as_ref(), false)?;
                match Host::waiting(standing.as_ref()) {
                    None => Ok(self.ended(&journal, release)),
                    Some(_) => Err(error.into()),
                }
            }
        }
    }

    /// Takes the open release back, or returns to an earlier bundle. Works without a journal.
    ///
    /// # Errors
    /// [`HostError`] when there is nothing to return to, or the host cannot be changed.
    pub fn rollback(
        &self,
        to: Option<&str>,
        why: &str,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let outcome = self.rolled_back(to, why, teller).or_else(HostError::or_interrupted)?;
        Ok(self.lift_hold(outcome))
    }

    fn rolled_back(
        &self,
        to: Option<&str>,
        why: &str,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let agent = self.agent_here();
        let record = agent.standing()?;
        let mut journal = self.open_journal();
        if let Some(release) = Host::waiting(record.as_ref())
            && to.is_none()
        {
            return self.take_open_back(&agent, &mut journal, release, why, teller);
        }
        let _lock = self.lock("rollback")?;
        match journal {
            Ok(mut journal) => {
                let before = record.as_ref().map(|record| record.applying.generation);
                let returned = self
                    .begin(&mut journal)
                    .and_then(|record| self.return_to(&mut journal, record.as_ref(), to, why, teller));
                // A journal that cannot be written does not stand before the way back, as long as nothing was begun.
                let standing = agent.standing()?;
                let begun = standing.as_ref().map(|record| record.applying.generation) != before;
                match returned {
                    Err(error @ HostError::Journal(_)) if !begun => {
                        self.return_without_journal(standing.as_ref(), to, &error, teller)
                    }
                    returned => returned,
                }
            }
            Err(error) => self.return_without_journal(record.as_ref(), to, &error, teller),
        }
    }

    fn take_open_back(
        &self,
        agent: &Agent,
        journal: &mut Result<Journal, HostError>,
        release: ReleaseId,
        why: &str,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let why = redact_str(why);
        let said = if why.is_empty() { "asked for" } else { &*why };
        let mut outcome = match journal {
            Ok(journal) => {
                let by = By::Person(self.settings.who.clone());
                let decided = Input::Rollback { release, by, why: said.to_owned() };
                self.take_back(journal, agent, release, (RevertWhy::Asked, said), &decided, teller)?
            }
            Err(error) => {
                let record = agent.revert(RevertWhy::Asked, said)?;
                let revert = evenkeel_agent::reverted(&record);
                let mut outcome =
                    Outcome::new(Some(release), Ended::RolledBack { proven: revert.proven }, said);
                outcome.took = Some(revert.took);
                outcome.notes.push(not_written(error));
                outcome
            }
        };
        if let Ended::RolledBack { proven } = outcome.ended {
            outcome.ended = Ended::TakenBack { proven };
        }
        Ok(outcome)
    }

    /// A release of its own, back to a bundle that was confirmed here before.
    fn return_to(
        &self,
        journal: &mut Journal,
        record: Option<&Record>,
        to: Option<&str>,
        why: &str,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        teller.doing("looking at this host");
        let found = match find(&self.settings.place) {
            Ok(master) => Some(master),
            // A host whose nginx does not even start goes back on disk.
            Err(FindError::NotRunning { .. } | FindError::Stale { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let compiled = self.compiled(found.as_ref())?;
        let settings = self.model_settings(&compiled, found.as_ref());
        let (live, keep) = self.live(&settings)?;
        let on_disk = BundleId(live.snapshot.files.digest().0);
        let confirmed = journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed());
        let drifted = confirmed.is_some_and(|confirmed| confirmed != on_disk);
        let target = match to {
            Some(to) => find_bundle(journal, &self.settings.place.state_dir, to)?,
            // Somebody changed the released tree by hand: back is what was released.
            None if drifted => confirmed.unwrap_or(on_disk),
            None => self.before(journal, record).ok_or_else(|| {
                HostError::NothingBefore(
                    "nothing was confirmed on this host before what stands there".to_owned(),
                )
            })?,
        };
        let mut notes = Vec::new();
        if drifted {
            bundles::save(&self.settings.place.state_dir, &live.snapshot.files)?;
            let released = confirmed.and_then(|confirmed| self.bundle(confirmed).ok()).unwrap_or_default();
            let changed: Vec<String> =
                diff::changes(&released, &live.snapshot.files).iter().map(ToString::to_string).collect();
            notes.push(format!(
                "what stood there was of no release and is kept as bundle {}: {}",
                on_disk.short(),
                changed.join(", ")
            ));
        }
        if target == on_disk {
            return Ok(Outcome::new(
                None,
                Ended::Unchanged,
                format!("{} stands here already", target.short()),
            ));
        }
        let Some(master) = found else {
            let mut outcome = self.return_on_disk(journal, record, (&live, &keep), target, why)?;
            outcome.notes.extend(notes);
            return Ok(outcome);
        };
        let files = self.bundle(target)?;
        let config = self.meaning(&files, &settings, &live);
        let new = stages::outside(&config);
        teller.doing("asking the running nginx");
        // Nothing blocks a rollback that nginx itself does not: where it cannot be asked, the proof decides.
        let preflight = self.preflight(&master, &files, (&live, &new), true, teller)?;
        let reload = looks(&new, preflight.took).expected.limit;
        // The way back of a way back never stands in its way.
        let accept = [EvidenceKind::WayBack, EvidenceKind::Preflight].map(|kind| kind.name().to_owned());
        let back = self.way_back(&master, &live, self.settings.way_back, &accept)?;
        let from = &live.snapshot.files;
        let routes = self.routes(&files).unwrap_or_default();
        let policy = Policy {
            proof_within: span(reload + PROOF_MARGIN),
            bake: span(BAKE),
            confirm_within: span(reload + PROOF_MARGIN + BAKE + Duration::from_secs(30)),
            // A rollback is not held up by what a rule thinks; nginx itself must take it.
            gates: vec![EvidenceKind::Preflight],
            ..Policy::default()
        };
        let proposal = Proposal {
            host: self.settings.name.clone(),
            from: on_disk,
            to: target,
            goes_back: true,
            who: self.settings.who.clone(),
            why: if why.is_empty() {
                "rollback".to_owned()
            } else {
                format!("rollback: {}", redact_str(why))
            },
            changes: diff::changes(from, &files),
            diff: diff::text(from, &files),
            accepted: Vec::new(),
            emergency: None,
            policy,
        };
        let told = journal.tell(&self.runtime, &Input::Propose(proposal))?;
        let (Some(release), None) = (told.proposed, &told.refusal) else {
            return Err(told.refusal.map_or_else(
                || HostError::NothingBefore("the journal opened no release".to_owned()),
                HostError::Refused,
            ));
        };
        let way = Way {
            // A way back is not held up by more than it needs.
            endpoint: None,
            release,
            from,
            to: &files,
            live: &live,
            new: &new,
            routes: &routes,
            proof: reload,
            parse_free: back.parse_free,
            good: self.good_before(&live, &settings, reload),
            hold: false,
            app: None,
        };
        // The last one that the policy asks for lets it go.
        let gates = vec![back.evidence, preflight.evidence];
        let mut outcome = self.walk(journal, &way, gates, &keep, teller)?;
        if outcome.ended == Ended::Confirmed {
            self.app_back(journal, (from, &files), &mut outcome, teller);
        }
        outcome.notes.extend(notes);
        Ok(outcome)
    }

    /// Puts a bundle in place while no nginx runs: what nginx would start from.
    fn return_on_disk(
        &self,
        journal: &mut Journal,
        record: Option<&Record>,
        (live, keep): (&Look, &Keep),
        target: BundleId,
        why: &str,
    ) -> Result<Outcome, HostError> {
        let Some(record) = record else {
            return Err(HostError::NothingBefore("nothing was ever released on this host".to_owned()));
        };
        let files = self.bundle(target)?;
        if let refused @ Verdict::Refused { .. } = self.would_start(&files, live)? {
            let summary = stages::preflight_evidence(&refused, "nginx").summary;
            return Ok(Outcome::new(None, Ended::Refused, summary));
        }
        bundles::save(&self.settings.place.state_dir, &live.snapshot.files)?;
        let agent = Agent::new(self.settings.place.clone(), keep.clone());
        agent.put(record, &live.snapshot.files, &files)?;
        let compiled = self.compiled(None)?;
        let (now_there, _) = self.live(&self.model_settings(&compiled, None))?;
        let why = format!("rollback while no nginx runs: {}", redact_str(why));
        let _paths = self.adopt_look(journal, &now_there, &why)?;
        let text = format!("bundle {} stands on disk; no nginx runs: start it", target.short());
        Ok(Outcome::new(None, Ended::Confirmed, text))
    }

    /// The bundle before the present one, those left out that somebody went back from.
    fn before(&self, journal: &Journal, record: Option<&Record>) -> Option<BundleId> {
        let mut way: Vec<BundleId> = Vec::new();
        let mut step = |bundle: BundleId| match way.iter().position(|it| *it == bundle) {
            Some(known) => way.truncate(known + 1),
            None => way.push(bundle),
        };
        for event in journal.events() {
            match &event.what {
                What::Adopted(adoption) if adoption.host == self.settings.name => step(adoption.bundle),
                What::Confirmed { release, .. } => {
                    if let Some(release) = journal.fleet().release(*release) {
                        step(release.proposal().to);
                    }
                }
                _ => {}
            }
        }
        let _present = way.pop()?;
        let slots = record.filter(|_| journal.events().is_empty()).and_then(|record| record.confirmed_before);
        way.pop().or(slots)
    }
}

pub(super) fn not_written(error: &HostError) -> String {
    format!("not in the journal, which cannot be used: {}", evenkeel_agent::chain(error))
}

fn ordered(effects: &[Effect]) -> Option<Generation> {
    effects.iter().find_map(|effect| match effect {
        Effect::Order { generation, command: Command::Confirm { .. }, .. } => Some(*generation),
        _ => None,
    })
}

/// `r12`: what r12 released; else the beginning of a bundle's digest.
fn find_bundle(journal: &Journal, state_dir: &std::path::Path, text: &str) -> Result<BundleId, HostError> {
    let release =
        text.parse::<ReleaseId>().ok().and_then(|id| journal.fleet().release(id).map(|it| it.proposal().to));
    release.or_else(|| by_prefix(state_dir, text)).ok_or_else(|| {
        HostError::NothingBefore(format!("\"{text}\" is no release of this host and no bundle"))
    })
}

pub(super) fn by_prefix(state_dir: &std::path::Path, text: &str) -> Option<BundleId> {
    let all = bundles::list(state_dir).ok()?;
    let mut found = all.into_iter().filter(|digest| text.len() >= 6 && digest.to_string().starts_with(text));
    let first = found.next()?;
    found.next().is_none().then_some(BundleId(first.0))
}
