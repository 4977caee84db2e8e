//! One HTTP request and what came back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where a probe connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address and port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// The methods a probe may use: those that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
}

/// A request to send once, on a connection of its own.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Where to.
    pub target: Target,
    /// Whether TLS is asked for; answered with [`Failure::Unsupported`] so far.
    pub tls: bool,
    /// How.
    pub method: Method,
    /// Path and query, as sent.
    pub uri: String,
    /// The `Host` header.
    pub host: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// How long connecting may take.
    pub connect_limit: Duration,
    /// How long all of it may take.
    pub limit: Duration,
}

/// How many bytes of a body are kept.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The status.
    pub status: u16,
    /// The headers, in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
    /// Whether more of it came.
    pub truncated: bool,
    /// From the first packet to the last byte.
    pub took: Duration,
}

/// Why there is no [`Sample`]. Each is something that a client would have met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody listens there.
    #[error("connect: refused")]
    Refused,
    /// No connection in time.
    #[error("connect within {limit_ms} ms")]
    ConnectTimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// There is no way to that address.
    #[error("connect: {reason}")]
    Unreachable {
        /// What the kernel said.
        reason: String,
    },
    /// No whole answer in time.
    #[error("hear a whole answer within {limit_ms} ms")]
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// The connection was reset.
    #[error("hear an answer: the connection was reset")]
    Reset,
    /// The connection was closed before a whole answer.
    #[error("hear an answer: the connection was closed")]
    Closed,
    /// What came is not HTTP.
    #[error("hear an answer: what came is not HTTP ({reason})")]
    NotHttp {
        /// What is wrong with it.
        reason: String,
    },
    /// The probe itself cannot be sent.
    #[error("send the request: {reason}")]
    BadProbe {
        /// What is wrong with it.
        reason: String,
    },
    /// This kind of request is not known yet.
    #[error("send the request: {what} is not supported yet")]
    Unsupported {
        /// What is missing.
        what: &'static str,
    },
}

/// Sends one request and reads its answer. Needs a tokio runtime with IO and time.
///
/// # Errors
/// [`Failure`] is what a client would have met.
pub async fn send(probe: &Probe) -> Result<Sample, Failure> {
    let _ = probe;
    unimplemented!()
}
