//! A request for every server and every location: the plainest one that gets there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Router;
use super::generate;
use crate::config::{Config, Node, NodeId};
use crate::listen::{Listen, ListenAddress};
use crate::lower::{Location, LocationKind, NameKind, Server, ServerKind};
use crate::request::{HttpVersion, LocalAddress, Request, Route};

/// A block, and a request that reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The `server` or the `location`.
    pub node: NodeId,
    /// A request that nginx answers by this block, or that passes through it.
    pub request: Option<Request>,
    /// Why there is none, for people.
    pub why_not: Option<String>,
}

/// A request for every http server and every location of it, each checked by the router; or why there is none.
pub fn witnesses(config: &Config) -> Vec<Witness> {
    Router::new(config).witnesses()
}

impl Router<'_> {
    /// The same, with what this router knows of files.
    pub fn witnesses(&self) -> Vec<Witness> {
        let mut witnesses = Vec::new();
        for server in self.config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
            let found = doors(server).into_iter().find(|door| self.opens(door, server));
            let node = server.node;
            match found {
                Some(door) => {
                    witnesses.push(Witness { node, request: Some(door.clone()), why_not: None });
                    self.level(&door, &server.locations, &[], &mut witnesses);
                }
                None => {
                    let why = String::from(
                        "no name and no address leads to this server alone: others take them first",
                    );
                    witnesses.push(Witness { node, request: None, why_not: Some(why.clone()) });
                    nobody(&server.locations, &why, &mut witnesses);
                }
            }
        }
        witnesses
    }

    /// A plain request for `/` that a server answers, by its place in `Config::servers`; `None` when no plain one does.
    pub fn door(&self, server: usize) -> Option<Request> {
        self.doors(server).next()
    }

    /// Plain requests for `/` that a server answers: by each of its names and at each of its addresses.
    pub fn doors(&self, server: usize) -> impl Iterator<Item = Request> + '_ {
        let server = &self.config.servers()[server];
        doors(server).into_iter().filter(|door| self.opens(door, server))
    }

    fn opens(&self, door: &Request, server: &Server) -> bool {
        self.outcome(door).server == Some(server.node)
    }

    /// `around` are the texts of the locations that these stand in, outermost first.
    fn level(
        &self,
        door: &Request,
        locations: &[Location],
        around: &[&Location],
        witnesses: &mut Vec<Witness>,
    ) {
        for location in locations {
            let found = self.location(door, location, around);
            let (request, why_not) = match found {
                Ok(request) => (Some(request), None),
                Err(why) => (None, Some(why)),
            };
            witnesses.push(Witness { node: location.node, request, why_not });
            let around: Vec<&Location> = around.iter().copied().chain([location]).collect();
            self.level(door, &location.children, &around, witnesses);
        }
    }

    fn location(&self, door: &Request, location: &Location, around: &[&Location]) -> Result<Request, String> {
        let is_regex = |location: &&Location| matches!(location.kind, LocationKind::Regex { .. });
        if location.kind == LocationKind::Named {
            return Err(String::from("a named location is reached from inside only"));
        }
        if let Some(outer) = around.iter().find(|outer| is_regex(outer))
            && !is_regex(&location)
        {
            let line = self.config.node(outer.node).line();
            return Err(format!(
                "it stands in the regex location of line {line}, where nginx compares no texts"
            ));
        }
        if self.config.node(location.node).find("internal").next().is_some() {
            return Err(String::from("it is internal: clients get 404"));
        }
        let mut elsewhere: Option<(Request, Route)> = None;
        for uri in uris(location, around) {
            let request = Request { target: encoded(&uri), ..door.clone() };
            let route = self.route(&request);
            if passes_through(&route, location.node) {
                return Ok(request);
            }
            elsewhere = elsewhere.or(Some((request, route)));
        }
        Err(match elsewhere {
            None => String::from("no text is known that its regex matches"),
            Some((request, route)) => {
                let last = route.location.or(route.server).map(|node| self.place(self.config.node(node)));
                format!("{} ends in {}", request.url(), last.unwrap_or_else(|| String::from("no server")))
            }
        })
    }

    fn place(&self, node: Node<'_>) -> String {
        let argument = node.args().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
        let text = format!("{} {argument}", node.name());
        format!("{} ({}:{})", text.trim_end(), node.source().display, node.line())
    }
}

/// Whether a location was the end of one of the searches on the way.
fn passes_through(route: &Route, location: NodeId) -> bool {
    let ends = route.steps.iter().enumerate().filter(|(at, step)| {
        let next = route.steps.get(at + 1);
        step.what == "location" && next.is_none_or(|next| next.what != "location")
    });
    route.location == Some(location) || ends.into_iter().any(|(_, step)| step.node == Some(location))
}

fn nobody(locations: &[Location], why: &str, witnesses: &mut Vec<Witness>) {
    for location in locations {
        witnesses.push(Witness { node: location.node, request: None, why_not: Some(why.to_owned()) });
        nobody(&location.children, why, witnesses);
    }
}

/// Requests for `/` that may lead to a server, the plainest first.
fn doors(server: &Server) -> Vec<Request> {
    let mut doors = Vec::new();
    let names = server.names.iter().flat_map(hosts_of).map(Some);
    // `_` is a name like any other, and nobody sends it: whoever wrote it means the rest of the world.
    let is_said = |name: &Option<Vec<u8>>| name.iter().flatten().any(u8::is_ascii_alphanumeric);
    let (mut hosts, unsaid): (Vec<Option<Vec<u8>>>, Vec<_>) = names.partition(is_said);
    hosts.extend([Some(b"localhost".to_vec()), Some(b"no-such-name.test".to_vec()), None]);
    hosts.extend(unsaid);
    for precise in [false, true] {
        for listen in server.listens.iter().filter(|listen| !listen.options.quic) {
            for host in &hosts {
                for address in addresses(&listen.address, precise) {
                    doors.push(door(listen, address, host.as_deref()));
                }
            }
        }
    }
    doors
}

/// The names to ask a server name by.
pub(super) fn hosts_of(name: &crate::lower::ServerName) -> Vec<Vec<u8>> {
    let text = &name.text[..];
    match name.kind {
        NameKind::Exact => vec![text.to_vec()],
        NameKind::LeadingWildcard => {
            vec![[b"www".as_slice(), &text[1..]].concat(), [b"a.b".as_slice(), &text[1..]].concat()]
        }
        NameKind::TrailingWildcard => vec![[&text[..text.len() - 1], b"test"].concat()],
        NameKind::Dot => vec![text[1..].to_vec(), [b"www", text].concat()],
        NameKind::Regex => {
            let (strings, loose) = generate::strings(&text[1..]);
            let valid = |host: &Vec<u8>| {
                !host.is_empty()
                    && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
            };
            let ends = strings.iter().filter(|_| loose).map(|host| [b"a", &host[..]].concat());
            strings.iter().cloned().chain(ends).map(|host| host.to_ascii_lowercase()).filter(valid).collect()
        }
    }
}

/// The local addresses to say: none, or the very one.
fn addresses(address: &ListenAddress, precise: bool) -> Vec<Option<LocalAddress>> {
    let inet = |ip: IpAddr, port: u16| Some(LocalAddress::Inet(SocketAddr::new(ip, port)));
    match address {
        ListenAddress::Unix(path) if precise => vec![Some(LocalAddress::Unix(path.clone()))],
        ListenAddress::Unix(_) => Vec::new(),
        _ if !precise => vec![None],
        ListenAddress::Inet { ip, port, .. } if !ip.is_unspecified() => vec![inet(*ip, *port)],
        ListenAddress::Inet { ip: IpAddr::V4(_), port, .. } => {
            vec![inet(Ipv4Addr::LOCALHOST.into(), *port), inet(Ipv4Addr::new(127, 0, 0, 2).into(), *port)]
        }
        ListenAddress::Inet { port, .. } => vec![inet(Ipv6Addr::LOCALHOST.into(), *port)],
        ListenAddress::Name { .. } => Vec::new(),
    }
}

fn door(listen: &Listen, address: Option<LocalAddress>, host: Option<&[u8]>) -> Request {
    let port = match &listen.address {
        ListenAddress::Inet { port, .. } | ListenAddress::Name { port, .. } => Some(*port),
        ListenAddress::Unix(_) => None,
    };
    let tls = listen.options.ssl;
    let default_port = if tls { 443 } else { 80 };
    let with_port = |host: &[u8]| match port.filter(|&port| port != default_port) {
        Some(port) => [host, b":", port.to_string().as_bytes()].concat(),
        None => host.to_vec(),
    };
    let header = |host: &[u8]| (b"Host".to_vec(), with_port(host));
    Request {
        method: b"GET".to_vec(),
        target: b"/".to_vec(),
        version: if host.is_some() { HttpVersion::V1_1 } else { HttpVersion::V1_0 },
        headers: host.iter().map(|host| header(host)).collect(),
        listen: address,
        port,
        tls,
        sni: host.filter(|_| tls).map(<[u8]>::to_vec),
        client: None,
    }
}

/// URIs that may lead to a location, the plainest first.
fn uris(location: &Location, around: &[&Location]) -> Vec<Vec<u8>> {
    let outer = around.iter().rev().find(|outer| !matches!(outer.kind, LocationKind::Regex { .. }));
    let outer = outer.map_or(&b"/"[..], |outer| &outer.pattern);
    let text = &location.pattern[..];
    let strings = match location.kind {
        LocationKind::Exact | LocationKind::Named => vec![text.to_vec()],
        LocationKind::Prefix | LocationKind::PrefixNoRegex => {
            [&b""[..], b"x", b"/", b"/x", b"-"].iter().map(|end| [text, end].concat()).collect()
        }
        LocationKind::Regex { .. } => {
            let (strings, loose) = generate::strings(text);
            let inner: Vec<Vec<u8>> = around
                .iter()
                .flat_map(|outer| match outer.kind {
                    LocationKind::Regex { .. } => generate::strings(&outer.pattern).0,
                    _ => Vec::new(),
                })
                .collect();
            let inside = |string: &Vec<u8>| {
                let starts: Vec<Vec<u8>> = if loose {
                    [outer, b"/a", b"/"].iter().map(|start| [*start, string].concat()).collect()
                } else {
                    vec![string.clone(), [b"/", &string[..]].concat()]
                };
                let slash_a = loose.then(|| [outer, b"/a", string].concat());
                let both = inner
                    .iter()
                    .flat_map(|outer| [[&outer[..], string].concat(), [&string[..], outer].concat()]);
                let mut all: Vec<Vec<u8>> =
                    if string.starts_with(b"/") { vec![string.clone()] } else { Vec::new() };
                all.extend(starts.into_iter().chain(slash_a).chain(both));
                all
            };
            strings.iter().flat_map(inside).chain(inner.clone()).collect()
        }
    };
    let with_slash = |uri: Vec<u8>| if uri.starts_with(b"/") { uri } else { [b"/", &uri[..]].concat() };
    strings.into_iter().map(with_slash).collect()
}

/// A normalized URI as a client writes it.
fn encoded(uri: &[u8]) -> Vec<u8> {
    super::uri::escape(uri, super::uri::Escape::Uri)
}
