//! What the sandbox must offer, so that a tree meets inside what it would meet on this machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use evenkeel_model::{Config, ListenAddress};

use crate::machine::Machine;
use crate::reach::{Address, Target, TargetKind};
use crate::stub::ANY_NAME;

pub(crate) mod elsewhere;
pub(crate) mod paths;
mod variable;

/// A socket that must be there while a tree runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// An address of the host itself, where its own processes listen.
    Host(SocketAddr),
    /// An address of the world around it.
    World(SocketAddr),
    /// Every address of the world, at this port.
    Anywhere(u16),
    /// An address for datagrams.
    Datagrams(SocketAddr),
    /// A unix socket.
    Unix(Vec<u8>),
}

/// A stand-in for something that nginx connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    /// What it is spoken to in; `None` where variables decide.
    pub(crate) kind: Option<TargetKind>,
    /// How the tree calls it: the upstreams that have it; its address where it stands in a `proxy_pass`.
    pub(crate) names: Vec<String>,
    /// Its address as it stands in the tree.
    pub(crate) address: String,
}

/// The sockets around one tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// Stand-ins for upstreams, by where they listen.
    pub(crate) stands: BTreeMap<Spot, Stand>,
    /// The servers of each upstream, by the name that the tree calls it.
    pub(crate) servers: BTreeMap<String, Vec<Server>>,
    /// Addresses that another process of this machine holds and that the tree wants.
    pub(crate) held: Vec<SocketAddr>,
    /// The same for datagrams.
    pub(crate) held_datagrams: Vec<SocketAddr>,
    /// Files of this machine where the tree wants unix sockets to be: nginx takes no place where something is.
    pub(crate) held_files: Vec<PathBuf>,
}

/// One server of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Where its stand-in listens.
    pub(crate) spot: Spot,
    /// Whether it is asked only when the others fail.
    pub(crate) backup: bool,
}

/// The names of both trees, and the addresses that they have inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) BTreeMap<String, Vec<IpAddr>>);

impl Names {
    /// Gives every name that nginx resolves at its start an address: that of the hosts file, or a made-up one. Nobody is
    /// asked: whether a name exists is a question for [`crate::reach`].
    pub(crate) fn assign<'t>(targets: impl Iterator<Item = &'t Target>, machine: &Machine) -> Names {
        let mut names = BTreeMap::new();
        let mut next: u32 = u32::from(Ipv4Addr::new(198, 18, 0, 1));
        for target in targets {
            let Address::Name { host, .. } = &target.address else { continue };
            names.entry(host.to_ascii_lowercase()).or_insert_with(|| match machine.host(host) {
                known if !known.is_empty() => known,
                _ => {
                    next += 1;
                    vec![IpAddr::V4(Ipv4Addr::from(next - 1))]
                }
            });
        }
        Names(names)
    }

    /// Gives the names that a tree listens on an address, too: that of the hosts file, else one that nginx can bind. Says
    /// which names were taken for the host's own.
    pub(crate) fn take_listens(&mut self, config: &Config, machine: &Machine) -> Vec<String> {
        let mut taken = Vec::new();
        for listen in config.listens() {
            let ListenAddress::Name { host, .. } = listen else { continue };
            let host = host.to_ascii_lowercase();
            if machine.host(&host).is_empty() && !self.0.contains_key(&host) {
                self.0.insert(host.clone(), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
                taken.push(host);
            }
        }
        taken
    }

    fn of(&self, address: &Address) -> Vec<SocketAddr> {
        match address {
            Address::Inet(address) => vec![*address],
            Address::Name { host, port } => {
                let found = self.0.get(&host.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
                found.iter().map(|ip| SocketAddr::new(*ip, *port)).collect()
            }
            Address::Unix(_) => Vec::new(),
        }
    }
}

impl Around {
    /// Says which sockets one tree needs around it. `running`: the configuration that holds its own addresses here
    /// already, when the nginx that runs could not be looked into.
    pub(crate) fn of(
        config: &Config,
        targets: &[Target],
        names: &Names,
        machine: &Machine,
        running: Option<&Config>,
    ) -> Around {
        let listens = config.listens();
        let mut around = Around::default();
        for target in targets {
            let spots = match &target.address {
                Address::Unix(path) => vec![Spot::Unix(path.clone())],
                address if target.kind.is_datagram() => {
                    names.of(address).into_iter().map(Spot::Datagrams).collect()
                }
                address => names.of(address).into_iter().map(|at| spot(at, machine)).collect(),
            };
            for spot in spots {
                around.stand(spot, target);
            }
        }
        for wanted in variable::wanted(config) {
            let spot = match wanted {
                variable::Wanted::At(address) if machine.owns(address.ip()) => Spot::Host(address),
                variable::Wanted::At(address) => Spot::Anywhere(address.port()),
                variable::Wanted::Port(port) => Spot::Anywhere(port),
            };
            let address = match &spot {
                Spot::Host(address) => address.to_string(),
                _ => String::new(),
            };
            around.stands.entry(spot).or_insert(Stand { kind: None, names: Vec::new(), address });
        }
        around.drop_shadowed();
        around.stands.retain(|spot, _| match spot {
            Spot::Host(address) => !listens.iter().any(|listen| covers(listen, *address)),
            Spot::Unix(path) => !listens.contains(&ListenAddress::Unix(path.clone())),
            Spot::World(_) | Spot::Anywhere(_) | Spot::Datagrams(_) => true,
        });
        let stands = &around.stands;
        around.servers.values_mut().for_each(|servers| servers.retain(|it| stands.contains_key(&it.spot)));
        around.servers.retain(|_, servers| !servers.is_empty());
        let held = |held: &[SocketAddr], udp: bool| {
            let own = running.map(|config| listens_of(config, udp)).unwrap_or_default();
            let wanted = listens_of(config, udp);
            let conflict = |listens: &[ListenAddress], at| listens.iter().any(|it| conflicts(it, at));
            held.iter().copied().filter(|at| conflict(&wanted, *at) && !conflict(&own, *at)).collect()
        };
        around.held = held(&machine.held, false);
        around.held_datagrams = held(&machine.held_datagrams, true);
        around
    }

    /// Holds the places of unix sockets that the live tree does not have, where something is on this machine.
    pub(crate) fn hold_files(&mut self, config: &Config, live: &Config) {
        let own = live.listens();
        let new = config.listens().into_iter().filter(|listen| !own.contains(listen));
        let paths = new.filter_map(|listen| match listen {
            ListenAddress::Unix(path) => Some(PathBuf::from(OsString::from_vec(path))),
            _ => None,
        });
        self.held_files = paths.filter(|path| path.symlink_metadata().is_ok()).collect();
    }

    /// Whether somebody stands in for what the tree calls so: an upstream, or an address.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is = |known: &str| {
            let port = known.strip_prefix(name);
            port.is_some_and(|port| matches!(port, "" | ":80" | ":443"))
        };
        self.servers.contains_key(name)
            || self.stands.values().any(|stand| is(&stand.address) || stand.names.iter().any(|name| is(name)))
    }

    fn stand(&mut self, spot: Spot, target: &Target) {
        let kind = Some(target.kind);
        let name = target.upstream.clone().unwrap_or_else(|| target.address.to_string());
        if !target.kind.is_datagram() && !target.down && target.used {
            let servers = self.servers.entry(name.clone()).or_default();
            let server = Server { spot: spot.clone(), backup: target.backup };
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        let stand = self.stands.entry(spot).or_insert(Stand {
            kind,
            names: Vec::new(),
            address: target.address.to_string(),
        });
        if !stand.names.contains(&name) {
            stand.names.push(name);
        }
        if stand.kind != kind {
            // Two that are spoken to differently at one address: it listens to what comes.
            stand.kind = None;
        }
    }

    /// A port that is taken at one address of the world cannot be taken at all of them: it is taken where names lead that
    /// nobody knows.
    fn drop_shadowed(&mut self) {
        let world = |spot: &Spot| match spot {
            Spot::World(address) => Some(address.port()),
            _ => None,
        };
        let ports: Vec<u16> = self.stands.keys().filter_map(world).collect();
        for port in ports {
            if let Some(stand) = self.stands.remove(&Spot::Anywhere(port)) {
                self.stands.entry(Spot::World(SocketAddr::new(ANY_NAME.into(), port))).or_insert(stand);
            }
        }
    }
}

/// What is listened on for datagrams, or for everything else.
fn listens_of(config: &Config, udp: bool) -> Vec<ListenAddress> {
    let listens = config.servers().iter().flat_map(|server| &server.listens);
    listens.filter(|listen| listen.options.udp == udp).map(|listen| listen.address.clone()).collect()
}

fn spot(at: SocketAddr, machine: &Machine) -> Spot {
    if machine.owns(at.ip()) { Spot::Host(at) } else { Spot::World(at) }
}

/// Whether a connection to this address reaches this `listen`.
pub(crate) fn covers(listen: &ListenAddress, at: SocketAddr) -> bool {
    match listen {
        ListenAddress::Inet { ip, port, last } => {
            (*port..=*last).contains(&at.port())
                && (*ip == at.ip() || ip.is_unspecified() && ip.is_ipv4() == at.is_ipv4())
        }
        ListenAddress::Unix(_) | ListenAddress::Name { .. } => false,
    }
}

/// Whether nginx cannot have this `listen` while somebody else listens at `held`.
pub(crate) fn conflicts(listen: &ListenAddress, held: SocketAddr) -> bool {
    covers(listen, held)
        || matches!(listen, ListenAddress::Inet { ip, port, last }
            if (*port..=*last).contains(&held.port())
                && held.ip().is_unspecified() && held.is_ipv4() == ip.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn target(address: Address, upstream: Option<&str>) -> Target {
        Target {
            address,
            kind: TargetKind::Http { tls: false },
            node: config("events {}").root().id(),
            file: "nginx.conf".to_owned(),
            line: 1,
            upstream: upstream.map(str::to_owned),
            backup: false,
            down: false,
            used: true,
        }
    }

    fn inet(text: &str) -> Address {
        Address::Inet(text.parse().unwrap())
    }

    fn name(host: &str, port: u16) -> Address {
        Address::Name { host: host.to_owned(), port }
    }

    fn machine() -> Machine {
        Machine {
            addresses: vec!["10.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            hosts: vec![("localhost".to_owned(), "127.0.0.1".parse().unwrap())],
            held: vec!["127.0.0.1:6379".parse().unwrap(), "0.0.0.0:9000".parse().unwrap()],
            held_datagrams: vec!["127.0.0.1:5353".parse().unwrap()],
        }
    }

    fn around(text: &str, targets: &[Target]) -> Around {
        let machine = machine();
        let names = Names::assign(targets.iter(), &machine);
        Around::of(&config(text), targets, &names, &machine, None)
    }

    #[test]
    fn upstreams_stand_where_the_tree_looks_for_them() {
        let targets = [
            target(inet("10.9.9.9:80"), Some("app")),
            target(inet("10.0.0.2:81"), Some("app")),
            target(name("localhost", 82), None),
            target(name("APP.internal", 83), None),
            target(name("app.internal", 84), None),
            target(Address::Unix(b"/run/a.sock".to_vec()), None),
        ];
        let around = around("events {}", &targets);
        let spots: Vec<Spot> = around.stands.keys().cloned().collect();
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(
            spots,
            [
                Spot::Host(at("10.0.0.2:81")),
                Spot::Host(at("127.0.0.1:82")),
                Spot::World(at("10.9.9.9:80")),
                Spot::World(at("198.18.0.1:83")),
                Spot::World(at("198.18.0.1:84")),
                Spot::Unix(b"/run/a.sock".to_vec()),
            ]
        );
        assert_eq!(around.stands[&spots[0]].names, ["app"]);
    }

    #[test]
    fn port_of_any_name_stands_beside_that_of_a_known_address() {
        let text =
            "events {}\nhttp { server { set $app app.internal; location / { proxy_pass http://$app:80; } } }";
        assert!(around(text, &[]).stands.contains_key(&Spot::Anywhere(80)));
        let beside = around(text, &[target(inet("10.9.9.9:80"), None)]);
        assert!(beside.stands.contains_key(&Spot::World("198.19.255.254:80".parse().unwrap())), "{beside:?}");
    }

    #[test]
    fn address_that_the_tree_listens_on_is_not_stood_in_for() {
        let targets = [target(inet("127.0.0.1:81"), None), target(inet("10.9.9.9:81"), None)];
        let around = around("events {}\nhttp { server { listen 81; } }", &targets);
        assert_eq!(around.stands.len(), 1, "{:?}", around.stands);
    }

    #[test]
    fn port_of_another_process_is_held_when_the_tree_wants_it() {
        let held = |text: &str| around(text, &[]).held.len();
        assert_eq!(held("events {}\nhttp { server { listen 6379; } }"), 1);
        assert_eq!(held("events {}\nhttp { server { listen 10.0.0.2:9000; } }"), 1);
        assert_eq!(held("events {}\nhttp { server { listen 10.0.0.2:6379; } }"), 0);
        assert_eq!(held("events {}\nhttp { server { listen [::]:9000; } }"), 0);
    }

    #[test]
    fn datagrams_and_streams_are_in_each_others_way_never() {
        let text =
            |listen: &str| format!("events {{}}\nstream {{ server {{ listen {listen}; return x; }} }}");
        let held = |listen: &str| {
            let around = around(&text(listen), &[]);
            (around.held.len(), around.held_datagrams.len())
        };
        assert_eq!([held("5353 udp"), held("5353")], [(0, 1), (0, 0)]);
        assert_eq!([held("6379 udp"), held("6379")], [(0, 0), (1, 0)]);
    }

    #[test]
    fn place_of_a_new_unix_socket_is_held_by_what_is_there() {
        let there = tempfile::NamedTempFile::new().unwrap();
        let text = format!("events {{}}\nhttp {{ server {{ listen unix:{}; }} }}", there.path().display());
        let (new, live) = (config(&text), config("events {}"));
        let mut around = Around::default();
        around.hold_files(&new, &new);
        assert!(around.held_files.is_empty());
        around.hold_files(&new, &live);
        assert_eq!(around.held_files, [there.path()]);
    }

    #[test]
    fn address_that_the_live_tree_has_is_its_own() {
        let live = config("events {}\nhttp { server { listen 9000; } }");
        let around = Around::of(&live, &[], &Names::default(), &machine(), Some(&live));
        assert!(around.held.is_empty());
    }

    #[test]
    fn one_address_that_is_spoken_to_in_two_ways_listens_to_what_comes() {
        let mut other = target(inet("10.9.9.9:80"), Some("php"));
        other.kind = TargetKind::Fastcgi;
        let around = around("events {}", &[target(inet("10.9.9.9:80"), Some("app")), other]);
        let stand = around.stands.values().next().unwrap();
        assert_eq!((stand.kind, stand.names.len()), (None, 2));
    }
}
