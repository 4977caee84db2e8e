//! `listen`: its address and parameters, and what may be said once only for an address.
//!
//! Source: `ngx_http_core_listen`, src/http/ngx_http_core_module.c; `ngx_http_add_addresses`, src/http/ngx_http.c

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Checker, lossy};
use crate::catalog::Version;
use crate::config::{Node, NodeId};
use crate::listen::{Listen, ListenAddress, parse_address};
use crate::lower::{Server, ServerKind};
use crate::number::{atoi, size, time};
use crate::problem::Problem;

/// What has been said of an address.
#[derive(Default)]
struct Seen {
    /// The servers that have it, by their nodes.
    servers: Vec<NodeId>,
    default: Option<NodeId>,
    set: Option<NodeId>,
}

/// One address and one port.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Inet(IpAddr, u16),
    Unix(Vec<u8>),
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    let mut http: HashMap<Place, Seen> = HashMap::new();
    let mut stream: HashMap<(bool, Place), (NodeId, NodeId)> = HashMap::new();
    let mut known = HashMap::new();
    for server in config.servers() {
        for node in config.node(server.node).find("listen") {
            let key = (node.file(), node.data().line, server.kind);
            let valid = *known.entry(key).or_insert_with(|| {
                let before = checker.problems.len();
                listen(checker, node, server.kind);
                checker.problems.len() == before
            });
            let parsed = server.listens.iter().find(|listen| listen.node == Some(node.id()));
            match (parsed, server.kind) {
                (Some(listen), ServerKind::Http) if valid => {
                    add_http(checker, &mut http, server, listen, node);
                }
                (Some(listen), ServerKind::Stream) if valid => {
                    add_stream(checker, &mut stream, server, listen, node);
                }
                _ => {}
            }
        }
    }
}

fn listen(checker: &mut Checker<'_>, node: Node<'_>, kind: ServerKind) {
    let Some(value) = node.arg(0) else { return };
    if let Err(error) = parse_address(value, 80) {
        let message = format!("{error} in \"{}\" of the \"listen\" directive", lossy(value));
        checker.refuse_arg(node, 0, "invalid-listen", message);
    }
    for (index, parameter) in node.args().enumerate().skip(1) {
        if let Some(message) = parameter_error(parameter, kind) {
            checker.refuse_arg(node, index, "invalid-listen", message);
        }
    }
}

/// What nginx says of a parameter that it does not understand.
fn parameter_error(parameter: &[u8], kind: ServerKind) -> Option<String> {
    let shown = lossy(parameter);
    let (name, value) = match parameter.iter().position(|&byte| byte == b'=') {
        Some(at) => (&parameter[..at], Some(&parameter[at + 1..])),
        None => (parameter, None),
    };
    let invalid = || format!("invalid parameter \"{shown}\"");
    let number = |least: i64| atoi(value.unwrap_or(b"")).is_none_or(|number| number < least);
    match (name, value) {
        (b"bind" | b"ssl" | b"proxy_protocol" | b"reuseport" | b"deferred", None) => {
            (name == b"reuseport" && kind == ServerKind::Mail).then(invalid)
        }
        (b"default_server" | b"default" | b"http2" | b"quic" | b"spdy", None) => {
            // Stream servers can be default since 1.25.5.
            (kind == ServerKind::Mail || (kind == ServerKind::Stream && !name.starts_with(b"default")))
                .then(invalid)
        }
        (b"udp", None) => (kind != ServerKind::Stream).then(invalid),
        (b"backlog", Some(value)) => number(1).then(|| format!("invalid backlog \"{}\"", lossy(value))),
        (b"fastopen", Some(value)) => number(0).then(|| format!("invalid fastopen \"{}\"", lossy(value))),
        (b"setfib" | b"accept_filter", Some(_)) => None,
        (b"rcvbuf" | b"sndbuf", Some(value)) => {
            size(value).is_none().then(|| format!("invalid {} \"{}\"", lossy(name), lossy(value)))
        }
        (b"ipv6only", Some(value)) if value.starts_with(b"o") => (!matches!(value, b"on" | b"off"))
            .then(|| format!("invalid ipv6only flags \"={}\"", lossy(value))),
        (b"so_keepalive", Some(value)) => {
            (!keepalive(value)).then(|| format!("invalid so_keepalive value: \"{}\"", lossy(value)))
        }
        _ => Some(invalid()),
    }
}

/// `on`, `off`, or `idle:interval:count`, each of which may be left out, but not all.
fn keepalive(value: &[u8]) -> bool {
    if matches!(value, b"on" | b"off") {
        return true;
    }
    let parts: Vec<&[u8]> = value.split(|&byte| byte == b':').collect();
    let seconds = |text: &[u8]| text.is_empty() || time(text, false).is_some_and(|value| value > 0);
    let count = |text: &[u8]| text.is_empty() || atoi(text).is_some_and(|value| value > 0);
    match parts[..] {
        [idle, interval, probes] => {
            seconds(idle) && seconds(interval) && count(probes) && parts.iter().any(|part| !part.is_empty())
        }
        _ => false,
    }
}

/// The widest range of ports that is looked at one by one.
pub(super) const PORTS_MAX: u16 = 1024;

/// Every address and port of a `listen`; none for a name, whose addresses only the host knows.
fn places(address: &ListenAddress) -> Vec<Place> {
    match address {
        ListenAddress::Inet { port, last, .. } if last - port > PORTS_MAX => Vec::new(),
        ListenAddress::Inet { ip, port, last } => {
            (*port..=*last).map(|port| Place::Inet(*ip, port)).collect()
        }
        ListenAddress::Unix(path) => vec![Place::Unix(path.clone())],
        ListenAddress::Name { .. } => Vec::new(),
    }
}

fn add_http(
    checker: &mut Checker<'_>,
    seen: &mut HashMap<Place, Seen>,
    server: &Server,
    listen: &Listen,
    node: Node<'_>,
) {
    let config = checker.config;
    for place in places(&listen.address) {
        let seen = seen.entry(place).or_default();
        let address = &listen.address;
        let mut refuse = |code, message: String, first: Option<NodeId>| {
            let problem = Problem::arg(node, 0, code, message);
            let problem = match first {
                Some(first) => problem.with(config.node(first), "first here"),
                None => problem,
            };
            checker.problems.push(problem);
        };
        // The last server is enough: servers are read one after the other.
        if seen.servers.last() == Some(&server.node) {
            refuse("duplicate-listen", format!("a duplicate listen {address}"), None);
            return;
        }
        seen.servers.push(server.node);
        if listen.options.set && seen.set.is_some() {
            refuse("duplicate-listen-options", format!("duplicate listen options for {address}"), seen.set);
            return;
        }
        if listen.options.default_server && seen.default.is_some() {
            let message = format!("a duplicate default server for {address}");
            refuse("duplicate-default-server", message, seen.default);
            return;
        }
        seen.set = seen.set.or(listen.options.set.then_some(node.id()));
        seen.default = seen.default.or(listen.options.default_server.then_some(node.id()));
    }
}

fn add_stream(
    checker: &mut Checker<'_>,
    seen: &mut HashMap<(bool, Place), (NodeId, NodeId)>,
    server: &Server,
    listen: &Listen,
    node: Node<'_>,
) {
    // From 1.25.5 on servers of stream may share an address and are told apart by name.
    let shared =
        checker.catalog.version().is_none_or(|version| version >= Version { major: 1, minor: 25, patch: 5 });
    for place in places(&listen.address) {
        let before = seen.insert((listen.options.udp, place), (server.node, node.id()));
        let Some((owner, first)) = before else { continue };
        if !shared || owner == server.node {
            let message = format!("duplicate \"{}\" address and port pair", listen.address);
            let problem = Problem::arg(node, 0, "duplicate-listen", message);
            checker.problems.push(problem.with(checker.config.node(first), "first here"));
            return;
        }
    }
}
