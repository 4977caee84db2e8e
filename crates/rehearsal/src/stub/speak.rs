//! One connection to a stub: what is spoken on it is told by its first bytes, where the stub leaves that open.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;

use super::child::Record;
use super::{Behaviour, Seen, StubId, StubKind, Zone, dns, fastcgi, grpc, http, memcached, uwsgi};
use crate::certificates::Identity;
use crate::stream::{IDLE, Stream};

/// How long the first bytes may take when they are too few to tell what is spoken.
const FEW: Duration = Duration::from_millis(200);

/// How many bytes the head of a request may have.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;

/// How many bytes of headers are told to the parent: a packet holds them even when every one must be escaped.
const TOLD_BYTES_MAX: usize = 12 << 10;

/// A stub in its process.
pub(super) struct Served {
    id: StubId,
    pub(super) name: String,
    speaks: Speaks,
    pub(super) behaviour: Mutex<Behaviour>,
    record: Arc<Record>,
}

/// What is spoken; as [`StubKind`], ready to serve.
enum Speaks {
    Any(Option<TlsAcceptor>),
    Http(Option<TlsAcceptor>),
    Fastcgi,
    Uwsgi,
    Scgi,
    Memcached,
    Tcp,
    Dns(Zone),
}

impl Served {
    pub(super) fn new(
        id: StubId,
        name: String,
        kind: StubKind,
        record: Arc<Record>,
    ) -> Result<Served, Box<dyn std::error::Error + Send + Sync>> {
        let speaks = match kind {
            StubKind::Any { tls } => Speaks::Any(tls.as_ref().map(acceptor).transpose()?),
            StubKind::Http { tls } => Speaks::Http(tls.as_ref().map(acceptor).transpose()?),
            StubKind::Fastcgi => Speaks::Fastcgi,
            StubKind::Uwsgi => Speaks::Uwsgi,
            StubKind::Scgi => Speaks::Scgi,
            StubKind::Memcached => Speaks::Memcached,
            StubKind::Tcp | StubKind::Udp => Speaks::Tcp,
            StubKind::Dns(zone) => Speaks::Dns(zone),
        };
        Ok(Served { id, name, speaks, behaviour: Mutex::new(Behaviour::Echo), record })
    }

    pub(super) fn zone(&self) -> Option<&Zone> {
        match &self.speaks {
            Speaks::Dns(zone) => Some(zone),
            _ => None,
        }
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn acceptor(identity: &Identity) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // What is spoken inside is told by its first bytes.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is known of a connection besides its bytes.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) served: Arc<Served>,
    pub(super) local: String,
    tls: bool,
    sni: Option<String>,
}

/// What a request says, whatever it is spoken in.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) protocol: &'static str,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) version: String,
    pub(super) host: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Exchange {
    pub(super) fn new(served: Arc<Served>, local: String) -> Exchange {
        Exchange { served, local, tls: false, sni: None }
    }

    /// Remembers a request, and returns it as the body of an answer tells it.
    pub(super) fn reached(&self, mut asked: Asked) -> Vec<u8> {
        let mut room = TOLD_BYTES_MAX;
        let kept = asked.headers.iter().take_while(|(name, value)| {
            let bytes = name.len() + value.len();
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        });
        let kept = kept.count();
        asked.headers.truncate(kept);
        shorten(&mut asked.target, TOLD_BYTES_MAX / 2);
        shorten(&mut asked.method, TOLD_BYTES_MAX / 16);
        let seen = Seen {
            stub: self.served.id,
            name: self.served.name.clone(),
            local: self.local.clone(),
            protocol: asked.protocol.to_owned(),
            tls: self.tls,
            sni: self.sni.clone(),
            method: asked.method,
            target: asked.target,
            version: asked.version,
            host: asked.host.map(|mut host| {
                shorten(&mut host, TOLD_BYTES_MAX / 16);
                host
            }),
            headers: asked.headers,
        };
        let mut body = serde_json::to_vec(&seen).expect("text and numbers are JSON");
        body.push(b'\n');
        self.served.record.push(seen);
        body
    }
}

fn shorten(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Serves one connection to its end, whatever comes.
pub(super) async fn connection(stream: impl Stream + 'static, exchange: Exchange) {
    // How a client ended its connection is its own affair.
    let _ended = start(Replay::new(stream), exchange).await;
}

async fn start(stream: Replay<impl Stream + 'static>, mut exchange: Exchange) -> io::Result<()> {
    let mut stream = stream;
    if exchange.served.behaviour() == Behaviour::Close {
        return Ok(());
    }
    let served = exchange.served.clone();
    match &served.speaks {
        Speaks::Any(tls) | Speaks::Http(tls) => {
            let mut first = stream.first().await?;
            if first == First::Tls
                && let Some(tls) = tls
            {
                let inside = tokio::time::timeout(IDLE, tls.accept(stream)).await??;
                exchange.tls = true;
                exchange.sni = inside.get_ref().1.server_name().map(str::to_owned);
                let mut inside: Replay<Box<dyn Stream>> = Replay::new(Box::new(inside));
                first = inside.first().await?;
                return speak(inside, first, matches!(served.speaks, Speaks::Any(_)), &exchange).await;
            }
            speak(stream, first, matches!(served.speaks, Speaks::Any(_)), &exchange).await
        }
        Speaks::Fastcgi => fastcgi::serve(stream, &exchange).await,
        Speaks::Uwsgi => uwsgi::serve_uwsgi(stream, &exchange).await,
        Speaks::Scgi => uwsgi::serve_scgi(stream, &exchange).await,
        Speaks::Memcached => memcached::serve(stream, &exchange).await,
        Speaks::Tcp => raw(stream, &exchange).await,
        Speaks::Dns(zone) => dns::serve(stream, zone, &exchange).await,
    }
}

async fn speak<S: Stream + 'static>(
    stream: Replay<S>,
    first: First,
    any: bool,
    exchange: &Exchange,
) -> io::Result<()> {
    match first {
        First::H2 => grpc::serve(stream, exchange).await,
        First::Fastcgi if any => fastcgi::serve(stream, exchange).await,
        First::Uwsgi if any => uwsgi::serve_uwsgi(stream, exchange).await,
        First::Scgi if any => uwsgi::serve_scgi(stream, exchange).await,
        First::Memcached if any => memcached::serve(stream, exchange).await,
        First::Tls | First::Other if any => raw(stream, exchange).await,
        _ => http::serve(stream, exchange).await,
    }
}

/// Anything: a line that names the stub once something came, then what came.
async fn raw(mut stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut buffer = vec![0; 8192];
    let mut named = false;
    loop {
        let length = tokio::time::timeout(IDLE, stream.read(&mut buffer)).await??;
        if length == 0 {
            return Ok(());
        }
        let mut answer = Vec::new();
        if !named {
            named = true;
            exchange.reached(Asked { protocol: "tcp", ..Asked::default() });
            answer = format!("{} {}\n", exchange.served.name, exchange.local).into_bytes();
        }
        answer.extend_from_slice(&buffer[..length]);
        match exchange.served.behaviour() {
            Behaviour::Silent => {}
            Behaviour::Close => return Ok(()),
            _ => stream.write_all(&answer).await?,
        }
    }
}

/// What the first bytes of a connection begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Tls,
    H2,
    Http,
    Fastcgi,
    Uwsgi,
    Scgi,
    Memcached,
    Other,
}

impl First {
    /// Tells from the first bytes; four are enough.
    fn of(bytes: &[u8]) -> First {
        let upper = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_' | b' ');
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match bytes {
            [0x16, 3, ..] => First::Tls,
            [b'P', b'R', b'I', b' ', ..] => First::H2,
            [1, 1, ..] => First::Fastcgi,
            [0, _, _, 0, ..] => First::Uwsgi,
            [b'g', b'e', b't', b' ' | b's', ..] => First::Memcached,
            _ if digits > 0 && bytes.get(digits).is_none_or(|&byte| byte == b':') => First::Scgi,
            [first, ..] if first.is_ascii_uppercase() && bytes.iter().take(4).all(upper) => First::Http,
            _ => First::Other,
        }
    }
}

/// A stream whose first bytes were looked at and are read again.
pub(super) struct Replay<S> {
    seen: Vec<u8>,
    done: usize,
    stream: S,
}

impl<S: Stream> Replay<S> {
    pub(super) fn new(stream: S) -> Replay<S> {
        Replay { seen: Vec::new(), done: 0, stream }
    }

    /// Looks at the first bytes, past the line of a PROXY protocol.
    async fn first(&mut self) -> io::Result<First> {
        const ENOUGH: usize = 4;
        self.more(ENOUGH).await?;
        if self.seen.starts_with(b"PROX") {
            while !self.seen.contains(&b'\n') && self.seen.len() < HEAD_BYTES_MAX {
                let before = self.seen.len();
                self.more(before + 1).await?;
                if self.seen.len() == before {
                    break;
                }
            }
            let end = self.seen.iter().position(|&byte| byte == b'\n').map_or(self.seen.len(), |at| at + 1);
            self.seen.drain(..end);
            self.more(ENOUGH).await?;
        }
        Ok(First::of(&self.seen))
    }

    /// Reads until so many bytes are there, or no more come for a while.
    async fn more(&mut self, enough: usize) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while self.seen.len() < enough {
            let limit = if self.seen.is_empty() { IDLE } else { FEW };
            match tokio::time::timeout(limit, self.stream.read(&mut buffer)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(read) => self.seen.extend_from_slice(&buffer[..read?]),
                Err(_) if self.seen.is_empty() => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

impl<S: Stream> AsyncRead for Replay<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.seen[self.done..];
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, into);
        }
        let length = rest.len().min(into.remaining());
        into.put_slice(&rest[..length]);
        self.done += length;
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Replay<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_is_spoken() {
        for (bytes, first) in [
            (&b"\x16\x03\x01\x02"[..], First::Tls),
            (b"PRI * HTTP/2.0", First::H2),
            (b"GET / HTTP/1.1", First::Http),
            (b"M-SEARCH *", First::Http),
            (b"POST /", First::Http),
            (b"\x01\x01\x00\x01", First::Fastcgi),
            (b"\x00\x20\x01\x00", First::Uwsgi),
            (b"70:CONTENT_LENGTH", First::Scgi),
            (b"1234", First::Scgi),
            (b"get key", First::Memcached),
            (b"hello", First::Other),
            (b"", First::Other),
        ] {
            assert_eq!(First::of(bytes), first, "{bytes:?}");
        }
    }

    #[test]
    fn text_is_shortened_between_letters() {
        let mut text = "aéé".to_owned();
        shorten(&mut text, 4);
        assert_eq!(text, "aé");
    }
}
