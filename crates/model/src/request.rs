//! A request as it reaches nginx, and where it ends.

use std::net::{IpAddr, SocketAddr};

use crate::config::NodeId;

mod facts;
mod text;

pub use facts::{AddedHeader, Facts, Guard, GuardKind, Limit, LimitKind, Says, SentHeader};
pub use text::RequestError;

/// A request, as its bytes reach nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method as it stands: `GET`.
    pub method: Vec<u8>,
    /// The raw request target, in origin (`/a%20b?x=1`) or absolute form.
    pub target: Vec<u8>,
    /// The protocol version.
    pub version: HttpVersion,
    /// The header lines in order, `Host` among them where it is sent.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The local address that the connection reached; `None`: the first listen of the tree that fits `port` and `tls`.
    pub listen: Option<LocalAddress>,
    /// The port that the client meant, for the choice of a listen when `listen` is `None`.
    pub port: Option<u16>,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The server name of the TLS handshake; `None`: none was sent.
    pub sni: Option<Vec<u8>>,
    /// The address of the client; `None`: not told.
    pub client: Option<IpAddr>,
}

/// A local address that a connection reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LocalAddress {
    /// An address and a port.
    Inet(SocketAddr),
    /// A Unix socket.
    Unix(Vec<u8>),
}

/// The version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HttpVersion {
    /// HTTP/0.9: a request line without a version.
    V0_9,
    /// HTTP/1.0
    V1_0,
    /// HTTP/1.1
    V1_1,
    /// HTTP/2
    V2,
}

/// Where a request ends. `V` is how what the request decides is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<V = Vec<u8>> {
    /// It is passed on.
    Pass {
        /// By which directive.
        kind: PassKind,
        /// The name of the `upstream` block, or host and port as they stand; `None` when variables decide that nobody knows.
        upstream: Option<String>,
        /// The addresses of the upstream as they stand, with their ports.
        servers: Vec<String>,
        /// The URL that is asked, with the upstream's name as host: `http://app/cart?x=1`.
        pass: V,
    },
    /// A file is served.
    File {
        /// Its path.
        path: V,
    },
    /// Which file is served depends on the file system.
    Files {
        /// The paths, in the order in which nginx looks for them.
        candidates: Vec<V>,
    },
    /// The client is sent elsewhere.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location` header as nginx sends it.
        location: V,
    },
    /// The configuration itself answers.
    Return {
        /// The status.
        status: u16,
        /// The body, where the configuration gives one.
        body: Option<V>,
    },
    /// The connection is closed without an answer.
    Close {
        /// Why, for people: `return 444`, a refused handshake.
        reason: String,
    },
    /// nginx answers with an error of its own.
    Error {
        /// The status.
        status: u16,
        /// Why, for people.
        reason: String,
    },
}

/// By which directive a request is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PassKind {
    /// `proxy_pass`
    Proxy,
    /// `fastcgi_pass`
    Fastcgi,
    /// `uwsgi_pass`
    Uwsgi,
    /// `scgi_pass`
    Scgi,
    /// `grpc_pass`
    Grpc,
    /// `memcached_pass`
    Memcached,
}

/// The way of a request through a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it ends.
    pub outcome: Outcome,
    /// The status that the client sees; `None` when somebody else decides it (an upstream) or there is no answer.
    pub status: Option<u16>,
    /// The address of the tree that took the connection (unspecified where it listens on all); `None`: nothing listens.
    pub listen: Option<LocalAddress>,
    /// The server that answers; `None` when no server was chosen.
    pub server: Option<NodeId>,
    /// The location that answers; `None` when the server itself does.
    pub location: Option<NodeId>,
    /// The normalized URI with which the last location was chosen.
    pub uri: Vec<u8>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What the answer rests on that no configuration tells; empty: it is exact.
    pub depends_on: Vec<Dependence>,
    /// What guards and limits the request, and what is added to its answer.
    pub facts: Facts,
}

/// One step on the way of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What kind: `listen`, `server`, `location`, `return`, `proxy_pass`, `try_files`, `error_page`, `internal redirect`, …
    pub what: &'static str,
    /// What was chosen and why, for people.
    pub text: String,
    /// The directive that decided.
    pub node: Option<NodeId>,
}

/// Something that an answer rests on and that no configuration tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependence {
    /// Whether a file exists.
    FileExists(Vec<u8>),
    /// What an upstream answers.
    UpstreamResponse,
    /// Where the client comes from.
    ClientAddress,
    /// Chance (`split_clients`, `random_index`).
    Random,
    /// The time.
    Time,
    /// Something that this version does not model, by module or directive: `rewrite`, `map`, `lua`.
    Module(String),
}

impl std::fmt::Display for Dependence {
    /// As `depends_on` of `evenkeel route --json` names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Dependence::FileExists(path) => write!(f, "file-exists:{}", String::from_utf8_lossy(path)),
            Dependence::UpstreamResponse => f.write_str("upstream-response"),
            Dependence::ClientAddress => f.write_str("client-address"),
            Dependence::Random => f.write_str("random"),
            Dependence::Time => f.write_str("time"),
            Dependence::Module(name) => write!(f, "module:{name}"),
        }
    }
}

impl PassKind {
    /// As `outcome.kind` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PassKind::Proxy => "proxy",
            PassKind::Fastcgi => "fastcgi",
            PassKind::Uwsgi => "uwsgi",
            PassKind::Scgi => "scgi",
            PassKind::Grpc => "grpc",
            PassKind::Memcached => "memcached",
        }
    }

    /// The directive.
    #[must_use]
    pub fn directive(self) -> &'static str {
        match self {
            PassKind::Proxy => "proxy_pass",
            PassKind::Fastcgi => "fastcgi_pass",
            PassKind::Uwsgi => "uwsgi_pass",
            PassKind::Scgi => "scgi_pass",
            PassKind::Grpc => "grpc_pass",
            PassKind::Memcached => "memcached_pass",
        }
    }
}
