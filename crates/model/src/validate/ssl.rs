//! TLS: what can be said without opening a certificate.
//!
//! Source: src/http/modules/ngx_http_ssl_module.c

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::lower::{Server, ServerKind};
use crate::number::{atoi, size};
use crate::problem::Problem;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpSslSessionCache | Setter::StreamSslSessionCache | Setter::MailSslSessionCache => {
            for index in 0..node.args().len() {
                session_cache(checker, node, index);
            }
        }
        Setter::HttpSslOcspCache | Setter::StreamSslOcspCache => ocsp_cache(checker, node),
        Setter::HttpSslEnable | Setter::MailSslEnable => {
            super::slots::flag(checker, node, node.arg(0).unwrap_or(b""));
        }
        _ => return false,
    }
    true
}

fn session_cache(checker: &mut Checker<'_>, node: Node<'_>, index: usize) {
    let value = node.arg(index).unwrap_or(b"");
    let shown = lossy(value);
    let message = if matches!(value, b"off" | b"none" | b"builtin") {
        None
    } else if let Some(number) = value.strip_prefix(b"builtin:") {
        atoi(number).is_none().then(|| format!("invalid session cache \"{shown}\""))
    } else if let Some(shared) = value.strip_prefix(b"shared:") {
        let colon = shared.iter().position(|&byte| byte == b':').filter(|&at| at > 0);
        match colon.and_then(|at| size(&shared[at + 1..])) {
            None => Some(format!("invalid session cache \"{shown}\"")),
            Some(bytes) if bytes < 8 * checker.page_bytes() => {
                Some(format!("session cache \"{shown}\" is too small"))
            }
            Some(_) => None,
        }
    } else {
        Some(format!("invalid session cache \"{shown}\""))
    };
    if let Some(message) = message {
        checker.refuse_arg(node, index, "invalid-value", message);
    }
}

fn ocsp_cache(checker: &mut Checker<'_>, node: Node<'_>) {
    let value = node.arg(0).unwrap_or(b"");
    let shared = value.strip_prefix(b"shared:");
    let bytes = shared.and_then(|shared| {
        let colon = shared.iter().position(|&byte| byte == b':').filter(|&at| at > 0)?;
        size(&shared[colon + 1..])
    });
    let message = match bytes {
        _ if value == b"off" => return,
        None => format!("invalid OCSP cache \"{}\"", lossy(value)),
        Some(bytes) if bytes < 8 * checker.page_bytes() => {
            format!("OCSP cache \"{}\" is too small", lossy(value))
        }
        Some(_) => return,
    };
    checker.refuse_arg(node, 0, "invalid-value", message);
}

/// Certificates without keys; sockets with TLS whose default server has no certificate.
pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    if !config.is_complete() {
        return;
    }
    let http: Vec<&Server> =
        config.servers().iter().filter(|server| server.kind == ServerKind::Http).collect();
    for server in &http {
        let certificates = config.effective(server.node, "ssl_certificate");
        let keys = config.effective(server.node, "ssl_certificate_key");
        if certificates.len() > keys.len() {
            let node = config.node(certificates[keys.len()]);
            let certificate = lossy(node.arg(0).unwrap_or(b""));
            let message = format!("no \"ssl_certificate_key\" is defined for certificate \"{certificate}\"");
            checker.refuse_arg(node, 0, "missing-certificate", message);
        }
        if let [enabled] = config.effective(server.node, "ssl")[..]
            && certificates.is_empty()
            && config.node(enabled).arg(0).is_some_and(|value| value.eq_ignore_ascii_case(b"on"))
        {
            let message = "no \"ssl_certificate\" is defined for the \"ssl\" directive";
            checker.refuse_arg(config.node(enabled), 0, "missing-certificate", message);
        }
    }
    let bare = |server: &Server| {
        config.effective(server.node, "ssl_certificate").is_empty()
            && config.effective_value(server.node, "ssl_reject_handshake").is_none_or(|value| value != b"on")
            && !config
                .node(server.node)
                .descendants()
                .any(|node| node.name().starts_with("ssl_certificate_by_lua"))
    };
    for (address, server, node) in tls_defaults(&http) {
        if bare(server) {
            let message =
                format!("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive ({address})");
            let problem = Problem::at(config.node(server.node), "missing-certificate", message);
            checker.problems.push(problem.with(config.node(node), "listens here"));
        }
    }
}

/// The default server of every address that has TLS, with the `listen` that says so.
fn tls_defaults<'s>(servers: &[&'s Server]) -> Vec<(String, &'s Server, crate::NodeId)> {
    use std::collections::BTreeMap;
    let mut sockets: BTreeMap<String, (&Server, bool, Option<crate::NodeId>)> = BTreeMap::new();
    for &server in servers {
        for listen in &server.listens {
            let socket = sockets.entry(listen.address.to_string()).or_insert((server, false, None));
            if listen.options.default_server && !socket.1 {
                (socket.0, socket.1) = (server, true);
            }
            if listen.options.ssl || listen.options.quic {
                socket.2 = socket.2.or(listen.node);
            }
        }
    }
    sockets.into_iter().filter_map(|(address, (server, _, node))| Some((address, server, node?))).collect()
}
