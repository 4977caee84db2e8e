//! What stands in the live tree becomes the confirmed bundle.

use evenkeel_fleet::journal::Adoption;
use evenkeel_fleet::{BundleId, Generation, Input};
use evenkeel_host::configdir::bundles;
use evenkeel_host::nginx::find::find;
use evenkeel_host::slots::{Record, Slots};
use evenkeel_syntax::fileset::{Digest, FileSet};
use evenkeel_syntax::secret::redact_str;

use super::{Ended, Host, HostError, Journal, Look, Outcome};
use crate::diff;

/// How long the slots may be held by somebody else, in milliseconds.
const GUARD_WITHIN_MS: u64 = 2_000;

impl Host {
    /// Makes what stands in the live tree the confirmed bundle.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at, or a release is open.
    pub fn adopt(&self, why: &str) -> Result<Outcome, HostError> {
        self.adopted(why).map(|outcome| self.lift_hold(outcome))
    }

    fn adopted(&self, why: &str) -> Result<Outcome, HostError> {
        let _lock = self.lock("adopt")?;
        let mut journal = self.open_journal()?;
        let _record = self.begin(&mut journal)?;
        // An nginx that does not run can be adopted too: a first install, a host under repair.
        let master = find(&self.settings.place).ok();
        let compiled = self.compiled(master.as_ref())?;
        let (live, _) = self.live(&self.model_settings(&compiled, master.as_ref()))?;
        let digest = live.snapshot.files.digest();
        if journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed())
            == Some(BundleId(digest.0))
        {
            let reason =
                format!("what stands in the live tree is the confirmed bundle {} already", digest.short());
            return Ok(Outcome::new(None, Ended::Unchanged, reason));
        }
        let changed = self.adopt_look(&mut journal, &live, why)?;
        let mut outcome = Outcome::new(
            None,
            Ended::Confirmed,
            format!(
                "the confirmed bundle is {} ({})",
                digest.short(),
                evenkeel_agent::count(live.snapshot.files.len(), "file")
            ),
        );
        outcome.notes = changed;
        Ok(outcome)
    }

    /// Adopts a tree that was looked at. Gives the paths that differ from what was confirmed.
    pub(super) fn adopt_look(
        &self,
        journal: &mut Journal,
        live: &Look,
        why: &str,
    ) -> Result<Vec<String>, HostError> {
        let files = &live.snapshot.files;
        let digest = bundles::save(&self.settings.place.state_dir, files)?;
        let bundle = BundleId(digest.0);
        let old = journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed());
        let before = old.and_then(|old| self.bundle(old).ok()).unwrap_or_default();
        let changes = diff::changes(&before, files);
        let paths = changes.iter().map(ToString::to_string).collect();
        let mut slots =
            Slots::create(&self.settings.place.state_dir).map_err(evenkeel_agent::StandingError::from)?;
        let generation = slots
            .read()
            .map_err(evenkeel_agent::StandingError::from)?
            .map_or(Generation(0), |record| record.applying.generation);
        let first = old.is_none();
        let adoption = Adoption {
            host: self.settings.name.clone(),
            bundle,
            before: None,
            generation,
            // Everything is new to a first adoption: naming every file says nothing.
            changes: if first { Vec::new() } else { changes },
            diff: if first { String::new() } else { diff::text(&before, files) },
            who: self.settings.who.clone(),
            why: redact_str(why).into_owned(),
        };
        let told = journal.tell(&self.runtime, &Input::Adopt(adoption))?;
        if let Some(refusal) = told.refusal {
            return Err(refusal.into());
        }
        let mut guard = slots.lock(GUARD_WITHIN_MS).map_err(evenkeel_agent::StandingError::from)?;
        let record = guard.record().cloned().unwrap_or_else(|| Record::idle(&self.settings.place.config_dir));
        let confirmed_before =
            if record.confirmed == Some(bundle) { record.confirmed_before } else { record.confirmed };
        let record = Record { confirmed: Some(bundle), confirmed_before, ..record };
        guard.write(record).map_err(evenkeel_agent::StandingError::from)?;
        Ok(if first { Vec::new() } else { paths })
    }

    /// A bundle that was kept.
    pub(super) fn bundle(&self, bundle: BundleId) -> Result<FileSet, HostError> {
        Ok(bundles::load(&self.settings.place.state_dir, Digest(bundle.0))?)
    }
}
