//! Asks nginx in the sandbox, over sockets that were made inside: exactly the bytes of a request, and what comes back.

mod tls;

use std::io;
use std::time::{Duration, Instant};

use evenkeel_model::{HttpVersion, Request};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::stream::{Reader, Stream};

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

/// How much of an announced body is sent: more than nginx takes by default.
const SENT_BYTES_MAX: usize = 2 << 20;

/// How long the head of an answer may be.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// How long the line before a chunk may be.
const CHUNK_LINE_BYTES_MAX: usize = 4096;

/// Sends one request over a connection of its own and reads its answer. TLS is spoken when the request says so, with
/// any certificate accepted and the request's server name.
///
/// # Errors
/// [`AskError`] is what a user would have met.
pub async fn ask<S>(stream: S, request: &Request, limit: Duration) -> Result<Answer, AskError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let asked = async {
        let started = Instant::now();
        let bytes = bytes(request)?;
        let mut answer = if request.tls {
            exchange(tls::shake_hands(stream, request.sni.as_deref()).await?, &bytes, request).await?
        } else {
            exchange(stream, &bytes, request).await?
        };
        answer.took = started.elapsed();
        Ok(answer)
    };
    tokio::time::timeout(limit, asked).await.unwrap_or(Err(AskError::TimedOut { limit_ms }))
}

/// The request as it goes over the wire.
fn bytes(request: &Request) -> Result<Vec<u8>, AskError> {
    let version: &[u8] = match request.version {
        HttpVersion::V0_9 => return Ok([&request.method[..], b" ", &request.target, b"\r\n"].concat()),
        HttpVersion::V1_0 => b"HTTP/1.0",
        HttpVersion::V1_1 => b"HTTP/1.1",
        HttpVersion::V2 => return Err(AskError::Unsupported { reason: "HTTP/2 is not spoken" }),
    };
    let mut bytes = [&request.method[..], b" ", &request.target, b" ", version, b"\r\n"].concat();
    for (name, value) in &request.headers {
        bytes.extend_from_slice(&[&name[..], b": ", value, b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    // Who announces a body sends one: nginx waits for it.
    let announced = request.header("content-length").and_then(|length| std::str::from_utf8(length).ok());
    let length = announced.and_then(|length| length.parse().ok()).unwrap_or(0).min(SENT_BYTES_MAX);
    bytes.resize(bytes.len() + length, b'x');
    Ok(bytes)
}

async fn exchange<S: Stream>(stream: S, bytes: &[u8], request: &Request) -> Result<Answer, AskError> {
    let mut reader = Reader::new(stream);
    // nginx may answer and close before it has read everything; then the answer is what counts.
    let sent = reader.write(bytes).await;
    let answer = read(&mut reader, request).await;
    match (sent, answer) {
        (_, Ok(answer)) => Ok(answer),
        (Err(error), Err(AskError::Closed { bytes: 0 })) => Err(failure(&error, 0)),
        (_, Err(error)) => Err(error),
    }
}

async fn read(reader: &mut Reader<impl Stream>, request: &Request) -> Result<Answer, AskError> {
    let mut answer =
        Answer { status: 0, headers: Vec::new(), body: Vec::new(), truncated: false, took: Duration::ZERO };
    if request.version == HttpVersion::V0_9 {
        to_the_end(reader, &mut answer).await?;
        return Ok(answer);
    }
    while matches!(answer.status, 0 | 100 | 102..=199) {
        let head = reader.until(b"\r\n\r\n", HEAD_BYTES_MAX).await;
        let head = head.map_err(|error| failure(&error, reader.received()))?;
        let Some(head) = head else { return Err(unheard(reader)) };
        (answer.status, answer.headers) = self::head(&head)?;
    }
    if request.method == b"HEAD" || matches!(answer.status, 101 | 204 | 304) {
        return Ok(answer);
    }
    let chunked =
        answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = answer.header("content-length").map(|length| length.parse::<u64>());
    match length {
        _ if chunked => chunks(reader, &mut answer).await?,
        Some(Ok(length)) => piece(reader, &mut answer, length).await?,
        Some(Err(_)) => return Err(not_http("the length of the body is no number")),
        None => to_the_end(reader, &mut answer).await?,
    }
    Ok(answer)
}

async fn chunks(reader: &mut Reader<impl Stream>, answer: &mut Answer) -> Result<(), AskError> {
    while !answer.truncated {
        let line = reader.until(b"\r\n", CHUNK_LINE_BYTES_MAX).await;
        let line = line.map_err(|error| failure(&error, reader.received()))?;
        let line = line.ok_or_else(|| closed(reader))?;
        let digits =
            line.split(|byte| !byte.is_ascii_hexdigit()).next().and_then(|hex| str::from_utf8(hex).ok());
        let size = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(size) = size else { return Err(not_http("the size of a chunk is no number")) };
        if size == 0 {
            // Trailers follow, which nobody asks for.
            break;
        }
        piece(reader, answer, size).await?;
        if !answer.truncated
            && reader.exact(2).await.map_err(|error| failure(&error, reader.received()))?.is_none()
        {
            return Err(closed(reader));
        }
    }
    Ok(())
}

/// Reads so many bytes of the body, as far as they are kept.
async fn piece(reader: &mut Reader<impl Stream>, answer: &mut Answer, length: u64) -> Result<(), AskError> {
    let mut rest = length;
    while rest > 0 && !answer.truncated {
        let wanted = usize::try_from(rest).unwrap_or(usize::MAX);
        let bytes = reader.up_to(wanted).await.map_err(|error| failure(&error, reader.received()))?;
        if bytes.is_empty() {
            return Err(closed(reader));
        }
        rest -= bytes.len() as u64;
        keep(answer, &bytes);
    }
    Ok(())
}

async fn to_the_end(reader: &mut Reader<impl Stream>, answer: &mut Answer) -> Result<(), AskError> {
    while !answer.truncated {
        match reader.some().await {
            // TLS without a last word: the connection ended, too.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(failure(&error, reader.received())),
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => keep(answer, &bytes),
        }
    }
    match reader.received() {
        0 => Err(AskError::Closed { bytes: 0 }),
        _ => Ok(()),
    }
}

fn keep(answer: &mut Answer, bytes: &[u8]) {
    let room = BODY_BYTES_MAX - answer.body.len();
    answer.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    answer.truncated = bytes.len() > room;
}

/// A status and headers.
type Head = (u16, Vec<(String, Vec<u8>)>);

fn head(head: &[u8]) -> Result<Head, AskError> {
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().unwrap_or(b"");
    let status = first.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let status = status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    let Some(status) = status.filter(|status| (100..=999).contains(status)) else {
        return Err(not_http(&format!(
            "it begins with {:?}",
            String::from_utf8_lossy(&first[..first.len().min(40)])
        )));
    };
    let header = |line: &[u8]| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        Some((name, line[colon + 1..].trim_ascii().to_vec()))
    };
    let headers = lines.filter(|line| !line.is_empty()).map(header).collect::<Option<Vec<_>>>();
    Ok((status, headers.ok_or_else(|| not_http("a header has no colon"))?))
}

fn not_http(reason: &str) -> AskError {
    AskError::NotHttp { reason: reason.to_owned() }
}

/// The connection ended before a head did.
fn unheard(reader: &Reader<impl Stream>) -> AskError {
    match reader.rest() {
        rest if rest.is_empty() || b"HTTP/1.".starts_with(&rest[..rest.len().min(7)]) => closed(reader),
        rest => {
            not_http(&format!("it begins with {:?}", String::from_utf8_lossy(&rest[..rest.len().min(40)])))
        }
    }
}

fn closed(reader: &Reader<impl Stream>) -> AskError {
    AskError::Closed { bytes: reader.received() }
}

fn failure(error: &io::Error, bytes: usize) -> AskError {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => AskError::Reset,
        io::ErrorKind::InvalidData => not_http("a line does not end"),
        _ => AskError::Closed { bytes },
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Asks a server that says `says` to whatever comes, and closes.
    fn answered(method: &str, version: HttpVersion, says: &[u8]) -> Result<Answer, AskError> {
        let request = Request {
            method: method.into(),
            target: b"/\xff".to_vec(),
            version,
            headers: vec![(b"Host".to_vec(), b"a.test".to_vec())],
            listen: None,
            port: None,
            tls: false,
            sni: None,
            client: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(1 << 21);
            theirs.write_all(says).await.unwrap();
            let serve = async move {
                let mut heard = vec![0; 1024];
                let length = theirs.read(&mut heard).await.unwrap();
                heard.truncate(length);
                heard
            };
            let (answer, heard) = tokio::join!(ask(ours, &request, Duration::from_secs(5)), serve);
            let line = [method.as_bytes(), b" /\xff"].concat();
            assert!(heard.starts_with(&line), "{heard:?}");
            answer
        })
    }

    fn body(says: &[u8]) -> Vec<u8> {
        answered("GET", HttpVersion::V1_1, says).unwrap().body
    }

    #[test]
    fn body_ends_where_the_answer_says() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), b"ab");
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\nabc"), b"abc");
        let chunks =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunks), b"abc");
        assert_eq!(body(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc"), b"abc");
        assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\nabc"), b"");
        let head =
            answered("HEAD", HttpVersion::V1_1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, Some("2")));
        let old = answered("GET", HttpVersion::V0_9, b"<html>").unwrap();
        assert_eq!((old.status, old.body), (0, b"<html>".to_vec()));
    }

    #[test]
    fn half_answers_are_no_answers() {
        let says = |says: &[u8]| answered("GET", HttpVersion::V1_1, says).unwrap_err();
        assert_eq!(says(b""), AskError::Closed { bytes: 0 });
        assert_eq!(says(b"HTTP/1.1 2"), AskError::Closed { bytes: 10 });
        assert!(matches!(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"), AskError::Closed { .. }));
        assert!(matches!(says(b"SSH-2.0-x\r\n"), AskError::NotHttp { .. }));
        assert!(matches!(says(b"HTTP/1.1 abc\r\n\r\n"), AskError::NotHttp { .. }));
        assert!(matches!(says(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), AskError::NotHttp { .. }));
    }

    #[test]
    fn endless_body_is_cut() {
        let mut says = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        says.extend_from_slice(&vec![b'x'; BODY_BYTES_MAX + 100]);
        let answer = answered("GET", HttpVersion::V1_1, &says).unwrap();
        assert_eq!((answer.body.len(), answer.truncated), (BODY_BYTES_MAX, true));
    }

    #[test]
    fn silence_is_a_time_out() {
        let request = Request::parse("GET http://a.test/").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let (ours, _theirs) = tokio::io::duplex(1024);
            ask(ours, &request, Duration::from_millis(20)).await
        });
        assert_eq!(answer, Err(AskError::TimedOut { limit_ms: 20 }));
    }
}
