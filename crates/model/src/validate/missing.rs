//! Files that nginx opens while it reads, and directories that it writes to: those that surely are not there.

use super::{Checker, lossy};
use crate::config::Node;
use crate::context::Context;
use crate::files::Presence;
use crate::opened::{Need, need, needed_path};
use crate::problem::Problem;

pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    for node in config.nodes().filter(|node| is_opened(*node)) {
        let (Some(need), Some(value)) = (need(node.name_bytes()), node.arg(0)) else { continue };
        let Some(path) = needed_path(config.settings(), need, value) else { continue };
        if config.presence(&path) != Presence::Absent {
            continue;
        }
        let (path, shown) = (lossy(&path), lossy(value));
        let message = match need {
            Need::File => format!("\"{path}\" does not exist (\"{}\" opens it at start)", node.name()),
            Need::FileInPrefix => format!("dlopen() \"{path}\" failed: no such file"),
            Need::ParentInPrefix => format!("the directory \"{path}\" of \"{shown}\" does not exist"),
        };
        checker.problems.push(Problem::arg(node, 0, "missing-file", message));
    }
}

/// Whether nginx surely opens what it names: what is set for http as a whole is opened only where a server takes it.
fn is_opened(node: Node<'_>) -> bool {
    let Some(need) = need(node.name_bytes()) else { return false };
    let context = node.context();
    if context.is_raw() || context == Context::Unknown {
        return false;
    }
    match need {
        Need::File => matches!(context, Context::Server | Context::StreamServer),
        Need::FileInPrefix => context == Context::Main,
        // A temporary directory of an inner block is made only where nothing inside overrides it: leave those.
        Need::ParentInPrefix => {
            matches!(node.name(), "access_log" | "error_log" | "pid") || node.name().ends_with("_cache_path")
        }
    }
}
