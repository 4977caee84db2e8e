//! Nginx comes back to the old configuration, by the ways that are left, in order: from memory, where a master stands
//! by; from the old files, which stand again; from the bundle that was confirmed before them. Each is proven.

use std::path::Path;
use std::time::Duration;

use evenkeel_fleet::BundleId;
use evenkeel_fleet::apply::Way;
use evenkeel_syntax::fileset::Digest;

use super::back::{nginx_of, said};
use super::way_back::WayBack;
use crate::clock::{boottime_ms, unix_ms};
use crate::identity::ProcessId;
use crate::install;
use crate::nginx::generation::{self, Before, Expected, FailureKind, Proof};
use crate::nginx::{control, upgrade};
use crate::place::Place;
use crate::slots::{Record, Reverted};

/// How long a new master that was told to end is waited for before the old one is told to read its files.
const NEW_ENDS_WITHIN_MS: u64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What there is to work with.
pub(super) struct Ways<'a> {
    pub(super) record: &'a Record,
    pub(super) state_dir: &'a Path,
    /// How nginx should look, where that is still known.
    pub(super) way_back: Option<&'a WayBack>,
    /// The host's nginx, where the plan does not say.
    pub(super) place: Option<&'a Place>,
}

impl Ways<'_> {
    /// Goes the first way that leads back. The files of the old configuration stand already. `None` where no nginx runs.
    pub(super) fn go(&self, how: &mut Reverted, notes: &mut Vec<String>) -> Option<bool> {
        if self.go_by_memory(how, notes) {
            return Some(true);
        }
        let master = nginx_of(self.record, self.way_back, self.place).ok()?;
        let began_ms = boottime_ms();
        while self.stands_by(master) && boottime_ms() - began_ms < NEW_ENDS_WITHIN_MS {
            std::thread::sleep(LOOK_EVERY);
        }
        if self.stands_by(master) {
            // Another signal would have it start its workers once more, and still read nothing.
            return Some(false);
        }
        how.way = Some(Way::Reload);
        let Some(way_back) = self.way_back else {
            match control::reload(master) {
                Ok(_) => how.signalled_unix_ms = unix_ms(),
                Err(error) => notes.push(format!("nginx could not be told: {}", said(&error))),
            }
            notes.push("nothing is known of how nginx should look, so nothing is proven".to_owned());
            return Some(false);
        };
        match self.reload(master, &way_back.expected, how) {
            Ok(()) => Some(true),
            Err((kind, why)) => {
                notes.push(format!("the old configuration is not proven: {why}"));
                let refused = matches!(
                    kind,
                    Some(FailureKind::RefusedByNginx | FailureKind::NoNewWorkers | FailureKind::WorkersDied)
                );
                Some(refused && self.last_known_good(master, way_back, how, notes))
            }
        }
    }

    /// Wakes the master that stands by, and ends the new one.
    fn go_by_memory(&self, how: &mut Reverted, notes: &mut Vec<String>) -> bool {
        let Some(both) = self.record.upgrade else { return false };
        if !both.old.lives() {
            notes.push(format!("nginx {}, which stood by, has ended", both.old.pid));
            return false;
        }
        let logs = self.way_back.map_or(&[][..], |way_back| &way_back.error_logs);
        let told = match upgrade::go_back(both.old, both.new, both.resting_ms > 0, logs) {
            Ok(told) => told,
            Err(error) => {
                notes.push(format!("nginx, which stood by, could not be woken: {}", said(&error)));
                return false;
            }
        };
        how.signalled_unix_ms = unix_ms();
        how.way = Some(Way::ParseFree);
        if !told.stubborn.is_empty() {
            let all: Vec<_> = told.stubborn.iter().map(|worker| worker.pid.to_string()).collect();
            notes.push(format!("workers of the new configuration go on serving: {}", all.join(", ")));
            return false;
        }
        let Some(way_back) = self.way_back else {
            notes.push("nothing is known of how nginx should look, so nothing is proven".to_owned());
            return false;
        };
        match generation::prove(told.before, &told.reload, &way_back.expected) {
            Proof::Holds(_) => {
                if let Some(new) = told.finishing.filter(|new| new.lives()) {
                    notes.push(format!(
                        "nginx {} still finishes its requests; until it has ended, {} names it and not nginx {}",
                        new.pid,
                        way_back.place.pid.display(),
                        both.old.pid
                    ));
                }
                true
            }
            Proof::Fails(failure) => {
                notes.push(format!("from memory the old configuration is not proven: {}", failure.reason));
                false
            }
        }
    }

    /// Whether this master would read nothing when it is told to reload.
    fn stands_by(&self, master: ProcessId) -> bool {
        self.record.upgrade.is_some_and(|both| both.old == master) && upgrade::newer(master).is_some()
    }

    /// Has a master read what stands on disk, and proves that it serves.
    fn reload(
        &self,
        master: ProcessId,
        expected: &Expected,
        how: &mut Reverted,
    ) -> Result<(), (Option<FailureKind>, String)> {
        let logs = self.way_back.map_or(&[][..], |way_back| &way_back.error_logs);
        let before = Before::take(master, logs);
        let reload = control::reload(master)
            .map_err(|error| (None, format!("nginx could not be told: {}", said(&error))))?;
        how.signalled_unix_ms = unix_ms();
        match generation::prove(before, &reload, expected) {
            Proof::Holds(_) => Ok(()),
            Proof::Fails(failure) => Err((Some(failure.kind), failure.reason)),
        }
    }

    /// Puts the bundle that was confirmed before the old one in its place, where nginx does not take the old one today.
    /// Where it does not take this one either, the old files stand again afterwards.
    fn last_known_good(
        &self,
        master: ProcessId,
        way_back: &WayBack,
        how: &mut Reverted,
        notes: &mut Vec<String>,
    ) -> bool {
        let applying = &self.record.applying;
        let Some(good) = self.record.confirmed_before.filter(|it| ![applying.from, applying.to].contains(it))
        else {
            return false;
        };
        let to = |bundle: BundleId, from: BundleId| {
            install::rescue(&self.record.config_dir, self.state_dir, Digest(bundle.0), Digest(from.0))
        };
        let short = good.short();
        if let Err(error) = to(good, applying.from) {
            notes.push(format!("nor could {short}, confirmed before it, be put in place: {}", said(&error)));
            return false;
        }
        let expected = way_back
            .good
            .clone()
            .unwrap_or_else(|| Expected { listens: Vec::new(), ..way_back.expected.clone() });
        match self.reload(master, &expected, how) {
            Ok(()) => {
                how.way = Some(Way::LastKnownGood);
                notes.push(format!("bundle {short}, confirmed before it, stands on disk and serves"));
                true
            }
            Err((_, why)) => {
                notes.push(format!("nor is {short}, confirmed before it: {why}"));
                if let Err(error) = to(applying.from, good) {
                    notes.push(format!("and the old files could not be put back: {}", said(&error)));
                }
                false
            }
        }
    }
}
