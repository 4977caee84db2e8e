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

    /// Refuses to begin while a release is open on the host.
    pub(super) fn nothing_open(&self, record: Option<&Record>) -> Result<(), HostError> {
        match record.filter(|record| record.stage().unconfirmed()) {
            Some(record) => {
                Err(HostError::Open { release: record.applying.release, stage: record.stage().name() })
            }
            None => Ok(()),
        }
    }

    /// The release that waits on the host, as the slots say.
    pub(super) fn waiting(record: Option<&Record>) -> Option<ReleaseId> {
        record.filter(|record| record.stage().unconfirmed()).map(|record| record.applying.release)
    }
}
