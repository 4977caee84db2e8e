//! `test --generate`: routes for what none expects anything of yet.

use std::collections::HashSet;

use evenkeel_model::{Config, Coverage, Known, Limits, Router, suggest_more, witnesses_by_search};

use crate::output::{Exit, put};

/// Prints them as they may be appended to a file.
pub(super) fn generate(
    router: &Router<'_>,
    config: &Config,
    coverage: &Coverage,
    names: HashSet<String>,
) -> Exit {
    let covered = coverage.counts.iter().filter(|(_, count)| *count > 0);
    let known = Known { blocks: covered.map(|(node, _)| *node).collect(), names };
    let witnesses = witnesses_by_search(router, &Limits::default());
    let suggestion = suggest_more(config, &witnesses, &mut |request| router.route(request), &known);
    put(suggestion.text.trim_end());
    Exit::Yes
}
