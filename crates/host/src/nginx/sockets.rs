//! Which sockets a process listens on, as the kernel says.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::identity::ProcessId;

/// An address that a configuration listens on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listen {
    /// `listen 80`, `listen [::1]:80`.
    Tcp(SocketAddr),
    /// `listen 53 udp`, `listen 443 quic`.
    Udp(SocketAddr),
    /// `listen unix:/run/x.sock`
    Unix(PathBuf),
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Udp(address) => write!(f, "{address} (udp)"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Gives those of `expected` that the process does not listen on. A wildcard of the same family and port stands
/// for a single address: nginx binds only the wildcard where a configuration has both.
///
/// # Errors
/// When `/proc` does not tell: the process has ended, or belongs to somebody else.
pub fn missing(process: ProcessId, expected: &[Listen]) -> io::Result<Vec<Listen>> {
    let held = held(process)?;
    let is_held = |listen: &Listen| {
        let wildcard = match listen {
            Listen::Tcp(address) => Listen::Tcp(wildcard(*address)),
            Listen::Udp(address) => Listen::Udp(wildcard(*address)),
            Listen::Unix(path) => Listen::Unix(path.clone()),
        };
        held.contains(&plain(listen)) || held.contains(&wildcard)
    };
    Ok(expected.iter().filter(|listen| !is_held(listen)).cloned().collect())
}

/// Gives every TCP and UDP address that somebody in this network namespace listens on.
///
/// # Errors
/// When `/proc` does not tell.
pub fn listening() -> io::Result<BTreeSet<Listen>> {
    let mut listening = BTreeSet::new();
    let me = ProcessId::me().pid;
    for (table, tcp) in [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)] {
        let state = if tcp { LISTEN } else { UNCONNECTED };
        for line in lines(me, table)? {
            let Some(socket) = Socket::parse(&line?) else { continue };
            if tcp && socket.state != state {
                break;
            }
            if socket.state == state {
                listening.insert(if tcp { Listen::Tcp(socket.local) } else { Listen::Udp(socket.local) });
            }
        }
    }
    Ok(listening)
}

/// Says whether the process listens on anything.
///
/// # Errors
/// Those of [`missing`].
pub(crate) fn listens(process: ProcessId) -> io::Result<bool> {
    held(process).map(|held| !held.is_empty())
}

fn wildcard(address: SocketAddr) -> SocketAddr {
    let any = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    SocketAddr::new(any, address.port())
}

/// Leaves out what the kernel's tables do not show: the scope of a link-local address.
fn plain(listen: &Listen) -> Listen {
    match listen {
        Listen::Tcp(address) => Listen::Tcp(SocketAddr::new(address.ip(), address.port())),
        Listen::Udp(address) => Listen::Udp(SocketAddr::new(address.ip(), address.port())),
        Listen::Unix(path) => Listen::Unix(path.clone()),
    }
}

/// Gives every address that this process listens on.
fn held(process: ProcessId) -> io::Result<BTreeSet<Listen>> {
    let pid = process.pid;
    let inodes = inodes(pid)?;
    let mut held = BTreeSet::new();
    for (table, tcp) in [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)] {
        let state = if tcp { LISTEN } else { UNCONNECTED };
        for line in lines(pid, table)? {
            let Some(socket) = Socket::parse(&line?) else { continue };
            if tcp && socket.state != state {
                // The kernel shows the listening sockets first (`tcp_seq_start`), and there may be many others.
                break;
            }
            if socket.state == state && inodes.contains(&socket.inode) {
                held.insert(if tcp { Listen::Tcp(socket.local) } else { Listen::Udp(socket.local) });
            }
        }
    }
    for line in lines(pid, "unix")? {
        if let Some((path, inode)) = listening_path(&line?)
            && inodes.contains(&inode)
        {
            held.insert(Listen::Unix(path));
        }
    }
    // A process that has ended meanwhile held nothing.
    if process.lives() { Ok(held) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

/// `TCP_LISTEN` and `TCP_CLOSE`, include/net/tcp_states.h.
const LISTEN: u8 = 0x0A;
const UNCONNECTED: u8 = 0x07;

fn lines(pid: i32, table: &str) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let file = match File::open(format!("/proc/{pid}/net/{table}")) {
        // A kernel without this family.
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::open("/dev/null")?,
        opened => opened?,
    };
    let lines = BufReader::new(file).split(b'\n');
    Ok(lines.skip(1).map(|line| Ok(String::from_utf8_lossy(&line?).into_owned())))
}

/// Gives the numbers of the sockets that a process holds.
fn inodes(pid: i32) -> io::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // A descriptor may be closed while the list is read.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        let name = target.as_os_str().as_bytes();
        let number = name.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        inodes.extend(number.and_then(|number| std::str::from_utf8(number).ok()?.parse::<u64>().ok()));
    }
    Ok(inodes)
}

/// A line of `/proc/net/{tcp,udp}{,6}`.
struct Socket {
    local: SocketAddr,
    state: u8,
    inode: u64,
}

impl Socket {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (address, port) = fields.nth(1)?.split_once(':')?;
        let local = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
        let state = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
        Some(Self { local, state, inode: fields.nth(5)?.parse().ok()? })
    }
}

/// Reads an address as the kernel writes it: words of 32 bits, each in the order of this machine.
fn address_of(digits: &str) -> Option<IpAddr> {
    let mut bytes = [0_u8; 16];
    let words = digits.len() / 8;
    for word in 0..words.min(4) {
        let value = u32::from_str_radix(digits.get(word * 8..word * 8 + 8)?, 16).ok()?;
        bytes[word * 4..word * 4 + 4].copy_from_slice(&value.to_ne_bytes());
    }
    match words {
        1 => Some(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()),
        4 => Some(Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

/// Reads a line of `/proc/net/unix` when it shows a listening socket with a name.
fn listening_path(line: &str) -> Option<(PathBuf, u64)> {
    /// `__SO_ACCEPTCON`, include/uapi/linux/net.h
    const ACCEPTS: u32 = 1 << 16;
    let mut fields = [""; 7];
    let mut rest = line;
    for field in &mut fields {
        (*field, rest) = rest.trim_start().split_once(' ')?;
    }
    let flags = u32::from_str_radix(fields[3], 16).ok()?;
    // The name begins one space behind the number and may hold spaces itself.
    (flags & ACCEPTS != 0).then_some((PathBuf::from(rest), fields[6].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixListener;

    #[test]
    fn own_listeners_are_found_and_others_are_missing() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let any = TcpListener::bind("0.0.0.0:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a socket");
        let unix = UnixListener::bind(&path).unwrap();
        let specific = SocketAddr::new([127, 0, 0, 9].into(), any.local_addr().unwrap().port());
        let there = [
            Listen::Tcp(tcp.local_addr().unwrap()),
            Listen::Tcp(any.local_addr().unwrap()),
            Listen::Tcp(specific),
            Listen::Udp(udp.local_addr().unwrap()),
            Listen::Unix(path.clone()),
        ];
        assert_eq!(missing(ProcessId::me(), &there).unwrap(), []);
        // The other way round a single address does not stand for all of them.
        let all = Listen::Tcp(wildcard(tcp.local_addr().unwrap()));
        let gone = [all, Listen::Unix(dir.path().join("other"))];
        assert_eq!(missing(ProcessId::me(), &gone).unwrap(), gone);
        let connected = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let client = Listen::Tcp(connected.local_addr().unwrap());
        assert_eq!(missing(ProcessId::me(), std::slice::from_ref(&client)).unwrap(), [client]);
        drop(unix);
        assert_eq!(missing(ProcessId::me(), &[Listen::Unix(path)]).unwrap().len(), 1);
    }

    #[test]
    fn listener_of_another_process_is_not_ours() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        let listen = [Listen::Tcp(tcp.local_addr().unwrap())];
        let missing = missing(id, &listen);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(missing.unwrap(), listen);
        assert!(super::missing(id, &listen).is_err());
    }

    #[test]
    fn lines_of_the_kernel_are_read() {
        let line = "  20: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A \
                    00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0";
        let socket = Socket::parse(line).unwrap();
        assert_eq!((socket.state, socket.inode), (LISTEN, 4242));
        #[cfg(target_endian = "little")]
        assert_eq!(socket.local, "[::1]:8080".parse().unwrap());
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01   123 /run/a b.sock";
        assert_eq!(listening_path(line), Some(("/run/a b.sock".into(), 123)));
        assert_eq!(listening_path("0000000000000000: 00000003 00000000 00000000 0001 03 5 /run/x"), None);
    }
}
