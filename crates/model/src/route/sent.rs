//! The headers that the configuration sends to an upstream.
//!
//! Source: `ngx_http_proxy_init_headers`, `ngx_http_proxy_set_vars`, src/http/modules/ngx_http_proxy_module.c

use super::blocks::Role;
use super::walk::Walk;
use crate::catalog::Version;
use crate::config::{Node, NodeId};
use crate::request::{PassKind, SentHeader};

/// The release from which connections to upstreams are kept without being asked to.
const KEEPS_SINCE: Version = Version { major: 1, minor: 29, patch: 7 };

impl<'c> Walk<'_, 'c> {
    /// Notes the headers that an upstream of `proxy_pass` gets: those of `proxy_set_header`, and what nginx sends where
    /// they say nothing. `url` is what is asked.
    pub(super) fn send_headers(&mut self, url: &[u8]) {
        let host = proxy_host(url);
        let role = Role::SetHeader(PassKind::Proxy);
        let blocks = &self.router.blocks;
        let block = if self.router.tables().sets { blocks.nearest(self.block, role) } else { None };
        let set: Vec<Node<'c>> = block.map_or_else(Vec::new, |block| blocks.own_with(block, role).collect());
        let mut sent: Vec<SentHeader> = Vec::with_capacity(set.len() + 2);
        for directive in &set {
            let name = directive.arg(0).unwrap_or(b"");
            let text = directive.arg(1).unwrap_or(b"");
            if text == b"$proxy_host" {
                sent.push(header(name, host, Some(directive.id())));
                continue;
            }
            let value = self.eval_quietly(text);
            self.tell_header("sends", name, "", &value.text);
            if !value.known || !value.text.is_empty() {
                let known = value.known;
                sent.push(SentHeader { known, ..header(name, &value.text, Some(directive.id())) });
            }
        }
        let is_set = |name: &[u8]| {
            set.iter().any(|directive| directive.arg(0).is_some_and(|set| set.eq_ignore_ascii_case(name)))
        };
        if !is_set(b"Host") {
            sent.push(header(b"Host", host, None));
        }
        let keeps = self.router.version().is_none_or(|version| version >= KEEPS_SINCE);
        if !is_set(b"Connection") && !keeps {
            sent.push(header(b"Connection", b"close", None));
        }
        self.beside.facts.sent = sent;
    }
}

fn header(name: &[u8], value: &[u8], node: Option<NodeId>) -> SentHeader {
    SentHeader { name: name.to_vec(), value: value.to_vec(), known: true, node }
}

/// `$proxy_host`: host and port of a URL, without the port of its scheme.
fn proxy_host(url: &[u8]) -> &[u8] {
    let (own, rest) = match url.strip_prefix(b"https://") {
        Some(rest) => (&b":443"[..], rest),
        None => (&b":80"[..], url.strip_prefix(b"http://").unwrap_or(url)),
    };
    if rest.starts_with(b"unix:") {
        return b"localhost";
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    rest[..end].strip_suffix(own).unwrap_or(&rest[..end])
}
