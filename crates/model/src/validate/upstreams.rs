//! Upstreams and their servers.
//!
//! Source: `ngx_http_upstream_server` and `ngx_http_upstream_add`, src/http/ngx_http_upstream.c; their counterparts in
//! src/stream/ngx_stream_upstream.c

use std::collections::HashMap;

use super::pass::{Authority, authority};
use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::context::Context;
use crate::number::{atoi, time};
use crate::problem::Problem;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpUpstreamServer | Setter::StreamUpstreamServer => server(checker, node),
        Setter::HttpUpstreamKeepalive => {
            let value = node.arg(0).unwrap_or(b"");
            if atoi(value).is_none_or(|number| number <= 0) {
                let message = format!("invalid value \"{}\" in \"keepalive\" directive", lossy(value));
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        Setter::HttpUpstreamHash | Setter::StreamUpstreamHash => {
            checker.script(node, 0);
            if node.arg(1).is_some_and(|word| word != b"consistent") {
                checker.invalid_parameter(node, 1);
            }
        }
        Setter::HttpUpstreamRandom | Setter::StreamUpstreamRandom => random(checker, node),
        _ => return false,
    }
    true
}

fn random(checker: &mut Checker<'_>, node: Node<'_>) {
    if node.arg(0).is_some_and(|word| word != b"two") {
        return checker.invalid_parameter(node, 0);
    }
    if node.arg(1).is_some_and(|word| word != b"least_conn" && !word.starts_with(b"least_time")) {
        checker.invalid_parameter(node, 1);
    }
}

fn server(checker: &mut Checker<'_>, node: Node<'_>) {
    for (index, parameter) in node.args().enumerate().skip(1) {
        let (name, value) = match parameter.iter().position(|&byte| byte == b'=') {
            Some(at) => (&parameter[..at], Some(&parameter[at + 1..])),
            None => (parameter, None),
        };
        let valid = match (name, value) {
            (b"weight", Some(value)) => atoi(value).is_some_and(|weight| weight > 0),
            (b"max_conns" | b"max_fails", Some(value)) => atoi(value).is_some(),
            (b"fail_timeout", Some(value)) => time(value, false).is_some(),
            (b"backup" | b"down", None) => true,
            // Since 1.27.3, or in the commercial nginx.
            (b"resolve" | b"drain", None) | (b"service" | b"slow_start" | b"route", Some(_)) => {
                checker.catalog.version().is_none_or(|version| (version.major, version.minor) >= (1, 27))
            }
            _ => false,
        };
        if !valid {
            checker.invalid_parameter(node, index);
        }
    }
    let address = node.arg(0).unwrap_or(b"");
    let default_port = node.context() == Context::Upstream;
    let error = match authority(address, false) {
        Err(error) => Some(error),
        Ok(Authority { port: None, unix: false, .. }) if !default_port => Some("no port"),
        Ok(_) => None,
    };
    if let Some(error) = error {
        let message = format!("{error} in upstream \"{}\"", lossy(address));
        checker.refuse_arg(node, 0, "invalid-url", message);
    }
}

/// The methods that cannot do with a backup server, if they were named before it.
fn methods(checker: &mut Checker<'_>, upstream: Node<'_>) {
    let mut refuses_backup = false;
    for node in upstream.children() {
        match node.name() {
            "ip_hash" | "hash" | "random" => refuses_backup = true,
            "least_conn" | "least_time" => refuses_backup = false,
            "server" if refuses_backup => {
                if let Some(index) = node.args().position(|parameter| parameter == b"backup") {
                    let message = "balancing method does not support parameter \"backup\"";
                    checker.refuse_arg(node, index, "invalid-value", message);
                }
            }
            _ => {}
        }
    }
}

/// Upstreams as wholes: named twice, or without servers.
pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    let mut seen: HashMap<(bool, Vec<u8>), Node<'_>> = HashMap::new();
    for upstream in config.upstreams() {
        let node = config.node(upstream.node);
        methods(checker, node);
        let first = seen.insert((upstream.stream, upstream.name.to_ascii_lowercase()), node);
        if let Some(first) = first {
            let message = format!("duplicate upstream \"{}\"", lossy(&upstream.name));
            let problem = Problem::arg(node, 0, "duplicate-upstream", message);
            checker.problems.push(problem.with(first, "first here"));
        }
        if upstream.servers.is_empty() && config.is_complete() {
            let problem = Problem::at_end(node, "empty-upstream", "no servers are inside upstream");
            checker.problems.push(problem);
        }
    }
    let known = |stream: bool, host: &[u8]| seen.contains_key(&(stream, host.to_ascii_lowercase()));
    let (ported, portless) = checker.zones.take_hosts();
    for (host, port, node) in ported {
        if known(node.context().is_stream(), host) {
            let message = format!("upstream \"{}\" may not have port {port}", lossy(host));
            checker.refuse_arg(node, 0, "invalid-url", message);
        }
    }
    for (host, node) in portless {
        if !known(node.context().is_stream(), host) && config.is_complete() {
            let message = format!("no port in upstream \"{}\"", lossy(host));
            checker.refuse_arg(node, 0, "invalid-url", message);
        }
    }
}
