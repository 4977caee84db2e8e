//! Accept queues: how many connections wait for nginx to take them, beside how many may.
//!
//! Source: `inet_diag.h` of the kernel; `inet_diag_fill`, net/ipv4/inet_diag.c: of a listening socket the receive queue is
//! what waits, and the write queue what may.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR` and `NLMSG_DONE`
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `INET_DIAG_SKV6ONLY`: told of each listening socket of IPv6 (`inet_diag_msg_attrs_fill`, net/ipv4/inet_diag.c).
const V6_ONLY: u16 = 11;
/// `INET_DIAG_SKMEMINFO`, and where it has the number of what was turned away: `SK_MEMINFO_DROPS` (`tcp_listendrop`,
/// include/net/tcp.h, counts it up).
const MEMORY: u16 = 7;
const DROPPED_AT: usize = 8 * 4;
/// The length of `inet_diag_msg`; attributes follow it.
const FIXED: usize = 72;
/// `1 << TCP_LISTEN`
const LISTENING: u32 = 1 << 10;

/// The accept queue of one listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queue {
    /// Where it listens.
    pub address: SocketAddr,
    /// How many connections wait.
    pub waiting: u32,
    /// How many may.
    pub most: u32,
    /// Whether a socket of IPv6 leaves IPv4 alone.
    pub only_v6: bool,
    /// How many connections this socket turned away since it listens.
    pub dropped: u32,
}

impl Queue {
    /// Whether it is about to turn connections away.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.most > 0 && u64::from(self.waiting) * 10 >= u64::from(self.most) * 9
    }
}

/// The accept queues of all TCP sockets that listen in this network namespace.
///
/// # Errors
/// What the kernel said.
pub fn queues() -> io::Result<Vec<Queue>> {
    let mut all = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        all.extend(of(u8::try_from(family).expect("a small constant"))?);
    }
    all.sort();
    Ok(all)
}

/// How many connections were turned away since boot because an accept queue was full: `TcpExt: ListenOverflows`.
#[must_use]
pub fn overflows() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split(' ').position(|name| name == "ListenOverflows")?;
    values.split(' ').nth(at)?.parse().ok()
}

fn of(family: u8) -> io::Result<Vec<Queue>> {
    let kind = SocketType::DGRAM;
    let socket = socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    // nlmsghdr, then inet_diag_req_v2: family, protocol, extensions, pad, states, an identity of 48 bytes.
    let mut request = Vec::with_capacity(72);
    request.extend_from_slice(&72_u32.to_ne_bytes());
    request.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    request.extend_from_slice(&DUMP.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    let protocol = u8::try_from(libc::IPPROTO_TCP).expect("a small constant");
    request.extend_from_slice(&[family, protocol, 1 << (MEMORY - 1), 0]);
    request.extend_from_slice(&LISTENING.to_ne_bytes());
    request.extend_from_slice(&[0; 48]);
    send(&socket, &request, SendFlags::empty())?;
    let (mut found, mut buffer) = (Vec::new(), vec![0_u8; 64 << 10]);
    loop {
        let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let mut bytes = &buffer[..length];
        if bytes.is_empty() {
            return Ok(found);
        }
        while let Some(length) = word(bytes, 0).and_then(|length| usize::try_from(length).ok()) {
            let Some(message) = bytes.get(..length).filter(|message| message.len() >= 16) else {
                return Ok(found);
            };
            match u16::from_ne_bytes([message[4], message[5]]) {
                DONE => return Ok(found),
                ERROR => return Err(io::Error::other("the kernel does not tell of sockets")),
                _ => found.extend(queue(&message[16..])),
            }
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// `inet_diag_msg`: family, state, timer, retransmissions, source port, destination port, source, …
fn queue(message: &[u8]) -> Option<Queue> {
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let address: IpAddr = if i32::from(*message.first()?) == libc::AF_INET {
        IpAddr::from(<[u8; 4]>::try_from(message.get(8..12)?).ok()?)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(message.get(8..24)?).ok()?)
    };
    let (waiting, most) = (word(message, 56)?, word(message, 60)?);
    let attributes = message.get(FIXED..)?;
    let only_v6 = attribute(attributes, V6_ONLY).is_some_and(|value| value.first() == Some(&1));
    let dropped = attribute(attributes, MEMORY).and_then(|value| word(value, DROPPED_AT)).unwrap_or(0);
    Some(Queue { address: SocketAddr::new(address, port), waiting, most, only_v6, dropped })
}

/// The value of an attribute: each is its length, its kind, its bytes, filled up to four.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
        let value = bytes.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_that_nobody_takes_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _waiting: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        let queue = queues().unwrap().into_iter().find(|queue| queue.address == address).unwrap();
        assert_eq!(queue.waiting, 3);
        assert!(queue.most >= 100 && !queue.is_full(), "{queue:?}");
        assert!(Queue { waiting: 117, most: 128, ..queue }.is_full());
        assert!(overflows().is_some());
    }

    #[test]
    fn connections_that_are_turned_away_are_counted_by_their_socket() {
        use rustix::net::{connect, listen, socket};
        use std::time::{Duration, Instant};
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0))).unwrap();
        listen(&listener, 1).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let queue = || queues().unwrap().into_iter().find(|queue| queue.address == address).unwrap();
        assert_eq!(queue().dropped, 0);
        // Two fit; what comes behind them is turned away, and tries again later.
        let open = |_| {
            let client =
                socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap();
            let _under_way = connect(&client, &address);
            client
        };
        let _clients: Vec<_> = (0..8).map(open).collect();
        let began = Instant::now();
        while queue().dropped == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", queue());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(queue().is_full(), "{:?}", queue());
    }

    #[test]
    fn socket_of_ipv6_says_whether_it_takes_ipv4() {
        use rustix::net::{ipproto, listen, socket, sockopt};
        for only in [true, false] {
            let Ok(socket) = socket(AddressFamily::INET6, SocketType::STREAM, Some(ipproto::TCP)) else {
                return;
            };
            sockopt::set_ipv6_v6only(&socket, only).unwrap();
            bind(&socket, &SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0))).unwrap();
            listen(&socket, 1).unwrap();
            let listener = TcpListener::from(socket);
            let address = listener.local_addr().unwrap();
            let queue = queues().unwrap().into_iter().find(|queue| queue.address == address).unwrap();
            assert_eq!(queue.only_v6, only);
        }
    }
}
