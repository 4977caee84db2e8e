//! Files that nginx opens while it reads, and directories that it writes to: those that surely are not there.

use super::{Checker, lossy};
use crate::config::{Config, Node};
use crate::context::Context;
use crate::files::Presence;
use crate::opened::{self, Need, need, needed_path};
use crate::problem::Problem;

pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    let asked = opened::names().flat_map(|name| config.named(name));
    for node in asked.filter(|node| is_opened(config, *node)) {
        let (Some(need), Some(value)) = (need(node.name_bytes()), node.arg(0)) else { continue };
        let Some(path) = needed_path(config.settings(), need, value) else { continue };
        // Without the word of `nginx -V` the prefix is a guess.
        if need != Need::File && !value.starts_with(b"/") && config.settings().configure.is_none() {
            continue;
        }
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

/// Whether nginx surely opens what it names: certificates and their kin are opened for servers that use them.
fn is_opened(config: &Config, node: Node<'_>) -> bool {
    let Some(need) = need(node.name_bytes()) else { return false };
    let context = node.context();
    if context.is_raw() || context == Context::Unknown {
        return false;
    }
    match need {
        Need::FileInPrefix => return context == Context::Main,
        Need::ParentInPrefix => return true,
        Need::File if node.name().ends_with("ssl_password_file") => return true,
        Need::File => {}
    }
    let Some(server) = node.parent() else { return false };
    let tls = |listen: Node<'_>| listen.args().any(|parameter| parameter == b"ssl");
    let on = |name| config.effective_value(server.id(), name).is_some_and(|value| value != b"off");
    let used = match context {
        Context::Server => true,
        Context::StreamServer => server.find("listen").any(tls),
        _ => false,
    };
    used && !config.effective(server.id(), "ssl_certificate").is_empty()
        && match node.name() {
            "ssl_client_certificate" => on("ssl_verify_client"),
            "ssl_stapling_file" => on("ssl_stapling"),
            _ => true,
        }
}
