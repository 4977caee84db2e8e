//! Which rules speak, and how loudly.

use std::collections::BTreeMap;

use crate::finding::Severity;
use crate::rule;

/// What a setting makes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The rule is not run, or its findings are left out.
    Off,
    /// The rule's findings have this severity.
    At(Severity),
}

/// The levels that differ from what the rules come with. The default is "as they come".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    levels: BTreeMap<String, Level>,
}

/// Why a setting was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No rule has this name.
    #[error("find a rule named {0:?} (`evenkeel rules` lists them)")]
    UnknownRule(String),
    /// The level is none of `off`, `note`, `warning`, `error`.
    #[error("read {level:?} as the level of {rule} (off, note, warning or error)")]
    UnknownLevel {
        /// The rule.
        rule: String,
        /// What stood there.
        level: String,
    },
}

impl Settings {
    /// Sets the level of one rule: `off`, `note`, `warning` or `error`.
    ///
    /// # Errors
    /// [`SettingsError`] when there is no such rule or no such level.
    pub fn set(&mut self, rule: &str, level: &str) -> Result<(), SettingsError> {
        if !rule::is_known(rule) {
            return Err(SettingsError::UnknownRule(rule.to_owned()));
        }
        let level = match level {
            "off" => Level::Off,
            word => Level::At(word.parse().map_err(|_| SettingsError::UnknownLevel {
                rule: rule.to_owned(),
                level: word.to_owned(),
            })?),
        };
        self.levels.insert(rule.to_owned(), level);
        Ok(())
    }

    /// Returns the severity that a finding of `rule` gets, or `None` where the rule is off.
    pub(crate) fn severity(&self, rule: &str, own: Severity) -> Option<Severity> {
        match self.levels.get(rule) {
            None => Some(own),
            Some(Level::At(severity)) => Some(*severity),
            Some(Level::Off) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_replaces_the_severity_that_the_rule_comes_with() {
        let mut settings = Settings::default();
        assert_eq!(settings.severity("alias-traversal", Severity::Warning), Some(Severity::Warning));
        settings.set("alias-traversal", "error").unwrap();
        assert_eq!(settings.severity("alias-traversal", Severity::Warning), Some(Severity::Error));
        settings.set("alias-traversal", "off").unwrap();
        assert_eq!(settings.severity("alias-traversal", Severity::Warning), None);
    }

    #[test]
    fn unknown_rules_and_levels_are_refused() {
        let mut settings = Settings::default();
        assert!(matches!(settings.set("aliass", "off"), Err(SettingsError::UnknownRule(_))));
        assert!(matches!(settings.set("alias-traversal", "loud"), Err(SettingsError::UnknownLevel { .. })));
        assert_eq!(settings, Settings::default());
    }
}
