//! Upstreams that say what reached them, in the words of every protocol that nginx passes on with.
//!
//! All of them answer before they read a body: a subrequest announces the body of its request and does not send it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use evenkeel_model::Request;

mod binary;

/// How long nginx may take to go away after its answer.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// How many upstreams there are: `@U0@` and so on.
pub(crate) const UPSTREAMS: usize = 8;

/// What an upstream speaks.
#[derive(Debug, Clone, Copy)]
enum Speaks {
    Http,
    Fastcgi,
    Uwsgi,
    Scgi,
    Grpc,
    Memcached,
}

const SPOKEN: [Speaks; UPSTREAMS] = [
    Speaks::Http,
    Speaks::Http,
    Speaks::Http,
    Speaks::Fastcgi,
    Speaks::Uwsgi,
    Speaks::Scgi,
    Speaks::Grpc,
    Speaks::Memcached,
];

/// The header by which a request says what status it wants to have from an upstream.
pub(crate) const STATUS: &str = "X-Status";

/// The ports of the upstreams; they answer for as long as the test runs.
pub(crate) fn ports() -> [u16; UPSTREAMS] {
    static PORTS: OnceLock<[u16; UPSTREAMS]> = OnceLock::new();
    *PORTS.get_or_init(|| SPOKEN.map(start))
}

fn start(speaks: Speaks) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A peer that went away is nginx's business.
            std::thread::spawn(move || answer(&stream, speaks, port));
        }
    });
    port
}

/// What an upstream was told.
#[derive(Debug, Default)]
struct Told {
    /// What it was asked for.
    asked: Vec<u8>,
    /// What it shall answer with.
    status: u16,
}

fn answer(stream: &TcpStream, speaks: Speaks, port: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(GONE_WITHIN))?;
    let mut reader = BufReader::new(stream);
    let answer = match speaks {
        Speaks::Http => {
            let told = http(&mut reader)?;
            let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
            format!("HTTP/1.1 {} Told\r\n{}{end}", told.status, headers(&told, port)).into_bytes()
        }
        Speaks::Fastcgi => {
            let told = binary::fastcgi(&mut reader)?;
            binary::fastcgi_answer(&format!("Status: {}\r\n{}\r\n", told.status, headers(&told, port)))
        }
        Speaks::Uwsgi | Speaks::Scgi => {
            let is_uwsgi = matches!(speaks, Speaks::Uwsgi);
            let told = if is_uwsgi { binary::uwsgi(&mut reader)? } else { binary::scgi(&mut reader)? };
            let end = "Content-Length: 0\r\n";
            format!("Status: {}\r\n{end}{}\r\n", told.status, headers(&told, port)).into_bytes()
        }
        // These two cannot say that they close: a newer nginx asks again over the same connection.
        Speaks::Grpc => return binary::grpc(&mut reader, port),
        Speaks::Memcached => return memcached(&mut reader, port),
    };
    (&*stream).write_all(&answer)?;
    stream.shutdown(Shutdown::Write)?;
    reader.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn memcached(reader: &mut BufReader<&TcpStream>, port: u16) -> std::io::Result<()> {
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let key = line.trim_ascii_end().strip_prefix(b"get ").unwrap_or_default();
        let body = format!("X-Echo-Port: {port}");
        let answer = [b"VALUE ", key, format!(" 0 {}\r\n{body}\r\nEND\r\n", body.len()).as_bytes()].concat();
        reader.get_mut().write_all(&answer)?;
    }
}

fn headers(told: &Told, port: u16) -> String {
    let hex: String = told.asked.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X-Echo: {hex}\r\nX-Echo-Port: {port}\r\n")
}

fn http(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Told> {
    let mut told = Told { status: 200, ..Told::default() };
    reader.read_until(b'\n', &mut told.asked)?;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 || line == b"\r\n" {
            return Ok(told);
        }
        let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(status) = text.strip_prefix("x-status:") {
            told.status = status_of(status.trim());
        }
    }
}

/// What an upstream that hears of it answers a request with.
pub(crate) fn status_for(request: &Request) -> u16 {
    request.header(STATUS).map_or(200, |status| status_of(&String::from_utf8_lossy(status)))
}

/// The status that is asked for; 200 for what is no number.
fn status_of(text: &str) -> u16 {
    text.parse().unwrap_or(200)
}
