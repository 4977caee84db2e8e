//! One request, and how it went.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use evenkeel_fleet::watch::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What came back.
pub(crate) struct Answer {
    pub(crate) failure: Option<Failure>,
    pub(crate) redirect: Option<String>,
    pub(crate) took_ms: u64,
}

/// Sends these bytes and reads to the end.
pub(crate) fn ask(at: SocketAddr, request: &[u8]) -> Answer {
    let began = Instant::now();
    let (failure, redirect) = match exchange(at, request) {
        Err(failure) => (Some(failure), None),
        Ok(bytes) => read(&bytes),
    };
    Answer { failure, redirect, took_ms: u64::try_from(began.elapsed().as_millis()).unwrap() }
}

fn exchange(at: SocketAddr, request: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::TimedOut => Failure::Filtered,
        other => panic!("an error that the test does not know: {other}"),
    })?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let mut some = [0; 65536];
    loop {
        match stream.read(&mut some) {
            Ok(0) if bytes.is_empty() => return Err(Failure::ClosedEmpty),
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend_from_slice(&some[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return if bytes.is_empty() { Err(Failure::Reset) } else { Err(Failure::Truncated) };
            }
            Err(_) if bytes.is_empty() => return Err(Failure::Silent),
            // What came may be whole though the connection stays.
            Err(_) => return Ok(bytes),
        }
    }
}

fn read(bytes: &[u8]) -> (Option<Failure>, Option<String>) {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (Some(Failure::NotHttp), None) };
    let Some(status) = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse::<u16>().ok())
    else {
        return (Some(Failure::NotHttp), None);
    };
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    let redirect = header("Location:");
    let short = header("Content-Length:").is_some_and(|length| length.parse() != Ok(body.len()));
    let chunked = header("Transfer-Encoding:").is_some() && !body.ends_with("0\r\n\r\n");
    let failure = match status {
        200 if short || chunked => Some(Failure::Truncated),
        200..=299 => None,
        status => Some(Failure::Status(status)),
    };
    (failure, redirect)
}
