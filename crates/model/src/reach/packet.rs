//! A packet of the connection, and what the host knows of it.

use super::fields::{Ct, End, Field, Layer, Transport, Way};
use super::host::Host;
use super::ruleset::{Family, Hook};
use super::value::Value;

/// A packet.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    /// From the client.
    pub(super) incoming: bool,
    /// Its family.
    pub(super) family: Family,
    /// Its transport.
    pub(super) transport: Transport,
    /// Where it comes from, as it stands in it now.
    pub(super) source: (Value, Value),
    /// Where it goes, as it stands in it now.
    pub(super) destination: (Value, Value),
    /// TCP's flags.
    pub(super) flags: u128,
    /// Its mark.
    pub(super) mark: Value,
    /// What the tracking of connections has said of it.
    pub(super) tracked: Tracked,
    /// Where it is.
    pub(super) hook: Hook,
}

/// What the tracking of connections says of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tracked {
    /// Nothing: it has not seen it, or makes nothing of it. Rules see "invalid".
    Nothing,
    /// It was told to look away.
    Untracked,
    /// It belongs to the connection.
    Known {
        /// Whether an answer was seen before.
        established: bool,
        /// Whether it goes against the first packet.
        reply: bool,
    },
}

/// The connection, as it is remembered.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// Whether its first packet came in.
    pub(super) from_client: bool,
    /// The first packet's ends.
    pub(super) original: [(Value, Value); 2],
    /// The destination that was decided on. Where it is the first packet's, nothing is moved, and no later chain is asked all the same.
    pub(super) moved_to: Option<(Value, Value)>,
    /// Its mark.
    pub(super) mark: Value,
    /// Whether an answer was seen.
    pub(super) answered: bool,
    /// Whether it will stay under pressure: TCP's handshake is over.
    pub(super) assured: bool,
    /// Whether it was decided where it goes.
    pub(super) destination_done: bool,
    /// Whether it was decided where it comes from.
    pub(super) source_done: bool,
}

/// Everything that a field may ask.
pub(super) struct Seen<'a> {
    /// The packet.
    pub(super) packet: &'a Packet,
    /// Its connection.
    pub(super) connection: Option<&'a Connection>,
    /// The machine.
    pub(super) host: &'a Host,
    /// The interface between client and host; `None`: not known.
    pub(super) interface: Option<&'a str>,
}

impl Seen<'_> {
    /// Gives the value of a field, or nothing when the packet has no such field.
    pub(super) fn field(&self, field: &Field) -> Option<Value> {
        let packet = self.packet;
        match field {
            Field::Address(family, end) => (*family == packet.family).then(|| packet.end(*end).0.clone()),
            Field::Port(transport, end) => {
                let here = transport.is_none_or(|transport| transport == packet.transport);
                here.then(|| packet.end(*end).1.clone())
            }
            Field::TcpFlags => (packet.transport == Transport::Tcp).then_some(Value::Number(packet.flags)),
            Field::Within(layer, _) => match layer {
                Layer::Network(family) => (*family == packet.family).then_some(Value::Unknown),
                Layer::Transport(transport) => (*transport == packet.transport).then_some(Value::Unknown),
                Layer::Other => None,
            },
            Field::Protocol(family) => family
                .is_none_or(|family| family == packet.family)
                .then(|| Value::Number(packet.transport.number())),
            Field::NfProto => Some(Value::Number(if packet.family == Family::V4 { 2 } else { 10 })),
            Field::EtherType => Some(Value::Number(if packet.family == Family::V4 { 0x800 } else { 0x86dd })),
            Field::Interface(way) => Some(self.interface_name(*way)),
            Field::InterfaceType(way) => self.interface_type(*way),
            Field::Mark => Some(packet.mark.clone()),
            // The client's switch sends it to nobody else, and what leaves is not marked yet.
            Field::PacketType => Some(Value::Number(0)),
            Field::Ct(ct) => self.ct(ct),
            Field::FibType { of, on_interface } => Some(self.address_type(*of, *on_interface)),
            Field::FibInterface { of, on_interface, exists } => {
                Some(self.route_interface(*of, *on_interface, *exists))
            }
            Field::Version(family) => (*family == packet.family)
                .then_some(Value::Number(if packet.family == Family::V4 { 4 } else { 6 })),
            Field::HeaderLength => (packet.family == Family::V4).then_some(Value::Number(5)),
            // Neither "more fragments" nor an offset; "do not fragment" may be set.
            Field::FragOff => {
                (packet.family == Family::V4).then_some(Value::Masked { known: 0x3fff, bits: 0 })
            }
            Field::Missing => Some(Value::Number(0)),
            Field::Opaque(_) | Field::Fixed(_) => Some(Value::Unknown),
        }
    }

    /// An interface that a packet does not have (yet, or any more) has no name. Source: `nft_meta_store_ifname`,
    /// net/netfilter/nft_meta.c
    fn interface_name(&self, way: Way) -> Value {
        if !self.has(way) {
            return Value::Name(String::new());
        }
        self.interface.map_or(Value::Unknown, |name| Value::Name(name.to_owned()))
    }

    fn has(&self, way: Way) -> bool {
        match self.packet.hook {
            Hook::Ingress | Hook::Prerouting | Hook::Input => way == Way::In,
            Hook::Forward => true,
            Hook::Output | Hook::Postrouting | Hook::Egress => way == Way::Out,
        }
    }

    fn interface_type(&self, way: Way) -> Option<Value> {
        // Whether it is Ethernet or a tunnel is not told.
        self.has(way).then_some(Value::Unknown)
    }

    /// Source: `nft_ct_get_eval`, net/netfilter/nft_ct.c
    fn ct(&self, ct: &Ct) -> Option<Value> {
        let (established, reply) = match (self.packet.tracked, ct) {
            (Tracked::Nothing, Ct::State) => return Some(Value::Number(1)),
            (Tracked::Untracked, Ct::State) => return Some(Value::Number(64)),
            (Tracked::Nothing | Tracked::Untracked, _) => return None,
            (Tracked::Known { established, reply }, _) => (established, reply),
        };
        let connection = self.connection?;
        let number = |number: u128| Some(Value::Number(number));
        match ct {
            Ct::State => number(if established { 2 } else { 8 }),
            Ct::Direction => number(u128::from(reply)),
            Ct::Status => Some(self.status(connection)),
            Ct::Mark => Some(connection.mark.clone()),
            Ct::Zone => number(0),
            Ct::Address(original, end, family) => family
                .is_none_or(|family| family == self.packet.family)
                .then(|| connection.end(*original, *end).0),
            Ct::Port(original, end) => Some(connection.end(*original, *end).1),
            Ct::L3Proto => number(if self.packet.family == Family::V4 { 2 } else { 10 }),
            Ct::Protocol => number(self.packet.transport.number()),
            Ct::Helper => None,
            Ct::Other(_) => Some(Value::Unknown),
        }
    }

    /// `ct status`: what is certain of it. Whether it is confirmed or nat has looked at it is left open.
    fn status(&self, connection: &Connection) -> Value {
        let mut bits = 0;
        if connection.answered {
            bits |= 2;
        }
        // Expected, seen-reply, snat, dnat.
        let mut known = 1 | 2 | 16 | 32;
        match &connection.moved_to {
            None => {}
            // What is sent where it goes anyway is not moved. Source: `nf_nat_setup_info`, net/netfilter/nf_nat_core.c
            Some((Value::Number(_), Value::Number(_)))
                if connection.moved_to.as_ref() == Some(&connection.original[1]) => {}
            Some((Value::Number(_), Value::Number(_))) => bits |= 32,
            Some(_) => known &= !32,
        }
        Value::Masked { known, bits }
    }

    fn address_type(&self, of: End, on_interface: bool) -> Value {
        let interface = if on_interface { Some(self.interface) } else { None };
        match &self.packet.end(of).0 {
            Value::Number(address) => self.host.address_type(self.packet.family, *address, interface),
            _ => Value::Unknown,
        }
    }

    fn route_interface(&self, of: End, on_interface: bool, exists: bool) -> Value {
        let Value::Number(address) = self.packet.end(of).0 else { return Value::Unknown };
        let Some(found) = self.host.route_interface(self.packet.family, address) else {
            return Value::Unknown;
        };
        if on_interface && self.interface != Some(found) {
            // Another way may lead back by this interface too, with a worse metric.
            return Value::Unknown;
        }
        if exists { Value::Number(1) } else { Value::Name(found.to_owned()) }
    }
}

impl Packet {
    pub(super) fn end(&self, end: End) -> &(Value, Value) {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }
}

impl Connection {
    /// An end of the first packet, or of the first answer to it.
    fn end(&self, original: bool, end: End) -> (Value, Value) {
        let [source, destination] = &self.original;
        match (original, end) {
            (true, End::Source) | (false, End::Destination) => source.clone(),
            (true, End::Destination) => destination.clone(),
            (false, End::Source) => self.moved_to.as_ref().unwrap_or(destination).clone(),
        }
    }
}
