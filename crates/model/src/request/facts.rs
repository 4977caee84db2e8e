//! What a route carries beside its outcome: what guards it, what limits it, what the configuration adds to the answer.

use crate::config::NodeId;

/// What the configuration does to a request and its answer, beside deciding where it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The headers that the configuration adds to the answer, in the order in which they leave.
    pub headers: Vec<AddedHeader>,
    /// The headers that the configuration sends to the upstream, where one is asked: `Host` and `Connection` always.
    pub sent: Vec<SentHeader>,
    /// The limits that the request counts against. The outcome is the one within them.
    pub limits: Vec<Limit>,
    /// What was asked whether the client may, in order.
    pub guards: Vec<Guard>,
}

/// A header that `add_header` or `expires` adds to the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedHeader {
    /// The name, as it stands.
    pub name: Vec<u8>,
    /// The value; what cannot be known stands in it as it is written (`$name`).
    pub value: Vec<u8>,
    /// Whether all of the value is known.
    pub known: bool,
    /// Whether it is added whatever the status. One that is not is listed where the status lets it through, or where an
    /// upstream decides the status.
    pub always: bool,
    /// The directive.
    pub node: NodeId,
}

/// A header of the request to an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentHeader {
    /// The name, as it stands.
    pub name: Vec<u8>,
    /// The value; what cannot be known stands in it as it is written (`$name`).
    pub value: Vec<u8>,
    /// Whether all of the value is known.
    pub known: bool,
    /// The directive; `None`: nginx's own default.
    pub node: Option<NodeId>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitKind {
    /// `limit_req`
    Requests,
    /// `limit_conn`
    Connections,
}

/// A limit that a request counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is counted.
    pub kind: LimitKind,
    /// The zone.
    pub zone: String,
    /// The key as the zone is declared with it: `$binary_remote_addr`; empty where no zone of the name is declared.
    pub key: Vec<u8>,
    /// The key of this request; `None`: it cannot be known.
    pub value: Option<Vec<u8>>,
    /// How much the zone allows: `10r/s`, or the number of connections.
    pub allows: String,
    /// `burst` of `limit_req`; 0 where nothing is said.
    pub burst: u64,
    /// Whether what exceeds the rate is answered at once, up to the burst.
    pub nodelay: bool,
    /// The status beyond the limit.
    pub status: u16,
    /// Whether it only counts.
    pub dry_run: bool,
    /// The directive.
    pub node: NodeId,
}

/// What guards a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GuardKind {
    /// `allow` and `deny`
    Rules,
    /// `auth_basic`
    AuthBasic,
    /// `auth_request`
    AuthRequest,
    /// Another module that may refuse.
    Other,
}

/// What a guard says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Says {
    /// Nothing about this client.
    Nothing,
    /// It may.
    Passes,
    /// It may not.
    Refuses,
}

/// A guard that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// What kind.
    pub kind: GuardKind,
    /// What it said.
    pub says: Says,
    /// The directive that decided, or that asks.
    pub node: Option<NodeId>,
}

impl LimitKind {
    /// The directive.
    #[must_use]
    pub fn directive(self) -> &'static str {
        match self {
            LimitKind::Requests => "limit_req",
            LimitKind::Connections => "limit_conn",
        }
    }
}

impl GuardKind {
    /// The directive, as people speak of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GuardKind::Rules => "deny",
            GuardKind::AuthBasic => "auth_basic",
            GuardKind::AuthRequest => "auth_request",
            GuardKind::Other => "module",
        }
    }
}
