//! What the host did while no command was watching becomes part of the journal: the slots are the truth about the host,
//! the journal follows them.

use evenkeel_agent::reverted;
use evenkeel_fleet::apply::Stage as HostStage;
use evenkeel_fleet::journal::By;
use evenkeel_fleet::{Input, ReleaseId, Report, Stage};
use evenkeel_host::slots::Record;

use super::{Host, HostError, Journal};

impl Host {
    /// Says in the journal what the slots say. With the apply lock in hand nobody gathers evidence any more, so a release
    /// that the host never heard of has been interrupted.
    pub(super) fn settle(
        &self,
        journal: &mut Journal,
        record: Option<&Record>,
        alone: bool,
    ) -> Result<(), HostError> {
        let Some(open) = journal.fleet().open(&self.settings.name) else { return Ok(()) };
        let (release, stage) = (open.id(), open.stage());
        let host = self.settings.name.clone();
        let input = match record.filter(|record| record.applying.release == release) {
            Some(record) => {
                let report = match record.stage() {
                    HostStage::Reverted => Report::Reverted(reverted(record)),
                    HostStage::Confirmed => Report::Confirmed,
                    HostStage::Idle | HostStage::Staged if alone => Report::NeverBegan,
                    _ => return Ok(()),
                };
                Input::Reported { host, generation: record.applying.generation, report }
            }
            None if !alone => return Ok(()),
            None if stage == Stage::Gathering => {
                let why = "the command that gathered its evidence ended".to_owned();
                Input::Rollback { release, by: By::Policy, why }
            }
            None => {
                let generation =
                    journal.fleet().host(&host).map_or_else(Default::default, |host| host.generation());
                Input::Reported { host, generation, report: Report::NeverBegan }
            }
        };
        // A refusal means that another command was faster.
        let _told = journal.tell(&self.runtime, &input)?;
        Ok(())
    }

    /// Begins to change this host: follows what the slots say, ends what was interrupted and is watched by nobody, and
    /// refuses while a release is open. The caller holds the apply lock.
    pub(super) fn begin(&self, journal: &mut Journal) -> Result<Option<Record>, HostError> {
        let mut record = self.agent_here().standing()?;
        if record.as_ref().is_some_and(abandoned) {
            record = evenkeel_host::fuse::recover(&self.settings.place)?.or(record);
        }
        self.settle(journal, record.as_ref(), true)?;
        match record.as_ref().filter(|record| record.stage().unconfirmed()) {
            Some(record) => {
                Err(HostError::Open { release: record.applying.release, stage: record.stage().name() })
            }
            None => Ok(record),
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
