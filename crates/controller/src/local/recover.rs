//! `recover`: what the fuse would have done, at boot or by hand; then the first bundle that nginx accepts today.

use evenkeel_agent::Agent;
use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::journal::{Choice, Recovery};
use evenkeel_fleet::{BundleId, Evidence, EvidenceKind, Input};
use evenkeel_host::configdir::bundles;
use evenkeel_host::fuse;
use evenkeel_host::nginx::check::Verdict;
use evenkeel_host::nginx::find::find;
use evenkeel_host::slots::Record;

use super::{Ended, Host, HostError, Outcome, Teller};
use crate::stages;

impl Host {
    /// Brings an interrupted host back to its confirmed bundle; where nginx does not accept that today, to the last known
    /// good one, else to the proposed one. May be called any number of times.
    ///
    /// # Errors
    /// [`HostError`] when it cannot.
    pub fn recover(&self, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        teller.doing("looking for an interrupted release");
        let _lock = self.lock("recover")?;
        let mut outcome = self.recovered(teller)?;
        // The configuration first, its application last.
        let record = self.agent_here().standing()?;
        if let Ok(mut journal) = self.open_journal()
            && let Some(said) = self.settle_app(&mut journal, record.as_ref())
        {
            outcome.notes.push(said);
        }
        Ok(outcome)
    }

    fn recovered(&self, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        let standing = self.agent_here().standing()?;
        let watched =
            |record: &Record| record.stage() == Stage::Proven && record.fuse.is_some_and(|it| it.lives());
        if let Some(record) = standing.filter(watched) {
            // It waits for its confirmation, and its fuse lives: nothing is interrupted here.
            return Err(HostError::Open { release: record.applying.release, stage: record.stage().name() });
        }
        let record = fuse::recover(&self.settings.place)?;
        let _still_finishes = fuse::finish(&self.settings.place.state_dir, super::settle::OLD_ENDS_WITHIN);
        let mut journal = self.open_journal();
        let Some(record) = record else {
            if let Ok(journal) = &mut journal {
                // A fuse may have ended it while nobody could write that down.
                let standing = self.agent_here().standing()?;
                self.settle(journal, standing.as_ref(), false)?;
                teller.doing("asking nginx for the old configuration once more");
                if let Some((record, proven)) = self.prove_again(journal)? {
                    let release = record.applying.release;
                    let reason = if proven {
                        "the old configuration was loaded now, and is proven to serve".to_owned()
                    } else {
                        record.note.clone()
                    };
                    return Ok(Outcome::new(Some(release), Ended::TakenBack { proven }, reason));
                }
            }
            return Ok(Outcome::new(None, Ended::Unchanged, "no release was interrupted here"));
        };
        let revert = evenkeel_agent::reverted(&record);
        teller.done("revert", &revert.evidence[0].summary, revert.proven);
        let (choice, evidence) = self.choose(&record, teller)?;
        let reason = evidence.summary.clone();
        let proven = evidence.holds && revert.proven;
        let mut outcome = Outcome::new(Some(record.applying.release), Ended::TakenBack { proven }, reason);
        outcome.took = Some(revert.took);
        match &mut journal {
            Ok(journal) => {
                self.settle(journal, Some(&record), false)?;
                let bundle = match choice {
                    Choice::Confirmed => record.applying.from,
                    Choice::LastKnownGood => record.confirmed_before.unwrap_or(record.applying.from),
                    Choice::Proposed => record.applying.to,
                };
                let recovery = Recovery { host: self.settings.name.clone(), bundle, choice, evidence };
                let _ = journal.tell(&self.runtime, &Input::Recovered(recovery))?;
            }
            Err(error) => outcome.notes.push(super::rollback::not_written(error)),
        }
        Ok(outcome)
    }

    /// The first bundle that nginx accepts today. The confirmed one stands already.
    fn choose(&self, record: &Record, teller: &mut dyn Teller) -> Result<(Choice, Evidence), HostError> {
        let master = find(&self.settings.place).ok();
        let compiled = self.compiled(master.as_ref())?;
        let (live, keep) = self.live(&self.model_settings(&compiled, master.as_ref()))?;
        teller.doing("asking nginx whether it would start");
        let refused = match self.restart_works(&live)? {
            Verdict::Accepted { .. } => {
                let text = "nginx accepts the confirmed bundle, which stands on disk";
                return Ok((Choice::Confirmed, Evidence::new(EvidenceKind::Recovery, true, text)));
            }
            refused @ Verdict::Refused { .. } => stages::preflight_evidence(&refused, "nginx").summary,
        };
        let others =
            [(Choice::LastKnownGood, record.confirmed_before), (Choice::Proposed, Some(record.applying.to))];
        for (choice, bundle) in others {
            let Some(files) = bundle.and_then(|bundle| self.bundle(bundle).ok()) else { continue };
            if let Verdict::Accepted { .. } = self.would_start(&files, &live)? {
                let agent = Agent::new(self.settings.place.clone(), keep);
                // It may be of no release: somebody's change by hand.
                bundles::save(&self.settings.place.state_dir, &live.snapshot.files)?;
                agent.put(record, &live.snapshot.files, &files)?;
                let name = bundle.map(|bundle: BundleId| bundle.short()).unwrap_or_default();
                let text = format!(
                    "nginx does not accept the confirmed bundle today ({refused}); {name} stands on disk now, and what stood \
                     there is kept as bundle {}",
                    live.snapshot.files.digest().short()
                );
                return Ok((choice, Evidence::new(EvidenceKind::Recovery, true, text)));
            }
        }
        let text =
            format!("nginx accepts none of the bundles today; the confirmed one stands on disk: {refused}");
        Ok((Choice::Confirmed, Evidence::new(EvidenceKind::Recovery, false, text)))
    }
}
