//! `stream { }` and `mail { }`: what their servers must have.
//!
//! Source: `ngx_stream_core_server` and `ngx_stream_core_merge_srv_conf`, src/stream/ngx_stream_core_module.c

use super::Checker;
use crate::catalog::Setter;
use crate::config::Node;
use crate::lower::ServerKind;
use crate::parsed::Symbol;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::StreamSetComplexValueSlot | Setter::StreamSetComplexValueZeroSlot | Setter::StreamReturn => {
            checker.script(node, 0);
        }
        _ => return false,
    }
    true
}

/// Servers without a `listen` or without anything that handles a connection.
pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    if checker.unknown_modules || !config.is_complete() {
        return;
    }
    for server in config.servers().iter().filter(|server| server.kind != ServerKind::Http) {
        let node = config.node(server.node);
        if node.find("listen").next().is_none() {
            checker.refuse(node, "missing-listen", "no \"listen\" is defined for server");
        }
        let handled = ["proxy_pass", "return", "pass"];
        let known = node.children().all(|child| child.symbol() != Symbol::UNKNOWN);
        if server.kind == ServerKind::Stream
            && known
            && !handled.iter().any(|name| node.find(name).next().is_some())
        {
            checker.refuse(node, "missing-handler", "no handler for server");
        }
    }
}
