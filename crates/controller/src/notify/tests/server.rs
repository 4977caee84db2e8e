//! A server of HTTP that does what a test wants of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What it does with a request that it has read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    Accept,
    Answer(&'static str, &'static str),
    Hang,
    TakeAndClose,
}

/// One request.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Server {
    address: SocketAddr,
    got: Receiver<Got>,
}

impl Server {
    pub(super) fn start(does: Does) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, got) = channel();
        // It ends with the process of its test.
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if serve(&mut stream, does, &sender).is_none() {
                    return;
                }
                kept.push(stream);
            }
        });
        Server { address, got }
    }

    /// An address at which nobody listens.
    pub(super) fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    pub(super) fn got(&self) -> Got {
        self.got.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn serve(stream: &mut TcpStream, does: Does, sender: &Sender<Got>) -> Option<()> {
    let got = read(stream)?;
    sender.send(got).ok()?;
    let (status, headers) = match does {
        Does::Accept => ("202 Accepted", ""),
        Does::Answer(status, headers) => (status, headers),
        Does::Hang => return Some(()),
        Does::TakeAndClose => {
            stream.shutdown(std::net::Shutdown::Both).ok()?;
            return Some(());
        }
    };
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: 2\r\n\r\nok").ok()
}

fn read(stream: &mut TcpStream) -> Option<Got> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let head = loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, it)| it.parse().ok());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length.unwrap_or(0) {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&piece[..count]);
    }
    Some(Got { line, headers, body: String::from_utf8(body).ok()? })
}
