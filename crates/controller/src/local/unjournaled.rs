//! A rollback when the journal cannot be used: the slots and the bundles alone know the way.

use evenkeel_agent::{Agent, Order, Watcher};
use evenkeel_fleet::{BundleId, Generation, Report};
use evenkeel_host::configdir::bundles;
use evenkeel_host::nginx::find::find;
use evenkeel_host::slots::Record;

use super::look::looks;
use super::rollback::{PROOF_MARGIN, by_prefix, not_written};
use super::{Ended, Host, HostError, Outcome, Teller, span};
use crate::stages;

/// A rollback without a journal has no one to be told.
struct Silent<'t>(&'t mut dyn Teller);

impl Watcher for Silent<'_> {
    fn doing(&mut self, what: &str) {
        self.0.doing(what);
    }

    fn interrupted(&self) -> bool {
        false
    }

    fn wrong(&mut self) -> Option<String> {
        None
    }
}

impl Host {
    /// The same with the slots and the bundles alone, when the journal cannot be used.
    pub(super) fn return_without_journal(
        &self,
        record: Option<&Record>,
        to: Option<&str>,
        error: &HostError,
        teller: &mut dyn Teller,
    ) -> Result<Outcome, HostError> {
        let nothing = |what: &str| HostError::NothingBefore(what.to_owned());
        let record = record.ok_or_else(|| nothing("nothing was ever released on this host"))?;
        let master = find(&self.settings.place)?;
        let compiled = self.compiled(Some(&master))?;
        let settings = self.model_settings(&compiled, Some(&master));
        let (live, keep) = self.live(&settings)?;
        let from = &live.snapshot.files;
        let on_disk = BundleId(from.digest().0);
        bundles::save(&self.settings.place.state_dir, from)?;
        let drifted = record.confirmed.filter(|confirmed| *confirmed != on_disk);
        let target = match to {
            Some(text) => by_prefix(&self.settings.place.state_dir, text).ok_or_else(|| {
                nothing("without the journal a bundle is named by its digest, not by a release")
            })?,
            None => drifted
                .or(record.confirmed_before)
                .ok_or_else(|| nothing("nothing else was ever confirmed on this host"))?,
        };
        let files = self.bundle(target)?;
        let new = stages::outside(&self.meaning(&files, &settings, &live));
        let preflight = self.preflight(&master, &files, (&live, &new), true, teller)?;
        if !preflight.evidence.holds {
            return Ok(Outcome::new(None, Ended::Refused, preflight.evidence.summary));
        }
        let took = preflight.took;
        let reload = looks(&new, took);
        let generation = Generation(record.applying.generation.0 + 1);
        // Of no journal: a number that none gives.
        let release = evenkeel_agent::OUTSIDE;
        let agent = Agent::new(self.settings.place.clone(), keep);
        let within = span(reload.expected.limit + PROOF_MARGIN);
        let order = Order {
            generation,
            release,
            from,
            to: &files,
            before: &looks(&live.outside, took),
            after: &reload,
            good: None,
            parse_free: false,
            proof_within: within,
            confirm_within: within.saturating_add(within),
        };
        let applied = agent.apply(&order, &mut Silent(teller));
        let failed = applied.reports.iter().find_map(|(_, report)| match report {
            Report::Refused(evidence) | Report::Proven(evidence) | Report::Saw(evidence)
                if !evidence.holds =>
            {
                Some(evidence.summary.clone())
            }
            _ => None,
        });
        let mut outcome = match failed {
            Some(why) => Outcome::new(None, Ended::Refused, why),
            None => {
                agent.confirm(release)?;
                Outcome::new(None, Ended::Confirmed, format!("bundle {} serves again", target.short()))
            }
        };
        outcome.could_not_look = applied.could_not_look;
        outcome.notes.push(not_written(error));
        Ok(outcome)
    }
}
