//! Runs the rules over a tree and makes one report of what they, and nginx's own checks, say.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use evenkeel_model::{Config, FileId, Node, NodeId, Problem};
use evenkeel_syntax::secret;

use crate::finding::{Finding, Related, Severity};
use crate::nginx_checks::nginx_check;
use crate::routes::Routes;
use crate::rule::{Check, Rule, rule, rules};
use crate::settings::Settings;
use crate::suppress::Allows;

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The tree.
    pub config: &'a Config,
    /// What `evenkeel_model::validate` said of it; each becomes a finding whose rule is the problem's code.
    pub problems: &'a [Problem],
    /// The tree that serves now, for the rules that look at what a change takes away.
    pub live: Option<&'a Config>,
    /// Which rules are on, and how loud.
    pub settings: &'a Settings,
}

/// All that is said of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Sorted by file, line and column; one for each place in a file, however often the file is included.
    pub findings: Vec<Finding>,
    /// What `evenkeel:allow` comments took out of `findings`.
    pub suppressed: Vec<Suppressed>,
    /// How much that is.
    pub summary: Counts,
}

/// A finding that an `evenkeel:allow` comment took out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// What the comment says after `because`.
    pub reason: String,
}

/// How much was found, and in how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings that are errors.
    pub error: usize,
    /// Findings that are warnings.
    pub warning: usize,
    /// Findings that are notes.
    pub note: usize,
    /// Files that nginx reads.
    pub files: usize,
    /// Directives that nginx reads; those of a file that is included twice count twice.
    pub directives: usize,
}

/// Checks a tree.
pub fn check(input: &Input<'_>) -> Report {
    let config = input.config;
    let mut drafts: Vec<Draft> =
        input.problems.iter().filter_map(|problem| Draft::of(problem, input.settings)).collect();
    let routes = OnceCell::new();
    for rule in rules().iter().filter(|rule| is_asked(rule.name, input)) {
        let Some(severity) = input.settings.severity(rule.name, rule.severity) else { continue };
        let mut findings = Findings { rule, severity, drafts: &mut drafts };
        match (rule.check, input.live) {
            (Check::Tree(check), _) => check(config, &mut findings),
            (Check::Routes(check), _) => check(routes.get_or_init(|| Routes::new(config)), &mut findings),
            (Check::Change(check), Some(live)) => check(live, config, &mut findings),
            (Check::Change(_), None) | (Check::Validate | Check::Allow, _) => {}
        }
    }
    let mut allows = Allows::of(config);
    let (kept, allowed) = allows.divide(config, drafts);
    let complaints = allows.complaints(input.settings, |rule| is_asked(rule, input));
    let (files, directives) = (config.files().len(), config.directive_count());
    let report = Report {
        findings: Vec::new(),
        suppressed: suppressed(config, allowed),
        summary: Counts { files, directives, ..Counts::default() },
    };
    report.with(merge(config, kept.into_iter().chain(complaints)))
}

/// Whether a rule can find anything this time: it is on, and it has the live tree if it needs one.
fn is_asked(name: &str, input: &Input<'_>) -> bool {
    let needs_live = rule(name).is_some_and(|rule| matches!(rule.check, Check::Change(_)));
    input.settings.severity(name, Severity::Note).is_some() && (input.live.is_some() || !needs_live)
}

impl Report {
    /// Returns the report with these findings in the place of its own: what [`new_or_worse`](crate::new_or_worse)
    /// left of them, for example.
    pub fn with(self, findings: Vec<Finding>) -> Self {
        let Counts { files, directives, .. } = self.summary;
        Self { summary: Counts { files, directives, ..Counts::of(&findings) }, findings, ..self }
    }
}

impl Counts {
    /// Counts findings by severity; files and directives stay 0.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            note: count(Severity::Note),
            ..Self::default()
        }
    }
}

/// Where a rule puts what it finds.
#[derive(Debug)]
pub(crate) struct Findings<'r> {
    rule: &'static Rule,
    severity: Severity,
    drafts: &'r mut Vec<Draft>,
}

impl Findings<'_> {
    /// How much is found so far, by all rules.
    pub(crate) fn count(&self) -> usize {
        self.drafts.len()
    }

    /// Says something about a directive, shown at its name.
    pub(crate) fn at(&mut self, node: Node<'_>, message: impl Into<String>) -> &mut Draft {
        self.push(node, node.name_span(), message.into())
    }

    /// Says something about an argument (from 0) of a directive.
    pub(crate) fn at_arg(&mut self, node: Node<'_>, index: usize, message: impl Into<String>) -> &mut Draft {
        self.push(node, node.arg_span(index).unwrap_or_else(|| node.name_span()), message.into())
    }

    fn push(&mut self, node: Node<'_>, span: Range<usize>, message: String) -> &mut Draft {
        self.drafts.push(Draft {
            rule: self.rule.name,
            severity: self.severity,
            node: Some(node.id()),
            file: node.file(),
            span,
            line: None,
            message,
            help: None,
            related: Vec::new(),
        });
        self.drafts.last_mut().expect("one was just pushed")
    }
}

/// A finding before it is known whether it stands, and where its lines are.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    /// The directive, where the finding is about one place among several that include its file.
    pub(crate) node: Option<NodeId>,
    pub(crate) file: FileId,
    pub(crate) span: Range<usize>,
    /// The line that nginx reports, where it is not the span's.
    pub(crate) line: Option<u32>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(FileId, Range<usize>, String)>,
}

impl Draft {
    /// Says what to do about it.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place, shown at the directive's name.
    pub(crate) fn related(&mut self, node: Node<'_>, message: impl Into<String>) -> &mut Self {
        self.related.push((node.file(), node.name_span(), message.into()));
        self
    }

    fn of(problem: &Problem, settings: &Settings) -> Option<Self> {
        let of_rule = rule(problem.code).map(|rule| rule.severity);
        let own = of_rule.or_else(|| nginx_check(problem.code).map(|check| check.severity));
        Some(Self {
            rule: problem.code,
            severity: settings.severity(problem.code, own.unwrap_or(Severity::Error))?,
            node: None,
            file: problem.file,
            span: problem.span.clone(),
            line: Some(problem.line),
            message: problem.message.clone(),
            help: None,
            related: problem.related.clone(),
        })
    }

    fn into_finding(self, config: &Config, places: u32) -> Finding {
        let source = config.file(self.file);
        let (line, column) = source.tree.line_column(self.span.start);
        let related = self.related.into_iter().map(|(file, span, message)| {
            let source = config.file(file);
            let (line, column) = source.tree.line_column(span.start);
            let message = secret::redact_str(&message).into_owned();
            Related { file: source.display.clone(), line, column, span, message }
        });
        Finding {
            rule: self.rule.to_owned(),
            severity: self.severity,
            file: source.display.clone(),
            line: self.line.unwrap_or(line),
            column,
            span: self.span,
            message: secret::redact_str(&self.message).into_owned(),
            help: self.help.map(|help| secret::redact_str(&help).into_owned()),
            related: related.collect(),
            places,
        }
    }
}

/// Makes one finding of what is said several times of one place because its file is included several times.
fn merge(config: &Config, drafts: impl Iterator<Item = Draft>) -> Vec<Finding> {
    let mut first_of: HashMap<(&'static str, FileId, usize, usize, String), usize> = HashMap::new();
    let mut merged: Vec<(Draft, u32)> = Vec::new();
    for mut draft in drafts {
        let message = std::mem::take(&mut draft.message);
        let key = (draft.rule, draft.file, draft.span.start, draft.span.end, message);
        match first_of.get(&key) {
            Some(&index) => merged[index].1 += 1,
            None => {
                draft.message.clone_from(&key.4);
                first_of.insert(key, merged.len());
                merged.push((draft, 1));
            }
        }
    }
    let mut findings: Vec<Finding> =
        merged.into_iter().map(|(draft, places)| draft.into_finding(config, places)).collect();
    findings.sort_by(|a, b| place(a).cmp(&place(b)));
    findings
}

fn suppressed(config: &Config, allowed: Vec<(Draft, String)>) -> Vec<Suppressed> {
    let mut suppressed: Vec<Suppressed> = allowed
        .into_iter()
        .map(|(draft, reason)| Suppressed { finding: draft.into_finding(config, 1), reason })
        .collect();
    suppressed.sort_by(|a, b| place(&a.finding).cmp(&place(&b.finding)));
    suppressed.dedup();
    suppressed
}

fn place(finding: &Finding) -> (&str, u32, u32, &str, &str) {
    (&finding.file, finding.line, finding.column, &finding.rule, &finding.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fixture, report};

    fn said(report: &Report) -> Vec<String> {
        let place = |finding: &Finding| {
            let Finding { rule, severity, file, line, column, .. } = finding;
            format!("{file}:{line}:{column} {severity} {rule}")
        };
        report.findings.iter().map(place).collect()
    }

    #[test]
    fn findings_are_sorted_by_file_line_and_column() {
        let report = report(
            &fixture(
                "#- nginx.conf
events { }
http {
    include b.conf; include a.conf;
    flux_capacitor on; flux on;
}
#- a.conf
server { listen 80; location /i { alias /srv/i/; } }
#- b.conf
server { listen 81; location / { proxy_pass http://app.example.com; } }
",
            ),
            None,
        );
        assert_eq!(
            said(&report),
            [
                "a.conf:1:1 note missing-error-page",
                "a.conf:1:35 warning alias-traversal",
                "b.conf:1:1 note missing-error-page",
                "b.conf:1:45 warning upstream-resolved-once",
                "nginx.conf:4:5 error unknown-directive",
                "nginx.conf:4:24 error unknown-directive",
            ]
        );
        let Counts { error, warning, note, files, .. } = report.summary;
        assert_eq!((error, warning, note, files), (2, 2, 2, 3));
    }

    #[test]
    fn one_place_of_a_file_is_one_finding_unless_what_is_said_differs() {
        let report = report(
            &fixture(
                "#- nginx.conf
events { }
http {
    error_page 404 502 504 /x;
    server { listen 80; location /a { include alias.conf; } }
    server { listen 81; location /a { include alias.conf; } }
    server { listen 82; location /b { include alias.conf; } }
}
#- alias.conf
alias /srv/;
",
            ),
            None,
        );
        assert_eq!(said(&report), ["alias.conf:1:1 warning alias-traversal"; 2]);
        let places: Vec<u32> = report.findings.iter().map(|finding| finding.places).collect();
        assert_eq!(places, [2, 1]);
    }

    #[test]
    fn what_a_distribution_installs_gets_a_note_and_nothing_else() {
        let report = report(
            &fixture(
                r#"#- nginx.conf
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include modules-enabled/*.conf;
events { worker_connections 768; }
http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include mime.types;
    default_type application/octet-stream;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    access_log /var/log/nginx/access.log;
    gzip on;
    include conf.d/*.conf;
    include sites-enabled/*;
}
#- mime.types
types { text/html html htm; }
#- sites-enabled/default
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    root /var/www/html;
    index index.html;
    server_name _;
    location / { try_files $uri $uri/ =404; }
}
"#,
            ),
            None,
        );
        assert_eq!(said(&report), ["sites-enabled/default:1:1 note missing-error-page"]);
    }
}
