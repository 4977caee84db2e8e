//! Typed views: servers, their listens, names and locations; upstreams.

use std::net::Ipv4Addr;

use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::listen::{Listen, ListenAddress, Options, parse_address};

/// The views of a configuration, made once when it is loaded.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) servers: Vec<Server>,
    pub(crate) upstreams: Vec<Upstream>,
}

/// What kind of traffic a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerKind {
    /// `http { server { } }`
    Http,
    /// `stream { server { } }`
    Stream,
    /// `mail { server { } }`
    Mail,
}

/// A `server` block.
#[derive(Debug, Clone)]
pub struct Server {
    /// The directive.
    pub node: NodeId,
    /// Where it stands.
    pub kind: ServerKind,
    /// Where it listens; nginx's default when the block says nothing (http only).
    pub listens: Vec<Listen>,
    /// Its names, in order; none when it has no `server_name` (nginx then names it `""`).
    pub names: Vec<ServerName>,
    /// Its outermost locations, in order.
    pub locations: Vec<Location>,
}

/// One name of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName {
    /// The name as it stands, in lower case unless it is a regex.
    pub text: Vec<u8>,
    /// How it matches.
    pub kind: NameKind,
    /// The `server_name` that has it.
    pub node: NodeId,
    /// Which argument of that it is, from 0.
    pub arg: usize,
}

/// How a server name matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// The whole name.
    Exact,
    /// `*.example.com`
    LeadingWildcard,
    /// `www.example.*`
    TrailingWildcard,
    /// `.example.com`: the name itself and every name below it.
    Dot,
    /// `~^www\d+`
    Regex,
}

/// A `location` block.
#[derive(Debug, Clone)]
pub struct Location {
    /// The directive.
    pub node: NodeId,
    /// How it matches.
    pub kind: LocationKind,
    /// The pattern without its modifier; a named location's has its `@`.
    pub pattern: Vec<u8>,
    /// The locations inside it.
    pub children: Vec<Location>,
}

/// How a location matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocationKind {
    /// `location /a`
    Prefix,
    /// `location ^~ /a`
    PrefixNoRegex,
    /// `location = /a`
    Exact,
    /// `location ~ a`, `location ~* a`
    Regex {
        /// Whether the case of letters is ignored.
        caseless: bool,
    },
    /// `location @a`
    Named,
}

/// An `upstream` block.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The directive.
    pub node: NodeId,
    /// Whether it stands in `stream { }`.
    pub stream: bool,
    /// Its name.
    pub name: Vec<u8>,
    /// Its servers, in order.
    pub servers: Vec<UpstreamServer>,
}

/// A `server` of an upstream.
#[derive(Debug, Clone)]
pub struct UpstreamServer {
    /// The directive.
    pub node: NodeId,
    /// The address as it stands: a host or an IP address, perhaps with a port, or `unix:` and a path.
    pub address: Vec<u8>,
    /// `backup`
    pub backup: bool,
    /// `down`
    pub down: bool,
}

/// What nginx listens on for http when a server does not say (as root).
const DEFAULT_LISTEN: ListenAddress =
    ListenAddress::Inet { ip: std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 80, last: 80 };

impl Config {
    /// The servers of http, stream and mail, in the order in which nginx reads them.
    pub fn servers(&self) -> &[Server] {
        &self.lowered.servers
    }

    /// The upstreams of http and stream.
    pub fn upstreams(&self) -> &[Upstream] {
        &self.lowered.upstreams
    }

    /// The `http` block. (A second one is an error of its own.)
    pub fn http(&self) -> Option<Node<'_>> {
        self.root().find("http").find(|node| node.is_block())
    }

    /// The `stream` block.
    pub fn stream(&self) -> Option<Node<'_>> {
        self.root().find("stream").find(|node| node.is_block())
    }

    /// The `mail` block.
    pub fn mail(&self) -> Option<Node<'_>> {
        self.root().find("mail").find(|node| node.is_block())
    }

    /// The upstream of http with this name.
    pub fn upstream(&self, name: &[u8]) -> Option<&Upstream> {
        self.upstreams().iter().find(|upstream| !upstream.stream && upstream.name.eq_ignore_ascii_case(name))
    }
}

impl Lowered {
    pub(crate) fn of(config: &Config) -> Lowered {
        let mut lowered = Lowered::default();
        for block in config.root().children().filter(|node| node.is_block()) {
            let kind = match block.name() {
                "http" => ServerKind::Http,
                "stream" => ServerKind::Stream,
                "mail" => ServerKind::Mail,
                _ => continue,
            };
            for node in block.children().filter(|node| node.is_block()) {
                match node.name() {
                    "server" => lowered.servers.push(server(node, kind)),
                    "upstream" => lowered.upstreams.push(upstream(node)),
                    _ => {}
                }
            }
        }
        lowered
    }
}

fn server(node: Node<'_>, kind: ServerKind) -> Server {
    let mut server =
        Server { node: node.id(), kind, listens: Vec::new(), names: Vec::new(), locations: Vec::new() };
    let default_port = if kind == ServerKind::Http { 80 } else { 0 };
    let mut any_listen = false;
    for child in node.children() {
        match child.name() {
            "listen" => {
                any_listen = true;
                server.listens.extend(listen(child, default_port));
            }
            "server_name" => {
                let names = child.args().enumerate().filter(|(_, text)| !text.is_empty());
                server.names.extend(names.map(|(arg, text)| server_name(text, child.id(), arg)));
            }
            "location" if child.is_block() => server.locations.push(location(child)),
            _ => {}
        }
    }
    if !any_listen && kind == ServerKind::Http {
        server.listens.push(Listen { address: DEFAULT_LISTEN, options: Options::default(), node: None });
    }
    server
}

fn listen(node: Node<'_>, default_port: u16) -> Option<Listen> {
    let address = parse_address(node.arg(0)?, default_port).ok()?;
    Some(Listen { address, options: Options::parse(node.args().skip(1)), node: Some(node.id()) })
}

fn server_name(text: &[u8], node: NodeId, arg: usize) -> ServerName {
    let kind = match text {
        [b'~', ..] => NameKind::Regex,
        [b'*', b'.', ..] => NameKind::LeadingWildcard,
        [.., b'.', b'*'] => NameKind::TrailingWildcard,
        [b'.', _, ..] => NameKind::Dot,
        _ => NameKind::Exact,
    };
    let text = if kind == NameKind::Regex { text.to_vec() } else { text.to_ascii_lowercase() };
    ServerName { text, kind, node, arg }
}

fn location(node: Node<'_>) -> Location {
    let (kind, pattern) = location_pattern(node);
    let inner = node.children().filter(|child| child.is_block() && child.is("location"));
    let children = inner.map(location).collect();
    Location { node: node.id(), kind, pattern: pattern.to_vec(), children }
}

/// Source: `ngx_http_core_location`, src/http/ngx_http_core_module.c
pub(crate) fn location_pattern(node: Node<'_>) -> (LocationKind, &[u8]) {
    let first = node.arg(0).unwrap_or(b"");
    if let Some(pattern) = node.arg(1) {
        let kind = match first {
            b"=" => LocationKind::Exact,
            b"^~" => LocationKind::PrefixNoRegex,
            b"~" => LocationKind::Regex { caseless: false },
            b"~*" => LocationKind::Regex { caseless: true },
            _ => LocationKind::Prefix,
        };
        return (kind, pattern);
    }
    match first {
        [b'=', rest @ ..] => (LocationKind::Exact, rest),
        [b'^', b'~', rest @ ..] => (LocationKind::PrefixNoRegex, rest),
        [b'~', b'*', rest @ ..] => (LocationKind::Regex { caseless: true }, rest),
        [b'~', rest @ ..] => (LocationKind::Regex { caseless: false }, rest),
        [b'@', ..] => (LocationKind::Named, first),
        _ => (LocationKind::Prefix, first),
    }
}

fn upstream(node: Node<'_>) -> Upstream {
    let servers = node.find("server").filter_map(|server| {
        let has = |word: &[u8]| server.args().skip(1).any(|parameter| parameter == word);
        let address = server.arg(0)?.to_vec();
        Some(UpstreamServer { node: server.id(), address, backup: has(b"backup"), down: has(b"down") })
    });
    let servers = servers.collect();
    let stream = node.context() == Context::Stream;
    Upstream { node: node.id(), stream, name: node.arg(0).unwrap_or(b"").to_vec(), servers }
}
