//! What the host did while no command was watching becomes part of the journal: the slots are the truth about the host,
//! the journal follows them.

use evenkeel_agent::reverted;
use evenkeel_fleet::apply::{RevertWhy, Stage as HostStage};
use evenkeel_fleet::journal::{Adoption, By, Choice, Recovery, Revert, Reverter};
use evenkeel_fleet::{BundleId, Evidence, EvidenceKind, Input, ReleaseId, Report, Span, Stage, What};
use evenkeel_host::slots::Record;

use super::{Host, HostError, Journal};

/// How long a master that stood by for a confirmed release is waited for.
pub(super) const OLD_ENDS_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

impl Host {
    /// Says in the journal what the slots say. With the apply lock in hand (`alone`) nobody gathers evidence or applies any
    /// more, so a release that the slots do not speak of has been interrupted.
    pub(super) fn settle(
        &self,
        journal: &mut Journal,
        record: Option<&Record>,
        alone: bool,
    ) -> Result<(), HostError> {
        let Some(open) = journal.fleet().open(&self.settings.name) else { return Ok(()) };
        let (release, stage) = (open.id(), open.stage());
        let (from, to) = (open.proposal().from, open.proposal().to);
        if stage == Stage::Gathering {
            if !alone {
                return Ok(());
            }
            let why = "the command that gathered its evidence ended".to_owned();
            return self.must(journal, &Input::Rollback { release, by: By::Policy, why }, alone);
        }
        let ours = |record: &&Record| {
            let applying = &record.applying;
            applying.release == release && applying.from == from && applying.to == to
        };
        let reports = match record.filter(ours) {
            Some(record) => match record.stage() {
                HostStage::Reverted => vec![Report::Reverted(reverted(record))],
                HostStage::Confirmed => vec![Report::Confirmed],
                HostStage::Proven => {
                    let text = "the slots of the host say that new workers were proven to serve";
                    let evidence = Evidence::new(EvidenceKind::Proof, true, text);
                    vec![Report::Switched, Report::Proven(evidence)]
                }
                HostStage::Idle | HostStage::Staged if alone => vec![Report::NeverBegan],
                _ => Vec::new(),
            },
            None if !alone => Vec::new(),
            None => vec![lost(record, to, stage)],
        };
        let host = self.settings.name.clone();
        // The newest order: what the slots say was accepted may come from a journal that was lost.
        let generation = journal.fleet().host(&host).map_or_else(Default::default, |host| host.generation());
        for report in reports {
            let other = super::end::other_than_old(&report);
            self.must(journal, &Input::Reported { host: host.clone(), generation, report }, alone)?;
            self.tell_of_other(journal, other)?;
        }
        Ok(())
    }

    /// Tells the journal something that must end a release. Without the lock a refusal means that another command was
    /// faster.
    fn must(&self, journal: &mut Journal, input: &Input, alone: bool) -> Result<(), HostError> {
        match journal.tell(&self.runtime, input)?.refusal {
            Some(refusal) if alone => Err(refusal.into()),
            _ => Ok(()),
        }
    }

    /// Begins to change this host: follows what the slots say, ends what was interrupted and is watched by nobody, and
    /// refuses while a release is open. The caller holds the apply lock.
    pub(super) fn begin(&self, journal: &mut Journal) -> Result<Option<Record>, HostError> {
        self.same_host(journal)?;
        let mut record = self.agent_here().standing()?;
        if record.as_ref().is_some_and(abandoned) {
            record = evenkeel_host::fuse::recover(&self.settings.place)?.or(record);
        }
        // Somebody confirmed it and died before the last signal.
        let _still_finishes = evenkeel_host::fuse::finish(&self.settings.place.state_dir, OLD_ENDS_WITHIN);
        self.settle(journal, record.as_ref(), true)?;
        let _told_in_the_journal = self.settle_app(journal, record.as_ref());
        // The old configuration may be loadable by now; whoever begins something new should not build on the wrong one.
        if let Ok(Some((proven, _))) = self.prove_again(journal) {
            record = Some(proven);
        }
        match record.as_ref().filter(|record| record.stage().unconfirmed()) {
            Some(record) => {
                Err(HostError::Open { release: record.applying.release, stage: record.stage().name() })
            }
            None => {
                if let Some(record) = &record {
                    self.follow_orders(journal, record)?;
                }
                Ok(record)
            }
        }
    }

    /// Tries once more to bring the old configuration back after a revert that was not proven. `None` when there was none.
    /// Gives what the slots say now, and whether it serves.
    pub(super) fn prove_again(&self, journal: &mut Journal) -> Result<Option<(Record, bool)>, HostError> {
        let Some(record) = evenkeel_host::fuse::prove_again(&self.settings.place)? else { return Ok(None) };
        let proven = !record.is_unproven();
        if proven {
            let text = "the old configuration was loaded at a later try, and is proven to serve";
            let recovery = Recovery {
                host: self.settings.name.clone(),
                bundle: record.applying.from,
                choice: Choice::Confirmed,
                evidence: Evidence::new(EvidenceKind::Recovery, true, text),
            };
            let _ = journal.tell(&self.runtime, &Input::Recovered(recovery))?;
        }
        Ok(Some((record, proven)))
    }

    /// The host accepted orders that this journal never gave (a rollback without it, a journal that was lost): the journal
    /// goes on from there, with what was confirmed meanwhile.
    fn follow_orders(&self, journal: &mut Journal, record: &Record) -> Result<(), HostError> {
        let host = journal.fleet().host(&self.settings.name);
        let known = host.map_or_else(Default::default, |host| host.generation());
        let (Some(confirmed), true) = (record.confirmed, record.applying.generation > known) else {
            return Ok(());
        };
        if host.is_none_or(|host| host.confirmed().is_none()) {
            return Ok(());
        }
        let adoption = Adoption {
            host: self.settings.name.clone(),
            bundle: confirmed,
            before: None,
            generation: record.applying.generation,
            changes: Vec::new(),
            diff: String::new(),
            who: self.settings.who.clone(),
            why: "what was confirmed on the host while this journal was not there".to_owned(),
        };
        self.must(journal, &Input::Adopt(adoption), true)
    }

    /// A journal that speaks of another host is not this host's.
    fn same_host(&self, journal: &Journal) -> Result<(), HostError> {
        let other = journal.events().iter().find_map(|event| match &event.what {
            What::Adopted(adoption) if adoption.host != self.settings.name => Some(adoption.host.clone()),
            _ => None,
        });
        match other.filter(|_| journal.fleet().host(&self.settings.name).is_none()) {
            Some(other) => Err(HostError::OtherHost { journal: other, here: self.settings.name.clone() }),
            None => Ok(()),
        }
    }

    /// The release that waits on the host, as the slots say.
    pub(super) fn waiting(record: Option<&Record>) -> Option<ReleaseId> {
        record.filter(|record| record.stage().unconfirmed()).map(|record| record.applying.release)
    }
}

/// Whether a release is open, and neither its command nor its fuse lives to end it.
pub(super) fn abandoned(record: &Record) -> bool {
    let lives = |process: Option<evenkeel_host::identity::ProcessId>| process.is_some_and(|it| it.lives());
    record.stage().unconfirmed() && !lives(record.command) && !lives(record.fuse)
}

/// What is said of a release of which the slots no longer speak: they tell of something later.
fn lost(record: Option<&Record>, to: BundleId, stage: Stage) -> Report {
    // What recovery took on its own was never confirmed by whoever may.
    let confirming = matches!(stage, Stage::Confirming | Stage::Reverting);
    match record {
        None => Report::NeverBegan,
        Some(record)
            if confirming && record.confirmed == Some(to) && record.stage() == HostStage::Confirmed =>
        {
            Report::Confirmed
        }
        Some(_) if stage == Stage::Ordered => Report::NeverBegan,
        Some(_) => {
            let text = "the slots tell of a later change; how this release ended was not written down";
            Report::Reverted(Revert {
                why: RevertWhy::CommandDied,
                by: Reverter::Recovery,
                decided_at: None,
                proven: false,
                evidence: vec![Evidence::new(EvidenceKind::Recovery, false, text)],
                took: Span::ZERO,
                last_wrong: None,
                kept: None,
                way: None,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_recovery_took_on_its_own_is_not_told_as_confirmed() {
        let to = BundleId([2; 32]);
        let mut record = Record::idle(std::path::Path::new("/etc/nginx"));
        record.applying.stage = HostStage::Confirmed;
        record.confirmed = Some(to);
        for stage in [Stage::Switched, Stage::Proven] {
            assert!(
                matches!(lost(Some(&record), to, stage), Report::Reverted(revert) if !revert.proven),
                "{stage:?}"
            );
        }
        for stage in [Stage::Confirming, Stage::Reverting] {
            assert!(matches!(lost(Some(&record), to, stage), Report::Confirmed), "{stage:?}");
        }
        assert!(matches!(lost(Some(&record), to, Stage::Ordered), Report::NeverBegan));
        assert!(matches!(lost(None, to, Stage::Proven), Report::NeverBegan));
    }
}
