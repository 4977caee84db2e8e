//! Where the redirects of a tree lead to: followed by the router, as a client would.

use std::collections::HashSet;
use std::net::IpAddr;

use evenkeel_model::{
    Config, Dependence, Language, ListenAddress, LocalAddress, NameKind, Node, NodeId, Outcome, Request,
    Route, Router, Server, ServerName,
};

use super::seeds::Seeds;
use super::server_of;

/// How many requests may be walked for a whole tree; what is not found by then is not reported.
const WALKS_MAX: usize = 100_000;

/// As many redirects as browsers follow.
const HOPS_MAX: usize = 20;

/// A request, and all the redirects that it leads to.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// At least one.
    pub(crate) hops: Vec<Hop>,
    pub(crate) end: End,
}

/// One redirect.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// What is asked for: `http://example.com/`.
    pub(crate) from: String,
    /// The `Location` that is answered.
    pub(crate) to: String,
    /// Who answers so.
    pub(crate) node: NodeId,
}

impl Hop {
    /// Whether it changes nothing but `http` into `https`.
    pub(crate) fn is_upgrade(&self) -> bool {
        let rest = |url: &str, scheme: &str| url.strip_prefix(scheme).map(str::to_owned);
        let from = rest(&self.from, "http://");
        from.is_some() && from == rest(&self.to, "https://")
    }

    /// Whether it leads from TLS into the clear.
    pub(crate) fn is_downgrade(&self) -> bool {
        self.from.starts_with("https://") && self.to.starts_with("http://")
    }
}

/// How a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer of this tree that is no redirect.
    Answer,
    /// At the hop from which it repeats, or with ever new addresses.
    Never(usize),
    /// At a host that this tree names elsewhere, and not where the redirect leads: the server that answers there.
    Stranger(NodeId),
    /// Somewhere else, or with what is not known here.
    Elsewhere,
}

/// The chain of every redirect of the tree, from the requests that come to it first.
pub(crate) fn chains(router: &Router<'_>) -> Vec<Chain> {
    let config = router.config();
    let mut seeds = Seeds::of(router);
    let mut followed = HashSet::new();
    let mut chains = Vec::new();
    let mut walks = WALKS_MAX;
    let redirects = config.named("return").chain(config.named("rewrite"));
    for node in redirects.filter(|node| node.context().is_http() && is_redirect(*node)) {
        for request in seeds.requests(node) {
            if walks == 0 {
                return chains;
            }
            if followed.insert(request.url()) {
                let chain = follow(router, request, &mut walks);
                chains.extend(Some(chain).filter(|chain| !chain.hops.is_empty()));
            }
        }
    }
    chains
}

/// Whether a `return` or a `rewrite` sends the client elsewhere.
fn is_redirect(node: Node<'_>) -> bool {
    let (first, second) = (node.arg(0).unwrap_or_default(), node.arg(1));
    if node.is("return") {
        return match second {
            Some(_) => matches!(first, b"301" | b"302" | b"303" | b"307" | b"308"),
            None => !first.iter().all(u8::is_ascii_digit),
        };
    }
    let leaves =
        |to: &[u8]| [&b"http://"[..], b"https://", b"$scheme"].iter().any(|start| to.starts_with(start));
    matches!(node.arg(2), Some(b"permanent" | b"redirect")) || second.is_some_and(leaves)
}

fn follow(router: &Router<'_>, first: Request, walks: &mut usize) -> Chain {
    let mut chain = Chain { hops: Vec::new(), end: End::Elsewhere };
    let mut seen: Vec<String> = Vec::new();
    let mut request = first;
    while *walks > 0 {
        *walks -= 1;
        let url = bare_url(&request);
        let again = seen.iter().position(|seen| *seen == url);
        if let Some(at) = again.or_else(|| (seen.len() > HOPS_MAX).then_some(0)) {
            if !chain.hops[at..].iter().any(|hop| is_in_many_places(router.config(), &hop.to)) {
                chain.end = End::Never(at);
            }
            return chain;
        }
        let route = router.outcome(&request);
        if let Some(before) = chain.hops.last()
            && !is_at_home(router, &route, &request, &before.from)
        {
            chain.end = stranger(router, &route, &request).map_or(End::Elsewhere, End::Stranger);
            return chain;
        }
        let is_client = |dependence: &Dependence| *dependence == Dependence::ClientAddress;
        if !route.depends_on.iter().all(is_client) || sets_cookie(&route) {
            return chain;
        }
        let Outcome::Redirect { location, .. } = &route.outcome else {
            chain.end = End::Answer;
            return chain;
        };
        let by = route.steps.iter().rev().find(|step| matches!(step.what, "return" | "rewrite"));
        let node = by.and_then(|step| step.node).or(route.location).or(route.server);
        let (Some(node), Some(next)) = (node, next(&request, location)) else { return chain };
        chain.hops.push(Hop { from: url.clone(), to: bare_url(&next), node });
        seen.push(url);
        request = next;
    }
    chain
}

/// The request that a client makes of a `Location`.
fn next(request: &Request, location: &[u8]) -> Option<Request> {
    let location = std::str::from_utf8(location).ok()?;
    if location.starts_with('/') && !location.starts_with("//") {
        let target = location.split('#').next()?.as_bytes().to_vec();
        return Some(Request { target, ..request.clone() });
    }
    let next = Request::parse(&format!("GET {location}")).ok()?;
    Some(Request { client: request.client, ..next })
}

/// Whether the server that answers is surely the one that a client would get to: it has the host among its names, or
/// the client was at this very port with this host already.
fn is_at_home(router: &Router<'_>, route: &Route, request: &Request, before: &str) -> bool {
    let was_here = bare_url(&Request { target: b"/".to_vec(), ..request.clone() });
    server(router, route).is_some_and(|server| names(server, &host(request)))
        || (route.server.is_some() && before.starts_with(&was_here))
}

/// Whether a host has servers at several addresses with the same port: which of them a client gets to, only DNS says.
fn is_in_many_places(config: &Config, url: &str) -> bool {
    let Ok(request) = Request::parse(url) else { return false };
    let host = host(&request);
    let mut places: Vec<IpAddr> = Vec::new();
    for server in config.servers().iter().filter(|server| names(server, &host)) {
        for listen in &server.listens {
            if let ListenAddress::Inet { ip, port, last } = listen.address
                && request.port.is_some_and(|wanted| (port..=last).contains(&wanted))
                && !places.iter().any(|known| *known == ip || known.is_unspecified() && ip.is_unspecified())
            {
                places.push(ip);
            }
        }
    }
    places.len() > 1
}

/// The server that answers for a host which another server of the same address has among its names: one that was made
/// for hosts of its own, or refuses.
fn stranger(router: &Router<'_>, route: &Route, request: &Request) -> Option<NodeId> {
    let found = server(router, route)?;
    let host = host(request);
    let (config, listen) = (router.config(), route.listen.as_ref()?);
    let is_alike = |server: &&Server| {
        let at = |name: &ServerName| name.kind == NameKind::Exact && name.text == host;
        let mut others = server.listens.iter().filter_map(|listen| match &listen.address {
            ListenAddress::Inet { ip, .. } => Some(*ip),
            _ => None,
        });
        let same = |ip: IpAddr| match listen {
            LocalAddress::Inet(address) => address.ip() == ip,
            LocalAddress::Unix(_) => false,
        };
        server.names.iter().any(at) && others.any(same)
    };
    config.servers().iter().find(is_alike)?;
    let refuses = matches!(route.outcome, Outcome::Close { .. });
    (refuses || super::unknown_hosts::is_for_hosts_of_its_own(found)).then_some(found.node)
}

fn server<'c>(router: &Router<'c>, route: &Route) -> Option<&'c Server> {
    server_of(router.config(), route.server?).map(|place| &router.config().servers()[place])
}

/// Whether a server has a host among its names.
fn names(server: &Server, host: &[u8]) -> bool {
    server.names.iter().any(|name| match (&name.text[..], name.kind) {
        (text, NameKind::Exact) => text == host,
        (text, NameKind::Dot) => host == &text[1..] || host.ends_with(text),
        (text, NameKind::LeadingWildcard) => host.ends_with(&text[1..]),
        (text, NameKind::TrailingWildcard) => host.starts_with(&text[..text.len() - 1]),
        (text, NameKind::Regex) => {
            Language::pattern(&text[1..], true).is_ok_and(|language| language.contains(host))
        }
    })
}

/// Whether the host of a URL is among the names of a server with TLS.
pub(crate) fn serves_with_tls(config: &Config, url: &str) -> bool {
    let Ok(request) = Request::parse(url) else { return false };
    let host = host(&request);
    let mut with_tls =
        config.servers().iter().filter(|server| server.listens.iter().any(|listen| listen.options.ssl));
    with_tls.any(|server| names(server, &host))
}

/// The next request may not be like this one.
fn sets_cookie(route: &Route) -> bool {
    route.facts.headers.iter().any(|header| header.name.eq_ignore_ascii_case(b"set-cookie"))
}

/// The host of a request, in lower case and without port.
fn host(request: &Request) -> Vec<u8> {
    let host = request.header("host").unwrap_or_default().to_ascii_lowercase();
    let end = host.iter().rposition(|&byte| byte == b':').filter(|_| !host.ends_with(b"]"));
    host[..end.unwrap_or(host.len())].to_vec()
}

fn bare_url(request: &Request) -> String {
    let url = request.url();
    url.split_once(' ').map_or(url.clone(), |(_, url)| url.to_owned())
}
