//! What this machine looks like to an nginx that runs on it: its addresses, its hosts file, the ports that are taken.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use evenkeel_model::{Config, ListenAddress};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, setsockopt, socket, sockopt,
};

/// The facts, as they were found at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    /// The addresses of its interfaces, loopback included.
    pub(crate) addresses: Vec<IpAddr>,
    /// The lines of its hosts file: name and address, in order.
    pub(crate) hosts: Vec<(String, IpAddr)>,
    /// Addresses that other processes listen on than the nginx that runs.
    pub(crate) held: Vec<SocketAddr>,
    /// The same for datagrams.
    pub(crate) held_datagrams: Vec<SocketAddr>,
}

/// How many lines of the hosts file are read.
const HOSTS_MAX: usize = 20_000;

impl Machine {
    /// Looks at this machine. `master`: the nginx that runs, whose sockets are not in its own way.
    pub(crate) fn look(master: Option<i32>) -> Machine {
        let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
        Machine {
            addresses: addresses(),
            hosts: parse_hosts(&hosts),
            held: held(master),
            held_datagrams: held_datagrams(master),
        }
    }

    /// Takes the addresses that a configuration listens on for its own; gives those that it lacked.
    pub(crate) fn take_addresses(&mut self, config: &Config) -> Vec<IpAddr> {
        let listens = config.servers().iter().flat_map(|server| &server.listens);
        let mut lacked: Vec<IpAddr> = listens
            .filter_map(|listen| match listen.address {
                ListenAddress::Inet { ip, .. } => Some(ip),
                _ => None,
            })
            .filter(|ip| !ip.is_unspecified() && !ip.is_multicast() && !self.owns(*ip))
            .collect();
        lacked.sort_unstable();
        lacked.dedup();
        self.addresses.extend(&lacked);
        lacked
    }

    /// What a name is in the hosts file.
    pub(crate) fn host(&self, name: &str) -> Vec<IpAddr> {
        let lines = self.hosts.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut found: Vec<IpAddr> = lines.map(|(_, address)| *address).collect();
        found.dedup();
        found
    }

    /// Whether an address is this machine's own.
    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.contains(&address)
    }

    /// An address of this machine that others can reach, of the family of `like`.
    pub(crate) fn outward(&self, like: IpAddr) -> Option<IpAddr> {
        let fits = |address: &&IpAddr| {
            address.is_ipv4() == like.is_ipv4() && !address.is_loopback() && !is_link_local(**address)
        };
        self.addresses.iter().find(fits).copied()
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let mut found: Vec<IpAddr> = interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Reads `127.0.0.1 localhost loghost # here`.
pub(crate) fn parse_hosts(text: &str) -> Vec<(String, IpAddr)> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        Some(words.map(move |name| (name.to_owned(), address)))
    });
    lines.flatten().take(HOSTS_MAX).collect()
}

/// The tables of the kernel for streams and for datagrams, and how a socket is marked in them that listens: `TCP_LISTEN` and
/// `TCP_CLOSE`, include/net/tcp_states.h (Linux).
const STREAMS: ([&str; 2], &str) = (["/proc/net/tcp", "/proc/net/tcp6"], "0A");
const DATAGRAMS: ([&str; 2], &str) = (["/proc/net/udp", "/proc/net/udp6"], "07");

/// One listening socket of the kernel's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listening {
    address: SocketAddr,
    inode: u64,
}

/// What other processes listen on.
fn of_others((tables, state): ([&str; 2], &str), master: Option<i32>) -> Vec<SocketAddr> {
    let mut listening: Vec<Listening> = Vec::new();
    for table in tables {
        let text = fs::read_to_string(table).unwrap_or_default();
        listening.extend(text.lines().filter_map(|line| parse_listening(line, state)));
    }
    let own = match master.map(sockets_of) {
        Some(Some(own)) => own,
        // Nobody may look into it: what is taken could be its own.
        Some(None) => return Vec::new(),
        None => HashSet::new(),
    };
    listening.into_iter().filter(|it| !own.contains(&it.inode)).map(|it| it.address).collect()
}

fn held_datagrams(master: Option<i32>) -> Vec<SocketAddr> {
    let mut held = of_others(DATAGRAMS, master);
    held.sort_unstable();
    held.dedup();
    held
}

fn held(master: Option<i32>) -> Vec<SocketAddr> {
    let others = of_others(STREAMS, master);
    let mut held = others.clone();
    for address in others {
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
        if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !held.contains(&any) && is_taken(any) {
            held.push(any);
        }
    }
    held.sort_unstable();
    held.dedup();
    held
}

/// The inodes of the sockets that a process has open; `None` when that cannot be seen.
fn sockets_of(pid: i32) -> Option<HashSet<u64>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let inode = |entry: fs::DirEntry| {
        let link = fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Some(entries.flatten().filter_map(inode).collect())
}

/// Whether a socket that listens on all addresses of IPv6 has this port of IPv4, too: the tables do not say it.
/// The socket that finds out is bound for a moment and never listens.
fn is_taken(address: SocketAddr) -> bool {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let Ok(probe): Result<OwnedFd, _> = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else {
        return false;
    };
    let _best_effort = setsockopt(&probe, sockopt::ReuseAddr, &true);
    let bound = match address {
        SocketAddr::V4(address) => bind(probe.as_raw_fd(), &SockaddrIn::from(address)),
        SocketAddr::V6(address) => bind(probe.as_raw_fd(), &SockaddrIn6::from(address)),
    };
    bound == Err(nix::errno::Errno::EADDRINUSE)
}

/// Reads a line of `/proc/net/tcp` or its kin; `None` for one in another state.
fn parse_listening(line: &str, state: &str) -> Option<Listening> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    if words.nth(1)? != state {
        return None;
    }
    let inode = words.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes())),
        32 => {
            let mut octets = [0; 16];
            for at in 0..4 {
                octets[at * 4..at * 4 + 4].copy_from_slice(&word(at * 8)?.to_ne_bytes());
            }
            let ip = Ipv6Addr::from(octets);
            ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
        }
        _ => return None,
    };
    Some(Listening { address: SocketAddr::new(ip, port), inode })
}

/// Names the process that listens on an address, as far as it can be seen: `redis-server (process 4711)`. `own`: the nginx
/// that runs, named as such.
pub(crate) fn holder(address: SocketAddr, own: Option<i32>) -> Option<String> {
    let fits = |it: &Listening| {
        it.address.port() == address.port()
            && (it.address.ip() == address.ip()
                || it.address.ip().is_unspecified()
                || address.ip().is_unspecified())
    };
    let find = |(tables, state): ([&str; 2], &str)| {
        // A socket for both families stands in the table of IPv6.
        tables[usize::from(address.is_ipv6())..].iter().find_map(|table| {
            let lines = fs::read_to_string(table).ok()?;
            lines.lines().filter_map(|line| parse_listening(line, state)).find(fits)
        })
    };
    let inode = find(STREAMS).or_else(|| find(DATAGRAMS))?.inode;
    let holds = |pid: i32| sockets_of(pid).is_some_and(|own| own.contains(&inode));
    if own.is_some_and(holds) {
        return Some("this nginx itself".to_owned());
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pid = pids.into_iter().find(|pid| holds(*pid))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (process {pid})", name.trim()))
}

#[cfg(test)]
mod tests {
    use crate::testing::config;

    use super::*;

    #[test]
    fn hosts_file_is_read_with_aliases_and_comments() {
        let hosts = parse_hosts("127.0.0.1 localhost log # x\n::1\tlocalhost\n# 1.2.3.4 no\nbad line\n");
        let names: Vec<String> = hosts.iter().map(|(name, address)| format!("{name} {address}")).collect();
        assert_eq!(names, ["localhost 127.0.0.1", "log 127.0.0.1", "localhost ::1"]);
        let machine = Machine { hosts, ..Machine::default() };
        assert_eq!(machine.host("LOCALHOST").len(), 2);
        assert!(machine.host("app").is_empty());
    }

    #[test]
    fn tables_of_the_kernel_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1";
        let read = parse_listening(line, "0A").unwrap();
        assert_eq!((read.address.to_string().as_str(), read.inode), ("127.0.0.1:8080", 4711));
        let line = "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A \
                    00000000:00000000 00:00000000 00000000     0        0 12 1";
        assert_eq!(parse_listening(line, "0A").unwrap().address.to_string(), "[::1]:80");
        assert_eq!(parse_listening(&line.replace(" 0A ", " 01 "), "0A"), None);
        assert_eq!(parse_listening("  sl  local_address rem_address   st", "0A"), None);
    }

    #[test]
    fn port_that_somebody_listens_on_is_held_and_its_process_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(Machine::look(None).held.contains(&address));
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(!Machine::look(Some(own)).held.contains(&address), "our own sockets are not in our way");
        assert!(holder(address, None).unwrap().ends_with(&format!("(process {own})")));
        assert_eq!(holder(address, Some(own)).unwrap(), "this nginx itself");
    }

    #[test]
    fn port_where_somebody_waits_for_datagrams_is_held() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let machine = Machine::look(None);
        assert!(machine.held_datagrams.contains(&address) && !machine.held.contains(&address));
    }

    #[test]
    fn machine_takes_the_addresses_that_another_host_has() {
        let own = "10.0.0.2".parse().unwrap();
        let mut machine = Machine { addresses: vec![own], ..Machine::default() };
        let listens =
            "listen 10.20.0.10:80; listen 10.20.0.10:81; listen 10.0.0.2:80; listen 127.0.0.1:80; listen 82;";
        let config =
            config(&format!("events {{}} http {{ server {{ {listens} listen [2001:db8::1]:80; }} }}"));
        let lacked: Vec<IpAddr> = ["10.20.0.10", "2001:db8::1"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(machine.take_addresses(&config), lacked);
        assert!(lacked.iter().all(|ip| machine.owns(*ip)) && machine.owns(own));
    }

    #[test]
    fn socket_for_both_families_holds_both() {
        let listener = std::net::TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        assert!(Machine::look(None).held.contains(&any));
    }
}
