//! Makes a connection, and sees what becomes of it.

use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use evenkeel_model::{Connection, LocalAddress};
use rustix::net::{AddressFamily, SocketType};

use crate::nginx::Nginx;
use crate::{echo, tls, wire};

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a connection.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing listens there.
    Nothing,
    /// It was taken.
    Taken {
        /// What the client got.
        got: Vec<u8>,
        /// The entry of the access log.
        entry: String,
        /// Which upstreams were reached.
        reached: Vec<echo::Reached>,
        /// What the error log says.
        said: String,
    },
}

/// Asks nginx. `tls` says whether nginx itself speaks TLS on the socket.
pub(crate) fn ask(nginx: &mut Nginx<'_>, connection: &Connection, tls: bool) -> Seen {
    let _ = (nginx.said(), echo::reached());
    if let (true, Some(LocalAddress::Inet(to))) = (connection.udp, &connection.listen) {
        let socket = send(connection, *to);
        let entry = nginx.entry().unwrap_or_default();
        // The entry is written when all is over.
        let got = receive(&socket);
        return Seen::Taken { got, entry, reached: echo::reached(), said: nginx.said() };
    }
    let got = match &connection.listen {
        Some(LocalAddress::Unix(path)) => {
            let path = String::from_utf8(path.clone()).unwrap();
            UnixStream::connect(path).map(|mut stream| talk(&mut stream, &wire::first(connection)))
        }
        Some(LocalAddress::Inet(to)) => connect(connection.client, *to).map(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            match &connection.hello {
                Some(hello) if tls => {
                    let _ = stream.write_all(&wire::preface(&connection.preface));
                    tls::exchange(&mut stream, hello.sni.as_deref(), wire::PLAIN).unwrap_or_default()
                }
                _ => talk(&mut stream, &wire::first(connection)),
            }
        }),
        None => unreachable!("every connection of the test says its address"),
    };
    match got {
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound), "{error}");
            Seen::Nothing
        }
        Ok(got) => {
            let entry = nginx.entry().unwrap_or_default();
            Seen::Taken { got, entry, reached: echo::reached(), said: nginx.said() }
        }
    }
}

/// Sends, and reads to the end.
fn talk(stream: &mut (impl std::io::Read + std::io::Write), first: &[u8]) -> Vec<u8> {
    // nginx may have closed already; what it said is what counts.
    let _ = stream.write_all(first);
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 {
            break;
        }
        got.extend_from_slice(&buffer[..length]);
    }
    got
}

/// From an address of loopback.
fn connect(from: Option<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let Some(IpAddr::V4(from)) = from.filter(|_| to.is_ipv4()) else { return TcpStream::connect(to) };
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(from.into(), 0))?;
    rustix::net::connect(&socket, &to)?;
    Ok(TcpStream::from(socket))
}

fn send(connection: &Connection, to: SocketAddr) -> UdpSocket {
    let from = connection.client.unwrap_or(Ipv4Addr::LOCALHOST.into());
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.connect(to).unwrap();
    socket.send(wire::PLAIN).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 4096];
    socket.recv(&mut buffer).map_or_else(|_| Vec::new(), |length| buffer[..length].to_vec())
}
