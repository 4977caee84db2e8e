//! A silence with an end: the third way out of a drift, beside keeping it and taking it back.

use evenkeel_fleet::journal::{Drift, DriftChange, DriftHow, DriftStage};
use evenkeel_fleet::{FileChange, Input, Timestamp};
use evenkeel_host::nginx::find::find;
use evenkeel_syntax::secret::redact_str;

use crate::diff;
use crate::local::{Host, HostError, now};

impl Host {
    /// Has nothing said of what stands at a path, in the tree or from the root, until then or until it changes again; it is written down.
    /// `None`: the path is as released, so that there is nothing to be silent of.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at, or cannot be written down.
    pub fn silence_drift(
        &self,
        path: &str,
        until: Timestamp,
        why: &str,
    ) -> Result<Option<FileChange>, HostError> {
        let root = format!("{}/", self.settings.place.config_dir.display());
        let path = path.strip_prefix(&root).unwrap_or(path).trim_start_matches("./");
        let mut journal = self.open_journal()?;
        let record = self.agent_here().standing()?;
        let Some((bundle, _)) = self.released(Some(&journal), record.as_ref()) else { return Ok(None) };
        let master = find(&self.settings.place).ok();
        let compiled = self.compiled(master.as_ref())?;
        let (live, _) = self.live(&self.model_settings(&compiled, master.as_ref()))?;
        let changes = diff::changes(&self.bundle(bundle)?, &live.snapshot.files);
        let Some(found) = changes.into_iter().find(|change| change.path == path) else { return Ok(None) };
        let how = match (found.old, found.new) {
            (None, _) => DriftHow::Added,
            (_, None) => DriftHow::Removed,
            _ => DriftHow::Changed,
        };
        let FileChange { path, old, new } = found.clone();
        let change = DriftChange { path, how, old, new, at: now(), author: None };
        let (who, why) = (self.settings.who.clone(), redact_str(why).into_owned());
        let drift = Drift {
            host: self.settings.name.clone(),
            released: bundle,
            stage: DriftStage::Silenced { until, who, why },
            changes: vec![change],
            more: 0,
            meaning: Vec::new(),
        };
        let _ = journal.tell(&self.runtime, &Input::Drift(drift))?;
        Ok(Some(found))
    }
}
