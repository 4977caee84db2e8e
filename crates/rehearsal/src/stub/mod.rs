//! What stands in for upstreams and name servers: it answers, and tells what reached it.
//!
//! One process of a single thread serves all of them, on descriptors that it is handed. It can open nothing, start
//! nothing and connect to nowhere, and it ends with the process that started it.

pub(crate) mod child;
mod confine;
mod datagram;
pub(crate) mod dns;
mod fastcgi;
mod grpc;
pub(crate) mod http;
mod memcached;
mod speak;
mod uwsgi;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, listen, socketpair, sockopt};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

pub(crate) use self::dns::ANY_NAME;
use self::wire::{Order, Reply, Says, Wire};

use crate::certificates::Identity;

/// One stub: a listening socket and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StubId(pub u32);

/// What a stub speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StubKind {
    /// Whatever the first bytes are: TLS (with this identity), HTTP/1, gRPC, FastCGI, uwsgi, SCGI, memcached; else a
    /// line that names the stub, and an echo. For a listener that stands for many upstreams.
    Any {
        /// Who it is in TLS; without one TLS is not spoken.
        tls: Option<Identity>,
    },
    /// HTTP/1 and gRPC, over TLS too when it has an identity.
    Http {
        /// Who it is in TLS; without one TLS is not spoken.
        tls: Option<Identity>,
    },
    /// FastCGI.
    Fastcgi,
    /// uwsgi.
    Uwsgi,
    /// SCGI.
    Scgi,
    /// memcached: every key has a value.
    Memcached,
    /// Anything: one line that names the stub once something came, then what came.
    Tcp,
    /// Anything over UDP, answered by one datagram that names the stub. The descriptor is a bound UDP socket.
    Udp,
    /// DNS. The descriptor is a bound UDP or a listening TCP socket.
    Dns(Zone),
}

/// What a DNS stub knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Zone {
    /// The addresses of names, in lower case and without the last dot.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// Whether every other name has an address, too: the same for all of them.
    /// If not, other names do not exist.
    pub others_exist: bool,
}

/// What a stub does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Answers 200 with what reached it.
    Echo,
    /// Answers with this status. (Where there is no status, as in memcached, an error.)
    Status(u16),
    /// Reads and never answers.
    Silent,
    /// Accepts and closes.
    Close,
    /// Like `Echo`, with so many more bytes of headers.
    Headers(u32),
}

/// A request that reached a stub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which stub.
    pub stub: StubId,
    /// Its name.
    pub name: String,
    /// The local address that was asked: `10.0.0.5:8080`, `[2001:db8::50]:8080` or `unix:/run/app.sock`.
    pub local: String,
    /// `http`, `grpc`, `fastcgi`, `uwsgi`, `scgi`, `memcached`, `tcp`, `udp` or `dns`.
    pub protocol: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The server name of the handshake.
    pub sni: Option<String>,
    /// The method; in DNS the type of the question, in memcached the command.
    pub method: String,
    /// The request target as it came; in DNS the name, in memcached the key.
    pub target: String,
    /// `HTTP/1.0`, as it came.
    pub version: String,
    /// The `Host` header, or its like.
    pub host: Option<String>,
    /// The headers or the parameters, in order; those past 12 KiB are left out.
    pub headers: Vec<(String, String)>,
}

/// Why a stub does not do as told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StubError {
    /// The process could not be started.
    #[error("start the stubs' process")]
    Start(#[source] io::Error),
    /// The process is gone.
    #[error("ask the stubs' process: it ended")]
    Ended,
    /// The process did not answer in time.
    #[error("hear from the stubs' process within {limit_ms} ms")]
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// The process cannot do it.
    #[error("{what}")]
    Refused {
        /// What it said.
        what: String,
    },
    /// The conversation failed.
    #[error("talk to the stubs' process")]
    Io(#[from] io::Error),
}

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long the stubs' process may take to carry out an order.
const ORDER_LIMIT: Duration = Duration::from_secs(5);

/// The stubs of one rehearsal. When it is dropped they are gone.
#[derive(Debug)]
pub struct Stubs {
    conversation: Mutex<Conversation>,
    process: Child,
}

#[derive(Debug)]
struct Conversation {
    wire: Wire,
    orders: u64,
    stubs: u32,
}

impl Stubs {
    /// Starts their process: `program` (`/proc/self/exe`) with `__stub`. Needs a tokio runtime with IO and time, and
    /// a thread that lives as long as the stubs shall.
    ///
    /// # Errors
    /// [`StubError::Start`]
    pub fn start(program: &Path) -> Result<Stubs, StubError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
            .map_err(|error| StubError::Start(error.into()))?;
        let wire = Wire::new(ours).map_err(StubError::Start)?;
        let mut command = Command::new(program);
        command.arg("__stub").current_dir("/").env_clear();
        command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(StubError::Start)?;
        Ok(Stubs { conversation: Mutex::new(Conversation { wire, orders: 0, stubs: 0 }), process })
    }

    /// Serves a listening (or, for UDP and DNS, bound) socket. It answers as [`Behaviour::Echo`] says.
    ///
    /// # Errors
    /// [`StubError`]
    pub async fn serve(&self, socket: OwnedFd, kind: StubKind, name: &str) -> Result<StubId, StubError> {
        if !matches!(kind, StubKind::Udp)
            && sockopt::socket_type(&socket).is_ok_and(|kind| kind == SocketType::STREAM)
        {
            // Whoever made it may have asked for a short queue: one that is full costs a second.
            listen(&socket, BACKLOG).map_err(io::Error::from)?;
        }
        let mut conversation = self.conversation.lock().await;
        conversation.stubs += 1;
        let stub = StubId(conversation.stubs);
        let order = Order::Serve { stub, name: name.to_owned(), kind };
        conversation.order(order, Some(&socket)).await?;
        Ok(stub)
    }

    /// Closes a stub's socket and its connections: the next one is refused.
    ///
    /// # Errors
    /// [`StubError`]
    pub async fn close(&self, stub: StubId) -> Result<(), StubError> {
        self.conversation.lock().await.order(Order::Close { stub }, None).await.map(drop)
    }

    /// Says what a stub does from now on, with the connections that are open, too.
    ///
    /// # Errors
    /// [`StubError`]
    pub async fn behave(&self, stub: StubId, behaviour: Behaviour) -> Result<(), StubError> {
        self.conversation.lock().await.order(Order::Behave { stub, behaviour }, None).await.map(drop)
    }

    /// What reached the stubs since this was last asked, in order; the last 10,000 at most.
    ///
    /// # Errors
    /// [`StubError`]
    pub async fn seen(&self) -> Result<Vec<Seen>, StubError> {
        self.conversation.lock().await.order(Order::Seen, None).await
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Stubs {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Conversation {
    async fn order(&mut self, order: Order, descriptor: Option<&OwnedFd>) -> Result<Vec<Seen>, StubError> {
        let limit_ms = ORDER_LIMIT.as_millis() as u64;
        let answered = self.answered(order, descriptor);
        tokio::time::timeout(ORDER_LIMIT, answered).await.unwrap_or(Err(StubError::TimedOut { limit_ms }))
    }

    async fn answered(&mut self, order: Order, descriptor: Option<&OwnedFd>) -> Result<Vec<Seen>, StubError> {
        self.orders += 1;
        let number = self.orders;
        self.wire.send(&wire::Command { number, order }, descriptor).await.map_err(ended)?;
        let mut all = Vec::new();
        loop {
            let (reply, _) = self.wire.receive::<Reply>().await.map_err(ended)?.ok_or(StubError::Ended)?;
            // What nobody waited for any more is let go of.
            if reply.number != number {
                continue;
            }
            match reply.says {
                Says::Done => return Ok(all),
                Says::Refused { what } => return Err(StubError::Refused { what }),
                Says::Seen(seen) => all.push(*seen),
            }
        }
    }
}

fn ended(error: io::Error) -> StubError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => StubError::Ended,
        _ => StubError::Io(error),
    }
}
