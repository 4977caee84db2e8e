//! `freeze` and `thaw`: no forward change for a while. A rollback is never forbidden.

use std::time::Duration;

use evenkeel_fleet::{Input, Timestamp};
use evenkeel_syntax::secret::redact_str;

use super::{Host, HostError, now, span};

impl Host {
    /// Forbids forward changes, for a time or until somebody allows them again; says until when.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be written down.
    pub fn freeze(&self, why: &str, for_time: Option<Duration>) -> Result<Option<Timestamp>, HostError> {
        let until = for_time.map(|time| now() + span(time));
        let mut journal = self.open_journal()?;
        let who = self.settings.who.clone();
        let _ = journal.tell(
            &self.runtime,
            &Input::Freeze { scope: None, who, why: redact_str(why).into_owned(), until },
        )?;
        Ok(until)
    }

    /// Allows them again; says whether they were forbidden.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be written down.
    pub fn thaw(&self, why: &str) -> Result<bool, HostError> {
        let mut journal = self.open_journal()?;
        let who = self.settings.who.clone();
        let told = journal
            .tell(&self.runtime, &Input::Thaw { scope: None, who, why: redact_str(why).into_owned() })?;
        Ok(told.refusal.is_none())
    }
}
