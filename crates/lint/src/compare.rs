//! What a change brings: findings that are new, or worse, than those of another tree or a baseline.
//!
//! A finding is recognised by rule, file and message, never by its line: an edit moves lines. The
//! same three may stand several times in one file, so they are counted; the first so many of the
//! new tree are taken to be the old ones, and what is over is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Report;
use crate::finding::{Finding, Severity};

/// The version that [`Baseline::write`] puts first, and the only one that [`Baseline::read`] takes.
const BASELINE_VERSION: u32 = 1;

/// Findings that were there before, without their lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<Fingerprint, Known>,
}

/// What a finding is recognised by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fingerprint {
    file: String,
    rule: String,
    message: String,
}

/// How often it was there, and the worst it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    count: usize,
    severity: Severity,
}

/// Why a file is not a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not the JSON that [`Baseline::write`] writes.
    #[error("read the baseline as JSON")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("read a baseline of version {found} (this program knows version {BASELINE_VERSION})")]
    Version {
        /// The version that it names.
        found: u32,
    },
    /// One of its entries has a severity that does not exist.
    #[error("read a baseline with the severity {0:?}")]
    Severity(String),
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    file: String,
    rule: String,
    severity: String,
    message: String,
    count: usize,
}

impl Baseline {
    /// Takes the findings of a report as known.
    pub fn of(report: &Report) -> Self {
        let mut known = BTreeMap::new();
        for finding in &report.findings {
            let entry = known
                .entry(Fingerprint::of(finding))
                .or_insert(Known { count: 0, severity: finding.severity });
            entry.count += 1;
            entry.severity = entry.severity.max(finding.severity);
        }
        Self { known }
    }

    /// Reads what [`Baseline::write`] wrote.
    ///
    /// # Errors
    /// [`BaselineError`] when it is something else.
    pub fn read(json: &[u8]) -> Result<Self, BaselineError> {
        let document: Document = serde_json::from_slice(json)?;
        if document.version != BASELINE_VERSION {
            return Err(BaselineError::Version { found: document.version });
        }
        let mut known = BTreeMap::new();
        for entry in document.findings {
            let severity = entry.severity.parse().map_err(|_| BaselineError::Severity(entry.severity))?;
            let fingerprint = Fingerprint { file: entry.file, rule: entry.rule, message: entry.message };
            known.insert(fingerprint, Known { count: entry.count, severity });
        }
        Ok(Self { known })
    }

    /// Writes it as JSON, sorted, one line an entry, so that a version control system shows what changed.
    pub fn write(&self) -> String {
        let mut json = format!("{{\"version\":{BASELINE_VERSION},\"findings\":[");
        for (index, (fingerprint, known)) in self.known.iter().enumerate() {
            let entry = Entry {
                file: fingerprint.file.clone(),
                rule: fingerprint.rule.clone(),
                severity: known.severity.name().to_owned(),
                message: fingerprint.message.clone(),
                count: known.count,
            };
            json.push_str(if index == 0 { "\n" } else { ",\n" });
            json.push_str(&serde_json::to_string(&entry).expect("an entry is plain strings and a number"));
        }
        json.push_str("\n]}\n");
        json
    }

    /// Returns the findings of `report` that are not in the baseline, or are worse than there.
    pub fn new_or_worse(&self, report: &Report) -> Vec<Finding> {
        let mut seen: BTreeMap<Fingerprint, usize> = BTreeMap::new();
        let mut fresh = Vec::new();
        for finding in &report.findings {
            let fingerprint = Fingerprint::of(finding);
            let known = self.known.get(&fingerprint).copied();
            let seen = seen.entry(fingerprint).or_default();
            *seen += 1;
            let is_known =
                known.is_some_and(|known| *seen <= known.count && finding.severity <= known.severity);
            if !is_known {
                fresh.push(finding.clone());
            }
        }
        fresh
    }
}

/// Returns the findings of `new` that `old` does not have, or has with a lower severity.
pub fn new_or_worse(new: &Report, old: &Report) -> Vec<Finding> {
    Baseline::of(old).new_or_worse(new)
}

impl Fingerprint {
    fn of(finding: &Finding) -> Self {
        Self { file: finding.file.clone(), rule: finding.rule.clone(), message: finding.message.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u32, message: &str, severity: Severity) -> Finding {
        Finding {
            rule: "alias-traversal".into(),
            severity,
            file: "nginx.conf".into(),
            line,
            column: 1,
            span: 0..1,
            message: message.into(),
            help: None,
            related: Vec::new(),
            places: 1,
        }
    }

    fn report(findings: Vec<Finding>) -> Report {
        Report { findings, ..Report::default() }
    }

    #[test]
    fn a_finding_that_only_moved_is_not_new() {
        let old = report(vec![finding(3, "a", Severity::Warning)]);
        let new = report(vec![finding(40, "a", Severity::Warning)]);
        assert_eq!(new_or_worse(&new, &old), []);
    }

    #[test]
    fn the_second_of_two_equal_findings_is_new_where_there_was_one() {
        let old = report(vec![finding(3, "a", Severity::Warning)]);
        let new = report(vec![finding(3, "a", Severity::Warning), finding(9, "a", Severity::Warning)]);
        assert_eq!(new_or_worse(&new, &old), [finding(9, "a", Severity::Warning)]);
        assert_eq!(new_or_worse(&old, &new), []);
    }

    #[test]
    fn a_finding_that_became_an_error_is_worse() {
        let old = report(vec![finding(3, "a", Severity::Warning)]);
        let new = report(vec![finding(3, "a", Severity::Error)]);
        assert_eq!(new_or_worse(&new, &old), [finding(3, "a", Severity::Error)]);
        assert_eq!(new_or_worse(&old, &new), []);
    }

    #[test]
    fn a_baseline_reads_back_what_it_wrote() {
        let baseline = Baseline::of(&report(vec![
            finding(3, "a \"quoted\" one", Severity::Warning),
            finding(9, "b", Severity::Note),
            finding(12, "b", Severity::Note),
        ]));
        assert_eq!(Baseline::read(baseline.write().as_bytes()).unwrap(), baseline);
        assert_eq!(Baseline::read(Baseline::default().write().as_bytes()).unwrap(), Baseline::default());
        assert!(!baseline.write().contains("line"), "a baseline that names lines would age with every edit");
    }

    #[test]
    fn a_baseline_of_a_newer_version_is_refused() {
        let json = br#"{"version":2,"findings":[]}"#;
        assert!(matches!(Baseline::read(json), Err(BaselineError::Version { found: 2 })));
        assert!(matches!(Baseline::read(b"no"), Err(BaselineError::Json(_))));
    }
}
