//! What nginx connects to, elsewhere.

use evenkeel_model::{Node, Pass};

use super::rewrite::{BINDS, Work};
use crate::reach::{Address, Target, targets};

impl Work<'_> {
    /// Everything that nginx connects to.
    pub(super) fn passes(&mut self) {
        let passes = self.config.passes();
        let all = targets(self.config);
        self.unbound(&passes, &all);
        for target in all {
            let node = self.config.node(target.node);
            let Some(place) = self.addresses.target(&target.address, self.tree) else { continue };
            match node.name() {
                "server" => self.argument(node, 0, place.as_bytes()),
                "resolver" => self.resolver(node),
                "auth_http" | "ssl_stapling_responder" | "ssl_ocsp_responder" => self.url(node, &place),
                _ => {
                    if let Some(pass) = passes.iter().find(|pass| pass.node == target.node) {
                        self.pass(node, pass, &target, &place);
                    }
                }
            }
        }
    }

    /// A unix socket is connected to from no address.
    fn unbound(&mut self, passes: &[Pass], targets: &[Target]) {
        let unix = |target: &&Target| matches!(target.address, Address::Unix(_));
        let unix: Vec<&Target> = targets.iter().filter(unix).collect();
        for pass in passes {
            let leads = |target: &&&Target| match &target.upstream {
                Some(name) => pass.port.is_none() && pass.host.eq_ignore_ascii_case(name.as_bytes()),
                None => target.node == pass.node,
            };
            let node = self.config.node(pass.node);
            let bind = BINDS.iter().find(|(name, _)| node.is(name));
            if let (Some((_, bind)), Some(_)) = (bind, unix.iter().find(leads)) {
                self.before(node, &format!("{bind} off; "));
            }
        }
    }

    fn resolver(&mut self, node: Node<'_>) {
        let servers = self.targets_of(node.id());
        let words = node.args().enumerate().filter(|(_, word)| !word.contains(&b'='));
        for ((index, _), server) in words.zip(servers) {
            if let Some(place) = self.addresses.target(&server.address, self.tree) {
                self.argument(node, index, place.as_bytes());
            }
        }
    }

    fn url(&mut self, node: Node<'_>, place: &str) {
        let url = node.arg(0).unwrap_or(b"");
        let (scheme, rest) = match url.strip_prefix(b"http://") {
            Some(rest) => ("http://", rest),
            None => ("", url),
        };
        let path = rest.iter().position(|&byte| byte == b'/').map_or(&b""[..], |at| &rest[at..]);
        self.argument(node, 0, &[scheme.as_bytes(), place.as_bytes(), path].concat());
    }

    fn pass(&mut self, node: Node<'_>, pass: &Pass, target: &Target, place: &str) {
        let mut value = Vec::new();
        if let Some(scheme) = &pass.scheme {
            value.extend_from_slice(format!("{scheme}://").as_bytes());
        }
        value.extend_from_slice(place.as_bytes());
        if matches!(target.address, Address::Unix(_)) && !pass.uri.is_empty() {
            value.push(b':');
        }
        value.extend_from_slice(&pass.uri);
        self.argument(node, 0, &value);
        let verified = [
            ("proxy_pass", "proxy_ssl_name"),
            ("grpc_pass", "grpc_ssl_name"),
            ("uwsgi_pass", "uwsgi_ssl_name"),
        ];
        let named = verified.iter().find(|(name, _)| node.is(name)).map(|(_, named)| *named);
        let tls = pass.scheme.as_deref().is_some_and(|scheme| scheme.ends_with('s') && scheme != "grpc");
        if let (Some(named), Address::Name { host, .. }, true) = (named, &target.address, tls)
            && !node.ancestors().any(|block| block.children().any(|child| child.is(named)))
        {
            // nginx asks for the name that stands in the URL, which is an address now.
            self.before(node, &format!("{named} {host}; "));
        }
        self.note("upstreams that stand in a `proxy_pass` see an address of loopback in their Host header");
    }
}
