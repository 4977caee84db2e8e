//! What a `proxy_pass` in a location for a prefix makes of an address: asked of the router.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_model::{Atom, Config, Dependence, Is, Node, Outcome, Request, Router, World};

use super::{prefix_of, server_of, shown_uri};

/// A `proxy_pass` that stands in a location for a prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proxied<'c> {
    /// The directive.
    pub(crate) pass: Node<'c>,
    /// The location.
    pub(crate) location: Node<'c>,
    /// The text of the location.
    pub(crate) prefix: &'c [u8],
    /// What follows host and port, as it stands: empty where there is no such thing.
    pub(crate) uri: &'c [u8],
    /// Whether it has variables.
    pub(crate) variables: bool,
}

/// An address and what an upstream is asked for it; both without host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) asked: String,
    pub(crate) passed: String,
}

/// Every `proxy_pass` of a location for a prefix.
pub(crate) fn proxied<'c>(config: &'c Config) -> impl Iterator<Item = Proxied<'c>> {
    config.named("proxy_pass").filter_map(|pass| {
        let location = pass.parent().filter(|node| node.is("location") && node.context().is_http())?;
        let prefix = prefix_of(location)?;
        let value = pass.arg(0)?;
        Some(Proxied { pass, location, prefix, uri: own_uri(value), variables: value.contains(&b'$') })
    })
}

impl<'c> Proxied<'c> {
    /// The rewrites of the location.
    pub(crate) fn rewrites(&self) -> impl Iterator<Item = Node<'c>> + use<'c> {
        self.pass.config().named_in_block(self.location.id(), "rewrite")
    }

    /// What becomes of the address that is the prefix and then `rest`, for a client that is let in; `None` when it is not
    /// passed by this directive, or when that rests on something that is not known here.
    pub(crate) fn forward(&self, router: &Router<'_>, rest: &str) -> Option<Forwarded> {
        let target = format!("{}{rest}", shown_uri(self.prefix));
        let mut request = Request { target: target.clone().into_bytes(), ..self.door(router)? };
        request.headers.push((b"Authorization".to_vec(), b"Basic dTpw".to_vec()));
        request.client = self.client();
        let route = router.route_in(&request, &welcome());
        let Outcome::Pass { pass, .. } = route.outcome else { return None };
        let is_open = |dependence: &Dependence| {
            matches!(dependence, Dependence::ClientAddress | Dependence::UpstreamResponse)
        };
        if route.location != Some(self.location.id()) || !route.depends_on.iter().all(is_open) {
            return None;
        }
        let uri =
            self.authority().and_then(|start| pass.strip_prefix(start)).unwrap_or_else(|| own_uri(&pass));
        Some(Forwarded { asked: target, passed: String::from_utf8_lossy(uri).into_owned() })
    }

    /// Scheme, host and port as they stand, where the router writes them alike.
    fn authority(&self) -> Option<&[u8]> {
        let value = self.pass.arg(0).filter(|_| !self.variables)?;
        let start = value.strip_suffix(self.uri)?;
        Some(start.strip_suffix(b":").unwrap_or(start))
    }

    /// A client that the rules of the location or of what is around it let in, where they name one.
    fn client(&self) -> Option<IpAddr> {
        let mut blocks = std::iter::once(self.location).chain(self.location.ancestors());
        let allow = blocks.find_map(|block| block.find("allow").next())?;
        allow.arg_str(0)?.split('/').next()?.parse().ok()
    }

    /// The first of these that is passed by this directive.
    pub(crate) fn forward_one_of(&self, router: &Router<'_>, rests: &[&str]) -> Option<Forwarded> {
        rests.iter().find_map(|rest| self.forward(router, rest))
    }

    /// A request that the server answers in which it stands.
    fn door(&self, router: &Router<'_>) -> Option<Request> {
        let server = self.location.ancestors().find(|node| node.is("server"))?.id();
        router.door(server_of(router.config(), server)?)
    }

    /// The location's text, for people.
    pub(crate) fn shown_prefix(&self) -> String {
        String::from_utf8_lossy(self.prefix).into_owned()
    }
}

/// Every password is right, and whoever is asked says yes.
fn welcome() -> World {
    let yes = [(Atom::Password(Vec::new()), Is::Yes), (Atom::AuthRequest(Vec::new()), Is::Status(200))];
    World(BTreeMap::from(yes))
}

/// What follows host and port in the URL of a pass.
fn own_uri(url: &[u8]) -> &[u8] {
    let start = url.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let rest = &url[start..];
    let end = match rest.strip_prefix(b"unix:") {
        Some(path) => path.iter().position(|&byte| byte == b':').map(|at| at + 6),
        None => rest.iter().position(|byte| matches!(byte, b'/' | b'?')),
    };
    &rest[end.unwrap_or(rest.len())..]
}

#[cfg(test)]
mod tests {
    use super::own_uri;

    #[test]
    fn the_path_of_a_url_begins_behind_host_and_port() {
        assert_eq!(own_uri(b"http://app"), b"");
        assert_eq!(own_uri(b"http://app:81/a/b?c"), b"/a/b?c");
        assert_eq!(own_uri(b"http://app?c"), b"?c");
        assert_eq!(own_uri(b"http://unix:/run/app.sock"), b"");
        assert_eq!(own_uri(b"http://unix:/run/app.sock:/a/"), b"/a/");
    }
}
