//! A connection as it reaches the stream servers of nginx, and where it ends.

use std::net::{IpAddr, SocketAddr};

use crate::config::NodeId;
use crate::request::{Dependence, Limit, LocalAddress, Step};

mod text;

pub use text::ConnectionError;

/// A connection, or a flow of datagrams, as it reaches nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The local address that it reached; `None`: the first listen of the tree that fits `port`.
    pub listen: Option<LocalAddress>,
    /// The port that the client meant, for the choice of a listen when `listen` is `None`.
    pub port: Option<u16>,
    /// Whether it is UDP.
    pub udp: bool,
    /// The TLS handshake that the client begins with; `None`: it begins with something else, or waits for the server.
    pub hello: Option<Hello>,
    /// The PROXY protocol header before everything else.
    pub preface: Preface,
    /// The address of the client; `None`: not told.
    pub client: Option<IpAddr>,
}

/// What the first message of a TLS handshake says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server name, as it is sent; `None`: none is.
    pub sni: Option<Vec<u8>>,
    /// The protocols of the application, in the client's order.
    pub alpn: Vec<Vec<u8>>,
    /// The newest version that it offers.
    pub version: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0
    V1_0,
    /// TLS 1.1
    V1_1,
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    #[default]
    V1_3,
}

/// A PROXY protocol header, as a load balancer sends it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preface {
    /// Nobody has said it: one comes where nginx wants one, with addresses that are not known.
    #[default]
    AsWanted,
    /// None comes.
    Absent,
    /// One comes that names no addresses (`PROXY UNKNOWN`).
    Nameless,
    /// One comes that names these addresses.
    Of {
        /// Where the client comes from.
        source: SocketAddr,
        /// What it reached.
        destination: SocketAddr,
    },
}

/// Where a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It is passed on.
    Proxy {
        /// The name of the `upstream` block, or host and port as they stand; `None` when variables decide that nobody knows.
        upstream: Option<String>,
        /// The addresses of the upstream as they stand, with their ports.
        servers: Vec<String>,
        /// What `proxy_pass` says, its variables filled in.
        pass: Vec<u8>,
        /// Whether nginx speaks TLS to the upstream (`proxy_ssl`).
        tls: bool,
        /// Whether nginx sends a PROXY protocol header to the upstream (`proxy_protocol`).
        preface: bool,
    },
    /// The configuration itself answers (`return`), and the connection is closed.
    Return {
        /// What is sent.
        text: Vec<u8>,
    },
    /// It is handed to a socket of http or mail (`pass`).
    Handed {
        /// The address of that socket.
        to: LocalAddress,
        /// The first server that listens there.
        server: Option<NodeId>,
    },
    /// It is closed.
    Close {
        /// Why: in the words of nginx's log, where it says something.
        reason: String,
    },
}

/// The way of a connection through a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRoute {
    /// Where it ends.
    pub outcome: StreamOutcome,
    /// The address of the tree that took the connection (unspecified where it listens on all); `None`: nothing listens.
    pub listen: Option<LocalAddress>,
    /// The server whose directives decide; `None` when no server was chosen.
    pub server: Option<NodeId>,
    /// The limits that the connection counts against. The outcome is the one within them.
    pub limits: Vec<Limit>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What the answer rests on that no configuration tells; empty: it is exact.
    pub depends_on: Vec<Dependence>,
}

impl TlsVersion {
    /// As nginx names it in `$ssl_preread_protocol`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::V1_0 => "TLSv1",
            TlsVersion::V1_1 => "TLSv1.1",
            TlsVersion::V1_2 => "TLSv1.2",
            TlsVersion::V1_3 => "TLSv1.3",
        }
    }

    /// The version of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<TlsVersion> {
        [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2, TlsVersion::V1_3]
            .into_iter()
            .find(|version| version.name() == name)
    }
}

impl StreamOutcome {
    /// As `outcome.kind` names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            StreamOutcome::Proxy { .. } => "proxy",
            StreamOutcome::Return { .. } => "return",
            StreamOutcome::Handed { .. } => "pass",
            StreamOutcome::Close { .. } => "close",
        }
    }
}

impl std::fmt::Display for StreamOutcome {
    /// `proxy_pass app (10.0.0.5:5432)`, `return "text"`, `closed: no host in upstream ""`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StreamOutcome::Proxy { servers, pass, tls, preface, .. } => {
                let pass = String::from_utf8_lossy(pass);
                write!(f, "proxy_pass {pass}")?;
                let servers = servers.join(", ");
                if !servers.is_empty() && servers != pass {
                    write!(f, " ({servers})")?;
                }
                f.write_str(if *tls { " over TLS" } else { "" })?;
                f.write_str(if *preface { " behind a PROXY protocol header" } else { "" })
            }
            StreamOutcome::Return { text } => write!(f, "return \"{}\"", String::from_utf8_lossy(text)),
            StreamOutcome::Handed { to: LocalAddress::Inet(to), .. } => write!(f, "pass {to}"),
            StreamOutcome::Handed { to: LocalAddress::Unix(path), .. } => {
                write!(f, "pass unix:{}", String::from_utf8_lossy(path))
            }
            StreamOutcome::Close { reason } => write!(f, "closed: {reason}"),
        }
    }
}
