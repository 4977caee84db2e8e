//! `check` for people: each finding with the text that it is about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};
use evenkeel_model::{Config, SourceFile};

use crate::check::{Counts, Report};
use crate::finding::{Finding, Severity};
use crate::render::excerpt::{self, Mark};

/// How a report is written for people.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// How many columns a line of source text may take; longer ones are cut around what is shown.
    pub width: usize,
    /// How many warnings of one rule are shown with their text; the rest is counted. Errors may be ten times
    /// as many, notes half as many.
    pub most_of_a_rule: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 120, most_of_a_rule: 5 }
    }
}

/// How far apart, in lines, two places of a file may be to be shown in one piece of text.
const TOGETHER_LINES_MAX: u32 = 60;

/// How many related places are shown.
const RELATED_MAX: usize = 4;

/// Returns the report as text: the findings in order, those that were too many of one rule counted, and a summary.
pub fn text(report: &Report, config: &Config, style: Style) -> String {
    let files: BTreeMap<&str, &SourceFile> =
        config.files().iter().map(|source| (source.display.as_str(), source)).collect();
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width);
    let mut out = String::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut more: BTreeMap<&str, More<'_>> = BTreeMap::new();
    for finding in &report.findings {
        let seen = seen.entry(&finding.rule).or_default();
        *seen += 1;
        if *seen <= most(finding.severity, style) {
            out.push_str(&one(finding, &files, &renderer));
            out.push_str("\n\n");
        } else {
            more.entry(&finding.rule).or_default().add(finding);
        }
    }
    for (rule, more) in &more {
        writeln!(out, "… and {} more of {rule}{}", more.count, more.places()).expect("a string takes it");
    }
    if !more.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary(report));
    out.push('\n');
    out
}

fn most(severity: Severity, style: Style) -> usize {
    match severity {
        Severity::Error => style.most_of_a_rule.saturating_mul(10),
        Severity::Warning => style.most_of_a_rule,
        Severity::Note => style.most_of_a_rule.div_ceil(2),
    }
}

/// Findings of one rule that are only counted.
#[derive(Default)]
struct More<'r> {
    count: usize,
    files: usize,
    last_file: &'r str,
}

impl<'r> More<'r> {
    /// Counts one; they come sorted by file.
    fn add(&mut self, finding: &'r Finding) {
        self.count += 1;
        if self.last_file != finding.file {
            self.files += 1;
            self.last_file = &finding.file;
        }
    }

    fn places(&self) -> String {
        if self.files == 1 {
            format!(", in {}", self.last_file)
        } else {
            format!(", in {} files", self.files)
        }
    }
}

fn one(finding: &Finding, files: &BTreeMap<&str, &SourceFile>, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group =
        level.primary_title(finding.message.as_str()).id(finding.rule.as_str()).elements(None::<Element<'_>>);
    for (file, marks) in pieces(finding) {
        group = match files.get(file) {
            Some(source) => group.element(snippet(source, &marks)),
            None => group.element(annotate_snippets::Origin::path(file).line(finding.line as usize)),
        };
    }
    if finding.places > 1 {
        let places = format!("the same holds in {} places that include this file", finding.places);
        group = group.element(Level::NOTE.message(places));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The places of a finding, those that lie near each other in one file together; the primary one first.
fn pieces(finding: &Finding) -> Vec<(&str, Vec<Mark<'_>>)> {
    let primary = Mark { line: finding.line, span: finding.span.clone(), label: "", primary: true };
    let mut pieces = vec![(finding.file.as_str(), vec![primary])];
    for related in finding.related.iter().take(RELATED_MAX) {
        let mark =
            Mark { line: related.line, span: related.span.clone(), label: &related.message, primary: false };
        let near = pieces.iter_mut().find(|(file, marks)| {
            *file == related.file
                && marks.iter().all(|other| other.line.abs_diff(mark.line) <= TOGETHER_LINES_MAX)
        });
        match near {
            Some((_, marks)) => marks.push(mark),
            None => pieces.push((&related.file, vec![mark])),
        }
    }
    pieces
}

fn snippet<'a>(source: &'a SourceFile, marks: &[Mark<'a>]) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let excerpt = excerpt::excerpt(&source.tree, marks);
    let annotations = marks.iter().zip(excerpt.spans).map(|(mark, span): (_, Range<usize>)| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        match mark.label {
            "" => kind.span(span),
            label => kind.span(span).label(label),
        }
    });
    Snippet::source(excerpt.text)
        .line_start(excerpt.first_line)
        .path(source.display.as_str())
        .annotations(annotations)
}

fn summary(report: &Report) -> String {
    let Counts { error, warning, note, files, directives } = report.summary;
    let counted: Vec<String> = [(error, "error"), (warning, "warning"), (note, "note")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(*count, word))
        .collect();
    let found = match counted.as_slice() {
        [] => "nothing found".to_owned(),
        counted => counted.join(", "),
    };
    let allowed = match report.suppressed.len() {
        0 => String::new(),
        count => format!("; {count} allowed by comments"),
    };
    format!("{found} in {} ({}){allowed}", plural(files, "file"), plural(directives, "directive"))
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests;
