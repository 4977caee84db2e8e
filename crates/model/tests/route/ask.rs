//! Asks one question over a connection of its own, and reads what comes back.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use evenkeel_model::{HttpVersion, LocalAddress, Request};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};

use crate::tls;

/// The longest that an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Our own address and port; `None` over a Unix socket.
    pub(crate) from: Option<SocketAddr>,
    /// 0 when the connection was closed without an answer, or when there is no head (HTTP/0.9).
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The raw head, to the empty line.
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) empty: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }
}

/// The bytes of a request, as they go out.
pub(crate) fn bytes(request: &Request, body: &[u8]) -> Vec<u8> {
    let mut out = [request.method.as_slice(), b" ", &request.target].concat();
    match request.version {
        HttpVersion::V0_9 => {
            out.extend(b"\r\n");
            return out;
        }
        HttpVersion::V1_0 => out.extend(b" HTTP/1.0\r\n"),
        HttpVersion::V1_1 | HttpVersion::V2 => out.extend(b" HTTP/1.1\r\n"),
    }
    for (name, value) in &request.headers {
        out.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
    }
    out.extend(b"\r\n");
    out.extend(body);
    out
}

/// Sends a request to the address that it names, from the address of its client, and reads to the end of the connection.
pub(crate) fn ask(request: &Request, body: &[u8]) -> std::io::Result<Answer> {
    let out = bytes(request, body);
    match request.listen.as_ref().expect("every request names its listen") {
        LocalAddress::Inet(address) => {
            let mut stream = connect(*address, request.client)?;
            let from = Some(stream.local_addr()?);
            Ok(parse(from, &exchange(&mut stream, request, &out)?))
        }
        LocalAddress::Unix(path) => {
            let mut stream = UnixStream::connect(Path::new(std::ffi::OsStr::from_bytes(path)))?;
            stream.set_read_timeout(Some(ANSWER_WITHIN))?;
            Ok(parse(None, &exchange(&mut stream, request, &out)?))
        }
    }
}

fn exchange(stream: &mut (impl Read + Write), request: &Request, out: &[u8]) -> std::io::Result<Vec<u8>> {
    if request.tls {
        return tls::exchange(stream, request.sni.as_deref(), out);
    }
    let mut raw = Vec::new();
    // nginx may answer and close before it has read all; what it said is what counts.
    let _ = stream.write_all(out);
    match stream.read_to_end(&mut raw) {
        // It closed while bytes of ours were on their way; what it said before came through.
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(raw),
    }
}

fn connect(to: SocketAddr, from: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let stream = match from.filter(|&from| from != IpAddr::V4(Ipv4Addr::LOCALHOST)) {
        Some(from) => {
            let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            net::bind(&socket, &SocketAddr::new(from, 0))?;
            net::connect(&socket, &to)?;
            TcpStream::from(socket)
        }
        None => TcpStream::connect_timeout(&to, ANSWER_WITHIN)?,
    };
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

fn parse(from: Option<SocketAddr>, raw: &[u8]) -> Answer {
    let mut answer = Answer {
        from,
        status: 0,
        headers: Vec::new(),
        head: Vec::new(),
        body: Vec::new(),
        empty: raw.is_empty(),
    };
    let head =
        raw.windows(4).position(|window| window == b"\r\n\r\n").filter(|_| raw.starts_with(b"HTTP/1."));
    let Some(head) = head else {
        answer.body = raw.to_vec();
        return answer;
    };
    answer.head = raw[..head + 4].to_vec();
    answer.body = raw[head + 4..].to_vec();
    let mut lines = raw[..head].split(|&byte| byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    answer.status = first.split(' ').nth(1).and_then(|code| code.trim().parse().ok()).unwrap_or(0);
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
        answer.headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), value.to_vec()));
    }
    if answer.header("Transfer-Encoding") == Some(b"chunked") {
        answer.body = dechunk(&answer.body);
    }
    answer
}

fn dechunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&raw[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|&size| size > 0 && raw.len() >= end + 4 + size) else { break };
        body.extend(&raw[end + 2..end + 2 + size]);
        raw = &raw[end + 4 + size..];
    }
    body
}
