//! Where requests end whose host no server has: the default server of a socket, and what it makes of them.

use std::collections::HashMap;

use evenkeel_model::{Config, ListenAddress, LocationKind, NameKind, Node, NodeId, Server};

use crate::rules::Holes;
use crate::rules::pairs::http_servers;

/// The default server of a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Default<'c> {
    /// Where it listens.
    pub(crate) address: &'c ListenAddress,
    pub(crate) server: &'c Server,
    /// Whether it says `default_server`; else it is the default because it is read first.
    pub(crate) declared: bool,
    /// How many servers listen there.
    pub(crate) servers: usize,
}

/// What a server makes of a request for a host that it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// It answers by itself: a status, files, a redirect to the same host.
    Answers,
    /// It sends the client to a host of its own choice.
    Redirects(String),
    /// It passes it on.
    Passes(String),
    /// It depends on something that is not known here, or that looks at the host.
    Unknown,
}

/// The default server of each socket of http, in the order of the text; nothing where a server may be missing here.
///
/// Source: `ngx_http_add_addresses`, src/http/ngx_http.c
pub(crate) fn defaults(config: &Config) -> Vec<Default<'_>> {
    let holes = Holes::of(config);
    let http = config.http();
    if holes.is_in(config.root()) || http.is_some_and(|http| holes.is_in(http)) {
        return Vec::new();
    }
    let mut places: HashMap<&ListenAddress, usize> = HashMap::new();
    let mut defaults: Vec<Default<'_>> = Vec::new();
    for server in http_servers(config) {
        let says_where = server.listens.iter().any(|listen| listen.node.is_some());
        if !says_where && holes.is_in(config.node(server.node)) {
            return Vec::new();
        }
        for listen in server.listens.iter().filter(|listen| !listen.options.quic) {
            let declared = listen.options.default_server;
            let new = Default { address: &listen.address, server, declared, servers: 1 };
            match places.get(&listen.address) {
                None => {
                    places.insert(&listen.address, defaults.len());
                    defaults.push(new);
                }
                Some(&at) => {
                    let servers = defaults[at].servers + 1;
                    if declared && !defaults[at].declared {
                        defaults[at] = new;
                    }
                    defaults[at].servers = servers;
                }
            }
        }
    }
    defaults
}

/// Whether a server was written for hosts of its own: all of its names are names of hosts.
pub(crate) fn is_for_hosts_of_its_own(server: &Server) -> bool {
    let is_host = |text: &[u8]| text.contains(&b'.') && text.iter().any(u8::is_ascii_alphabetic);
    !server.names.is_empty()
        && server.names.iter().all(|name| name.kind != NameKind::Regex && is_host(&name.text))
}

/// The names of a server, for people.
pub(crate) fn title(server: &Server) -> String {
    match server.names.first() {
        Some(name) => format!("`{}`", String::from_utf8_lossy(&name.text)),
        None => "a server without a name".to_owned(),
    }
}

impl Way {
    /// What a server makes of every request that no other server takes.
    pub(crate) fn of(config: &Config, server: &Server, holes: &Holes) -> Way {
        let node = config.node(server.node);
        if holes.is_in(node) || looks_at_the_client(node) {
            return Way::Unknown;
        }
        if let Some(way) = by_rewriting(node) {
            return way;
        }
        let all = server.locations.iter().find(|location| {
            let is_prefix = matches!(location.kind, LocationKind::Prefix | LocationKind::PrefixNoRegex);
            is_prefix && matches!(location.pattern.as_slice(), b"/" | b"")
        });
        let Some(all) = all.map(|all| config.node(all.node)) else { return Way::Answers };
        if holes.is_in(all) || looks_at_the_client(all) {
            return Way::Unknown;
        }
        if let Some(way) = by_rewriting(all).or_else(|| by_passing(all)) {
            return way;
        }
        let fallback = all.find("try_files").next().and_then(|try_files| try_files.args().next_back());
        let named = server.locations.iter().find(|location| Some(location.pattern.as_slice()) == fallback);
        match named.map(|named| config.node(named.node)) {
            Some(named) => by_rewriting(named).or_else(|| by_passing(named)).unwrap_or(Way::Answers),
            None => Way::Answers,
        }
    }

    /// As the end of "requests for unknown hosts are …"; `None` where there is nothing to say.
    pub(crate) fn words(&self) -> Option<String> {
        match self {
            Way::Redirects(target) => Some(format!("redirected to `{target}`")),
            Way::Passes(target) => Some(format!("passed to `{target}`")),
            Way::Answers | Way::Unknown => None,
        }
    }
}

/// Whether a block lets only some clients or hosts in.
fn looks_at_the_client(block: Node<'_>) -> bool {
    block.children().any(|node| match node.name() {
        "if" => node.args().any(|arg| arg.windows(5).any(|window| window == b"$host" || window == b"$http")),
        "auth_basic" | "auth_request" => node.arg(0) != Some(b"off"),
        "ssl_verify_client" | "ssl_reject_handshake" => node.arg(0) == Some(b"on"),
        "deny" | "auth_jwt" | "access_by_lua_block" | "rewrite_by_lua_block" => true,
        _ => false,
    })
}

/// What the first `return` or catch-all `rewrite` of a block does.
fn by_rewriting(block: Node<'_>) -> Option<Way> {
    block.children().find_map(|node| match node.name() {
        "return" => {
            let (first, second) = (node.arg(0)?, node.arg(1));
            let target = match second {
                Some(target) if matches!(first, b"301" | b"302" | b"303" | b"307" | b"308") => target,
                None if !first.iter().all(u8::is_ascii_digit) => first,
                _ => return Some(Way::Answers),
            };
            Some(redirect(target))
        }
        "rewrite" => {
            let (pattern, target) = (node.arg(0)?, node.arg(1)?);
            let all = ["^", "^/", ".*", "^.*", "(.*)", "^(.*)", "^(.*)$", "^/(.*)", "^/(.*)$", "^.*$"];
            let is_all = all.iter().any(|all| all.as_bytes() == pattern);
            let leaves = matches!(node.arg(2), Some(b"permanent" | b"redirect"))
                || target.starts_with(b"http://")
                || target.starts_with(b"https://");
            match (is_all, leaves) {
                (true, true) => Some(redirect(target)),
                _ => Some(Way::Unknown),
            }
        }
        _ => None,
    })
}

fn by_passing(location: Node<'_>) -> Option<Way> {
    const PASSES: [&str; 6] =
        ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"];
    let pass = location.children().find(|node| PASSES.contains(&node.name()))?;
    let target = String::from_utf8_lossy(pass.arg(0)?).into_owned();
    Some(if target.contains("$host") || target.contains("$http_") {
        Way::Unknown
    } else {
        Way::Passes(target)
    })
}

/// A redirect that keeps the host harms nobody whose host is unknown.
fn redirect(target: &[u8]) -> Way {
    let text = String::from_utf8_lossy(target).into_owned();
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let Some(rest) = rest else {
        return if text.starts_with('/') { Way::Answers } else { Way::Unknown };
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.split("$request_uri").next().unwrap_or_default();
    let host = host.split("$uri").next().unwrap_or_default();
    match host.find('$') {
        None => Way::Redirects(text),
        Some(_) if host.starts_with("$server_name") => Way::Redirects(text),
        Some(_) if host.starts_with("$host") || host.starts_with("$http_host") => Way::Answers,
        Some(_) => Way::Unknown,
    }
}

/// The default servers that fit, each with all of its addresses.
pub(crate) fn by_server<'c>(defaults: impl Iterator<Item = Default<'c>>) -> Vec<(&'c Server, Vec<String>)> {
    let mut places: HashMap<NodeId, usize> = HashMap::new();
    let mut servers: Vec<(&Server, Vec<String>)> = Vec::new();
    for default in defaults {
        let at = *places.entry(default.server.node).or_insert_with(|| {
            servers.push((default.server, Vec::new()));
            servers.len() - 1
        });
        servers[at].1.push(default.address.to_string());
    }
    servers
}
