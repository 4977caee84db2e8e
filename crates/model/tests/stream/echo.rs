//! Upstreams that write down what reaches them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::wire::PLAIN;

/// How many upstreams there are.
pub(crate) const UPSTREAMS: usize = 5;

/// What reached an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) port: u16,
    pub(crate) udp: bool,
    /// How many PROXY protocol headers came first.
    pub(crate) prefaces: usize,
    /// What came then.
    pub(crate) first: Vec<u8>,
}

static LOG: Mutex<Vec<Reached>> = Mutex::new(Vec::new());

/// One test after the other: they share the upstreams.
pub(crate) static TURN: Mutex<()> = Mutex::new(());

/// What has been reached since the last time this was asked.
pub(crate) fn reached() -> Vec<Reached> {
    std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The ports of the upstreams, each for TCP and UDP; they answer for as long as the test runs.
pub(crate) fn ports() -> [u16; UPSTREAMS] {
    static PORTS: OnceLock<[u16; UPSTREAMS]> = OnceLock::new();
    *PORTS.get_or_init(|| [(); UPSTREAMS].map(|()| start()))
}

fn start() -> u16 {
    let (listener, socket) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
            break (listener, socket);
        }
    };
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A peer that went away is nginx's business.
            let _ = answer(stream, port);
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            note(port, true, &buffer[..length]);
            let _ = socket.send_to(format!("U{port}").as_bytes(), peer);
        }
    });
    port
}

fn note(port: u16, udp: bool, bytes: &[u8]) {
    let (prefaces, first) = cut(bytes);
    let reached = Reached { port, udp, prefaces, first: first.to_vec() };
    LOG.lock().unwrap_or_else(PoisonError::into_inner).push(reached);
}

fn answer(mut stream: TcpStream, port: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(1_000)))?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    while !is_whole(&bytes) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
    }
    note(port, false, &bytes);
    stream.write_all(format!("U{port}").as_bytes())
}

/// The number of PROXY protocol headers, and what follows them.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) if bytes.starts_with(b"PROXY ") => {
            let (count, rest) = cut(&bytes[end + 1..]);
            (count + 1, rest)
        }
        _ => (0, bytes),
    }
}

/// Whether everything has come that a client says first.
fn is_whole(bytes: &[u8]) -> bool {
    match cut(bytes).1 {
        [0x16, _, _, high, low, body @ ..] => body.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        rest => rest.ends_with(PLAIN),
    }
}
