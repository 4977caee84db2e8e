//! Asks from this machine, outside any sandbox, whether the upstreams accept connections.

mod connect;
mod targets;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_model::NodeId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use targets::targets;

/// Something that nginx may connect to, and which directive says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub address: Address,
    /// What it is spoken to in.
    pub kind: TargetKind,
    /// The directive: `proxy_pass`, `server` of an upstream, `resolver`, …
    pub node: NodeId,
    /// Its file, as people name it.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The upstream that it is a server of.
    pub upstream: Option<String>,
    /// Whether it is asked only when the others fail.
    pub backup: bool,
    /// Whether it is marked `down`: nginx resolves it and does not connect.
    pub down: bool,
    /// Whether something passes there. Its name is resolved at the start in any case.
    pub used: bool,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An address and a port.
    Inet(SocketAddr),
    /// A name, which nginx resolves when it starts, and a port.
    Name {
        /// The name as it stands.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(Vec<u8>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => write!(f, "{address}"),
            Address::Name { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", String::from_utf8_lossy(path)),
        }
    }
}

/// What a target is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetKind {
    /// HTTP.
    Http {
        /// Over TLS.
        tls: bool,
    },
    /// FastCGI.
    Fastcgi,
    /// uwsgi.
    Uwsgi {
        /// Over TLS.
        tls: bool,
    },
    /// SCGI.
    Scgi,
    /// gRPC.
    Grpc {
        /// Over TLS.
        tls: bool,
    },
    /// memcached.
    Memcached,
    /// Whatever the clients of a stream say.
    Tcp {
        /// Over TLS.
        tls: bool,
    },
    /// Whatever the clients of a stream say, in datagrams.
    Udp,
    /// A name server.
    Dns,
    /// A log server.
    Syslog,
}

impl TargetKind {
    /// Whether it takes datagrams: nobody can tell whether one was accepted.
    pub fn is_datagram(self) -> bool {
        matches!(self, TargetKind::Udp | TargetKind::Dns | TargetKind::Syslog)
    }
}

/// How far asking may go.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many at a time.
    pub at_once: usize,
    /// How long one may take, and how long a name may take to be resolved.
    pub each: Duration,
    /// How long all may take; what is left then is [`Reach::NotAsked`].
    pub all: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { at_once: 32, each: Duration::from_secs(1), all: Duration::from_secs(20) }
    }
}

/// What came of asking one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// What the tree names.
    pub address: Address,
    /// What was connected to: of a name each of its addresses.
    pub at: Option<SocketAddr>,
    /// What happened.
    pub reach: Reach,
}

/// Whether something accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Accepted {
        /// How long it took.
        took: Duration,
    },
    /// Nobody listens there, or a firewall says so.
    Refused,
    /// No answer in time: a firewall that drops, or nobody there.
    TimedOut,
    /// The kernel has no way there, or may not go: its words.
    Unreachable(String),
    /// The name does not exist, or nobody answers for it: the resolver's words.
    NoSuchName(String),
    /// Nobody can tell, or there was no time: why.
    NotAsked(&'static str),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Accepted { took } => write!(f, "accepted in {} ms", took.as_millis()),
            Reach::Refused => f.write_str("refused"),
            Reach::TimedOut => f.write_str("timed out"),
            Reach::Unreachable(why) | Reach::NoSuchName(why) => f.write_str(why),
            Reach::NotAsked(why) => write!(f, "not asked: {why}"),
        }
    }
}

/// Connects to every target, each address once, and closes the connection again. Needs a tokio runtime with IO and time.
///
/// What is returned stands in the order of the targets; a name has a row for each of its addresses.
pub async fn reach(targets: &[Target], limits: &Limits) -> Vec<Reached> {
    let deadline = Instant::now() + limits.all;
    let room = Arc::new(Semaphore::new(limits.at_once));
    let mut order: Vec<(Address, bool)> = Vec::new();
    for target in targets {
        let datagram = target.kind.is_datagram();
        match order.iter_mut().find(|(address, _)| *address == target.address) {
            Some((_, only_datagrams)) => *only_datagrams &= datagram,
            None => order.push((target.address.clone(), datagram)),
        }
    }
    let asked = order.into_iter().map(|(address, only_datagrams)| {
        let (room, each) = (room.clone(), limits.each);
        async move {
            if only_datagrams {
                let reach = Reach::NotAsked("a datagram is not answered by who takes it");
                return vec![Reached { address, at: None, reach }];
            }
            match tokio::time::timeout_at(deadline, connect::one(&address, room, each)).await {
                Ok(found) => found
                    .into_iter()
                    .map(|(at, reach)| Reached { address: address.clone(), at, reach })
                    .collect(),
                Err(_) => vec![Reached { address, at: None, reach: Reach::NotAsked("there was no time") }],
            }
        }
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::testing::config;

    #[test]
    fn each_address_is_asked_once_and_a_datagram_never() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let config = config(&format!(
            "events {{}}\nhttp {{ resolver 192.0.2.1; upstream a {{ server {at}; server {at} weight=2; }}\n \
             server {{ location / {{ proxy_pass http://a; }} location /b {{ proxy_pass http://{at}/x; }} }} }}"
        ));
        let targets = targets(&config);
        assert_eq!(targets.len(), 4);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(reach(&targets, &Limits::default()));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(matches!(found[0].reach, Reach::NotAsked(_)), "{found:?}");
        assert_eq!((found[1].at, matches!(found[1].reach, Reach::Accepted { .. })), (Some(at), true));
        assert!(listener.accept().is_ok());
        assert!(listener.accept().is_err(), "one connection");
    }

    #[test]
    fn what_there_is_no_time_for_is_told() {
        let text = "events {}\nhttp { server { location / { proxy_pass http://127.0.0.1:1; } } }";
        let limits = Limits { all: Duration::ZERO, at_once: 0, ..Limits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(reach(&targets(&config(text)), &limits));
        assert_eq!(found[0].reach, Reach::NotAsked("there was no time"));
    }
}
