//! Which bundles are right on a host, and who may follow its tree.

use std::fs::File;
use std::path::Path;

use evenkeel_fleet::journal::{Drift, DriftEnd};
use evenkeel_fleet::{BundleId, What};

use super::super::baseline;
use super::{FollowError, Follower};
use evenkeel_host::slots::Record;

use crate::local::{Host, HostError, Journal, now};

/// Which bundles are right, as the slots and the journal say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) released: BundleId,
    pub(super) coming: Option<BundleId>,
}

/// Takes the right to follow the tree of a host.
pub(super) fn alone(state_dir: &Path) -> Result<File, FollowError> {
    let path = state_dir.join("drift.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| FollowError::Events { path, source })?;
    file.try_lock().map_err(|_| FollowError::Followed)?;
    Ok(file)
}

/// What was released last, and where an open release is going to; `None` when nothing was released. What is as it was is not
/// made durable again.
pub(super) fn standing(
    host: &Host,
    journal: &Journal,
    before: Option<Standing>,
) -> Result<Option<Standing>, HostError> {
    let agent = host.agent_here();
    let of = |record: Option<Record>| {
        let (released, _) = host.released(Some(journal), record.as_ref())?;
        let open = record.as_ref().filter(|record| record.stage().unconfirmed());
        Some(Standing { released, coming: open.map(|record| record.applying.to) })
    };
    let seen = of(agent.glance()?);
    if seen.is_some() && seen == before {
        return Ok(seen);
    }
    Ok(of(agent.standing()?))
}

impl Follower<'_> {
    /// Takes in which bundles are right now.
    pub(super) fn stand(&mut self, standing: Standing) -> Result<Option<Drift>, FollowError> {
        if self.standing == Some(standing) {
            return Ok(None);
        }
        let before = self.standing.replace(standing);
        let mut told = None;
        if before.is_some_and(|before| before.released != standing.released) {
            let files = self.host.bundle(standing.released)?;
            let drift =
                self.watch.rebase(now(), baseline(standing.released, &files), self.how(standing.released));
            told = self.record(drift)?;
        }
        let coming =
            standing.coming.map(|bundle| Ok::<_, HostError>(baseline(bundle, &self.host.bundle(bundle)?)));
        // A bundle that cannot be read is expected nowhere: what it brings is told of.
        self.watch.coming(coming.and_then(Result::ok));
        Ok(told)
    }

    /// How another bundle came to be the released one.
    fn how(&self, released: BundleId) -> DriftEnd {
        let newest = self.journal.events().iter().rev().find_map(|event| match &event.what {
            What::Adopted(adoption) if adoption.bundle == released => Some(DriftEnd::Adopted),
            What::Proposed { proposal, .. } if proposal.to == released && proposal.goes_back => {
                Some(DriftEnd::RolledBack)
            }
            What::Proposed { proposal, .. } if proposal.to == released => Some(DriftEnd::Released),
            _ => None,
        });
        newest.unwrap_or(DriftEnd::Released)
    }
}
