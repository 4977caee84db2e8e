//! Where the addresses of a tree lie on loopback, each at an address of its own, with its own port where that is free.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel_model::{Config, ListenAddress};

use crate::inventory::covers;
use crate::reach::Address;

/// How many ports one `listen` may have.
const RANGE_MAX: u16 = 1000;

/// The first port that everybody may have.
const UNPRIVILEGED: u16 = 1024;
/// What is added to one that not everybody may have.
const HIGHER: u16 = 40_000;

/// How many ports are told of.
const MOVES_TOLD: usize = 5;

/// The map from the addresses of the trees to those here.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The network on loopback that is ours: 127.x.y.0, and what follows.
    base: u32,
    hosts: Vec<(String, IpAddr)>,
    own: Vec<IpAddr>,
    ips: BTreeMap<IpAddr, Ipv4Addr>,
    places: BTreeMap<SocketAddr, SocketAddr>,
    sockets: BTreeMap<Vec<u8>, PathBuf>,
    /// What each tree listens on.
    listens: Vec<Vec<ListenAddress>>,
    directory: PathBuf,
    /// Ports that are not their own: those of the tree, and those here.
    moved: Vec<(SocketAddr, u16)>,
}

impl Addresses {
    /// `own`: the addresses of this machine; `directory`: where unix sockets lie.
    pub(super) fn new(
        hosts: Vec<(String, IpAddr)>,
        own: Vec<IpAddr>,
        directory: PathBuf,
        configs: &[&Config],
    ) -> Addresses {
        static BEGUN: AtomicU32 = AtomicU32::new(0);
        // Another rehearsal that runs at the same time shall meet others. It is no harm when it does not.
        let turn = std::process::id().wrapping_mul(7).wrapping_add(BEGUN.fetch_add(1, Ordering::Relaxed));
        let base = u32::from(Ipv4Addr::new(127, 64, 0, 0)) + ((turn % (1 << 14)) << 8);
        let mut addresses = Addresses {
            base,
            hosts,
            own,
            ips: BTreeMap::new(),
            places: BTreeMap::new(),
            sockets: BTreeMap::new(),
            listens: configs.iter().map(|config| config.listens()).collect(),
            directory,
            moved: Vec::new(),
        };
        let all: Vec<ListenAddress> = addresses.listens.iter().flatten().cloned().collect();
        for listen in all {
            addresses.listen(&listen);
        }
        addresses
    }

    /// What stands in place of the address of a `listen`; `None` when its name is not known here. An address that the
    /// host lacks is not made up: nginx must fail on it.
    pub(super) fn listen(&mut self, listen: &ListenAddress) -> Option<String> {
        match listen {
            ListenAddress::Unix(path) => Some(format!("unix:{}", self.socket(path).display())),
            ListenAddress::Name { host, port } => {
                let ip = self.resolve(host)?;
                Some(self.place(SocketAddr::new(ip, *port)).to_string())
            }
            ListenAddress::Inet { ip, port, last } if port == last => {
                if !self.has(*ip) {
                    self.keep(SocketAddr::new(*ip, *port));
                }
                Some(self.place(SocketAddr::new(*ip, *port)).to_string())
            }
            ListenAddress::Inet { ip, port, last } => {
                let here = self.ip(*ip);
                for port in *port..=*last.min(&port.saturating_add(RANGE_MAX)) {
                    let at = SocketAddr::new(here.into(), port);
                    self.places.insert(SocketAddr::new(*ip, port), at);
                }
                Some(format!("{here}:{port}-{last}"))
            }
        }
    }

    /// Keeps an address that nobody here has.
    fn keep(&mut self, at: SocketAddr) {
        // What is refused must be the address, not the port.
        let port = if at.port() < UNPRIVILEGED { at.port() + HIGHER } else { at.port() };
        self.places.insert(at, SocketAddr::new(at.ip(), port));
    }

    fn has(&self, ip: IpAddr) -> bool {
        ip.is_unspecified() || ip.is_loopback() || self.own.contains(&ip)
    }

    /// Where something lies that nginx of this tree connects to.
    pub(super) fn target(&mut self, address: &Address, tree: usize) -> Option<String> {
        match address {
            Address::Inet(at) => Some(self.reached(*at, tree).to_string()),
            Address::Name { host, port } => {
                let ip = self.resolve(host)?;
                Some(self.reached(SocketAddr::new(ip, *port), tree).to_string())
            }
            Address::Unix(path) => Some(format!("unix:{}", self.socket(path).display())),
        }
    }

    /// Where a connection to this address goes: to the `listen` of the tree that takes it, else to a stand-in.
    pub(super) fn reached(&mut self, at: SocketAddr, tree: usize) -> SocketAddr {
        let listens = self.listens.get(tree).map(Vec::as_slice).unwrap_or_default();
        let fits = |listen: &&ListenAddress| covers(listen, at);
        let exact = listens.iter().filter(fits).any(|listen| !listen.is_wildcard());
        let here = at.ip().is_loopback() || self.own.contains(&at.ip());
        if !exact && here && listens.iter().any(|listen| covers(listen, at)) {
            let any = if at.is_ipv4() {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                std::net::Ipv6Addr::UNSPECIFIED.into()
            };
            return self.place(SocketAddr::new(any, at.port()));
        }
        self.place(at)
    }

    /// Where an address lies here. It is the same for both trees, and stays the same.
    pub(super) fn place(&mut self, at: SocketAddr) -> SocketAddr {
        if let Some(place) = self.places.get(&at) {
            return *place;
        }
        let ip = self.ip(at.ip());
        let free = |port: u16| TcpListener::bind(SocketAddrV4::new(ip, port)).ok()?.local_addr().ok();
        let place = free(at.port()).or_else(|| {
            let other = free(0)?;
            self.moved.push((at, other.port()));
            Some(other)
        });
        let place = place.unwrap_or_else(|| SocketAddr::new(ip.into(), at.port()));
        self.places.insert(at, place);
        place
    }

    /// Where a unix socket lies here. Its path is short, whatever the tree calls it.
    pub(super) fn socket(&mut self, path: &[u8]) -> PathBuf {
        let next = self.sockets.len();
        self.sockets.entry(path.to_vec()).or_insert_with(|| self.directory.join(next.to_string())).clone()
    }

    /// What stands for what, as text: here, and in the tree.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let places = self.places.iter().map(|(at, place)| (place.to_string(), at.to_string()));
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let sockets = self.sockets.iter().map(|(path, place)| (place.display().to_string(), text(path)));
        places.chain(sockets).collect()
    }

    /// Which ports are not their own, in a sentence.
    pub(super) fn moves(&self) -> Option<String> {
        let mut moved: Vec<String> = self.moved.iter().map(|(at, here)| format!("{at} at {here}")).collect();
        let more = moved.len().saturating_sub(MOVES_TOLD);
        moved.truncate(MOVES_TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!moved.is_empty())
            .then(|| format!("ports that are not free here are others: {}{more}", moved.join(", ")))
    }

    /// A URL that leads to a port of ours, as the host would say it: nginx leaves out the usual ports.
    pub(super) fn url(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let port =
            authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let found = port.and_then(|(host, port)| {
            let (at, _) = self.moved.iter().find(|(_, here)| *here == port)?;
            Some((host, at.port()))
        });
        match (found, scheme) {
            (Some((host, 80)), "http") | (Some((host, 443)), "https") => format!("{scheme}://{host}{path}"),
            (Some((host, port)), _) => format!("{scheme}://{host}:{port}{path}"),
            (None, _) => url.to_owned(),
        }
    }

    fn resolve(&self, host: &str) -> Option<IpAddr> {
        self.hosts.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, ip)| *ip)
    }

    fn ip(&mut self, ip: IpAddr) -> Ipv4Addr {
        let next = u32::try_from(self.ips.len()).expect("addresses are counted in u32");
        *self.ips.entry(ip).or_insert_with(|| Ipv4Addr::from(self.base + 1 + next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn addresses(text: &str) -> Addresses {
        let hosts = vec![("app.test".to_owned(), "198.18.0.1".parse().unwrap())];
        Addresses::new(hosts, vec!["10.0.0.2".parse().unwrap()], "/tmp/s".into(), &[&config(text)])
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connection_goes_to_the_listen_that_takes_it() {
        let mut addresses =
            addresses("events {}\nhttp { server { listen 8081; listen 10.0.0.2:8082; listen 8082; } }");
        let any = addresses.place(at("0.0.0.0:8081"));
        assert_eq!(addresses.reached(at("10.0.0.2:8081"), 0), any);
        assert_eq!(addresses.reached(at("127.0.0.1:8081"), 0), any);
        let exact = addresses.place(at("10.0.0.2:8082"));
        assert_eq!(addresses.reached(at("10.0.0.2:8082"), 0), exact);
        assert_ne!(addresses.reached(at("127.0.0.1:8082"), 0), exact);
        assert_ne!(addresses.reached(at("10.9.9.9:8081"), 0), any, "that is somebody else");
        assert_ne!(addresses.reached(at("[::1]:8081"), 0), any, "0.0.0.0 takes no IPv6");
    }

    #[test]
    fn every_address_has_its_own_place_on_loopback() {
        let mut addresses = addresses("events {}");
        let named = addresses.target(&Address::Name { host: "APP.test".to_owned(), port: 9000 }, 0).unwrap();
        assert_eq!(named, addresses.place(at("198.18.0.1:9000")).to_string());
        assert_eq!(addresses.target(&Address::Name { host: "b.test".to_owned(), port: 1 }, 0), None);
        let six = addresses.place(at("[2001:db8::1]:9000"));
        assert!(six.ip().is_loopback() && six.is_ipv4() && six.to_string() != named);
        let socket = addresses.target(&Address::Unix(b"/run/a.sock".to_vec()), 0).unwrap();
        assert_eq!(socket, "unix:/tmp/s/0");
        assert!(addresses.names().contains(&("/tmp/s/0".to_owned(), "/run/a.sock".to_owned())));
    }

    #[test]
    fn address_that_nobody_here_has_is_kept_for_listens_alone() {
        let mut addresses =
            addresses("events {}\nhttp { server { listen 192.0.2.1:80; listen 10.0.0.2:80; } }");
        let listen = |text: &str| ListenAddress::inet(text.parse().unwrap(), 80);
        assert_eq!(addresses.listen(&listen("192.0.2.1")).as_deref(), Some("192.0.2.1:40080"));
        assert!(addresses.listen(&listen("10.0.0.2")).unwrap().starts_with("127."));
        assert!(addresses.names().contains(&("192.0.2.1:40080".to_owned(), "192.0.2.1:80".to_owned())));
        assert!(addresses.place(at("192.0.2.2:80")).ip().is_loopback(), "an upstream lies elsewhere");
    }

    #[test]
    fn port_that_is_taken_is_moved_and_told() {
        let mut addresses = addresses("events {}");
        let first = addresses.place(at("10.0.0.9:9100"));
        let _taken = TcpListener::bind(SocketAddr::new(first.ip(), 9101)).unwrap();
        let second = addresses.place(at("10.0.0.9:9101"));
        assert_eq!(second.ip(), first.ip());
        assert_ne!(second.port(), 9101);
        assert_eq!(
            addresses.moves().unwrap(),
            format!("ports that are not free here are others: 10.0.0.9:9101 at {}", second.port())
        );
        let here = second.port();
        assert_eq!(addresses.url(&format!("http://a.test:{here}/x?y")), "http://a.test:9101/x?y");
        assert_eq!(addresses.url("http://a.test:9100/"), "http://a.test:9100/");
        assert_eq!(addresses.url("/x"), "/x");
        addresses.moved[0].0.set_port(443);
        assert_eq!(addresses.url(&format!("https://a.test:{here}")), "https://a.test");
    }
}
