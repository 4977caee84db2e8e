//! `events { }`
//!
//! Source: src/event/ngx_event.c

use std::collections::HashSet;

use super::{Checker, access, lossy};
use crate::catalog::Setter;
use crate::config::{FileId, Node};
use crate::listen::ListenAddress;
use crate::number::atoi;
use crate::problem::Problem;

pub(super) fn values(checker: &mut Checker<'_>, node: Node<'_>, setter: Setter) -> bool {
    let value = node.arg(0).unwrap_or(b"");
    match setter {
        Setter::EventConnections => {
            if atoi(value).is_none() {
                let message =
                    format!("invalid number \"{}\" in \"worker_connections\" directive", lossy(value));
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        Setter::EventUse => {
            let methods = [&b"epoll"[..], b"poll", b"select", b"kqueue", b"/dev/poll", b"eventport", b"iocp"];
            if !methods.contains(&value) {
                let message = format!("invalid event type \"{}\"", lossy(value));
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        // A name would be resolved: only what cannot be one is refused.
        Setter::EventDebugConnection => {
            if value.contains(&b'/') && access::cidr(value).is_none() {
                let message = format!("invalid value in debug_connection \"{}\"", lossy(value));
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        _ => return false,
    }
    true
}

/// The block itself, and whether its connections suffice for the sockets.
pub(super) fn check(checker: &mut Checker<'_>) {
    const CONNECTIONS: i64 = 512;
    let config = checker.config;
    let whole = checker.problems.iter().all(|problem| !STRUCTURE.contains(&problem.code));
    if !config.is_complete() || !whole {
        return;
    }
    let Some(events) = config.root().find("events").next() else {
        let message = String::from("no \"events\" section in configuration");
        let (file, span) = (FileId(0), 0..0);
        let (code, related) = ("missing-events", Vec::new());
        return checker.problems.push(Problem { code, message, file, line: 1, column: 1, span, related });
    };
    // A wildcard may stand for other sockets of its port: so many ports are the least that nginx listens on.
    let sockets: HashSet<Option<u16>> = config
        .listens()
        .into_iter()
        .map(|address| match address {
            ListenAddress::Inet { port, .. } | ListenAddress::Name { port, .. } => Some(port),
            ListenAddress::Unix(_) => None,
        })
        .collect();
    let said = events.find("worker_connections").next();
    let connections = said.and_then(|node| node.arg(0)).and_then(atoi).unwrap_or(CONNECTIONS);
    let sockets = sockets.len();
    if let Some(node) = said.filter(|_| i64::try_from(sockets).is_ok_and(|sockets| connections < sockets + 1))
    {
        let message =
            format!("{connections} worker_connections are not enough for {sockets} listening sockets");
        checker.refuse_arg(node, 0, "invalid-value", message);
    }
}

/// Problems after which nobody knows what else the tree would have held.
const STRUCTURE: [&str; 5] =
    ["syntax-error", "missing-file", "unreadable-file", "include-of-directory", "include-cycle"];
