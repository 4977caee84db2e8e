//! How what was seen becomes an event of the journal: written down first, explained when it is quiet.

use std::time::Instant;

use evenkeel_fleet::Input;
use evenkeel_fleet::journal::{Drift, DriftChange, DriftEnd, DriftStage, KnownBy};
use evenkeel_host::configdir;

use super::super::packages::packages_ran_lately;
use super::{FollowError, Follower};
use crate::local::HostError;

impl Follower<'_> {
    /// What the drift means now; `None` when it cannot be told, or there is none.
    pub(super) fn explained(&self) -> Option<Drift> {
        if !self.watch.is_open() {
            return None;
        }
        let explain = || -> Result<Vec<String>, HostError> {
            let compiled = self.host.compiled(None)?;
            let (live, _) = self.host.live(&self.host.model_settings(&compiled, None))?;
            let released = self.host.bundle(self.watch.released().bundle)?;
            self.host.means(&released, &live)
        };
        let meaning =
            explain().unwrap_or_else(|error| vec![format!("not known: {}", evenkeel_agent::chain(&error))]);
        let (host, released) = (self.host.settings.name.clone(), self.watch.released().bundle);
        let open = self.journal.fleet().host(&host)?.drift()?;
        let drift =
            Drift { host, released, stage: DriftStage::Updated, changes: Vec::new(), more: 0, meaning };
        (open.meaning != drift.meaning).then_some(drift)
    }

    /// Writes an event down, and gives it when it is durable.
    pub(super) fn record(&mut self, drift: Option<Drift>) -> Result<Option<Drift>, FollowError> {
        let Some(drift) = drift else { return Ok(None) };
        self.unexplained = Some(Instant::now());
        let _ = self.journal.tell(&self.host.runtime, &Input::Drift(drift.clone()))?;
        // What happened first; that a package did it may come in a line of its own.
        let unsure = |change: &DriftChange| {
            change.author.as_ref().is_none_or(|author| author.known_by > KnownBy::Package)
        };
        if drift.changes.iter().any(unsure) && packages_ran_lately() {
            let mut named = Drift { stage: DriftStage::Updated, ..drift.clone() };
            self.afterwards(&mut named);
            named.changes.retain(|change| !drift.changes.contains(change));
            if !named.changes.is_empty() && self.watch.is_open() {
                let _ = self.journal.tell(&self.host.runtime, &Input::Drift(named.clone()))?;
                self.first.push(named);
            }
        }
        Ok(Some(drift))
    }

    /// Asks the books of package managers where nobody was seen.
    fn afterwards(&self, drift: &mut Drift) {
        let files = || -> Result<_, HostError> {
            let keep = &self.keep;
            let live = configdir::read_any(self.events.root(), keep).map_err(HostError::from)?;
            Ok((self.host.bundle(drift.released)?, live.files))
        };
        // Who it was is a help; that something changed is what must be told.
        if let Ok((released, live)) = files() {
            let _named = self.host.by_packages(&mut drift.changes, (&released, &live));
        }
    }

    /// What the first look found, unless the journal knows it.
    pub(super) fn begun(&mut self, drift: Option<Drift>) -> Result<Vec<Drift>, FollowError> {
        let host = self.journal.fleet().host(&self.host.settings.name);
        let known = host.and_then(evenkeel_fleet::Host::drift);
        let same = |drift: &Drift| {
            known.is_some_and(|known| {
                known.changes.len() == drift.changes.len()
                    && drift
                        .changes
                        .iter()
                        .all(|it| known.changes.get(&it.path).is_some_and(|known| known.new == it.new))
            })
        };
        let drift = match drift {
            Some(drift) if same(&drift) => None,
            Some(mut drift) => {
                self.afterwards(&mut drift);
                Some(drift)
            }
            // It ended while nobody looked.
            None if known.is_some() => Some(Drift {
                host: self.host.settings.name.clone(),
                released: self.watch.released().bundle,
                stage: DriftStage::Ended(DriftEnd::Undone),
                changes: Vec::new(),
                more: 0,
                meaning: Vec::new(),
            }),
            None => None,
        };
        Ok(self.record(drift)?.into_iter().collect())
    }
}
