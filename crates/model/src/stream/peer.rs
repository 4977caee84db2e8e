//! Who the client is, and whether it may.

use std::net::{IpAddr, SocketAddr};

use super::connection::{Connection, Preface};
use super::session::{Session, Turn};
use crate::config::Node;
use crate::request::{Dependence, Limit, LimitKind, LocalAddress};
use crate::route::address::{Cidr, Peer};
use crate::route::question::{Answered, Input, Template, Test};

/// Where the connection comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    /// The client, as nginx counts it.
    pub(super) peer: Peer,
    /// The peer of the connection, where that is another (`set_real_ip_from`).
    pub(super) before: Option<Peer>,
    /// Whether the PROXY protocol header has been read.
    pub(super) preface_read: bool,
    /// Whether nginx waited for a header and found none.
    pub(super) preface_lost: bool,
}

impl Source {
    pub(super) fn of(connection: &Connection) -> Source {
        let peer = match (&connection.listen, connection.client) {
            (Some(LocalAddress::Unix(_)), _) => Peer::Unix,
            (_, Some(ip)) => Peer::Ip(ip),
            (_, None) => Peer::Unknown,
        };
        Source { peer, before: None, preface_read: false, preface_lost: false }
    }
}

/// Whether a peer is in a network; `None`: nobody has said who it is.
fn within(peer: Peer, network: Cidr) -> Option<bool> {
    match (peer, network) {
        (Peer::Unknown, _) => None,
        (Peer::Unix, network) => Some(network == Cidr::Unix),
        (Peer::Ip(ip), network) => Some(network.has(ip)),
    }
}

impl<'c> Session<'_, 'c> {
    /// Takes the address of the PROXY protocol header for that of the client.
    ///
    /// Source: `ngx_stream_realip_handler`, src/stream/ngx_stream_realip_module.c
    pub(super) fn real_ip(&mut self) -> Turn {
        let trusted = self.router.in_force(self.server, "set_real_ip_from");
        if trusted.is_empty() || !self.source.preface_read {
            return Turn::On;
        }
        let named = match self.connection.preface {
            Preface::Of { source, .. } => Some(source.ip()),
            Preface::AsWanted => None,
            Preface::Absent | Preface::Nameless => return Turn::On,
        };
        let networks = trusted.iter().filter_map(|node| Some((Cidr::of(node.arg(0)?)?, node.id())));
        let mut doubt = None;
        for (network, node) in networks {
            match within(self.source.peer, network) {
                Some(true) => {
                    self.source.before = Some(self.source.peer);
                    self.source.peer = named.map_or(Peer::Unknown, Peer::Ip);
                    let text = named.map_or_else(|| String::from("the header names it"), |ip| ip.to_string());
                    self.step("real ip", text, Some(node));
                    return Turn::On;
                }
                Some(false) => {}
                None => doubt = Some(node),
            }
        }
        if doubt.is_some() {
            // The peer is not told; that it is a trusted one is what people write such a line for.
            (self.source.before, self.source.peer) =
                (Some(Peer::Unknown), named.map_or(Peer::Unknown, Peer::Ip));
            self.depends_on.insert(Dependence::ClientAddress);
            self.step("real ip", "if the peer is trusted, the header names it", doubt);
        }
        Turn::On
    }

    pub(super) fn limit(&mut self) -> Turn {
        for node in self.router.in_force(self.server, "limit_conn") {
            let zone = String::from_utf8_lossy(node.arg(0).unwrap_or(b"")).into_owned();
            let declared = self.router.config.named("limit_conn_zone").find(|declared| {
                let name = declared.arg_str(1).and_then(|zone| zone.strip_prefix("zone="));
                declared.context().is_stream()
                    && name.is_some_and(|name| name.split(':').next() == Some(&zone))
            });
            let key = declared.and_then(|declared| declared.arg(0)).unwrap_or(b"").to_vec();
            let known = self.depends_on.clone();
            let value = self.eval(&key);
            // A key that is not known changes no outcome.
            self.depends_on = known;
            let dry = self.router.flag(self.server, "limit_conn_dry_run").is_some();
            self.limits.push(Limit {
                kind: LimitKind::Connections,
                zone,
                key,
                value: value.known.then(|| value.text.into_bytes()),
                allows: String::from_utf8_lossy(node.arg(1).unwrap_or(b"")).into_owned(),
                burst: 0,
                nodelay: false,
                status: 503,
                dry_run: dry,
                node: node.id(),
            });
        }
        Turn::On
    }

    /// Source: `ngx_stream_access_handler`, src/stream/ngx_stream_access_module.c
    pub(super) fn access(&mut self) -> Turn {
        let rules = self.rules();
        let mut doubt = false;
        for rule in rules {
            let applies = match rule.arg(0).unwrap_or(b"") {
                b"all" => Some(true),
                range => self.client_in(range),
            };
            match applies {
                Some(true) => {
                    if doubt {
                        self.depends_on.insert(Dependence::ClientAddress);
                    }
                    if rule.is("deny") {
                        self.step("access", "the client is denied", Some(rule.id()));
                        return self.close("access forbidden by rule");
                    }
                    self.step("access", "the client is allowed", Some(rule.id()));
                    return Turn::On;
                }
                Some(false) => {}
                None => doubt = true,
            }
        }
        if doubt {
            self.depends_on.insert(Dependence::ClientAddress);
        }
        self.strangers();
        Turn::On
    }

    /// `allow` and `deny` of the nearest block that has any.
    fn rules(&self) -> Vec<Node<'c>> {
        let (config, server) = (self.router.config, self.router.server(self.server));
        std::iter::once(server)
            .chain(server.ancestors())
            .map(|block| {
                let of = |name| config.named_in_block(block.id(), name);
                let mut rules: Vec<Node<'c>> = of("allow").chain(of("deny")).collect();
                rules.sort_by_key(|rule| rule.id());
                rules
            })
            .find(|rules| !rules.is_empty())
            .unwrap_or_default()
    }

    /// Whether the client is in a network; `None`: nobody has said who it is.
    fn client_in(&mut self, network: &[u8]) -> Option<bool> {
        let Some(cidr) = Cidr::of(network) else { return Some(false) };
        let holds = within(self.source.peer, cidr)?;
        let test = Test::Range(network.to_vec());
        self.asks(Template::input(Input::Client), test, Answered::Holds(holds));
        Some(holds)
    }

    /// Modules that may refuse or redirect, and that are not modelled.
    fn strangers(&mut self) {
        for directive in ["js_access", "js_preread"] {
            if !self.router.in_force(self.server, directive).is_empty() {
                self.depend("njs");
            }
        }
        let server = self.router.server(self.server);
        let blocks = std::iter::once(server).chain(server.parent());
        let unknown: Vec<&str> = blocks
            .flat_map(|block| block.children())
            .filter(|node| node.symbol() == crate::parsed::Symbol::UNKNOWN)
            .map(|node| node.name())
            .collect();
        for name in unknown {
            self.depend(name);
        }
    }

    /// The addresses that the PROXY protocol header names; `None`: they are not known.
    pub(super) fn named_addresses(&self) -> Option<Option<(SocketAddr, SocketAddr)>> {
        if !self.source.preface_read {
            return Some(None);
        }
        match self.connection.preface {
            Preface::Of { source, destination } => Some(Some((source, destination))),
            Preface::Nameless | Preface::Absent => Some(None),
            Preface::AsWanted => None,
        }
    }

    /// The address of the client, where it is known.
    pub(super) fn client(&self) -> Option<IpAddr> {
        match self.source.peer {
            Peer::Ip(ip) => Some(ip),
            Peer::Unix | Peer::Unknown => None,
        }
    }
}
