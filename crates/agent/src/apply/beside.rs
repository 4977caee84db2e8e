//! A new master beside the old one, which stands by once the workers of the new one are proven.

use std::time::Duration;

use evenkeel_fleet::EvidenceKind;
use evenkeel_host::fuse;
use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::control::Reload;
use evenkeel_host::nginx::generation::{self, Before, Expected, Proof};
use evenkeel_host::nginx::upgrade;
use evenkeel_host::slots::Slots;

use super::{Stop, back};
use crate::{Watcher, report};

/// Waits until the new master has begun, and proves its workers. Those of the old one still serve.
pub(super) fn new_workers(
    slots: &mut Slots,
    mut before: Before,
    told: &Reload,
    expected: &Expected,
    watcher: &dyn Watcher,
) -> Result<Proof, Stop> {
    let enough = &mut || watcher.interrupted();
    let new = match upgrade::begun(told.master, before.logs(), told, expected.limit, enough) {
        Ok(new) => new,
        Err(failure) => return Ok(Proof::Fails(failure)),
    };
    fuse::new_begun(slots, new).map_err(|error| back(EvidenceKind::Proof, &error))?;
    let reload = Reload { master: new, ..*told };
    Ok(generation::prove_unless(before.of_new(new), &reload, expected, enough))
}

/// Sends the workers of the old master away, and waits until none of them takes requests. Says what the way back rests on.
pub(super) fn old_stands_by(
    slots: &mut Slots,
    old: ProcessId,
    limit: Duration,
    watcher: &dyn Watcher,
) -> Result<String, Stop> {
    fuse::stand_by(slots).map_err(|error| back(EvidenceKind::Proof, &error))?;
    let rests = upgrade::rests(old, limit, &mut || watcher.interrupted());
    let finishing = rests.map_err(|failure| Stop::Back {
        kind: EvidenceKind::Proof,
        why: report::said(&failure),
        details: failure.details,
        could_not_look: false,
    })?;
    let finish = match finishing {
        0 => String::new(),
        some => format!("; {} of it only finish their requests", report::count(some, "worker")),
    };
    Ok(format!("nginx {} stands by with the old configuration in memory{finish}", old.pid))
}
