//! What a look for causes wants to know of this host's tree: the release beside what stands there, and whether nginx would start.

use std::time::SystemTime;

use evenkeel_fleet::journal::{Conffile, DriftChange};
use evenkeel_host::nginx::check::{Message, Verdict};
use evenkeel_model::Config;

use super::packages::touched;
use super::{Host, HostError, changed};

/// The tree of this host beside what was released there.
#[derive(Debug, Default)]
pub struct Differs {
    /// What the release means; `None`: nothing was released.
    pub released: Option<Config>,
    /// Each path that differs, when it was touched, and who made it so.
    pub changes: Vec<DriftChange>,
    /// What package managers made of their configuration files.
    pub conffiles: Vec<Conffile>,
    /// Why nginx would not start with what is on disk; empty where it would, or could not be asked.
    pub refused: Vec<Message>,
}

impl Host {
    /// Compares the tree with what was released, and asks nginx whether it would start with it. Changes nothing.
    ///
    /// # Errors
    /// [`HostError`] when tree or nginx cannot be looked at.
    pub fn differs(&self) -> Result<Differs, HostError> {
        let compiled = self.compiled(None)?;
        let settings = self.model_settings(&compiled, None);
        let (live, _) = self.live(&settings)?;
        let mut differs = Differs::default();
        if let Ok(Verdict::Refused { messages }) = self.restart_works(&live) {
            differs.refused = messages;
        }
        let Ok(journal) = self.read_journal() else { return Ok(differs) };
        let Some((bundle, _)) = self.released(Some(&journal), None) else { return Ok(differs) };
        let released = self.bundle(bundle)?;
        let watched = journal.fleet().host(&self.settings.name).and_then(|host| host.drift());
        differs.changes = changed(&released, &live.snapshot.files, watched);
        for change in &mut differs.changes {
            let seen = watched.is_some_and(|drift| drift.changes.contains_key(&change.path));
            let path = self.settings.place.config_dir.join(&change.path);
            let touched = touched(&path).and_then(timestamp);
            // Seen is later than done; touched once more, and not changed, is later than both.
            change.at = touched.map_or(change.at, |at| if seen { at.min(change.at) } else { at });
        }
        differs.conffiles = self.by_packages(&mut differs.changes, (&released, &live.snapshot.files));
        differs.released = Some(self.meaning(&released, &settings, &live));
        Ok(differs)
    }
}

fn timestamp(at: SystemTime) -> Option<evenkeel_fleet::Timestamp> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(evenkeel_fleet::Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?))
}
