//! `freeze` and `thaw`: no forward change for a while. A rollback is never forbidden.

use evenkeel_fleet::Input;
use evenkeel_syntax::secret::redact_str;

use super::{Host, HostError};

impl Host {
    /// Forbids forward changes.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be written down.
    pub fn freeze(&self, why: &str) -> Result<(), HostError> {
        let mut journal = self.open_journal()?;
        let who = self.settings.who.clone();
        let _ = journal.tell(
            &self.runtime,
            &Input::Freeze { scope: None, who, why: redact_str(why).into_owned(), until: None },
        )?;
        Ok(())
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
