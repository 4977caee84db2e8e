//! Asks nginx in the sandbox, over sockets that were made inside: exactly the bytes of a request, and what comes back.

use std::time::Duration;

use evenkeel_model::Request;
use tokio::io::{AsyncRead, AsyncWrite};

/// How many bytes of a body are kept.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What nginx answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 for HTTP/0.9, which has none.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, decoded, up to [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
    /// Whether more of it came.
    pub truncated: bool,
    /// From the first byte sent to the last one read.
    pub took: Duration,
}

impl Answer {
    /// The first header with a name (in lower case), where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(&found.1).ok()
    }
}

/// Why there is no [`Answer`]. Each is something that a user would have met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The TLS handshake was refused.
    #[error("shake hands: {reason}")]
    Handshake {
        /// What was said.
        reason: String,
    },
    /// The connection was closed before a whole answer (`return 444` closes it before any).
    #[error("hear an answer: the connection was closed after {bytes} bytes")]
    Closed {
        /// How many bytes of an answer had come.
        bytes: usize,
    },
    /// The connection was reset.
    #[error("hear an answer: the connection was reset")]
    Reset,
    /// No whole answer in time.
    #[error("hear a whole answer within {limit_ms} ms")]
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// What came is not HTTP.
    #[error("hear an answer: what came is not HTTP ({reason})")]
    NotHttp {
        /// What is wrong with it.
        reason: String,
    },
    /// This client cannot send it.
    #[error("send the request: {reason}")]
    Unsupported {
        /// What is missing.
        reason: &'static str,
    },
}

/// Sends one request over a connection of its own and reads its answer. TLS is spoken when the request says so, with
/// any certificate accepted and the request's server name.
///
/// # Errors
/// [`AskError`] is what a user would have met.
pub async fn ask<S>(stream: S, request: &Request, limit: Duration) -> Result<Answer, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = (stream, request, limit);
    Err(AskError::Unsupported { reason: "to come" })
}
