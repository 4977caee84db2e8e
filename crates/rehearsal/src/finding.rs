//! What a rehearsal says about a tree.

use std::fmt;

use serde::{Serialize, Serializer};

/// How bad a [`Finding`] is; ordered, the lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// nginx refuses it, or requests fail.
    Error,
}

/// One thing that was seen.
///
/// Rule, file and message name it: together they recognise the same fault in another rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind: `transition-refused`, `upstream-refuses`, …
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The file, named as `check` names it; `None` when nothing in the tree can be pointed at.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// What is wrong, in one sentence without a full stop; nginx's own words where it said something.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Whether the live tree has the same fault, rehearsed or asked the same way.
    pub old: bool,
    /// The nginx that it was seen with; `None` when it has nothing to do with one, or there is one only.
    pub nginx: Option<String>,
}

impl Severity {
    /// Returns the name that JSON and text use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Finding {
    /// A finding that points nowhere yet.
    #[must_use]
    pub fn new(rule: &'static str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            rule,
            severity,
            file: None,
            line: None,
            message: message.into(),
            help: None,
            old: false,
            nginx: None,
        }
    }

    /// Points at a line of a file.
    #[must_use]
    pub fn at(mut self, place: Option<(String, u32)>) -> Finding {
        (self.file, self.line) = place.unzip();
        self
    }

    /// Says the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Says whether the live tree has it, too.
    #[must_use]
    pub fn old(mut self, old: bool) -> Finding {
        self.old = old;
        self
    }

    /// Whether it is in the way of a release: an error that the change brings or makes worse.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Error && !self.old
    }

    /// Whether somebody accepted it, by `RULE` or `RULE:FILE`.
    #[must_use]
    pub fn is_accepted(&self, accepted: &[String]) -> bool {
        accepted.iter().any(|name| match name.split_once(':') {
            Some((rule, file)) => rule == self.rule && self.file.as_deref() == Some(file),
            None => name == self.rule,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_errors_are_in_the_way() {
        let error = Finding::new("upstream-refuses", Severity::Error, "x");
        assert!(error.blocks());
        assert!(!error.clone().old(true).blocks());
        assert!(!Finding::new("upstream-down", Severity::Note, "x").blocks());
        let error = error.at(Some(("conf.d/a.conf".to_owned(), 3)));
        let accepts = |name: &str| error.is_accepted(&[name.to_owned()]);
        assert!(accepts("upstream-refuses") && accepts("upstream-refuses:conf.d/a.conf"));
        assert!(!accepts("upstream-refuses:conf.d/b.conf") && !accepts("upstream"));
    }
}
