//! HTTP/1: answers every request with what it says.

use std::io;

use super::Behaviour;
use super::speak::{Asked, Exchange, HEAD_BYTES_MAX};
use crate::stream::{Reader, Stream};

/// How long the line before a chunk may be.
const CHUNK_LINE_BYTES_MAX: usize = 4096;

pub(super) async fn serve(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    loop {
        let head = match reader.until(b"\r\n\r\n", HEAD_BYTES_MAX).await {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                reader.write(&answer(431, &[], b"", false, true)).await?;
                return reader.finish().await;
            }
            head => head?,
        };
        let Some(head) = head else { return Ok(()) };
        let Some(request) = Request::read(&head) else {
            // What a variable puts into the URI of `proxy_pass` goes out as it is, and a space in it makes a line that servers
            // refuse: it has reached this one all the same.
            let told = exchange.reached(unreadable(&head));
            let stub = ("X-Evenkeel-Stub", exchange.served.name.clone());
            reader.write(&answer(400, &[stub], &told, false, true)).await?;
            return reader.finish().await;
        };
        if !body(&mut reader, &request).await? {
            return Ok(());
        }
        let (close, is_head) = (request.closes(), request.method == "HEAD");
        let upgrade = request.header("upgrade").map(str::to_owned);
        let told = exchange.reached(request.asked());
        let stub = exchange.served.name.clone();
        let mut headers = vec![("X-Evenkeel-Stub", stub), ("Content-Type", "application/json".to_owned())];
        let status = match exchange.served.behaviour() {
            Behaviour::Close => return Ok(()),
            Behaviour::Silent => return reader.discard_all().await,
            Behaviour::Status(status) => status,
            Behaviour::Echo => match upgrade {
                Some(protocol) => return upgraded(reader, &protocol, headers.remove(0)).await,
                None => 200,
            },
            Behaviour::Headers(bytes) => {
                headers.push(("X-Evenkeel-Fill", "x".repeat(bytes as usize)));
                200
            }
        };
        reader.write(&answer(status, &headers, &told, is_head, close)).await?;
        if close {
            return reader.finish().await;
        }
    }
}

/// One whole answer, to be written at once.
pub(crate) fn answer(
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
    is_head: bool,
    close: bool,
) -> Vec<u8> {
    let has_body = !matches!(status, 100..=199 | 204 | 304);
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {}\r\n", printable(value))));
    if has_body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str(if close { "Connection: close\r\n\r\n" } else { "Connection: keep-alive\r\n\r\n" });
    let mut bytes = text.into_bytes();
    if has_body && !is_head {
        bytes.extend_from_slice(body);
    }
    bytes
}

/// A value that cannot end its header.
pub(super) fn printable(value: &str) -> String {
    value.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Stub",
    }
}

/// Agrees to whatever protocol was asked for, and echoes from then on.
async fn upgraded(
    mut reader: Reader<impl Stream>,
    protocol: &str,
    (name, stub): (&str, String),
) -> io::Result<()> {
    let (protocol, stub) = (printable(protocol), printable(&stub));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n{name}: {stub}\r\n\r\n"
    );
    reader.write(head.as_bytes()).await?;
    loop {
        let bytes = reader.some().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        reader.write(&bytes).await?;
    }
}

/// What is told of a head that is none: its first line between the first space and the last.
fn unreadable(head: &[u8]) -> Asked {
    let text = String::from_utf8_lossy(head);
    let line = text.trim_start_matches("\r\n").split("\r\n").next().unwrap_or_default();
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (target, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    Asked {
        protocol: "http",
        method: method.to_owned(),
        target: target.to_owned(),
        version: version.to_owned(),
        host: None,
        headers: Vec::new(),
    }
}

/// Reads the body and forgets it; whether it came.
pub(crate) async fn body(reader: &mut Reader<impl Stream>, request: &Request) -> io::Result<bool> {
    let has_body =
        request.is_chunked() || request.header("content-length").is_some_and(|length| length != "0");
    if has_body && request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        reader.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if !request.is_chunked() {
        let length = request.header("content-length").map_or(Some(0), |length| length.trim().parse().ok());
        return match length {
            Some(length) => reader.discard(length).await,
            None => Ok(false),
        };
    }
    loop {
        let Some(line) = reader.until(b"\r\n", CHUNK_LINE_BYTES_MAX).await? else { return Ok(false) };
        let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or(b"");
        let digits = std::str::from_utf8(digits).unwrap_or("");
        let Ok(size) = u64::from_str_radix(digits, 16) else { return Ok(false) };
        if size == 0 {
            break;
        }
        if size > u64::MAX - 2 || !reader.discard(size + 2).await? {
            return Ok(false);
        }
    }
    loop {
        match reader.until(b"\r\n", CHUNK_LINE_BYTES_MAX).await? {
            None => return Ok(false),
            Some(line) if line == b"\r\n" => return Ok(true),
            Some(_trailer) => {}
        }
    }
}

/// The head of a request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    version: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn read(head: &[u8]) -> Option<Request> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.trim_start_matches("\r\n").split("\r\n");
        let mut words = lines.next()?.splitn(3, ' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if method.is_empty() || !version.starts_with("HTTP/1.") {
            return None;
        }
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.filter(|line| !line.is_empty()).map(header).collect::<Option<Vec<_>>>()?;
        Some(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    /// Whether the connection ends with the answer.
    pub(crate) fn closes(&self) -> bool {
        let connection = self.header("connection").unwrap_or("").to_ascii_lowercase();
        match self.version.as_str() {
            "HTTP/1.0" => !connection.contains("keep-alive"),
            _ => connection.contains("close"),
        }
    }

    fn asked(self) -> Asked {
        let host = self.header("host").map(str::to_owned);
        let Request { method, target, version, headers } = self;
        Asked { protocol: "http", method, target, version, host, headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_stub_cannot_add_headers() {
        let text = answer(200, &[("X-Evenkeel-Stub", "a\r\nSet-Cookie: b".to_owned())], b"x", false, true);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("X-Evenkeel-Stub: a??Set-Cookie: b\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 1\r\nConnection: close\r\n\r\nx"), "{text}");
    }

    #[test]
    fn target_with_a_space_is_told_whole() {
        let head = b"GET /api/b z HTTP/1.0\r\nHost: api\r\n\r\n";
        assert!(Request::read(head).is_none());
        let asked = unreadable(head);
        assert_eq!((&*asked.method, &*asked.target, &*asked.version), ("GET", "/api/b z", "HTTP/1.0"));
        assert_eq!(unreadable(b"\x16\x03\r\n\r\n").target, "");
    }

    #[test]
    fn connection_ends_as_the_version_says() {
        let closes = |head: &str| Request::read(head.as_bytes()).unwrap().closes();
        assert!(closes("GET / HTTP/1.0\r\n\r\n"));
        assert!(!closes("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        assert!(!closes("GET / HTTP/1.1\r\n\r\n"));
        assert!(closes("GET / HTTP/1.1\r\nconnection: close\r\n\r\n"));
    }

    #[test]
    fn garbage_is_no_request() {
        for head in
            ["\r\n\r\n", "GET /\r\n\r\n", "GET / FTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"]
        {
            assert!(Request::read(head.as_bytes()).is_none(), "{head:?}");
        }
    }
}
