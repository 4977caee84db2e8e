//! The parts of a packet that rules ask for, and what kind of value each has.

use super::ruleset::Family;

/// A part of a packet, or of what the host knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// The address that it comes from or goes to; absent in the other family.
    Address(Family, End),
    /// The port; absent unless the transport is this one, or it is asked of any.
    Port(Option<Transport>, End),
    /// TCP's flags.
    TcpFlags,
    /// Something of a header that is there only for one transport; its value is not known.
    Within(Layer, String),
    /// The number of the transport protocol, as `meta l4proto` or in one family's header.
    Protocol(Option<Family>),
    /// 2 for IPv4, 10 for IPv6.
    NfProto,
    /// The type of an Ethernet frame.
    EtherType,
    /// The interface by name; of the way in or the way out.
    Interface(Way),
    /// The mark of the packet.
    Mark,
    /// 0: to this host.
    PacketType,
    /// The hardware type of the interface.
    InterfaceType(Way),
    /// The connection.
    Ct(Ct),
    /// What kind of address it is, seen from this interface if so.
    FibType {
        /// Which address.
        of: End,
        /// Seen from the interface that it came by.
        on_interface: bool,
    },
    /// The interface by which an address is reached: by name, or only whether there is one.
    FibInterface {
        /// Which address.
        of: End,
        /// The way in only.
        on_interface: bool,
        /// Whether the answer is a plain yes or no.
        exists: bool,
    },
    /// The version, and the length of the header without options, in 32 bits.
    Version(Family),
    /// The length of an IPv4 header.
    HeaderLength,
    /// IPv4's fragment field: no fragment, more or less.
    FragOff,
    /// A header that plain packets do not have, or a mark of IPsec: absent.
    Missing,
    /// Whether a socket is transparent or a wildcard, and the like: not known. Asked twice, the answer may differ.
    Opaque(String),
    /// Not known, but the same each time it is asked.
    Fixed(String),
}

/// Which end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// Which way an interface is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It came by it.
    In,
    /// It leaves by it.
    Out,
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// Its number in a header.
    pub(super) fn number(self) -> u128 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// When a field is there at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// IPv4 or IPv6.
    Network(Family),
    /// TCP or UDP.
    Transport(Transport),
    /// Another transport, which our packets never are.
    Other,
}

/// What is known of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ct {
    /// `ct state`
    State,
    /// `ct direction`
    Direction,
    /// `ct status`
    Status,
    /// `ct mark`
    Mark,
    /// `ct zone`
    Zone,
    /// An address of the first packet (`true`) or of the first answer.
    Address(bool, End, Option<Family>),
    /// A port, likewise.
    Port(bool, End),
    /// The family.
    L3Proto,
    /// The transport.
    Protocol,
    /// A helper: there is none.
    Helper,
    /// Not known.
    Other(String),
}

/// How a constant is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number, or a word that is not understood.
    Number,
    /// An IPv4 address.
    Address4,
    /// An IPv6 address.
    Address6,
    /// The name of an interface, perhaps with a `*` at its end.
    Name,
    /// An Ethernet address.
    Ether,
    /// A word from a table.
    Word(&'static [(&'static str, u128)]),
}

impl Field {
    /// How a constant beside it is read.
    pub(super) fn kind(&self) -> Kind {
        use super::symbols as words;
        match self {
            Self::Address(Family::V4, _) | Self::Ct(Ct::Address(_, _, Some(Family::V4))) => Kind::Address4,
            Self::Address(Family::V6, _) | Self::Ct(Ct::Address(_, _, Some(Family::V6))) => Kind::Address6,
            Self::TcpFlags => Kind::Word(words::TCP_FLAGS),
            Self::Protocol(_) | Self::Ct(Ct::Protocol) => Kind::Word(words::PROTOCOLS),
            Self::NfProto | Self::Ct(Ct::L3Proto) => Kind::Word(words::FAMILIES),
            Self::EtherType => Kind::Word(words::ETHER_TYPES),
            Self::Interface(_) | Self::FibInterface { exists: false, .. } => Kind::Name,
            Self::PacketType => Kind::Word(words::PACKET_TYPES),
            Self::InterfaceType(_) => Kind::Word(words::DEVICE_TYPES),
            Self::Ct(Ct::State) => Kind::Word(words::CT_STATES),
            Self::Ct(Ct::Direction) => Kind::Word(words::CT_DIRECTIONS),
            Self::Ct(Ct::Status) => Kind::Word(words::CT_STATUSES),
            Self::FibType { .. } => Kind::Word(words::ADDRESS_TYPES),
            _ => Kind::Number,
        }
    }
}
