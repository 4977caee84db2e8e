//! Passes to an address that no request decides: taken apart once.

use std::sync::OnceLock;

use foldhash::HashMap;

use super::traced::Traced;
use super::walk::{Turn, Walk, shown};
use crate::config::{Config, Node, NodeId};
use crate::request::PassKind;

/// Where such a pass leads.
#[derive(Debug)]
struct Fixed {
    /// Scheme, host and port.
    start: Vec<u8>,
    /// What follows.
    uri: Traced,
    upstream: Option<String>,
    servers: Vec<String>,
}

/// These passes by their directives, each made when a request first comes there; `None` is one whose text is no URL.
#[derive(Debug, Default)]
pub(super) struct Addresses(OnceLock<HashMap<NodeId, OnceLock<Option<Fixed>>>>);

impl Addresses {
    fn of(&self, config: &Config, directive: NodeId) -> &OnceLock<Option<Fixed>> {
        let kinds =
            [PassKind::Proxy, PassKind::Fastcgi, PassKind::Uwsgi, PassKind::Scgi, PassKind::Grpc].iter();
        let named = |kind: &PassKind| config.named(kind.directive()).map(|node| (node.id(), OnceLock::new()));
        let all = self.0.get_or_init(|| kinds.flat_map(named).collect());
        all.get(&directive).expect("every directive that passes on is there")
    }
}

impl<'c> Walk<'_, 'c> {
    /// Passes on to the text of a directive. Only for a walk that nobody watches: no question is asked.
    pub(super) fn pass_to(&mut self, directive: Node<'c>, kind: PassKind, text: &[u8]) -> Turn {
        let router = self.router;
        let place = router.addresses.of(router.config, directive.id());
        let Some(fixed) = place.get_or_init(|| self.fixed(kind, text)) else {
            return self.error(500, format!("{} gives {}, which is no URL", directive.name(), shown(text)));
        };
        let uri = match kind {
            PassKind::Proxy | PassKind::Grpc => self.uri_to_pass(directive, &fixed.uri, false),
            _ => Some(self.own_uri()),
        };
        let Some(uri) = uri else {
            return self.error(500, "the URI to pass on is empty");
        };
        let mut pass = Vec::with_capacity(fixed.start.len() + uri.len());
        pass.extend_from_slice(&fixed.start);
        pass.extend_from_slice(&uri);
        let to = (fixed.upstream.clone(), fixed.servers.clone());
        self.passed(directive, kind, to, Traced::text(pass))
    }

    fn fixed(&mut self, kind: PassKind, text: &[u8]) -> Option<Fixed> {
        let address = self.address(&Traced::text(text), kind, false)?;
        let (upstream, servers) = self.upstream(&address, false);
        let start = [address.scheme.as_bytes(), b"://", &address.authority].concat();
        Some(Fixed { start, uri: address.uri, upstream, servers })
    }
}
