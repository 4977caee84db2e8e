//! One question on its way: it connects, keeps to its limits, and notes what it sees.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_fleet::watch::{Answer, Failure};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::certificate::Certificate;
use super::trust::Trust;
use super::{Limits, Spec, Target, connect};

/// How many authorities of settings are kept ready.
const OWN_TRUST_MAX: usize = 64;

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether it was answered as expected.
    pub answer: Answer,
    /// From the first packet to the last byte, or to the failure.
    pub took: Duration,
    /// How long its parts took, as far as it came.
    pub phases: Phases,
    /// What was seen on the way.
    pub seen: Seen,
}

/// How long the parts of a question took; those that were not reached have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Until the connection stood.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the request to its first byte back.
    pub first_byte: Option<Duration>,
    /// From the first byte to the last.
    pub rest: Option<Duration>,
}

/// What a question saw, whatever its answer is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The status of the answer.
    pub status: Option<u16>,
    /// How many bytes of a body were read.
    pub body_bytes: Option<u64>,
    /// The certificate that was shown, also when it was not accepted.
    pub certificate: Option<Certificate>,
    /// The version of TLS that was agreed on.
    pub tls_version: Option<String>,
    /// The addresses of a name.
    pub addresses: Vec<IpAddr>,
    /// What nginx said of itself in its own error page.
    pub hint: Option<String>,
}

/// Asks questions. It holds whom to trust, so that many questions read that once.
#[derive(Debug, Default)]
pub struct Prober {
    system: OnceLock<Result<Arc<Trust>, String>>,
    own: Mutex<HashMap<String, Arc<Trust>>>,
}

impl Prober {
    /// Asks once. It always ends, with an answer or with the way in which it failed. Needs a tokio runtime with IO and time;
    /// dropped, it closes what it opened.
    pub async fn ask(&self, spec: &Spec) -> Report {
        let mut visit = Visit::new(self, &spec.target, spec.limits);
        visit.proxy_protocol = spec.proxy_protocol;
        let ended = spec.ask.ask(&mut visit).await;
        Report {
            answer: ended.map_or_else(Answer::Down, |()| Answer::Up),
            took: visit.started.elapsed(),
            phases: visit.phases,
            seen: visit.seen,
        }
    }

    /// Who is trusted: the authorities of `pem`, or those of this machine.
    pub(super) fn trust(&self, pem: Option<&str>) -> Result<Arc<Trust>, String> {
        let Some(pem) = pem else {
            return self.system.get_or_init(|| Trust::of_this_machine().map(Arc::new)).clone();
        };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = own.get(pem) {
            return Ok(Arc::clone(trust));
        }
        let trust = Arc::new(Trust::of(pem)?);
        if own.len() >= OWN_TRUST_MAX {
            own.clear();
        }
        own.insert(pem.to_owned(), Arc::clone(&trust));
        Ok(trust)
    }
}

/// A stream to whom is asked, of any kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Stream for S {}

/// One question on its way.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) prober: &'a Prober,
    pub(super) target: &'a Target,
    pub(super) limits: Limits,
    pub(super) proxy_protocol: bool,
    pub(super) started: Instant,
    pub(super) phases: Phases,
    pub(super) seen: Seen,
}

impl<'a> Visit<'a> {
    /// A question that begins now.
    pub(super) fn new(prober: &'a Prober, target: &'a Target, limits: Limits) -> Visit<'a> {
        Visit {
            prober,
            target,
            limits,
            proxy_protocol: false,
            started: Instant::now(),
            phases: Phases::default(),
            seen: Seen::default(),
        }
    }

    /// Connects within the limit.
    pub(super) async fn connect(&mut self) -> Result<Box<dyn Stream>, Failure> {
        let limit = self.limits.connect().min(self.left());
        let stream: Box<dyn Stream> = match self.target {
            Target::Tcp(address) => {
                let standing = tokio::time::timeout(limit, connect::tcp(*address)).await;
                let mut stream = standing.unwrap_or(Err(Failure::Filtered))?;
                if self.proxy_protocol {
                    let line = proxy_line(stream.local_addr().ok(), *address);
                    // A fresh connection takes some hundred bytes at once; if it does not, nobody reads there.
                    let sent = tokio::time::timeout(self.left(), stream.write_all(line.as_bytes())).await;
                    sent.map_err(|_| Failure::Silent)?.map_err(|_| Failure::Reset)?;
                }
                Box::new(stream)
            }
            Target::Unix(path) => {
                let standing = tokio::time::timeout(limit, UnixStream::connect(path)).await;
                match standing {
                    Err(_) => return Err(Failure::Filtered),
                    Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                        return Err(Failure::Refused);
                    }
                    Ok(Err(error)) => {
                        return Err(Failure::OwnSide { reason: format!("{}: {error}", path.display()) });
                    }
                    Ok(Ok(stream)) => Box::new(stream),
                }
            }
        };
        self.phases.connect = Some(self.started.elapsed());
        Ok(stream)
    }

    /// How long there is until the whole limit.
    pub(super) fn left(&self) -> Duration {
        self.limits.whole().saturating_sub(self.started.elapsed())
    }

    /// What `exchange` gives within the whole limit.
    pub(super) async fn within<T>(&self, exchange: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(self.left(), exchange).await.ok()
    }
}

/// Source: <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, section 2.1
fn proxy_line(from: Option<SocketAddr>, to: SocketAddr) -> String {
    let Some(from) = from else { return "PROXY UNKNOWN\r\n".to_owned() };
    let family = if to.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port())
}
