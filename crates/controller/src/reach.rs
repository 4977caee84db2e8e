//! Whether clients reach what a configuration listens on: the addresses of the configuration, the firewall of this
//! machine or of a dump, the sockets, in one report.

mod given;
mod machine;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use evenkeel_host::firewall;
use evenkeel_host::nginx::sockets::{self, Listen as Socket};
use evenkeel_model::reach::{
    Client, Firewall, Host, LastingBlock, ReadError, Target, Transport, Verdict, lasting_blocks,
};
use evenkeel_model::{Config, ListenAddress};

pub use given::GivenError;
pub use machine::Machine;
pub(crate) use machine::rule_text;

/// How many addresses of the host stand for "every address".
const ADDRESSES_MAX: usize = 16;
/// How many ports of a range are looked at.
const PORTS_MAX: u16 = 64;

/// Whose firewall it is.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// This machine's: what is at work, and what the next boot loads.
    Machine,
    /// That of a dump, taken elsewhere.
    Dump(&'a [u8]),
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Each `listen`, each once.
    pub listens: Vec<Listen>,
    /// What of the firewall could not be read.
    pub unread: Vec<String>,
    /// What the next boot loads, and from where; nothing for a dump.
    pub boot: Option<Boot>,
}

/// What the next boot loads.
#[derive(Debug)]
pub struct Boot {
    /// From where, in order.
    pub from: Vec<String>,
    /// What lies ready and is loaded by nothing.
    pub asleep: Vec<String>,
    /// What could not be loaded to look at it.
    pub unread: Vec<String>,
}

/// One `listen`.
#[derive(Debug)]
pub struct Listen {
    /// Where nginx listens.
    pub address: ListenAddress,
    /// TCP or UDP.
    pub transport: Transport,
    /// Whether some process has the socket; `None`: not known, as for another machine.
    pub held: Option<bool>,
    /// What becomes of a client now.
    pub now: Reach,
    /// The same with the rules that the next boot loads; `None` for a dump.
    pub after_boot: Option<Reach>,
}

/// What becomes of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The firewall's answer, for this address of the host.
    Firewall(Option<IpAddr>, Verdict),
    /// It is this machine's own: nobody outside can.
    Local,
    /// The host has no address of this family that others could use.
    NoAddress,
}

/// Why there is no [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// A program's dump is not what we know.
    #[error("read the firewall")]
    Read(#[from] ReadError),
    /// The file is no dump.
    #[error("read the ruleset")]
    Given(#[from] GivenError),
    /// Nobody can come by it.
    #[error("find an address or an interface {name:?} to come from: this machine has {known}")]
    NoInterface {
        /// What was given.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// Interfaces and routes are not told.
    #[error("read this machine's addresses and routes: {0}")]
    Facts(String),
}

impl Reach {
    /// Whether the client gets its answer, or need not.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Local | Self::NoAddress | Self::Firewall(_, Verdict::Reachable { .. }))
    }

    /// Whether nobody knows.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Firewall(_, Verdict::Unknown { .. }))
    }
}

/// Looks at every `listen` of a configuration.
///
/// # Errors
/// [`ReachError`] when nothing can be said at all; what is said in part stands in the report.
pub fn look(config: &Config, subject: Subject<'_>, client: &Client) -> Result<Report, ReachError> {
    match subject {
        Subject::Dump(dump) => {
            let given = given::read(dump)?;
            let host = Host::default();
            let listens = wanted(config).into_iter().map(|(address, transport)| {
                let is_v6 = matches!(&address, ListenAddress::Inet { ip, .. } if ip.is_ipv6());
                let silent = given.silent[usize::from(is_v6)].as_slice();
                let now = reach(&given.firewall, &host, &address, transport, client, silent);
                Listen { address, transport, held: None, now, after_boot: None }
            });
            Ok(Report { listens: listens.collect(), unread: Vec::new(), boot: None })
        }
        Subject::Machine => survey(config, client).map(|survey| survey.report),
    }
}

/// What was found on this machine, and the rules that it rests on.
pub(crate) struct Survey {
    pub(crate) report: Report,
    /// What is at work.
    pub(crate) running: firewall::Read,
    /// What the next boot loads.
    pub(crate) saved: firewall::Persisted,
}

/// Looks at every `listen` of a configuration with the firewall of this machine.
pub(crate) fn survey(config: &Config, client: &Client) -> Result<Survey, ReachError> {
    let facts = firewall::facts().map_err(ReachError::Facts)?;
    let host = given::host(&facts);
    if let Some(name) = &client.interface
        && !host.interfaces.iter().any(|it| it.name == *name)
    {
        let known = host.interfaces.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(ReachError::NoInterface { name: name.clone(), known });
    }
    let running = firewall::running();
    let saved = firewall::persisted(Path::new("/"), &facts);
    let now = Firewall::read(&given::dumps(&running.dumps))?;
    let later = Firewall::read(&given::dumps(&saved.read.dumps))?;
    let held = sockets::listening().ok();
    let listens = wanted(config).into_iter().map(|(address, transport)| {
        let is_held = held.as_ref().and_then(|held| is_held(held, &address, transport));
        let now = reach(&now, &host, &address, transport, client, &running.unread);
        let later = reach(&later, &host, &address, transport, client, &saved.read.unread);
        Listen { address, transport, held: is_held, now, after_boot: Some(later) }
    });
    let listens = listens.collect();
    let boot =
        Boot { from: saved.from.clone(), asleep: saved.asleep.clone(), unread: saved.read.unread.clone() };
    let report = Report { listens, unread: running.unread.clone(), boot: Some(boot) };
    Ok(Survey { report, running, saved })
}

/// The addresses that a dump's rules stop with no end.
pub(crate) fn lasting(dumps: &firewall::Dumps) -> BTreeSet<LastingBlock> {
    lasting_blocks(&given::dumps(dumps))
}

/// Every address of the configuration, each once; a range is its ports.
fn wanted(config: &Config) -> Vec<(ListenAddress, Transport)> {
    let mut wanted = BTreeSet::new();
    for listen in config.servers().iter().flat_map(|server| &server.listens) {
        let udp = listen.options.udp || listen.options.quic;
        let transport = if udp { Transport::Udp } else { Transport::Tcp };
        match &listen.address {
            ListenAddress::Inet { ip, port, last } => {
                for port in *port..=(*last).min(port.saturating_add(PORTS_MAX)) {
                    wanted.insert((ListenAddress::inet(*ip, port), transport));
                    if ip.is_ipv6() && ip.is_unspecified() && listen.options.ipv6only == Some(false) {
                        wanted.insert((ListenAddress::inet(Ipv4Addr::UNSPECIFIED.into(), port), transport));
                    }
                }
            }
            // A local socket has no firewall; a name is an address only when nginx starts.
            ListenAddress::Unix(_) | ListenAddress::Name { .. } => {}
        }
    }
    wanted.into_iter().collect()
}

/// Asks the firewall: for a wildcard, about every address of the host; the worst answer counts.
fn reach(
    firewall: &Firewall,
    host: &Host,
    address: &ListenAddress,
    transport: Transport,
    client: &Client,
    unread: &[String],
) -> Reach {
    let ListenAddress::Inet { ip, port, .. } = address else { return Reach::Local };
    let from_here = client.address.is_some_and(|address| address.is_loopback());
    if ip.is_loopback() && !from_here {
        return Reach::Local;
    }
    let everywhere = ip.is_unspecified();
    let known = !host.interfaces.is_empty();
    let addresses: Vec<Option<IpAddr>> = match (everywhere, known) {
        (false, _) => vec![Some(*ip)],
        (true, false) => vec![None],
        (true, true) => {
            // Those by which the client comes; elsewhere, a host may have addresses that nobody outside can use.
            let interface = client.comes_by(host, ip.is_ipv6());
            let mut all = host.addresses(interface.as_deref(), ip.is_ipv6());
            if all.is_empty() {
                all = host.addresses(None, ip.is_ipv6());
            }
            all.into_iter().take(ADDRESSES_MAX).map(Some).collect()
        }
    };
    let client_family = client.address.map(|address| address.is_ipv6());
    if addresses.is_empty() || client_family.is_some_and(|v6| v6 != ip.is_ipv6()) {
        return Reach::NoAddress;
    }
    let verdicts = addresses.into_iter().map(|address| {
        let target = Target { address, v6: ip.is_ipv6(), everywhere, port: *port, transport };
        let verdict = firewall.verdict(host, &target, client);
        // Something that nobody read may stop it, too; what stops it for certain does so whatever else there is.
        let verdict = match (verdict, unread.first()) {
            (Verdict::Reachable { .. } | Verdict::Unknown { .. }, Some(unread)) => {
                Verdict::Unknown { because: unread.clone() }
            }
            (verdict, _) => verdict,
        };
        (address, verdict)
    });
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Blocked { .. } => 2,
        Verdict::Unknown { .. } => 1,
        Verdict::Reachable { .. } => 0,
    };
    let worst = verdicts.reduce(|one, other| if rank(&other.1) > rank(&one.1) { other } else { one });
    worst.map_or(Reach::NoAddress, |(address, verdict)| Reach::Firewall(address, verdict))
}

/// Says whether a process has the socket: this one, or the wildcard of its family and port, or IPv6's for both.
fn is_held(held: &BTreeSet<Socket>, address: &ListenAddress, transport: Transport) -> Option<bool> {
    let ListenAddress::Inet { ip, port, .. } = address else { return None };
    let any = |ip: IpAddr| match transport {
        Transport::Tcp => held.contains(&Socket::Tcp(SocketAddr::new(ip, *port))),
        Transport::Udp => held.contains(&Socket::Udp(SocketAddr::new(ip, *port))),
    };
    let wildcard = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    Some(any(*ip) || any(wildcard) || any(Ipv6Addr::UNSPECIFIED.into()))
}
