//! What a rule is.

use evenkeel_model::Config;

use crate::check::Findings;
use crate::finding::Severity;
use crate::nginx_checks::nginx_check;
use crate::routes::Routes;

/// One rule: a name, a page of documentation and a function.
#[derive(Debug)]
pub struct Rule {
    /// What it finds, in kebab-case: `evenkeel:allow(dropped-inherited-headers)` reads.
    pub name: &'static str,
    /// The severity that its findings have unless [`Settings`](crate::Settings) say otherwise.
    pub severity: Severity,
    /// The first version of Evenkeel that has it.
    pub since: &'static str,
    /// The doc comment as the compiler hands it over: each line with the blank before it.
    pub(crate) page: &'static str,
    pub(crate) check: Check,
}

/// When a rule is asked, and what it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Check {
    /// About one tree.
    Tree(fn(&Config, &mut Findings<'_>)),
    /// About where the requests to one tree go.
    Routes(fn(&Routes<'_>, &mut Findings<'_>)),
    /// About the way from the live tree (first) to the checked one (second); silent without a live tree.
    Change(fn(&Config, &Config, &mut Findings<'_>)),
    /// Found by `evenkeel_model::validate`, under the same name; the rule is its page and its severity.
    Validate,
    /// About the `evenkeel:allow` comments themselves; found by `suppress`.
    Allow,
}

impl Rule {
    /// Returns its page, in Markdown: the doc comment of the rule.
    pub fn documentation(&self) -> String {
        let lines = self.page.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// Returns the first line of its page: what it finds, in one sentence.
    pub fn summary(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim()
    }
}

/// Returns every rule, by name.
pub fn rules() -> &'static [&'static Rule] {
    crate::rules::ALL
}

/// Returns the rule of this name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    rules().binary_search_by(|rule| rule.name.cmp(name)).ok().map(|index| rules()[index])
}

/// Whether a finding may have this name: that of a rule, or the code of a check that speaks for nginx.
pub(crate) fn is_known(name: &str) -> bool {
    rule(name).is_some() || nginx_check(name).is_some()
}
