//! `check --format json`: a public promise. Keys may be added, never changed.

use serde::Serialize;

use crate::check::Report;
use crate::finding::{Finding, Related};

#[derive(Serialize)]
struct Document<'r> {
    findings: Vec<Row<'r>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Row<'r> {
    rule: &'r str,
    severity: &'static str,
    file: &'r str,
    line: u32,
    column: u32,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'r str>,
    span: [usize; 2],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedRow<'r>>,
    #[serde(skip_serializing_if = "is_one")]
    places: u32,
}

#[derive(Serialize)]
struct RelatedRow<'r> {
    file: &'r str,
    line: u32,
    column: u32,
    message: &'r str,
}

#[derive(Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    note: usize,
    files: usize,
    directives: usize,
    suppressed: usize,
}

/// Returns the report as one JSON document in one line, without a newline at its end.
pub fn json(report: &Report) -> String {
    let summary = &report.summary;
    let document = Document {
        findings: report.findings.iter().map(row).collect(),
        summary: Summary {
            error: summary.error,
            warning: summary.warning,
            note: summary.note,
            files: summary.files,
            directives: summary.directives,
            suppressed: report.suppressed.len(),
        },
    };
    serde_json::to_string(&document).expect("a report is plain strings and numbers")
}

fn row(finding: &Finding) -> Row<'_> {
    Row {
        rule: &finding.rule,
        severity: finding.severity.name(),
        file: &finding.file,
        line: finding.line,
        column: finding.column,
        message: &finding.message,
        help: finding.help.as_deref(),
        span: [finding.span.start, finding.span.end],
        related: finding.related.iter().map(related_row).collect(),
        places: finding.places,
    }
}

fn related_row(related: &Related) -> RelatedRow<'_> {
    RelatedRow { file: &related.file, line: related.line, column: related.column, message: &related.message }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_one(places: &u32) -> bool {
    *places == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Counts;
    use crate::finding::Severity;

    #[test]
    fn the_document_has_the_promised_keys() {
        let report = Report {
            findings: vec![Finding {
                rule: "unknown-directive".into(),
                severity: Severity::Error,
                file: "conf.d/a.conf".into(),
                line: 7,
                column: 5,
                span: 120..130,
                message: "unknown directive \"lisen\"".into(),
                help: Some("did you mean `listen`?".into()),
                related: Vec::new(),
                places: 1,
            }],
            suppressed: Vec::new(),
            summary: Counts { error: 1, warning: 0, note: 0, files: 12, directives: 340 },
        };
        let document: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
        let finding = &document["findings"][0];
        assert_eq!(finding["rule"], "unknown-directive");
        assert_eq!(finding["severity"], "error");
        assert_eq!(finding["file"], "conf.d/a.conf");
        assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(7), Some(5)));
        assert_eq!(finding["message"], "unknown directive \"lisen\"");
        assert_eq!(finding["help"], "did you mean `listen`?");
        for (key, value) in [("error", 1), ("warning", 0), ("note", 0), ("files", 12), ("directives", 340)] {
            assert_eq!(document["summary"][key], value, "{key}");
        }
        assert!(!json(&report).contains('\n'));
    }
}
