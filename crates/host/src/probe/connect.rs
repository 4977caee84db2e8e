//! Connects, and when that fails says why: by the error, and by the ICMP message that the kernel keeps for the socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use evenkeel_fleet::watch::{Failure, Icmp};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrStorage, connect, recvmsg,
    setsockopt, socket, sockopt,
};
use tokio::net::TcpStream;

/// ICMP's own origins in the error queue (`linux/errqueue.h`).
const ORIGIN_ICMP: u8 = 2;
const ORIGIN_ICMP6: u8 = 3;

/// Connects to an address. The caller limits the time.
pub(super) async fn tcp(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = begin(address).map_err(|error| classify(&error, None, address.ip(), &own_address))?;
    // A connecting socket is writable once it stands or has failed.
    let ended = match stream.writable().await {
        Ok(()) => stream.take_error().and_then(|error| error.map_or(Ok(()), Err)),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => {
            // A connection that stands outlives a message about it.
            let _still_told = address.is_ipv6().then(|| setsockopt(&stream, sockopt::Ipv6RecvErr, &false));
            // The one small request must not wait for another.
            let _only_slower = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(error) => Err(because(&error, stream.as_fd(), address.ip())),
    }
}

/// Says why something failed on a socket.
pub(super) fn because(error: &io::Error, socket: BorrowedFd<'_>, target: IpAddr) -> Failure {
    classify(error, icmp(socket), target, &own_address)
}

fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, None)?;
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => TcpStream::from_std(std::net::TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// The last ICMP message that the kernel keeps for a socket. By IPv4 nobody has to have asked for it: a connection that fails
/// while it is being made leaves its message there. By IPv6 the socket must have asked.
///
/// Source: `tcp_v4_err`, net/ipv4/tcp_ipv4.c; `ipv6_icmp_error`, net/ipv6/datagram.c (Linux)
fn icmp(socket: BorrowedFd<'_>) -> Option<Icmp> {
    let mut last = None;
    // The queue holds as many as arrived; more than these say nothing new.
    for _ in 0..8 {
        let mut space = cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let Ok(message) = recvmsg::<()>(socket.as_raw_fd(), &mut [], Some(&mut space), flags) else { break };
        let Ok(controls) = message.cmsgs() else { break };
        for control in controls {
            let found = match control {
                ControlMessageOwned::Ipv4RecvErr(error, Some(from)) if error.ee_origin == ORIGIN_ICMP => {
                    let from = IpAddr::from(from.sin_addr.s_addr.to_ne_bytes());
                    Some(Icmp { kind: error.ee_type, code: error.ee_code, from })
                }
                ControlMessageOwned::Ipv6RecvErr(error, Some(from)) if error.ee_origin == ORIGIN_ICMP6 => {
                    let from = IpAddr::from(from.sin6_addr.s6_addr);
                    Some(Icmp { kind: error.ee_type, code: error.ee_code, from })
                }
                _ => None,
            };
            last = found.or(last);
        }
    }
    last
}

/// Whether an address is one of this machine.
fn own_address(address: IpAddr) -> bool {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return false };
    let mut own = interfaces.filter_map(|interface| {
        let storage = interface.address?;
        let four = storage.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
        four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
    });
    own.any(|own| own == address)
}

/// What an error and an ICMP message mean together. `own` says whether an address is one of this machine.
fn classify(error: &io::Error, icmp: Option<Icmp>, target: IpAddr, own: &dyn Fn(IpAddr) -> bool) -> Failure {
    if let Some(icmp) = icmp {
        return by_message(icmp, target, own);
    }
    let errno = error.raw_os_error().map(Errno::from_raw);
    let own_side = |what: &str| Failure::OwnSide { reason: what.to_owned() };
    match errno {
        Some(Errno::ECONNREFUSED) => Failure::Refused,
        Some(Errno::ETIMEDOUT) => Failure::Filtered,
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH) => {
            own_side(&format!("there is no route to {target} from here"))
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            own_side(&format!("this machine does not allow connections to {target}"))
        }
        Some(Errno::EMFILE | Errno::ENFILE) => own_side("no more files may be open here"),
        Some(Errno::EADDRNOTAVAIL | Errno::EAGAIN) => own_side("no address or port is free here"),
        _ => own_side(&error.to_string()),
    }
}

fn by_message(icmp: Icmp, target: IpAddr, own: &dyn Fn(IpAddr) -> bool) -> Failure {
    let Icmp { kind, code, from } = icmp;
    if from != target && own(from) {
        return match (kind, code) {
            // The kernel gives up asking the link for the address.
            // Source: `ipv4_link_failure`, net/ipv4/route.c; `ip6_link_failure`, net/ipv6/route.c (Linux)
            (3, 1) | (1, 3) => Failure::HostDown,
            _ => Failure::OwnSide {
                reason: format!("a firewall of this machine refuses what goes out: {icmp}"),
            },
        };
    }
    // A TCP refuses a port with a reset: a port or protocol that is unreachable is a firewall's word (RFC 9293, 3.5.2).
    match (kind, code) {
        (3, 2 | 3 | 9 | 10 | 13) | (1, 1 | 4 | 5 | 6) => Failure::Rejected(icmp),
        _ => Failure::Unreachable(icmp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "10.0.0.2";
    const OWN: &str = "10.0.0.1";

    fn class(errno: Errno, message: Option<(u8, u8, &str)>) -> &'static str {
        let from = |(kind, code, from): (u8, u8, &str)| Icmp { kind, code, from: from.parse().unwrap() };
        let own = |address: IpAddr| [OWN, "fd00::1"].contains(&address.to_string().as_str());
        classify(&errno.into(), message.map(from), TARGET.parse().unwrap(), &own).class()
    }

    #[test]
    fn errors_without_a_message_are_told_apart() {
        assert_eq!(class(Errno::ECONNREFUSED, None), "refused");
        assert_eq!(class(Errno::ETIMEDOUT, None), "filtered");
        for own in
            [Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::EPERM, Errno::EMFILE, Errno::EADDRNOTAVAIL]
        {
            assert_eq!(class(own, None), "own-side");
        }
    }

    #[test]
    fn codes_of_firewalls_and_of_routers_are_told_apart() {
        for code in [2, 3, 9, 10, 13] {
            assert_eq!(class(Errno::ECONNREFUSED, Some((3, code, TARGET))), "rejected", "{code}");
        }
        for code in [1, 4, 5, 6] {
            assert_eq!(class(Errno::EACCES, Some((1, code, "fd00::2"))), "rejected", "{code}");
        }
        for (kind, code) in [(3, 0), (3, 1), (3, 6), (3, 7), (1, 0), (1, 2), (1, 3)] {
            assert_eq!(
                class(Errno::EHOSTUNREACH, Some((kind, code, "10.0.0.9"))),
                "unreachable",
                "{kind}/{code}"
            );
        }
    }

    #[test]
    fn a_message_of_this_machine_is_no_firewall_over_there() {
        assert_eq!(class(Errno::EHOSTUNREACH, Some((3, 1, OWN))), "host-down");
        assert_eq!(class(Errno::EHOSTUNREACH, Some((1, 3, "fd00::1"))), "host-down");
        assert_eq!(class(Errno::ECONNREFUSED, Some((3, 3, OWN))), "own-side");
    }

    #[test]
    fn a_firewall_of_this_machine_before_its_own_nginx_is_a_firewall() {
        let own = |_: IpAddr| true;
        let icmp = Icmp { kind: 3, code: 3, from: TARGET.parse().unwrap() };
        let failure = classify(&Errno::ECONNREFUSED.into(), Some(icmp), TARGET.parse().unwrap(), &own);
        assert_eq!(failure, Failure::Rejected(icmp));
    }
}
