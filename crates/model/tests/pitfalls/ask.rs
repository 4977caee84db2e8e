//! Requests as the tests write them, sent as they stand, and upstreams that say what reached them.
//!
//! `{Q} {from 127.0.0.9} GET /x | Host: b.test | X-Real-IP: 10.0.0.1 || body`: what is in braces says where the request
//! goes (`P`, `Q`, `R`: ports; `unix`; `at ADDRESS`; `tls`; `tls NAME`), where it comes from, its version (`1.0`, `0.9`, `h2`),
//! the status that an upstream shall answer with, `no host`, `wrong password`, `proxy ADDRESS` (a PROXY protocol header
//! names it), `sent` (tell what the upstream got).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use evenkeel_model::{HttpVersion, LocalAddress, Request};
use rustix::net::{self, AddressFamily, SocketType};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A request, and what the world is to be like when it comes.
pub(crate) struct Question {
    pub(crate) request: Request,
    from: IpAddr,
    body: Vec<u8>,
    pub(crate) upstream_status: u16,
    pub(crate) password_is_good: bool,
    /// Whom a PROXY protocol header names.
    pub(crate) proxied: Option<IpAddr>,
    /// Whether it is told what the upstream got.
    pub(crate) tells_sent: bool,
    pub(crate) ports: [u16; 3],
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) raw_is_empty: bool,
    pub(crate) tells_sent: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }
}

/// Every character is one byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect()
}

/// Reads a request.
pub(crate) fn read(text: &str, ports: &[u16; 3], directory: &Path) -> Question {
    let mut request = Request {
        method: Vec::new(),
        target: Vec::new(),
        version: HttpVersion::V1_1,
        headers: Vec::new(),
        listen: None,
        port: None,
        tls: false,
        sni: None,
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let mut question = Question {
        request: request.clone(),
        from: IpAddr::V4(Ipv4Addr::LOCALHOST),
        body: Vec::new(),
        upstream_status: 200,
        password_is_good: true,
        proxied: None,
        tells_sent: false,
        ports: *ports,
    };
    let (mut ip, mut port, mut host) = (IpAddr::V4(Ipv4Addr::LOCALHOST), ports[0], true);
    let mut rest = text;
    while let Some((flag, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once("} ")) {
        rest = after;
        let (word, value) = flag.split_once(' ').unwrap_or((flag, ""));
        match word {
            "P" | "Q" | "R" => port = ports["PQR".find(word).unwrap()],
            "at" => ip = value.parse().unwrap(),
            "from" => {
                question.from = value.parse().unwrap();
                request.client = Some(question.from);
            }
            "unix" => {
                let path = directory.join("s").as_os_str().as_bytes().to_vec();
                (request.listen, request.client) = (Some(LocalAddress::Unix(path)), None);
            }
            "tls" => {
                request.tls = true;
                request.sni = (!value.is_empty()).then(|| value.as_bytes().to_vec());
            }
            "1.0" => request.version = HttpVersion::V1_0,
            "h2" => request.version = HttpVersion::V2,
            "0.9" => request.version = HttpVersion::V0_9,
            "status" => {
                question.upstream_status = value.parse().unwrap();
                request.headers.push((b"X-Status".to_vec(), value.as_bytes().to_vec()));
            }
            "no" => host = false,
            "wrong" => question.password_is_good = false,
            "proxy" => {
                question.proxied = Some(value.parse().unwrap());
                request.client = question.proxied;
            }
            "sent" => question.tells_sent = true,
            other => panic!("{other}"),
        }
    }
    let (head, body) = rest.split_once(" || ").unwrap_or((rest, ""));
    question.body = bytes(body);
    let mut parts = head.split(" | ");
    let (method, target) = parts.next().unwrap().split_once(' ').unwrap();
    (request.method, request.target) = (bytes(method), bytes(target));
    for part in parts {
        let (name, value) = part.split_once(':').unwrap();
        request.headers.push((bytes(name), bytes(value.strip_prefix(' ').unwrap_or(value))));
    }
    if request.version == HttpVersion::V0_9 {
        request.headers.clear();
    } else {
        if host && request.header("host").is_none() {
            request.headers.insert(0, (b"Host".to_vec(), b"a.test".to_vec()));
        }
        if request.header("connection").is_none() {
            request.headers.push((b"Connection".to_vec(), b"close".to_vec()));
        }
    }
    request.listen = request.listen.or_else(|| Some(LocalAddress::Inet(SocketAddr::new(ip, port))));
    question.request = request;
    question
}

/// Sends it, and reads to the end of the connection.
pub(crate) fn ask(question: &Question) -> std::io::Result<Answer> {
    let request = &question.request;
    let proxy = match question.proxied {
        Some(client) => format!("PROXY TCP4 {client} 127.0.0.1 1234 80\r\n").into_bytes(),
        None => Vec::new(),
    };
    let mut out = [&proxy, &request.method[..], b" ", &request.target].concat();
    out.extend_from_slice(match request.version {
        HttpVersion::V0_9 => b"\r\n",
        HttpVersion::V1_0 => b" HTTP/1.0\r\n",
        HttpVersion::V1_1 | HttpVersion::V2 => b" HTTP/1.1\r\n",
    });
    if request.version != HttpVersion::V0_9 {
        for (name, value) in &request.headers {
            out.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
        }
        out.extend(b"\r\n");
    }
    out.extend(&question.body);
    let raw = match request.listen.as_ref().unwrap() {
        LocalAddress::Inet(address) => {
            let mut stream = connect(*address, question.from)?;
            if request.version == HttpVersion::V2 {
                crate::h2::exchange(&mut stream, request)?
            } else if request.tls {
                crate::tls::exchange(&mut stream, request.sni.as_deref(), &out)?
            } else {
                exchange(&mut stream, &out)?
            }
        }
        LocalAddress::Unix(path) => {
            let mut stream = UnixStream::connect(Path::new(std::ffi::OsStr::from_bytes(path)))?;
            stream.set_read_timeout(Some(ANSWER_WITHIN))?;
            exchange(&mut stream, &out)?
        }
    };
    Ok(parse(&raw, question.tells_sent))
}

fn connect(to: SocketAddr, from: IpAddr) -> std::io::Result<TcpStream> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket(family, SocketType::STREAM, None)?;
    net::bind(&socket, &SocketAddr::new(from, 0))?;
    net::connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

fn exchange<S: std::io::Read + std::io::Write>(stream: &mut S, out: &[u8]) -> std::io::Result<Vec<u8>> {
    // nginx may answer and close before it has read all; what it said is what counts.
    let _ = stream.write_all(out);
    let mut raw = Vec::new();
    match stream.read_to_end(&mut raw) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(raw),
    }
}

fn parse(raw: &[u8], tells_sent: bool) -> Answer {
    let mut answer = Answer {
        status: 0,
        headers: Vec::new(),
        body: raw.to_vec(),
        raw_is_empty: raw.is_empty(),
        tells_sent,
    };
    let head = raw.windows(4).position(|four| four == b"\r\n\r\n").filter(|_| raw.starts_with(b"HTTP/1."));
    let Some(head) = head else { return answer };
    answer.body = raw[head + 4..].to_vec();
    let text = raw[..head].split(|&byte| byte == b'\n');
    for (at, line) in text.enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if at == 0 {
            answer.status = String::from_utf8_lossy(line).split(' ').nth(1).unwrap().parse().unwrap();
        } else if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
            answer.headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), value.to_vec()));
        }
    }
    if answer.header("Transfer-Encoding") == Some(b"chunked") {
        answer.body = dechunk(&answer.body);
    }
    answer
}

fn dechunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&raw[..end]), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend(&raw[end + 2..end + 2 + size]);
        raw = &raw[end + 4 + size..];
    }
    body
}

/// The port of an upstream that says what reached it; it answers for as long as the test runs.
pub(crate) fn upstream() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that went away is nginx's business.
                std::thread::spawn(move || echo(&stream));
            }
        });
        port
    })
}

fn echo(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = Vec::new();
    reader.read_until(b'\n', &mut first)?;
    let (mut status, mut sent, mut length) = (String::from("200"), String::new(), 0);
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 || line == b"\r\n" {
            break;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "x-status" => status = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
        sent.push_str(&format!("{name}={};", value.trim()));
    }
    let _ = reader.take(length).read_to_end(&mut Vec::new());
    let hex: String = first.iter().map(|byte| format!("{byte:02x}")).collect();
    let head = format!("HTTP/1.1 {status} -\r\nX-Echo: {hex}\r\nX-Sent: {sent}\r\n");
    stream.write_all(format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
}
