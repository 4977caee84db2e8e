//! What a rule says about one place of a tree.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// How bad a [`Finding`] is; ordered, so that `severity >= Severity::Warning` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Advice: the tree works, and something in it will surprise somebody one day.
    Note,
    /// Probably not what was meant.
    Warning,
    /// nginx would refuse it, or requests fail.
    Error,
}

impl Severity {
    /// Returns the name that JSON, settings and text use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a word is not a [`Severity`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a severity (note, warning or error)")]
pub struct UnknownSeverity(String);

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(word: &str) -> Result<Self, UnknownSeverity> {
        match word {
            "note" => Ok(Self::Note),
            "warning" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            _ => Err(UnknownSeverity(word.to_owned())),
        }
    }
}

/// One thing that a rule, or nginx's own checks, say about one place of a tree.
///
/// The message holds no line number and no count of anything: together with rule and file it is
/// what [`new_or_worse`](crate::new_or_worse) recognises a finding by when the lines have moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, or the code of the check that speaks for nginx (`unknown-directive`).
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the tree where it lies inside, else absolute.
    pub file: String,
    /// The line, from 1, where nginx would report it, or of the span.
    pub line: u32,
    /// The column of the span's first byte, from 1.
    pub column: u32,
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that the message rests on.
    pub related: Vec<Related>,
    /// In how many places of the tree the same is true: more than one where the file is included
    /// several times.
    pub places: u32,
}

/// A second place that a [`Finding`] rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The file, named as in [`Finding::file`].
    pub file: String,
    /// The line of the span's first byte, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// The bytes of the file.
    pub span: Range<usize>,
    /// What this place has to do with it.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered_and_read_back_what_they_print() {
        assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
        for severity in [Severity::Note, Severity::Warning, Severity::Error] {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert!("Error".parse::<Severity>().is_err());
    }
}
