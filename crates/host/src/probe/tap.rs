//! A stream that remembers what came through it: how an exchange ended is told from that, not from a library's words.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use evenkeel_fleet::watch::Failure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many of the first bytes are remembered: the head of a TLS record.
const FIRST_BYTES: usize = 5;

/// What came through a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// When its first byte came.
    pub(super) first_at: Option<Instant>,
    /// How many bytes came.
    pub(super) bytes: u64,
    /// Its first bytes.
    pub(super) first: Vec<u8>,
    /// Whether the other side closed.
    pub(super) closed: bool,
    /// Whether the other side reset.
    pub(super) reset: bool,
    /// The TLS alert that ended it.
    pub(super) alert: Option<u8>,
}

impl Heard {
    /// What a time-out means after this.
    pub(super) fn timed_out(&self) -> Failure {
        if self.bytes == 0 { Failure::Silent } else { Failure::Slow }
    }

    /// What it means that the exchange ended here, when the other side ended it.
    pub(super) fn ended(&self) -> Option<Failure> {
        match self {
            Self { alert: Some(alert), .. } => Some(Failure::TlsAlert(*alert)),
            Self { reset: true, .. } => Some(Failure::Reset),
            Self { closed: true, bytes: 0, .. } => Some(Failure::ClosedEmpty),
            Self { closed: true, .. } => Some(Failure::Truncated),
            _ => None,
        }
    }

    /// Whether the first bytes are the head of a TLS record (RFC 8446, section 5.1).
    pub(super) fn is_tls(&self) -> bool {
        match self.first.as_slice() {
            [] => true,
            [kind, rest @ ..] => (20..=24).contains(kind) && rest.first().is_none_or(|major| *major == 3),
        }
    }
}

/// What a [`Tap`] has heard so far, for those who hold the other end of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ear(Arc<Mutex<Heard>>);

impl Ear {
    /// What was heard so far.
    pub(super) fn heard(&self) -> Heard {
        self.with(|heard| heard.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Heard) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn failed(&self, error: &io::Error) {
        let alert = error.get_ref().and_then(|inner| match inner.downcast_ref() {
            Some(rustls::Error::AlertReceived(alert)) => Some(u8::from(*alert)),
            _ => None,
        });
        self.with(|heard| {
            heard.alert = heard.alert.or(alert);
            match error.kind() {
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => {
                    heard.reset = true;
                }
                // What TLS says of a connection that ends without its goodbye.
                io::ErrorKind::UnexpectedEof => heard.closed = true,
                _ => {}
            }
        });
    }
}

/// A stream with an [`Ear`] on it.
#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    ear: Ear,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S) -> (Tap<S>, Ear) {
        let ear = Ear::default();
        (Tap { stream, ear: ear.clone() }, ear)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        match &read {
            Ok(()) => self.ear.with(|heard| {
                let came = &buffer.filled()[before..];
                if came.is_empty() {
                    heard.closed |= room > 0;
                    return;
                }
                heard.first_at.get_or_insert_with(Instant::now);
                heard.bytes += came.len() as u64;
                let missing = FIRST_BYTES.saturating_sub(heard.first.len()).min(came.len());
                heard.first.extend_from_slice(&came[..missing]);
            }),
            Err(error) => self.ear.failed(error),
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if let Err(error) = &written {
            self.ear.failed(error);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
