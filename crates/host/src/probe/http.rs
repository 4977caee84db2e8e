//! One HTTP request and what came back.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout_at;

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
    if probe.tls {
        return Err(Failure::Unsupported { what: "TLS" });
    }
    let started = Instant::now();
    let request = request(probe)?;
    match &probe.target {
        Target::Tcp(address) => {
            let stream = connect(probe, TcpStream::connect(address)).await?;
            // The one small request must not wait for another.
            let _only_slower = stream.set_nodelay(true);
            within(probe, started, exchange(stream, request, started)).await
        }
        Target::Unix(path) => {
            let stream = connect(probe, UnixStream::connect(path)).await?;
            within(probe, started, exchange(stream, request, started)).await
        }
    }
}

fn request(probe: &Probe) -> Result<Request<Empty<Bytes>>, Failure> {
    let bad = |reason: String| Failure::BadProbe { reason };
    let method = match probe.method {
        Method::Get => hyper::Method::GET,
        Method::Head => hyper::Method::HEAD,
    };
    let mut request = Request::builder().method(method).uri(&probe.uri);
    let mut own_connection = false;
    let host = [(HOST.as_str(), probe.host.as_str())];
    let headers = probe.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in host.into_iter().chain(headers) {
        let shown = |what: &str| format!("{name:?} is not a header {what}");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(shown("name")))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| bad(format!("the value of {name} cannot be sent")))?;
        own_connection |= name == CONNECTION;
        request = request.header(name, value);
    }
    if !own_connection {
        request = request.header(CONNECTION, HeaderValue::from_static("close"));
    }
    request.body(Empty::new()).map_err(|error| bad(format!("{:?}: {error}", probe.uri)))
}

async fn connect<S>(probe: &Probe, connecting: impl Future<Output = io::Result<S>>) -> Result<S, Failure> {
    let limit = probe.connect_limit.min(probe.limit);
    let limit_ms = millis(limit);
    match tokio::time::timeout(limit, connecting).await {
        Err(_) => Err(Failure::ConnectTimedOut { limit_ms }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Failure::Refused),
        Ok(Err(error)) => Err(Failure::Unreachable { reason: error.to_string() }),
        Ok(Ok(stream)) => Ok(stream),
    }
}

async fn within<T>(
    probe: &Probe,
    started: Instant,
    exchange: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let limit_ms = millis(probe.limit);
    let end = tokio::time::Instant::from_std(started + probe.limit);
    timeout_at(end, exchange).await.unwrap_or(Err(Failure::TimedOut { limit_ms }))
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>, started: Instant) -> Result<Sample, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) =
        http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.map_err(|error| failure(&error))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failure(&error))?;
        read(response, started).await
    };
    // The connection has to be driven while the answer is read, and is of no interest after that.
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        sample = &mut answer => sample,
        // What ended the connection has reached the answer as well, and says more there.
        _ended = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>, started: Instant) -> Result<Sample, Failure> {
    let (head, mut incoming) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let mut sample = Sample {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: Vec::new(),
        truncated: false,
        took: Duration::ZERO,
    };
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failure(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let room = BODY_BYTES_MAX - sample.body.len();
        sample.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            sample.truncated = true;
            break;
        }
    }
    sample.took = started.elapsed();
    Ok(sample)
}

/// Says what an error of the exchange would have looked like to a client.
fn failure(error: &hyper::Error) -> Failure {
    let mut source = error.source();
    while let Some(cause) = source {
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => return Failure::Reset,
            Some(io::ErrorKind::UnexpectedEof) => return Failure::Closed,
            _ => source = cause.source(),
        }
    }
    if error.is_parse() {
        return Failure::NotHttp { reason: error.to_string() };
    }
    Failure::Closed
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
