//! Two networks and the cable between them.
//!
//! On the host's side there are loopback and the host's own addresses. In the world every address is local, and the
//! host's lie at the other end of the cable. With one network, no listener could stand in for `10.0.0.5:80` while
//! nginx listens on `*:80`.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};

use super::netlink::{self, Batch, LOOPBACK};

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
    world.send(&networks.orders.0)
}

fn speaks_ipv6() -> bool {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).is_ok()
}
