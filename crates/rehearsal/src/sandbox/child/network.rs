//! Two networks and the cable between them.
//!
//! On the host's side there are loopback and the host's own addresses. In the world every address is local, and the
//! host's lie at the other end of the cable. With one network, no listener could stand in for `10.0.0.5:80` while
//! nginx listens on `*:80`.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::SockType;

use super::netlink::{self, Batch, LOOPBACK};
use super::sockets;
use crate::sandbox::spec::{CLIENT_V4, CLIENT_V6};

/// Numbers of the two ends, far from those that the kernel gives by itself.
const HOST_END: u32 = 4711;
const WORLD_END: u32 = 4712;

/// The two network namespaces.
#[derive(Debug)]
pub(super) struct Networks {
    pub(super) world: OwnedFd,
    pub(super) host: OwnedFd,
    orders: (OwnedFd, OwnedFd),
}

/// Makes both namespaces, empty; this process is in the host's afterwards.
pub(super) fn make() -> io::Result<Networks> {
    let (world, into_world) = enter_new()?;
    let (host, into_host) = enter_new()?;
    Ok(Networks { world, host, orders: (into_world, into_host) })
}

fn enter_new() -> io::Result<(OwnedFd, OwnedFd)> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    Ok((File::open("/proc/self/ns/net")?.into(), netlink::open()?))
}

/// Gives both networks their devices, addresses and routes.
pub(super) fn configure(networks: &Networks, addresses: &[IpAddr]) -> io::Result<()> {
    let mut families = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    if speaks_ipv6() {
        families.push(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    }
    let addresses: Vec<IpAddr> = addresses
        .iter()
        .copied()
        .filter(|address| families.iter().any(|any| any.is_ipv4() == address.is_ipv4()))
        .collect();
    let mut host = Batch::default();
    host.up(LOOPBACK);
    host.cable(("eth0", HOST_END), ("w0", WORLD_END), networks.world.as_raw_fd());
    host.up(HOST_END);
    addresses.iter().for_each(|address| host.address(LOOPBACK, *address));
    families.iter().for_each(|any| host.everything(*any, HOST_END, libc::RT_TABLE_MAIN, libc::RTN_UNICAST));
    host.send(&networks.orders.1)?;
    let mut world = Batch::default();
    world.up(LOOPBACK);
    world.up(WORLD_END);
    families.iter().for_each(|any| world.everything(*any, LOOPBACK, libc::RT_TABLE_LOCAL, libc::RTN_LOCAL));
    addresses.iter().for_each(|address| world.one(*address, WORLD_END));
    world.send(&networks.orders.0)?;
    addresses.first().map_or(Ok(()), |address| wait_for_cable(networks, *address))
}

/// Waits until a packet has gone there and back. The kernel starts the end that came up first a little later, and the
/// first packet of a connection would be lost until then, for a whole second.
fn wait_for_cable(networks: &Networks, address: IpAddr) -> io::Result<()> {
    const LIMIT: Duration = Duration::from_secs(5);
    let client = if address.is_ipv4() { CLIENT_V4 } else { CLIENT_V6 };
    let any_port = |ip| SocketAddr::new(ip, 0);
    let datagrams = |at| sockets::bound(SockType::Datagram, at).map(UdpSocket::from);
    let host = datagrams(any_port(address))?;
    let world = networks.on(true, || datagrams(any_port(client)))?;
    for socket in [&host, &world] {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
    }
    let (there, back) = (host.local_addr()?, world.local_addr()?);
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        let _lost_for_now = world.send_to(b"?", there);
        if host.recv(&mut [0]).is_ok() {
            let _lost_for_now = host.send_to(b"!", back);
            if world.recv(&mut [0]).is_ok() {
                return Ok(());
            }
        }
    }
    Err(io::Error::from_raw_os_error(libc::ENETDOWN))
}

fn speaks_ipv6() -> bool {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).is_ok()
}
