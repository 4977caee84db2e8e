//! Reads a stream piece by piece, with a limit on every piece and on the time between two.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a connection may be idle.
pub(crate) const IDLE: Duration = Duration::from_secs(75);

/// A byte stream in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream and what was read of it too early.
pub(crate) struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
    received: usize,
}

impl<S: Stream> Reader<S> {
    pub(crate) fn new(stream: S) -> Reader<S> {
        Reader { stream, buffer: Vec::new(), received: 0 }
    }

    /// Reads past the next `end`, and returns everything up to and with it; `None` when the stream ends first, an
    /// error of the kind `InvalidData` when it does not come within `bytes_max` bytes.
    pub(crate) async fn until(&mut self, end: &[u8], bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let mut from = 0;
        loop {
            let found = self.buffer[from..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Ok(Some(self.take(from + at + end.len())));
            }
            if self.buffer.len() >= bytes_max {
                return Err(io::ErrorKind::InvalidData.into());
            }
            from = self.buffer.len().saturating_sub(end.len() - 1);
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// Reads exactly so many bytes; `None` when the stream ends first.
    pub(crate) async fn exact(&mut self, length: usize) -> io::Result<Option<Vec<u8>>> {
        while self.buffer.len() < length {
            if !self.more().await? {
                return Ok(None);
            }
        }
        Ok(Some(self.take(length)))
    }

    /// Reads so many bytes and forgets them; whether they came.
    pub(crate) async fn discard(&mut self, mut length: u64) -> io::Result<bool> {
        loop {
            let here = usize::try_from(length).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.drain(..here);
            length -= here as u64;
            if length == 0 {
                return Ok(true);
            }
            if !self.more().await? {
                return Ok(false);
            }
        }
    }

    /// Reads to the end and forgets it.
    pub(crate) async fn discard_all(&mut self) -> io::Result<()> {
        self.discard(u64::MAX).await.map(drop)
    }

    /// Waits for anything, and returns it; empty at the end.
    pub(crate) async fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.more().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Waits for anything, and returns at most so many bytes of it; none at the end.
    pub(crate) async fn up_to(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.more().await?;
        }
        Ok(self.take(length.min(self.buffer.len())))
    }

    /// What was read and not taken.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// How many bytes have come in all.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Writes all of it at once.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        tokio::time::timeout(IDLE, self.stream.write_all(bytes)).await??;
        self.stream.flush().await
    }

    /// Says that nothing more is written, so that the last answer is not lost to what was not read.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }

    async fn more(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        let length = tokio::time::timeout(IDLE, self.stream.read(&mut piece)).await??;
        self.buffer.extend_from_slice(&piece[..length]);
        self.received += length;
        Ok(length > 0)
    }
}
