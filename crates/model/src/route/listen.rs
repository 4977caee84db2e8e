//! Which socket takes a connection, and which servers stand behind it.
//!
//! Source: `ngx_http_add_addresses`, `ngx_http_optimize_servers`, src/http/ngx_http.c; `ngx_http_init_connection`,
//! src/http/ngx_http_request.c

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use foldhash::{HashMap, HashMapExt as _};

use super::blocks::{Blocks, Role};
use super::name::Names;
use super::regex::Patterns;
use crate::config::{Config, NodeId};
use crate::listen::{Listen, ListenAddress};
use crate::lower::{Server, ServerKind};
use crate::request::{LocalAddress, Request};

/// An address and a port that nginx takes connections on.
pub(crate) struct Socket {
    pub(crate) key: Key,
    pub(crate) tls: bool,
    /// Whether a PROXY protocol header comes first.
    pub(crate) proxy_protocol: bool,
    /// Whether a `listen` says `http2`.
    pub(crate) http2: bool,
    /// The servers in order, by their place in [`Config::servers`].
    pub(crate) servers: Vec<usize>,
    /// The server for whatever no name claims.
    pub(crate) default: usize,
    pub(crate) default_is_marked: bool,
    /// The `listen` that brought the default server here.
    pub(crate) listen: Option<NodeId>,
    names: OnceLock<Arc<Names>>,
}

/// What a socket is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Inet(SocketAddr),
    Unix(Vec<u8>),
    /// A name that is resolved when nginx starts.
    Name(String, u16),
}

impl Key {
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Key::Inet(address) => Some(address.port()),
            Key::Name(_, port) => Some(*port),
            Key::Unix(_) => None,
        }
    }

    /// An address as a connection here shows it: one of IPv4 on a socket of IPv6 is written as one of IPv6.
    pub(crate) fn seen(&self, address: IpAddr) -> IpAddr {
        match (self, address) {
            (Key::Inet(SocketAddr::V6(_)), IpAddr::V4(v4)) => IpAddr::V6(v4.to_ipv6_mapped()),
            _ => address,
        }
    }

    /// The address as a request names it.
    pub(crate) fn local(&self) -> Option<LocalAddress> {
        match self {
            Key::Inet(address) => Some(LocalAddress::Inet(*address)),
            Key::Unix(path) => Some(LocalAddress::Unix(path.clone())),
            Key::Name(..) => None,
        }
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        matches!(self, Key::Inet(address) if address.ip().is_unspecified())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Inet(address) => write!(f, "{address}"),
            Key::Unix(path) => write!(f, "unix:{}", String::from_utf8_lossy(path)),
            Key::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl Socket {
    /// The names that are looked up here; `None` when a single server takes everything.
    pub(crate) fn names(&self, config: &Config, patterns: &Patterns) -> Option<&Arc<Names>> {
        // A single server's names are looked up for what their regexes capture, but only if the last of those does.
        let captures = || {
            let regexes = config.servers()[self.default].names.iter().rev();
            let mut regexes = regexes.filter_map(|name| name.text.strip_prefix(b"~"));
            regexes.next().is_some_and(|last| patterns.get(last, false).captures())
        };
        if self.servers.len() == 1 && !captures() {
            return None;
        }
        Some(self.names.get_or_init(|| Arc::new(Names::of(config, &self.servers, patterns))))
    }
}

/// All sockets of http.
pub(crate) struct Sockets {
    /// In the order in which the tree first names them.
    pub(crate) all: Vec<Socket>,
    by_key: HashMap<Key, usize>,
    /// The IPv6 wildcards that take IPv4 too.
    dual: Vec<usize>,
}

impl Sockets {
    /// Those of http, but for QUIC.
    pub(super) fn of(config: &Config, blocks: &Blocks<'_>) -> Sockets {
        let mut sockets = Sockets::of_kind(config, ServerKind::Http, |listen| !listen.options.quic);
        for socket in &mut sockets.all {
            // `ssl on`, as it was written before 1.25.1, counts where the default server has it.
            socket.tls |= blocks.flag(config.servers()[socket.default].node, Role::Ssl, false);
        }
        sockets
    }

    /// Those of one kind of servers whose `listen` is wanted.
    pub(crate) fn of_kind(config: &Config, kind: ServerKind, wanted: impl Fn(&Listen) -> bool) -> Sockets {
        let mut sockets = Sockets { all: Vec::new(), by_key: HashMap::new(), dual: Vec::new() };
        for (place, server) in config.servers().iter().enumerate() {
            if server.kind == kind {
                sockets.add(place, server, &wanted);
            }
        }
        sockets
    }

    fn add(&mut self, place: usize, server: &Server, wanted: &impl Fn(&Listen) -> bool) {
        for listen in server.listens.iter().filter(|listen| wanted(listen)) {
            for key in keys(&listen.address) {
                let index = *self.by_key.entry(key.clone()).or_insert_with(|| {
                    self.all.push(Socket {
                        key: key.clone(),
                        tls: false,
                        proxy_protocol: false,
                        http2: false,
                        servers: Vec::new(),
                        default: place,
                        default_is_marked: false,
                        listen: listen.node,
                        names: OnceLock::new(),
                    });
                    self.all.len() - 1
                });
                let socket = &mut self.all[index];
                socket.tls |= listen.options.ssl;
                socket.proxy_protocol |= listen.options.proxy_protocol;
                socket.http2 |= listen.options.http2;
                if listen.options.default_server && !socket.default_is_marked {
                    (socket.default, socket.default_is_marked) = (place, true);
                    socket.listen = listen.node;
                }
                if socket.servers.last() != Some(&place) {
                    socket.servers.push(place);
                }
                let dual = listen.options.ipv6only == Some(false) && key.is_wildcard();
                if dual && matches!(key, Key::Inet(SocketAddr::V6(_))) {
                    self.dual.push(index);
                }
            }
        }
    }

    /// The socket that takes a connection to a local address: the address itself before the wildcard.
    pub(crate) fn at(&self, address: &LocalAddress) -> Option<usize> {
        let address = match address {
            LocalAddress::Unix(path) => return self.by_key.get(&Key::Unix(path.clone())).copied(),
            LocalAddress::Inet(address) => *address,
        };
        let find = |ip: IpAddr| self.by_key.get(&Key::Inet(SocketAddr::new(ip, address.port()))).copied();
        let wildcard = match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let port = address.port();
        let dual = || self.dual.iter().copied().find(|&at| self.all[at].key.port() == Some(port));
        find(address.ip()).or_else(|| find(wildcard)).or_else(|| address.is_ipv4().then(dual).flatten())
    }

    /// Whether a name that nginx resolves at its start could be this very port.
    pub(crate) fn named_with_port(&self, port: u16) -> bool {
        self.all.iter().any(|socket| matches!(&socket.key, Key::Name(_, named) if *named == port))
    }

    /// The socket for a request that says a port but no address: of those that fit, the first that knows the host,
    /// else the first that others than this machine can reach, else the first.
    pub(crate) fn guess(&self, request: &Request, knows: impl Fn(&Socket) -> bool) -> Option<usize> {
        let fits = |socket: &Socket| request.port.is_none_or(|port| socket.key.port() == Some(port));
        let same_tls = |socket: &Socket| socket.tls == request.tls;
        let any_of_port = || (0..self.all.len()).filter(|&at| fits(&self.all[at]));
        let needs_tls = any_of_port().any(|at| same_tls(&self.all[at]));
        let fitting = || any_of_port().filter(|&at| !needs_tls || same_tls(&self.all[at]));
        if fitting().nth(1).is_none() {
            return fitting().next();
        }
        let open = |socket: &Socket| match &socket.key {
            Key::Inet(address) => !address.ip().is_loopback(),
            Key::Name(name, _) => name != "localhost",
            Key::Unix(_) => false,
        };
        let literal = request.header("host").and_then(literal_ip);
        let exact =
            |socket: &Socket| matches!((&socket.key, literal), (Key::Inet(a), Some(ip)) if a.ip() == ip);
        let first = |test: &dyn Fn(&Socket) -> bool| fitting().find(|&at| test(&self.all[at]));
        first(&exact)
            .or_else(|| first(&|socket| open(socket) && knows(socket)))
            .or_else(|| first(&|socket| knows(socket)))
            .or_else(|| first(&open))
            .or_else(|| fitting().next())
    }
}

/// The IP address that a `Host` header is, if it is one.
fn literal_ip(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    let address = text.parse::<SocketAddr>().map(|address| address.ip());
    address.or_else(|_| text.trim_matches(['[', ']']).parse()).ok()
}

fn keys(address: &ListenAddress) -> Vec<Key> {
    match address {
        ListenAddress::Inet { ip, port, last } => {
            (*port..=*last).map(|port| Key::Inet(SocketAddr::new(*ip, port))).collect()
        }
        ListenAddress::Unix(path) => vec![Key::Unix(path.clone())],
        ListenAddress::Name { host, port } => vec![Key::Name(host.clone(), *port)],
    }
}
