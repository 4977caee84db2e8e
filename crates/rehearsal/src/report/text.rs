//! A report for people: the verdict first.

use super::Report;

/// Writes a report for people.
#[must_use]
pub fn text(report: &Report, accepted: &[String]) -> String {
    let blocking = report.blocking(accepted).count();
    format!("findings in the way: {blocking}\n")
}
