//! `events { }`
//!
//! Source: src/event/ngx_event.c

use super::{Checker, access, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::atoi;

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
