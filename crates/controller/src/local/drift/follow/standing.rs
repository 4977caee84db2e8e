//! Which bundles are right on a host, and who may follow its tree.

use std::fs::File;
use std::path::Path;

use evenkeel_fleet::BundleId;

use super::FollowError;
use crate::local::{Host, HostError, Journal};

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

/// What was released last, and where an open release is going to; `None` when nothing was released.
pub(super) fn standing(host: &Host, journal: &Journal) -> Result<Option<Standing>, HostError> {
    let record = host.agent_here().standing()?;
    let Some((released, _)) = host.released(Some(journal), record.as_ref()) else { return Ok(None) };
    let open = record.as_ref().filter(|record| record.stage().unconfirmed());
    Ok(Some(Standing { released, coming: open.map(|record| record.applying.to) }))
}
