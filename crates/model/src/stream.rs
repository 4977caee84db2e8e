//! Where the stream servers of nginx send a connection, and why.
//!
//! A [`StreamRouter`] walks the phases of a session: the socket, the PROXY protocol, `set`, `allow` and `deny`, the TLS
//! handshake or a look at it, then what answers. Up to the handshake the default server of the socket decides alone; what
//! the server of the name says of addresses and variables is never asked.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::lower::{ServerKind, Upstream};
use crate::request::{Dependence, LocalAddress};
use crate::route::defined::{Definitions, Names, definitions, own_variables};
use crate::route::geo::Geo;
use crate::route::listen::{Key, Socket, Sockets};
use crate::route::map::Map;
use crate::route::question::{Question, Shape};
use crate::route::regex::Patterns;
use crate::route::split::Shares;

mod connection;
mod define;
mod diff;
mod hello;
mod open;
mod pass;
mod peer;
mod session;
#[cfg(test)]
mod tests;
mod variables;

pub use connection::{Connection, ConnectionError, Hello, Preface, StreamOutcome, StreamRoute, TlsVersion};

pub use diff::{StreamChange, stream_diff};

use session::Session;

/// The stream servers of a configuration, made ready to route connections.
pub struct StreamRouter<'c> {
    config: &'c Config,
    tcp: Sockets,
    udp: Sockets,
    /// Those of http and of mail, which `pass` may hand a connection to.
    others: [Sockets; 2],
    patterns: Patterns,
    defined: Definitions,
    own_variables: Names,
    maps: OnceLock<HashMap<NodeId, Arc<Map>>>,
    geos: OnceLock<HashMap<NodeId, Geo>>,
    shares: OnceLock<HashMap<NodeId, Shares>>,
    /// By the name in lower case.
    upstreams: HashMap<Vec<u8>, usize>,
    /// Host and port of every `proxy_pass` without variables, in lower case: nginx resolves them when it starts.
    resolved: HashSet<Vec<u8>>,
}

/// The way of a connection, with everything that it turned on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamObserved {
    /// The way.
    pub route: StreamRoute,
    /// What was asked, in order. Another connection to the same socket for which all of them get the same answer goes the
    /// same way.
    pub questions: Vec<Question>,
    /// The outcome.
    pub shape: Shape,
}

impl<'c> StreamRouter<'c> {
    /// Makes the stream servers of a configuration ready.
    pub fn new(config: &'c Config) -> StreamRouter<'c> {
        let of = |kind, udp| Sockets::of_kind(config, kind, move |listen| listen.options.udp == udp);
        let upstreams = config.upstreams().iter().enumerate().filter(|(_, upstream)| upstream.stream);
        let mut by_name = HashMap::new();
        for (place, upstream) in upstreams {
            by_name.entry(upstream.name.to_ascii_lowercase()).or_insert(place);
        }
        let passes = config.named("proxy_pass").filter(|node| node.context() == Context::StreamServer);
        let fixed = passes.filter_map(|node| node.arg(0)).filter(|value| !value.contains(&b'$'));
        StreamRouter {
            config,
            tcp: of(ServerKind::Stream, false),
            udp: of(ServerKind::Stream, true),
            others: [
                Sockets::of_kind(config, ServerKind::Http, |listen| !listen.options.quic),
                of(ServerKind::Mail, false),
            ],
            patterns: Patterns::default(),
            defined: definitions(config, Context::is_stream),
            own_variables: own_variables(config, Context::is_stream),
            maps: OnceLock::new(),
            geos: OnceLock::new(),
            shares: OnceLock::new(),
            upstreams: by_name,
            resolved: fixed.map(<[u8]>::to_ascii_lowercase).collect(),
        }
    }

    /// Whether there is any socket of stream.
    pub fn listens(&self) -> bool {
        !self.tcp.all.is_empty() || !self.udp.all.is_empty()
    }

    /// Whether a connection would find a socket of stream: what decides whether a port is stream's or http's.
    pub fn takes(&self, connection: &Connection) -> bool {
        open::socket(self, connection).is_some()
    }

    /// The way of a connection. It never fails: what cannot be known is in `depends_on`.
    pub fn route(&self, connection: &Connection) -> StreamRoute {
        self.observe(connection).route
    }

    /// The way of a connection, with everything that it turned on.
    pub fn observe(&self, connection: &Connection) -> StreamObserved {
        let mut observed = Session::run(self, connection);
        let hole = |include: &crate::Include| {
            let context = self.config.node(include.node).context();
            !include.known && (context.is_stream() || context == Context::Main || context.is_raw())
        };
        if self.config.includes().iter().any(hole) {
            observed.route.depends_on.push(Dependence::Module(String::from("include")));
        }
        observed
    }

    fn sockets(&self, udp: bool) -> &Sockets {
        if udp { &self.udp } else { &self.tcp }
    }

    fn made<T>(&self, directive: &str, make: impl Fn(Node<'c>) -> T) -> HashMap<NodeId, T> {
        let blocks = self.config.named(directive);
        let blocks = blocks.filter(|node| node.is_block() && node.context() == Context::Stream);
        blocks.map(|node| (node.id(), make(node))).collect()
    }

    fn map(&self, node: NodeId) -> Option<&Arc<Map>> {
        self.maps.get_or_init(|| self.made("map", |node| Arc::new(Map::of(node, &self.patterns)))).get(&node)
    }

    fn geo(&self, node: NodeId) -> Option<&Geo> {
        self.geos.get_or_init(|| self.made("geo", Geo::of)).get(&node)
    }

    fn shares(&self, node: NodeId) -> Option<&Shares> {
        self.shares.get_or_init(|| self.made("split_clients", Shares::of)).get(&node)
    }

    fn upstream(&self, name: &[u8]) -> Option<&'c Upstream> {
        self.config.upstreams().get(*self.upstreams.get(&name.to_ascii_lowercase())?)
    }

    fn server(&self, place: usize) -> Node<'c> {
        self.config.node(self.config.servers()[place].node)
    }

    /// The directives `name` that are in force in a server, in the order of the text.
    fn in_force(&self, server: usize, name: &str) -> Vec<Node<'c>> {
        let nodes = self.config.effective(self.config.servers()[server].node, name);
        nodes.into_iter().map(|node| self.config.node(node)).collect()
    }

    /// The value of an `on`/`off` directive that is in force in a server; the directive, where it is on.
    fn flag(&self, server: usize, name: &str) -> Option<NodeId> {
        let node = self.in_force(server, name).pop()?;
        node.arg(0).is_some_and(|value| value.eq_ignore_ascii_case(b"on")).then(|| node.id())
    }

    /// The socket that `pass` finds for an address, and the address by which its server is chosen: where nginx listens on all
    /// addresses, that of the connection.
    ///
    /// Source: `ngx_stream_pass_match`, src/stream/ngx_stream_pass_module.c
    fn listening<'s>(
        &self,
        sockets: &'s Sockets,
        to: &LocalAddress,
        local: Option<SocketAddr>,
    ) -> Option<&'s Socket> {
        let key = |key: &Key| sockets.all.iter().find(|socket| socket.key == *key);
        let address = match to {
            LocalAddress::Unix(path) => return key(&Key::Unix(path.clone())),
            LocalAddress::Inet(address) => *address,
        };
        let mut wildcard = address;
        wildcard.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        });
        let everywhere = key(&Key::Inet(wildcard));
        if !address.ip().is_unspecified() {
            return key(&Key::Inet(address)).or(everywhere);
        }
        let real = local.map(|local| Key::Inet(SocketAddr::new(local.ip(), address.port())));
        everywhere.and_then(|everywhere| real.and_then(|real| key(&real)).or(Some(everywhere)))
    }
}
