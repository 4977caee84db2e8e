//! Sockets that are made inside, for those who live outside.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr, bind, connect,
    listen, socket,
};

use super::network::Networks;
use crate::sandbox::sys::set_option;

/// `IPV6_FREEBIND`, include/uapi/linux/in6.h
const IPV6_FREEBIND: libc::c_int = 78;
const BACKLOG: i32 = 4096;

impl Networks {
    /// Does something in the world; afterwards this process is on the host's side again.
    pub(super) fn on<T>(&self, world: bool, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if !world {
            return act();
        }
        setns(&self.world, CloneFlags::CLONE_NEWNET)?;
        let done = act();
        setns(&self.host, CloneFlags::CLONE_NEWNET)?;
        done
    }
}

/// Makes a listening socket.
pub(super) fn listening(at: SocketAddr) -> io::Result<OwnedFd> {
    let made = bound(SockType::Stream, at)?;
    listen(&made, Backlog::new(BACKLOG)?)?;
    Ok(made)
}

/// Makes a socket bound to an address, whether or not it is one of this side's.
pub(super) fn bound(kind: SockType, at: SocketAddr) -> io::Result<OwnedFd> {
    let made = of_family(kind, at.ip())?;
    set_option(made.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if at.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        set_option(made.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0)?;
    }
    free_bind(&made, at.ip())?;
    bind(made.as_raw_fd(), &SockaddrStorage::from(at))?;
    Ok(made)
}

/// Makes a socket that connects; it is not waited for.
pub(super) fn connecting(from: Option<IpAddr>, to: SocketAddr) -> io::Result<OwnedFd> {
    let made = of_family(SockType::Stream, to.ip())?;
    set_option(made.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    if let Some(from) = from {
        free_bind(&made, from)?;
        // The port is chosen when the other end is known, so that it may be used towards another one as well.
        let _older_kernels_choose_now =
            set_option(made.as_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
        bind(made.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(from, 0)))?;
    }
    begin(made, &SockaddrStorage::from(to))
}

/// Makes a listening unix socket that everyone may connect to.
pub(super) fn listening_unix(path: &Path) -> io::Result<OwnedFd> {
    let made = unix(SockType::Stream)?;
    bind(made.as_raw_fd(), &UnixAddr::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    listen(&made, Backlog::new(BACKLOG)?)?;
    Ok(made)
}

/// Makes a socket for whoever writes to the log of the system.
pub(super) fn system_log(path: &Path) -> io::Result<OwnedFd> {
    let made = unix(SockType::Datagram)?;
    bind(made.as_raw_fd(), &UnixAddr::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(made)
}

/// Makes a unix socket that connects.
pub(super) fn connecting_unix(path: &Path) -> io::Result<OwnedFd> {
    begin(unix(SockType::Stream)?, &UnixAddr::new(path)?)
}

fn begin(made: OwnedFd, to: &impl SockaddrLike) -> io::Result<OwnedFd> {
    match connect(made.as_raw_fd(), to) {
        Ok(()) | Err(nix::Error::EINPROGRESS) => Ok(made),
        Err(error) => Err(error.into()),
    }
}

fn of_family(kind: SockType, address: IpAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    Ok(socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?)
}

fn unix(kind: SockType) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket(AddressFamily::Unix, kind, flags, None)?)
}

fn free_bind(socket: &OwnedFd, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(_) => set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_FREEBIND, 1),
        IpAddr::V6(_) => set_option(socket.as_fd(), libc::IPPROTO_IPV6, IPV6_FREEBIND, 1),
    }
}
