//! What a walk carries beside the request: the client, the guards and limits it met, and what the configuration declares
//! for all of them.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::Router;
use super::address::Peer;
use super::geo::{Geos, geos};
use super::listen::{Key, Socket};
use super::script::has_variables;
use super::split::Shares;
use super::together::Value;
use super::traced::Traced;
use super::walk::Walk;
use crate::config::{Config, Node, NodeId};
use crate::request::{Facts, Guard, GuardKind, Request, Says};

/// What a walk carries beside the request.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    /// Where nginx takes the request to come from.
    pub(super) peer: Peer,
    /// Where the connection comes from, once a header has said otherwise.
    pub(super) connection: Option<Peer>,
    /// Whether it is an address that a header brought.
    pub(super) is_forwarded: bool,
    /// The address in a PROXY protocol header.
    pub(super) proxied: Option<IpAddr>,
    /// Whether the request was counted against limits of requests, and of connections: nginx does it once.
    pub(super) counted: [bool; 2],
    /// Whether it is the subrequest of an `auth_request`.
    pub(super) subrequest: bool,
    /// The method of the main request, in a subrequest.
    pub(super) main_method: Option<Traced>,
    /// Whether the request line was read to its end: until then, the request has no method to speak of.
    pub(super) has_line: bool,
    /// What refused the request under `satisfy any`, for as long as something else may let it in: an error that takes the
    /// request elsewhere does not forget it.
    pub(super) refused: Option<(u16, Option<NodeId>)>,
    /// The variables that `auth_request_set` gave a value that cannot be known.
    pub(super) unknown: BTreeSet<Vec<u8>>,
    pub(super) facts: Facts,
}

impl Beside {
    pub(super) fn of(request: &Request, socket: &Socket) -> Beside {
        let known = request.client.map_or(Peer::Unknown, |client| Peer::Ip(socket.key.seen(client)));
        let peer = match (&socket.key, socket.proxy_protocol) {
            (Key::Unix(_), _) => Peer::Unix,
            // The client is the one whom the proxy names.
            (_, true) => Peer::Unknown,
            (_, false) => known,
        };
        Beside {
            peer,
            connection: None,
            is_forwarded: false,
            has_line: false,
            refused: None,
            proxied: request.client.filter(|_| socket.proxy_protocol),
            counted: [false; 2],
            subrequest: false,
            main_method: None,
            unknown: BTreeSet::new(),
            facts: Facts::default(),
        }
    }
}

/// What directives of http declare, made ready.
pub(super) struct Tables {
    pub(super) geos: Geos,
    pub(super) shares: HashMap<NodeId, Shares>,
    /// `limit_req_zone` and `limit_conn_zone`, by the name of the zone.
    pub(super) zones: HashMap<Vec<u8>, NodeId>,
    /// Whether anything adds headers to answers.
    pub(super) adds: bool,
    /// Whether anything sets headers of requests to upstreams.
    pub(super) sets: bool,
}

impl Tables {
    pub(super) fn of(config: &Config) -> Tables {
        let blocks = config.named("split_clients").filter(|node| node.is_block() && node.context().is_http());
        let zones = ["limit_req_zone", "limit_conn_zone"].into_iter().flat_map(|name| config.named(name));
        let zones = zones.filter_map(|node| Some((parameter(node, b"zone=")?, node.id())));
        let has = |name: &str| config.named(name).any(|node| node.context().is_http());
        let name = |zone: &[u8]| zone.split(|&byte| byte == b':').next().unwrap_or(zone).to_vec();
        Tables {
            geos: geos(config),
            shares: blocks.map(|node| (node.id(), Shares::of(node))).collect(),
            zones: zones.map(|(zone, node)| (name(zone), node)).collect(),
            adds: has("add_header") || has("expires"),
            sets: has("proxy_set_header"),
        }
    }
}

/// What follows a prefix in the first argument that has it.
pub(super) fn parameter<'c>(node: Node<'c>, prefix: &[u8]) -> Option<&'c [u8]> {
    node.args().find_map(|argument| argument.strip_prefix(prefix))
}

impl Router<'_> {
    pub(super) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| Tables::of(self.config))
    }
}

impl Walk<'_, '_> {
    /// A value that no outcome rests on: what cannot be known is no dependence.
    pub(super) fn eval_quietly(&mut self, value: &[u8]) -> Value {
        if !has_variables(value) {
            return Value { text: Traced::text(value), known: true };
        }
        let (depends_on, steps) = (self.depends_on.clone(), self.steps.len());
        let value = self.eval(value);
        self.depends_on = depends_on;
        self.steps.truncate(steps);
        value
    }

    /// Notes what a guard said.
    pub(super) fn guard(&mut self, kind: GuardKind, says: Says, node: Option<NodeId>) {
        self.beside.facts.guards.push(Guard { kind, says, node });
    }
}
