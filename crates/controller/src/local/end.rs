//! How a release ends: what the host says becomes part of the journal, and the journal says what came of it.

use evenkeel_agent::Agent;
use evenkeel_fleet::apply::{RevertWhy, Way};
use evenkeel_fleet::journal::{Choice, Recovery};
use evenkeel_fleet::{
    Effect, Evidence, EvidenceKind, Generation, Input, Outcome as End, ReleaseId, Report, Timestamp, What,
};
use evenkeel_host::nginx::find::find;

use super::rollback::not_written;
use super::walk::tell_done;
use super::{Ended, Host, HostError, Journal, Outcome, Teller, now};
use crate::diff;

/// How many paths are named.
const PATHS_SHOWN: usize = 20;

impl Host {
    /// Tells the fleet what the host says; gives the end of the bake when it begins.
    pub(super) fn report(
        &self,
        journal: &mut Journal,
        generation: Generation,
        (at, report): (Timestamp, Report),
    ) -> Result<Option<evenkeel_fleet::Timestamp>, HostError> {
        let host = self.settings.name.clone();
        let other = other_than_old(&report);
        let told = journal.tell_at(&self.runtime, at, &Input::Reported { host, generation, report })?;
        self.tell_of_other(journal, other)?;
        // The host has gone back by itself already where that is what the fleet would order now.
        Ok(told.effects.into_iter().find_map(|effect| match effect {
            Effect::Observe { until, .. } => Some(until),
            Effect::Order { .. } => None,
        }))
    }

    /// Tells the journal which bundle serves where nginx did not take the old one.
    pub(super) fn tell_of_other(
        &self,
        journal: &mut Journal,
        other: Option<Evidence>,
    ) -> Result<(), HostError> {
        let bundle = self.agent_here().standing()?.and_then(|record| record.confirmed);
        if let (Some(evidence), Some(bundle)) = (other, bundle) {
            let (host, choice) = (self.settings.name.clone(), Choice::LastKnownGood);
            let recovery = Recovery { host, bundle, choice, evidence };
            let _ = journal.tell(&self.runtime, &Input::Recovered(recovery))?;
        }
        Ok(())
    }

    /// Has the host go back, and then tells of it: of the decision (`decided`) and of what came of it. The journal never
    /// stands before the way back.
    pub(super) fn take_back(
        &self,
        journal: &mut Journal,
        agent: &Agent,
        release: ReleaseId,
        why: (RevertWhy, &str),
        decided: &Input,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        teller.done("going back", why.1, false);
        let at = now();
        let record = agent.revert(why.0, why.1);
        let decision = journal.tell_at(&self.runtime, at, decided);
        let generation = match journal.fleet().host(&self.settings.name) {
            Some(host) => host.generation(),
            None => Generation(0),
        };
        match record {
            Ok(record) => {
                let revert = evenkeel_agent::reverted(&record);
                let (proven, took) = (revert.proven, revert.took);
                let report = Report::Reverted(revert);
                tell_done(teller, &report);
                let told = decision.map_err(HostError::from).map(drop);
                let told = told.and_then(|()| self.report(journal, generation, (now(), report)));
                if let Err(error) = told {
                    // The host is back, whatever becomes of the journal; the next command settles it.
                    let mut outcome = Outcome::new(Some(release), Ended::RolledBack { proven }, why.1);
                    outcome.took = Some(took);
                    outcome.notes.push(not_written(&error));
                    return Ok(outcome);
                }
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
        let mut outcome = self.ended(journal, release);
        self.name_what_stays(journal, &mut outcome);
        Ok(outcome)
    }

    /// Names what stands in the tree after a release was taken back and is not of the bundle that it went back to: what
    /// somebody added or changed by hand meanwhile. It stays.
    pub(super) fn name_what_stays(&self, journal: &mut Journal, outcome: &mut Outcome) {
        let back =
            matches!(outcome.ended, Ended::RolledBack { .. }) && outcome.way != Some(Way::LastKnownGood);
        let Some(release) = outcome.release.filter(|_| back) else {
            return;
        };
        let from = journal.fleet().release(release).map(|release| release.proposal().from);
        let Some(from) = from.and_then(|from| self.bundle(from).ok()) else { return };
        let master = find(&self.settings.place).ok();
        // What cannot be looked at here `status` will speak of.
        let Ok(compiled) = self.compiled(master.as_ref()) else { return };
        let Ok((live, _)) = self.live(&self.model_settings(&compiled, master.as_ref())) else {
            return;
        };
        let changes = diff::changes(&from, &live.snapshot.files);
        if changes.is_empty() {
            return;
        }
        let paths: Vec<String> = changes.iter().take(PATHS_SHOWN).map(ToString::to_string).collect();
        let more = if changes.len() > PATHS_SHOWN { ", …" } else { "" };
        let text =
            format!("changed by hand meanwhile, of no release, and left there: {}{more}", paths.join(", "));
        let (host, who) = (Some(self.settings.name.clone()), self.settings.who.clone());
        let note = Input::Note { host, release: Some(release), who, text: text.clone() };
        outcome.notes.push(text);
        // Named is named, whether or not it can be written down.
        let _best_effort = journal.tell(&self.runtime, &note);
    }

    /// How a release ended, as the journal tells it.
    pub(super) fn ended(&self, journal: &Journal, id: ReleaseId) -> Outcome {
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
                outcome.way = revert.way;
                if !revert.proven {
                    let said = revert.evidence.iter().filter(|it| it.kind == EvidenceKind::Revert);
                    outcome.notes.extend(said.flat_map(|it| it.details.iter().cloned()));
                }
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
}

/// What serves instead of the old bundle, where nginx did not take that.
pub(super) fn other_than_old(report: &Report) -> Option<Evidence> {
    let Report::Reverted(revert) = report else { return None };
    let said = revert.evidence.first().filter(|_| revert.way == Some(Way::LastKnownGood))?;
    let mut evidence = Evidence::new(EvidenceKind::Recovery, true, said.summary.clone());
    evidence.details.clone_from(&said.details);
    Some(evidence)
}
