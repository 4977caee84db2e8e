//! What `evenkeel_model::validate` finds: nginx's own checks. They are no rules (nothing in them is an opinion), but
//! they have names that settings and `evenkeel:allow` comments use, and a line each for whoever asks.

use crate::finding::Severity;

/// A check that speaks for nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NginxCheck {
    /// The code of its problems.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// How bad that is: nearly always an error, for nginx does not start with it.
    pub severity: Severity,
}

const fn error(name: &'static str, summary: &'static str) -> NginxCheck {
    NginxCheck { name, summary, severity: Severity::Error }
}

/// Every check that speaks for nginx, sorted by name. `duplicate-server-name` has a page of its own, as a rule.
pub fn nginx_checks() -> &'static [NginxCheck] {
    CHECKS
}

/// Returns the check of this name.
pub(crate) fn nginx_check(name: &str) -> Option<&'static NginxCheck> {
    CHECKS.binary_search_by(|check| check.name.cmp(name)).ok().map(|index| &CHECKS[index])
}

static CHECKS: &[NginxCheck] = &[
    error("duplicate-default-server", "Two servers are the default of one address."),
    error("duplicate-directive", "A directive stands twice where nginx takes it once."),
    error("duplicate-listen", "A server listens twice on one address."),
    error("duplicate-listen-options", "Options of one address are set in two places."),
    error("duplicate-location", "Two locations of a server have the same pattern."),
    error("duplicate-log-format", "Two log formats have one name."),
    error("duplicate-parameter", "A parameter stands twice where nginx takes it once."),
    error("duplicate-upstream", "Two upstreams have one name."),
    error("duplicate-variable", "A variable that cannot be changed is made twice."),
    error("duplicate-zone", "A shared memory zone is declared twice, or for two purposes."),
    error("empty-upstream", "An upstream has no server."),
    error("file-too-large", "A file is larger than this program reads; nginx might read it."),
    error("hash-bucket-too-small", "A name is too long for the hash table that nginx puts it into."),
    error(
        "include-cycle",
        "A file includes itself; nginx reads on until it has no files left to open, or crashes.",
    ),
    error("include-of-directory", "An include names a directory."),
    error("include-too-deep", "Includes nest deeper than this program follows."),
    error("invalid-condition", "The condition of an `if` is none that nginx understands."),
    error("invalid-listen", "The address or an option of a `listen` is none that nginx understands."),
    error("invalid-regex", "A regular expression does not compile."),
    error("invalid-server-name", "A server name is none that nginx understands."),
    error("invalid-url", "An address or URL is none that nginx understands."),
    error("invalid-value", "An argument is not of the kind that the directive takes."),
    error("invalid-variable", "A variable is written in a way that nginx does not read."),
    error("misfitting-buffers", "Sizes of buffers contradict each other."),
    error("misplaced-directive", "A directive stands too late, too early or where nginx forbids it."),
    error("misplaced-location", "A location stands in another that cannot hold it."),
    error("misplaced-uri", "A pass directive has a URI where nginx cannot replace the request's."),
    error("missing-block", "A directive that needs a block has none."),
    error("missing-certificate", "A server with `ssl` has no certificate or no key."),
    error("missing-charset-map", "Answers are recoded between two charsets without a table for it."),
    error("missing-events", "The configuration has no `events` block."),
    error("missing-file", "A file that is named does not exist."),
    error("missing-handler", "A server has nothing that would handle its connections."),
    error("missing-listen", "A server listens nowhere."),
    error("missing-parameter", "A parameter that the directive needs is not there."),
    error(
        "missing-semicolon",
        "A directive that takes no block has one; often the line before has no semicolon.",
    ),
    error("nested-too-deeply", "Blocks nest deeper than this program reads."),
    error("syntax-error", "The text is not what nginx's tokenizer accepts."),
    error("too-many-directives", "With all includes there are more directives than this program reads."),
    error("unexpected-block", "A block stands where only lines may stand."),
    error("unknown-directive", "No module that is known here has this directive."),
    NginxCheck {
        name: "unknown-file",
        summary: "Nothing is known of a file here; the host may have it.",
        severity: Severity::Note,
    },
    error("unknown-log-format", "A log names a format that nothing declares."),
    error("unknown-variable", "Nothing sets this variable."),
    error("unknown-zone", "A zone is used that nothing declares."),
    error("unreadable-file", "A file exists and cannot be read."),
    error("wrong-arguments", "A directive has too many or too few arguments."),
    error("wrong-context", "A directive stands in a block that it is not allowed in."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_sorted_by_name_and_none_is_a_rule() {
        assert!(CHECKS.is_sorted_by(|a, b| a.name < b.name));
        for check in CHECKS {
            assert!(crate::rule(check.name).is_none(), "{}", check.name);
            assert!(check.summary.ends_with('.'), "{}", check.name);
            assert_eq!(nginx_check(check.name), Some(check));
        }
    }
}
