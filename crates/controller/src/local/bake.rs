//! Watching a proven release: live routes and workers, until the policy or a person confirms, or something does not hold.

use std::time::{Duration, Instant};

use evenkeel_agent::{Agent, count};
use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_fleet::journal::{By, Phase};
use evenkeel_fleet::{Command, Effect, Evidence, EvidenceKind, Input, Stage as ReleaseStage, Timestamp};
use evenkeel_host::identity::ProcessId;

use super::walk::Way;
use super::way_back::{tell_of_old, woken};
use super::{Ended, Host, HostError, Journal, Outcome, Teller, now};
use crate::ask::Asker;
use crate::routes::Route;

/// How often live routes are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often the slots, the workers and the person are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long another command may take to write down what it did.
const WRITTEN_WITHIN: Duration = Duration::from_secs(3);

/// Why the watching ends.
enum End {
    /// Everything held.
    Baked,
    /// Something does not hold.
    Fails(String),
    /// A person wants it back.
    Interrupted,
    /// Another command confirmed it, or the host went back.
    Elsewhere,
}

impl Host {
    #[expect(clippy::too_many_arguments, reason = "one call; each is a thing of its own")]
    pub(super) fn bake(
        &self,
        journal: &mut Journal,
        way: &Way<'_>,
        agent: &Agent,
        (after, forgiven): (&mut Asker<'_>, Vec<Route>),
        workers: &[ProcessId],
        until: Timestamp,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let release = way.release;
        // The routes that decide nothing are asked now: nobody waits for them but this command.
        if !way.routes.is_empty() {
            let _decides_nothing = after.rest(&self.runtime);
            let input = Input::Answered { release, phase: Phase::After, answers: after.answers() };
            let _ = journal.tell(&self.runtime, &input)?;
        }
        let unasked = after.unasked();
        let mut watch = Asker::new(way.routes, &way.new.listens).forgiving(forgiven);
        let end = self.watch(way, agent, &mut watch, workers, until, teller)?;
        let standing = agent.standing()?.filter(|record| record.applying.release == release);
        if let Some(text) = standing.as_ref().and_then(woken) {
            let (host, who) = (Some(self.settings.name.clone()), self.settings.who.clone());
            let _ = journal.tell(&self.runtime, &Input::Note { host, release: Some(release), who, text })?;
        }
        let mut outcome = match end {
            End::Elsewhere => self.elsewhere(journal, agent, way)?,
            End::Interrupted => {
                let why = "interrupted".to_owned();
                let by = By::Person(self.settings.who.clone());
                let decided = Input::Rollback { release, by, why: why.clone() };
                self.take_back(journal, agent, release, (RevertWhy::Asked, &why), &decided, teller)?
            }
            End::Fails(why) => {
                let evidence = Evidence::new(EvidenceKind::Observation, false, why.clone());
                let decided = Input::Saw { release, evidence };
                let mut outcome =
                    self.take_back(journal, agent, release, (RevertWhy::Evidence, &why), &decided, teller)?;
                self.ask_again(journal, way, &mut outcome);
                outcome
            }
            End::Baked => self.finish(journal, agent, way, watch.live_asked(), teller)?,
        };
        if watch.was_asked() {
            let input = Input::Answered { release, phase: Phase::Watch, answers: watch.answers() };
            let _best_effort = journal.tell(&self.runtime, &input);
        }
        tell_of_old(&mut outcome, agent.standing()?.as_ref(), &self.settings.place.pid);
        outcome.notes.extend(unasked);
        Ok(outcome)
    }

    /// Looks until the bake is over and, on hold, until somebody decides.
    fn watch(
        &self,
        way: &Way<'_>,
        agent: &Agent,
        asker: &mut Asker<'_>,
        workers: &[ProcessId],
        until: Timestamp,
        teller: &mut dyn Teller,
    ) -> Result<End, HostError> {
        let mut asked = Instant::now();
        let (mut told, mut times_woken) = (0, 0);
        loop {
            let record = agent.standing()?;
            let ours = record.as_ref().filter(|record| record.applying.release == way.release);
            if ours.is_none_or(|record| record.stage() != Stage::Proven || record.asked.is_some()) {
                return Ok(End::Elsewhere);
            }
            if teller.interrupted() {
                return Ok(End::Interrupted);
            }
            if let Some(both) = ours.and_then(|record| record.upgrade).filter(|both| both.woken > times_woken)
            {
                times_woken = both.woken;
                teller.done("foreign reload", &evenkeel_agent::woken(&both).unwrap_or_default(), true);
            }
            if let Some(gone) = agent.gone(workers) {
                return Ok(End::Fails(gone));
            }
            if asked.elapsed() >= ASK_EVERY {
                if let Some(wrong) = asker.live_round(&self.runtime) {
                    return Ok(End::Fails(wrong));
                }
                asked = Instant::now();
            }
            let left = until.since(now()).as_millis();
            if left == 0 && !way.hold {
                // The last look is at the end of the bake, not half a second before it.
                return Ok(asker.live_round(&self.runtime).map_or(End::Baked, End::Fails));
            }
            if left.div_ceil(1_000) != told {
                told = left.div_ceil(1_000);
                match left {
                    0 => teller.doing("waiting for `evenkeel confirm`"),
                    _ => teller.doing(&format!("watching, {told} s to go")),
                }
            }
            std::thread::sleep(LOOK_EVERY.min(Duration::from_millis(left.max(1))));
        }
    }

    /// The policy confirms.
    fn finish(
        &self,
        journal: &mut Journal,
        agent: &Agent,
        way: &Way<'_>,
        live_asked: usize,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let release = way.release;
        let summary = match live_asked {
            0 => "the workers stayed; no live route was asked".to_owned(),
            number => {
                let asked = count(number, "live route");
                format!("{asked} asked again and again, none answered wrongly; the workers stayed")
            }
        };
        teller.done("bake", &summary, true);
        let evidence = Evidence::new(EvidenceKind::Observation, true, summary);
        let told = journal.tell(&self.runtime, &Input::Saw { release, evidence })?;
        let order = told.effects.iter().find_map(|effect| match effect {
            Effect::Order { generation, command: Command::Confirm { .. }, .. } => Some(*generation),
            _ => None,
        });
        let Some(generation) = order else { return self.elsewhere(journal, agent, way) };
        match agent.confirm(release) {
            Ok(report) => {
                let _ = self.report(journal, generation, (now(), report))?;
                Ok(self.ended(journal, release))
            }
            // The fuse was faster.
            Err(_) => self.elsewhere(journal, agent, way),
        }
    }

    /// Another command, or the fuse, ends this release: waits for what it writes down.
    fn elsewhere(&self, journal: &mut Journal, agent: &Agent, way: &Way<'_>) -> Result<Outcome, HostError> {
        let started = Instant::now();
        loop {
            journal.catch_up(&self.runtime)?;
            let open = journal.fleet().release(way.release).is_some_and(|release| release.open());
            let standing = agent.standing()?;
            let moving = Host::waiting(standing.as_ref()) == Some(way.release);
            if !open {
                return Ok(self.ended(journal, way.release));
            }
            // A command that was to confirm it died on the way: what it was told is done.
            let confirming =
                journal.fleet().release(way.release).is_some_and(|it| it.stage() == ReleaseStage::Confirming);
            if moving
                && confirming
                && started.elapsed() >= WRITTEN_WITHIN
                && agent.confirm(way.release).is_ok()
            {
                continue;
            }
            // Who ended it writes it down; when nobody does, we do.
            if !moving && started.elapsed() >= WRITTEN_WITHIN {
                self.settle(journal, standing.as_ref(), false)?;
                let mut outcome = self.ended(journal, way.release);
                self.name_what_stays(journal, &mut outcome);
                return Ok(outcome);
            }
            if started.elapsed() > WRITTEN_WITHIN + Duration::from_secs(30) {
                let mut outcome = self.ended(journal, way.release);
                outcome.ended = Ended::Stuck;
                return Ok(outcome);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The live routes once more, with the old configuration back.
    fn ask_again(&self, journal: &mut Journal, way: &Way<'_>, outcome: &mut Outcome) {
        let mut asker = Asker::new(way.routes, &way.live.outside.listens);
        if !asker.has_live() {
            return;
        }
        let wrong = asker.live_round(&self.runtime);
        let (release, answers) = (way.release, asker.answers());
        let input = Input::Answered { release, phase: Phase::Reverted, answers };
        let _best_effort = journal.tell(&self.runtime, &input);
        if let Some(wrong) = wrong {
            outcome.notes.push(format!("with the old configuration back: {wrong}"));
        }
    }
}
