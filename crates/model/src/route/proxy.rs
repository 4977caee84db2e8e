//! Where a request is passed on to, and what is asked there.
//!
//! Source: `ngx_http_proxy_pass`, `ngx_http_proxy_eval`, `ngx_http_proxy_create_request`,
//! src/http/modules/ngx_http_proxy_module.c; `ngx_http_upstream_init_request`, src/http/ngx_http_upstream.c

use std::net::IpAddr;

use super::blocks::Role;
use super::script;
use super::uri::{Escape, escape};
use super::walk::{Turn, Walk, shown};
use crate::catalog::Version;
use crate::config::Node;
use crate::context::Context;
use crate::lower::{LocationKind, location_pattern};
use crate::request::{Outcome, PassKind};

/// The address of a pass, taken apart.
struct Address {
    scheme: &'static str,
    /// Host and port, or `unix:` and a path, as they stand.
    authority: Vec<u8>,
    /// What follows.
    uri: Vec<u8>,
}

/// A release that is known to compare the length of the URI with that of the location.
const COUNTS_SINCE: Version = Version { major: 1, minor: 31, patch: 3 };

impl<'c> Walk<'_, 'c> {
    pub(super) fn pass(&mut self, handler: Node<'c>, kind: PassKind) -> Turn {
        let directive = self.pass_in_force(handler, kind);
        let text = directive.arg(0).unwrap_or(b"");
        let variables = script::has_variables(text);
        let value = self.eval(text);
        let Some(address) = address(&value.text, kind, variables) else {
            if !value.known {
                return self.passed(directive, kind, None, Vec::new(), value.text);
            }
            let why = format!("{} gives {}, which is no URL", directive.name(), shown(&value.text));
            return self.error(500, why);
        };
        if variables && value.known && !is_authority(&address.authority) {
            return self.error(500, format!("{} is no host and port", shown(&address.authority)));
        }
        let uri = match kind {
            PassKind::Proxy | PassKind::Grpc => self.uri_to_pass(directive, &address, variables),
            _ => self.own_uri(),
        };
        let Some(uri) = uri else {
            return self.error(500, "the URI to pass on is empty");
        };
        let (upstream, servers) = self.upstream(&address, variables);
        if variables && value.known && servers.is_empty() && upstream.is_none() {
            let why = format!("no resolver is there for {}", shown(&address.authority));
            return self.error(502, why);
        }
        let upstream = if value.known { upstream } else { None };
        let mut pass = address.scheme.as_bytes().to_vec();
        pass.extend_from_slice(b"://");
        pass.extend_from_slice(&address.authority);
        pass.extend_from_slice(&uri);
        self.passed(directive, kind, upstream, servers, pass)
    }

    fn passed(
        &mut self,
        directive: Node<'c>,
        kind: PassKind,
        upstream: Option<String>,
        servers: Vec<String>,
        pass: Vec<u8>,
    ) -> Turn {
        let to = if servers.is_empty() { String::new() } else { format!(" ({})", servers.join(", ")) };
        self.step(kind.directive(), format!("{}{to}", shown(&pass)), Some(directive.id()));
        Turn::Done(Outcome::Pass { kind, upstream, servers, pass }, None)
    }

    /// An `if` or a `limit_except` passes on to where its location does, unless it says otherwise itself.
    fn pass_in_force(&self, handler: Node<'c>, kind: PassKind) -> Node<'c> {
        let blocks = &self.router.blocks;
        let own = |block| blocks.own_with(block, Role::Pass(kind)).next_back();
        let block = self.router.config.node(self.block);
        let outer = matches!(block.name(), "if" | "limit_except").then(|| block.parent()).flatten();
        own(self.block).or_else(|| own(outer?.id())).unwrap_or(handler)
    }

    fn uri_to_pass(&mut self, directive: Node<'c>, address: &Address, variables: bool) -> Option<Vec<u8>> {
        if variables && !address.uri.is_empty() {
            return Some(address.uri.clone());
        }
        if address.uri.is_empty() && self.valid_unparsed_uri {
            return Some(self.unparsed_uri.clone());
        }
        let replaces = self.valid_location && !address.uri.is_empty();
        let cut = if replaces { self.text_length(directive) } else { 0 };
        // `try_files` may have found a URI that is shorter than the location's text. Older releases count on without looking.
        if cut > self.uri.len() && self.router.version().is_none_or(|version| version < COUNTS_SINCE) {
            self.depend("proxy");
        }
        let rest = &self.uri[cut.min(self.uri.len())..];
        let mut uri = if replaces { address.uri.clone() } else { Vec::new() };
        if self.quoted_uri || self.internal {
            uri.extend(escape(rest, Escape::Uri));
        } else {
            uri.extend_from_slice(rest);
        }
        self.with_args(&mut uri);
        (!uri.is_empty()).then_some(uri)
    }

    /// How much of the URI the text of the location is, for a pass with a URI of its own.
    fn text_length(&self, directive: Node<'c>) -> usize {
        let location = directive.parent().filter(|node| node.is("location"));
        match location.filter(|_| directive.context() == Context::Location).map(location_pattern) {
            Some((LocationKind::Regex { .. } | LocationKind::Named, _)) | None => 0,
            Some((_, pattern)) => pattern.len(),
        }
    }

    fn own_uri(&self) -> Option<Vec<u8>> {
        let mut uri = escape(&self.uri, Escape::Uri);
        self.with_args(&mut uri);
        Some(uri)
    }

    fn with_args(&self, uri: &mut Vec<u8>) {
        if !self.args.is_empty() {
            uri.push(b'?');
            uri.extend_from_slice(&self.args);
        }
    }

    /// The name of the upstream, and its servers.
    fn upstream(&mut self, address: &Address, variables: bool) -> (Option<String>, Vec<String>) {
        let name = shown(&address.authority);
        if let Some(upstream) = self.router.upstream(&address.authority) {
            let servers = upstream.servers.iter().filter(|server| !server.down);
            let (backup, primary): (Vec<_>, Vec<_>) = servers.partition(|server| server.backup);
            let servers = primary.iter().chain(&backup).map(|server| with_port(&server.address, "80"));
            return (Some(name), servers.collect());
        }
        let default_port = if matches!(address.scheme, "https" | "grpcs") { "443" } else { "80" };
        let literal = name.starts_with("unix:") || host_is_ip(&name);
        if variables && !literal && !self.router.resolves(self.block, &address.authority) {
            return (None, Vec::new());
        }
        (Some(name), vec![with_port(&address.authority, default_port)])
    }
}

fn host_is_ip(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.parse::<IpAddr>().is_ok()
}

/// Whether nginx can read host and port at run time.
///
/// Source: `ngx_parse_url`, src/core/ngx_inet.c
fn is_authority(authority: &[u8]) -> bool {
    let text = shown(authority);
    if let Some(path) = text.strip_prefix("unix:") {
        return !path.is_empty();
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<IpAddr>().is_ok() => (host, port),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(port) => crate::number::atoi(port.as_bytes()).is_some_and(|port| (1..=65535).contains(&port)),
        None => port.is_empty(),
    };
    !host.is_empty() && port_is_good
}

/// An address as it stands, with a port.
fn with_port(address: &[u8], default_port: &str) -> String {
    let text = shown(address);
    let after_host = if text.starts_with('[') { text.rfind(']').map_or(0, |at| at + 1) } else { 0 };
    if text.starts_with("unix:") || text[after_host..].contains(':') {
        text
    } else {
        format!("{text}:{default_port}")
    }
}

fn address(value: &[u8], kind: PassKind, variables: bool) -> Option<Address> {
    let (scheme, rest) = match kind {
        PassKind::Proxy => {
            let begins = |prefix: &[u8]| {
                value.len() >= prefix.len() && value[..prefix.len()].eq_ignore_ascii_case(prefix)
            };
            if begins(b"http://") {
                ("http", &value[7..])
            } else if begins(b"https://") {
                ("https", &value[8..])
            } else {
                return None;
            }
        }
        PassKind::Grpc => match (value.strip_prefix(b"grpc://"), value.strip_prefix(b"grpcs://")) {
            (Some(rest), _) => ("grpc", rest),
            (_, Some(rest)) => ("grpcs", rest),
            _ => ("grpc", value),
        },
        PassKind::Uwsgi => match (value.strip_prefix(b"uwsgi://"), value.strip_prefix(b"suwsgi://")) {
            (Some(rest), _) => ("uwsgi", rest),
            (_, Some(rest)) => ("suwsgi", rest),
            _ => ("uwsgi", value),
        },
        PassKind::Fastcgi => ("fastcgi", value),
        PassKind::Scgi => ("scgi", value),
        PassKind::Memcached => ("memcached", value),
    };
    let end = if rest.starts_with(b"unix:") {
        rest.iter().skip(5).position(|&byte| byte == b':').map(|at| at + 5)
    } else {
        rest.iter().position(|byte| matches!(byte, b'/' | b'?'))
    };
    let (authority, uri) = rest.split_at(end.unwrap_or(rest.len()));
    if authority.is_empty() {
        return None;
    }
    let uri = if rest.starts_with(b"unix:") { uri.strip_prefix(b":").unwrap_or(uri) } else { uri };
    // A URI that is nothing but arguments gets its slash where variables made it.
    let slash: &[u8] = if variables && uri.starts_with(b"?") { b"/" } else { b"" };
    Some(Address { scheme, authority: authority.to_vec(), uri: [slash, uri].concat() })
}
