//! Where requests are passed on to: `proxy_pass` and its kin.

use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::number::atoi;

/// A directive that passes requests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The directive (`proxy_pass`, `fastcgi_pass`, `uwsgi_pass`, `scgi_pass`, `grpc_pass`, `memcached_pass`).
    pub node: NodeId,
    /// `http`, `https`, `grpc`, `grpcs`, `uwsgi`, `suwsgi`, … where one is written.
    pub scheme: Option<String>,
    /// The host, the upstream's name, or `unix:` and a path; with variables as they stand.
    pub host: Vec<u8>,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// What follows the host and the port: empty when the request's URI is passed unchanged.
    pub uri: Vec<u8>,
    /// Whether it has variables, so that nothing is resolved at load.
    pub variables: bool,
}

/// The directives that pass requests or connections on.
const PASSES: [&str; 6] =
    ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"];

impl Config {
    /// Everything that passes requests (http) or connections (stream) on, in order.
    pub fn passes(&self) -> Vec<Pass> {
        let passes = PASSES.iter().flat_map(|name| self.named(name)).filter(|node| !node.context().is_raw());
        let mut passes: Vec<Pass> = passes.filter_map(pass).collect();
        passes.sort_unstable_by_key(|pass| pass.node);
        passes
    }
}

fn pass(node: Node<'_>) -> Option<Pass> {
    let value = node.arg(0)?;
    let variables = value.contains(&b'$');
    let (scheme, rest) = match value.windows(3).position(|three| three == b"://") {
        Some(at) if node.context() != Context::StreamServer => {
            (Some(String::from_utf8_lossy(&value[..at]).into_owned()), &value[at + 3..])
        }
        _ => (None, value),
    };
    let unix = rest.starts_with(b"unix:");
    let uri_at = if unix {
        rest.iter().skip(5).position(|&byte| byte == b':').map(|at| at + 5)
    } else {
        rest.iter().position(|byte| matches!(byte, b'/' | b'?'))
    };
    let (authority, uri) = rest.split_at(uri_at.unwrap_or(rest.len()));
    let uri = if unix { uri.strip_prefix(b":").unwrap_or(uri) } else { uri };
    let colon = authority.iter().rposition(|&byte| byte == b':');
    let port =
        colon.filter(|_| !unix).and_then(|at| Some((at, u16::try_from(atoi(&authority[at + 1..])?).ok()?)));
    let host = port.map_or(authority, |(at, _)| &authority[..at]);
    Some(Pass {
        node: node.id(),
        scheme,
        host: host.to_vec(),
        port: port.map(|(_, port)| port),
        uri: uri.to_vec(),
        variables,
    })
}
