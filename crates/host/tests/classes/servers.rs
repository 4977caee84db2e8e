//! Servers that do one thing each, most of them wrong.

use std::io::{Read as _, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How many certificates make a chain too long: their sum is far beyond what a handshake may hold.
const CHAIN: usize = 2_000;

/// Serves until it is killed. Says `ready` when everything listens.
pub(crate) fn main(dir: &Path) -> ! {
    listen(1_000, drop);
    let _loopback = TcpListener::bind("127.0.0.1:1002").unwrap();
    let _only_four = TcpListener::bind("0.0.0.0:1003").unwrap();
    listen(1_021, drop);
    let _full = full();
    let _held: Vec<_> = [1_025, 1_026].map(held).into_iter().collect();
    listen(1_027, drop);
    listen(3_001, wait);
    listen(3_002, |mut stream| say(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"));
    listen(3_003, |mut stream| {
        let _heard = stream.read(&mut [0; 65_536]);
        drip(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    });
    listen(3_004, |stream| {
        // What was not read when a connection is closed makes the kernel reset it.
        stream.peek(&mut [0]).unwrap();
    });
    listen(3_005, |mut stream| say(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n"));
    listen(3_006, |stream| endless(stream, b"HTTP/1.1 200 OK\r\n", b"X-Header: and so on\r\n"));
    listen(3_007, |stream| endless(stream, b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 8_192]));
    listen(3_008, |stream| {
        // Never reads.
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let chain = long_chain(dir);
    listen(3_009, move |stream| {
        let connection = ServerConnection::new(Arc::clone(&chain)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let _refused = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    listen(3_010, |mut stream| say(&mut stream, &[&[0x16, 3, 3, 0, 64][..], &[0xee; 64]].concat()));
    listen(3_011, |stream| drip(stream, &[0x16, 3, 3, 0x40, 0]));
    listen(3_012, |stream| endless(stream, b"", &[0x5a; 1_000]));
    listen(3_013, |mut stream| {
        say(&mut stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    });
    listen(3_014, |mut stream| say(&mut stream, b""));
    name_server();
    println!("ready");
    std::io::stdout().flush().unwrap();
    loop {
        thread::park();
    }
}

/// Accepts on every address of both families, each connection in a thread of its own.
fn listen(port: u16, act: impl Fn(TcpStream) + Send + Sync + 'static) {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap();
    let act = Arc::new(act);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            thread::spawn(move || act(stream));
        }
    });
}

fn wait(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _gone = stream.read_to_end(&mut rest);
}

/// Says something after it has heard something, and closes in good manners.
fn say(stream: &mut TcpStream, bytes: &[u8]) {
    let _heard = stream.read(&mut [0; 65_536]);
    let _gone = stream.write_all(bytes);
    let _gone = stream.shutdown(Shutdown::Write);
    let _gone = stream.read_to_end(&mut Vec::new());
}

/// One byte in a third of a second.
fn drip(mut stream: TcpStream, bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(333));
    }
    wait(stream);
}

fn endless(mut stream: TcpStream, begin: &[u8], again: &[u8]) {
    let _heard = stream.read(&mut [0; 65_536]);
    let mut sent = stream.write_all(begin);
    while sent.is_ok() {
        sent = stream.write_all(again);
    }
}

/// A listener that accepts nothing, with its queue filled.
fn full() -> (std::os::fd::OwnedFd, Vec<TcpStream>) {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
    let listener = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(std::os::fd::AsRawFd::as_raw_fd(&listener), &SockaddrIn::new(0, 0, 0, 0, 1_024)).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let address: SocketAddr = "127.0.0.1:1024".parse().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue does not fill");
    }
    (listener, waiting)
}

/// A listener with one connection that stays.
fn held(port: u16) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    let stream = TcpStream::connect(("10.0.0.2", port)).unwrap();
    (listener, stream)
}

fn long_chain(dir: &Path) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(dir.join("good.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("good.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate; CHAIN], key).unwrap())
}

/// Answers by the first label of the name; `big` by TCP alone.
fn name_server() {
    let socket = UdpSocket::bind("0.0.0.0:5301").unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length], false) {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
    let listener = TcpListener::bind("0.0.0.0:5301").unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 512];
            let length = stream.read(&mut buffer).unwrap_or(0);
            let answer = answer(&buffer[2.min(length)..length], true).unwrap_or_default();
            let _gone = stream.write_all(&[&(answer.len() as u16).to_be_bytes()[..], &answer].concat());
        }
    });
}

fn answer(query: &[u8], whole: bool) -> Option<Vec<u8>> {
    let label = String::from_utf8_lossy(query.get(13..13 + usize::from(*query.get(12)?))?).into_owned();
    let (flags, answers) = match label.as_str() {
        "silent" => return None,
        "garbage" => return Some(vec![0xff; 40]),
        "other" => (0x8180, 1),
        "nx" => (0x8183, 0),
        "fail" => (0x8182, 0),
        "refused" => (0x8185, 0),
        "empty" => (0x8180, 0),
        "big" if !whole => (0x8380, 0),
        _ => (0x8180, 1_u16),
    };
    let end = 12 + query[12..].iter().position(|byte| *byte == 0)? + 5;
    let mut answer = query[..2].to_vec();
    if label == "other" {
        // An answer to another question.
        answer[0] ^= 0x55;
    }
    for field in [flags, 1, answers, 0, 0] {
        answer.extend(u16::to_be_bytes(field));
    }
    answer.extend(query.get(12..end)?);
    if answers > 0 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 9]);
    }
    Some(answer)
}
