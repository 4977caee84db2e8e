//! Which connections change where they end between two configurations.
//!
//! Every socket of both is looked at: without TLS, with a handshake that names nobody, with every name that a map or a
//! server names outright, and with one name, list of protocols and version for every way that is left. The names that are
//! looked for are those that clients send: lower case, no empty label. Clients are tried at every border of the networks
//! that `allow`, `deny`, `geo` and `set_real_ip_from` name.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::{Connection, Hello, Preface, StreamOutcome, StreamRoute};
use super::{StreamObserved, StreamRouter};
use crate::config::{Config, NodeId};
use crate::diff::Side;
use crate::language::Budget;
use crate::request::LocalAddress;
use crate::route::listen::Key;

mod clients;
mod search;
mod values;

use search::Search;

/// How many examples a change keeps.
const EXAMPLES_MAX: usize = 20;

/// A class of connections that end elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamChange {
    /// The class, for people: `tls://a.test:443`, `3 names on 0.0.0.0:443`.
    pub class: String,
    /// A connection of the class.
    pub witness: Connection,
    /// Its way before.
    pub old: StreamRoute,
    /// Its way after.
    pub new: StreamRoute,
    /// Further connections of the class.
    pub examples: Vec<Connection>,
    /// How many cells of names, protocols and clients the class is made of.
    pub cells: usize,
    /// The directives that the change rests on.
    pub because: Vec<(Side, NodeId)>,
    /// Whether it changes rests on something that cannot be known.
    pub uncertain: bool,
}

impl std::fmt::Display for StreamChange {
    /// `tls a.test on 0.0.0.0:443: proxy_pass one (10.0.0.1:1) -> closed: no host in upstream ""`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} -> {}", self.class, self.old.outcome, self.new.outcome)?;
        f.write_str(if self.uncertain { ", it may be" } else { "" })
    }
}

/// Every class of connections that change, and why some may be missing.
pub fn stream_diff(old: &Config, new: &Config, budget: &mut Budget) -> (Vec<StreamChange>, Vec<String>) {
    let routers = [StreamRouter::new(old), StreamRouter::new(new)];
    let mut groups = Groups::default();
    let mut incomplete = Vec::new();
    if routers.iter().any(StreamRouter::listens) {
        let mut search = Search::new(&routers, budget);
        for (udp, key) in sockets(&routers) {
            let Some(listen) = sample(&key) else {
                let reason = format!("listen {key} of stream is resolved when nginx starts");
                if !incomplete.contains(&reason) {
                    incomplete.push(reason);
                }
                continue;
            };
            search.socket(&listen, udp, &mut |connection, seen, named| {
                groups.add(&key, connection, seen, named);
            });
        }
        incomplete.append(&mut search.incomplete);
    }
    (groups.changes(), incomplete)
}

/// All sockets of both sides, each once.
fn sockets(routers: &[StreamRouter<'_>; 2]) -> Vec<(bool, Key)> {
    let mut sockets = Vec::new();
    for router in routers {
        for udp in [false, true] {
            for socket in &router.sockets(udp).all {
                let socket = (udp, socket.key.clone());
                if !sockets.contains(&socket) {
                    sockets.push(socket);
                }
            }
        }
    }
    sockets
}

/// An address at which a connection reaches a socket; where nginx listens on all, one of those for documentation.
fn sample(key: &Key) -> Option<LocalAddress> {
    Some(match key {
        Key::Inet(address) if address.ip().is_unspecified() => {
            let ip = if address.is_ipv4() { "192.0.2.10" } else { "2001:db8::10" };
            LocalAddress::Inet(std::net::SocketAddr::new(ip.parse().ok()?, address.port()))
        }
        _ => key.local()?,
    })
}

/// Where both configurations send a connection.
struct Seen {
    old: StreamObserved,
    new: StreamObserved,
}

impl Seen {
    /// Whether every connection that is asked the same ends the same.
    fn is_same(&self) -> bool {
        self.old.shape == self.new.shape && self.is_same_here()
    }

    /// Whether this connection ends the same.
    fn is_same_here(&self) -> bool {
        let depends = |seen: &StreamObserved| !seen.route.depends_on.is_empty();
        match (&self.old.route.outcome, &self.new.route.outcome) {
            (StreamOutcome::Handed { to: old, .. }, StreamOutcome::Handed { to: new, .. }) => old == new,
            // What nobody can follow may be anything, but the same text is the same.
            (old, new) => old == new && (!depends(&self.old) || self.old.shape == self.new.shape),
        }
    }

    fn is_uncertain(&self) -> bool {
        [&self.old, &self.new].iter().any(|seen| !seen.route.depends_on.is_empty())
    }
}

/// What the rows of a class have in common: the socket, what is asked, and both outcomes.
type Row = (String, String, String);

#[derive(Default)]
struct Groups {
    order: Vec<Row>,
    rows: BTreeMap<Row, StreamChange>,
    /// Which handshakes a row has: other clients with the same one are no cells of their own.
    told: BTreeSet<(Row, String)>,
}

impl Groups {
    fn add(&mut self, key: &Key, connection: &Connection, seen: &Seen, named: bool) {
        let outcome = |seen: &StreamObserved| format!("{:?}", seen.shape);
        let row = (key.to_string(), outcome(&seen.old), outcome(&seen.new));
        let asked = format!("{} {:?}", connection.udp, connection.hello);
        let is_new = self.told.insert((row.clone(), asked));
        if let Some(change) = self.rows.get_mut(&row) {
            change.uncertain |= seen.is_uncertain();
            if !is_new {
                return;
            }
            change.cells += 1;
            if change.examples.len() < EXAMPLES_MAX {
                change.examples.push(connection.clone());
            }
            change.class = format!("{} and {} more on {key}", asks(&change.witness, true), change.cells - 1);
            return;
        }
        let because = [(Side::Old, &seen.old, &seen.new), (Side::New, &seen.new, &seen.old)];
        let because = because.into_iter().flat_map(|(side, own, other)| {
            let beside = |step: &&crate::Step| {
                !other.route.steps.iter().any(|same| (same.what, &same.text) == (step.what, &step.text))
            };
            let nodes: Vec<_> = own.route.steps.iter().filter(beside).filter_map(|step| step.node).collect();
            nodes.into_iter().map(move |node| (side, node))
        });
        let mut because: Vec<(Side, NodeId)> = because.collect();
        because.dedup();
        let change = StreamChange {
            class: format!("{} on {key}", asks(connection, named)),
            witness: connection.clone(),
            old: seen.old.route.clone(),
            new: seen.new.route.clone(),
            examples: Vec::new(),
            cells: 1,
            because,
            uncertain: seen.is_uncertain(),
        };
        self.order.push(row.clone());
        self.rows.insert(row, change);
    }

    /// Those with the most cells first.
    fn changes(mut self) -> Vec<StreamChange> {
        let mut changes: Vec<StreamChange> =
            self.order.iter().filter_map(|row| self.rows.remove(row)).collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.cells));
        changes
    }
}

/// What a connection asks for, in a few words; `named` says whether its name stands for itself, not for others.
fn asks(connection: &Connection, named: bool) -> String {
    match (&connection.hello, connection.udp) {
        (_, true) => String::from("udp"),
        (None, _) => String::from("tcp without TLS"),
        (Some(Hello { sni: None, .. }), _) => String::from("tls without a name"),
        (Some(Hello { sni: Some(name), .. }), _) => {
            let name = String::from_utf8_lossy(name);
            if named { format!("tls {name}") } else { format!("tls names such as {name}") }
        }
    }
}

/// A connection to an address, from a client.
fn connection(
    listen: &LocalAddress,
    udp: bool,
    hello: Option<Hello>,
    client: Option<std::net::IpAddr>,
    wants_preface: bool,
) -> Connection {
    let preface = match (wants_preface, client, listen) {
        (true, Some(client), LocalAddress::Inet(destination)) => {
            Preface::Of { source: std::net::SocketAddr::new(client, 4711), destination: *destination }
        }
        _ => Preface::AsWanted,
    };
    Connection { listen: Some(listen.clone()), port: None, udp, hello, preface, client }
}
