//! Certificates: what nginx shows, held against what lies on the disk.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::Answer;
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::{Ask, Certificate, Limits, Prober, Spec, Target};
use evenkeel_model::{Config, ListenAddress, Node};

use super::super::{Host, now};

/// So many are asked for.
const ASKED_MAX: usize = 64;
/// How long one handshake may take.
const WITHIN: Duration = Duration::from_secs(2);
/// So many days before its end a certificate should have been renewed.
const DAYS_LEFT_MIN: u64 = 14;
const DAY_MS: u64 = 86_400_000;

/// One certificate of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedCertificate {
    /// Where it was asked for.
    pub address: SocketAddr,
    /// For which name.
    pub name: String,
    /// The file in which it lies.
    pub path: PathBuf,
    /// What nginx shows.
    pub served: Option<Certificate>,
    /// What lies there; `None` where it cannot be read.
    pub on_disk: Option<Certificate>,
    /// What is wrong with it; nothing when all is well.
    pub wrong: Vec<Wrong>,
}

/// What may be wrong with a certificate that is served. Its text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// None is shown.
    NotShown,
    /// A newer one lies on disk.
    NotReloaded,
    /// Another one lies on disk.
    Another,
    /// Another chain lies on disk.
    Chain {
        /// How many come with the one that is shown.
        served: usize,
        /// And on disk.
        on_disk: usize,
    },
    /// The file cannot be read here.
    Unreadable,
    /// It has ended.
    Ended,
    /// It ends soon.
    Ends {
        /// In so many days.
        days: u64,
    },
    /// The certificate of its issuer does not come with it.
    NoIssuer,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotShown => f.write_str("nginx shows none"),
            Self::NotReloaded => {
                f.write_str("it was renewed on disk and never reloaded: nginx shows the one before")
            }
            Self::Another => f.write_str("nginx shows another one than lies on disk"),
            Self::Chain { served, on_disk } => {
                write!(f, "nginx shows {served} certificates of its chain, and {on_disk} lie on disk: reload")
            }
            Self::Unreadable => f.write_str("the file cannot be read here"),
            Self::Ended => f.write_str("it is no longer good"),
            Self::Ends { days } => write!(f, "it is good for {days} more days"),
            Self::NoIssuer => {
                f.write_str("it comes without the certificate of its issuer: some clients will not take it")
            }
        }
    }
}

impl ServedCertificate {
    /// How many days the one that is shown is good for.
    #[must_use]
    pub fn days_left(&self) -> Option<u64> {
        let until = self.served.as_ref()?.not_after.as_millis();
        Some(until.saturating_sub(now().as_millis()) / DAY_MS)
    }
}

impl Host {
    /// Asks nginx for each certificate that the configuration names, and holds it against the file.
    pub(in crate::local) fn served(&self, config: &Config) -> Vec<ServedCertificate> {
        let prober = Prober::default();
        let wanted = self.wanted(config);
        let visit = |address: SocketAddr, name: &str, verify: bool| {
            let ask = Ask::Tls(Tls { verify, ..Tls::new(name) });
            let target = Target::Tcp(reach(address));
            let spec = Spec { target, ask, limits: Limits::within(WITHIN), proxy_protocol: false };
            self.runtime.block_on(prober.ask(&spec))
        };
        let ask = |(address, name, path): (SocketAddr, String, PathBuf)| {
            let served = visit(address, &name, false).seen.certificate;
            let on_disk = std::fs::read(&path).ok().and_then(|pem| Certificate::of_pem(&pem));
            let mut wrong = wrong(served.as_ref(), on_disk.as_ref(), now());
            // An authority may sign a site's certificate itself.
            if wrong.contains(&Wrong::NoIssuer) && visit(address, &name, true).answer == Answer::Up {
                wrong.retain(|it| *it != Wrong::NoIssuer);
            }
            ServedCertificate { address, name, path, served, on_disk, wrong }
        };
        wanted.into_iter().take(ASKED_MAX).map(ask).collect()
    }

    fn wanted(&self, config: &Config) -> BTreeSet<(SocketAddr, String, PathBuf)> {
        let mut wanted = BTreeSet::new();
        for server in config.servers() {
            let node = config.node(server.node);
            let Some(path) = certificate(node) else { continue };
            let path = self.settings.place.main.parent().map_or_else(|| path.clone(), |dir| dir.join(&path));
            // A name with a star or of a regex stands for many; the first plain one is asked for.
            let plain =
                |name: &&str| !name.is_empty() && !name.starts_with(['*', '.', '~']) && !name.ends_with('*');
            let names = server.names.iter().filter_map(|name| std::str::from_utf8(&name.text).ok());
            let name =
                names.filter(|name| name.contains('.') || *name == "localhost").find(|name| plain(name));
            let listens = server
                .listens
                .iter()
                .filter(|it| it.options.ssl && !it.options.udp && !it.options.proxy_protocol);
            for listen in listens {
                if let ListenAddress::Inet { ip, port, .. } = &listen.address {
                    let address = SocketAddr::new(*ip, *port);
                    let name = name.map_or_else(|| reach(address).ip().to_string(), str::to_owned);
                    wanted.insert((address, name, path.clone()));
                }
            }
        }
        wanted
    }
}

/// The `ssl_certificate` that a server uses: its own, or that of the block around it. One with a variable is another for
/// each name.
fn certificate(server: Node<'_>) -> Option<PathBuf> {
    let own = std::iter::once(server).chain(server.ancestors());
    let found = own.into_iter().find_map(|block| block.find("ssl_certificate").next())?;
    let path = found.arg_str(0)?;
    (!path.contains('$') && !path.starts_with("data:") && !path.starts_with("engine:"))
        .then(|| PathBuf::from(path))
}

/// Where an address that nginx listens on is reached from this machine.
fn reach(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What is wrong, given what is shown and what lies on the disk.
fn wrong(served: Option<&Certificate>, on_disk: Option<&Certificate>, now: Timestamp) -> Vec<Wrong> {
    let Some(served) = served else { return vec![Wrong::NotShown] };
    let mut wrong = Vec::new();
    match on_disk {
        Some(disk) if disk.serial != served.serial && disk.not_before > served.not_before => {
            wrong.push(Wrong::NotReloaded);
        }
        Some(disk) if disk.serial != served.serial => wrong.push(Wrong::Another),
        Some(disk) if disk.chain != served.chain => {
            wrong.push(Wrong::Chain { served: served.chain, on_disk: disk.chain });
        }
        Some(_) => {}
        None => wrong.push(Wrong::Unreadable),
    }
    let left = served.not_after.as_millis().saturating_sub(now.as_millis());
    if left == 0 {
        wrong.push(Wrong::Ended);
    } else if left < DAYS_LEFT_MIN * DAY_MS {
        wrong.push(Wrong::Ends { days: left / DAY_MS });
    }
    if served.chain == 0 && served.subject != served.issuer {
        wrong.push(Wrong::NoIssuer);
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(serial: &str, from_day: u64, to_day: u64, chain: usize) -> Certificate {
        let day = |day: u64| Timestamp::from_millis(day * DAY_MS);
        Certificate {
            serial: serial.to_owned(),
            names: vec!["shop.test".to_owned()],
            subject: "CN=shop.test".to_owned(),
            issuer: "CN=authority".to_owned(),
            not_before: day(from_day),
            not_after: day(to_day),
            chain,
        }
    }

    #[test]
    fn certificate_that_was_renewed_and_not_reloaded_is_told_with_its_days() {
        let now = Timestamp::from_millis(100 * DAY_MS);
        let (old, new) = (certificate("01", 20, 110, 1), certificate("02", 95, 185, 1));
        assert_eq!(wrong(Some(&new), Some(&new), now), []);
        assert_eq!(wrong(Some(&old), Some(&new), now), [Wrong::NotReloaded, Wrong::Ends { days: 10 }]);
        assert_eq!(wrong(Some(&new), Some(&old), now), [Wrong::Another]);
        assert_eq!(wrong(None, Some(&new), now), [Wrong::NotShown]);
        let alone = certificate("02", 95, 185, 0);
        let chain = Wrong::Chain { served: 0, on_disk: 1 };
        assert_eq!(wrong(Some(&alone), Some(&new), now), [chain, Wrong::NoIssuer]);
        let over = certificate("03", 1, 99, 1);
        assert_eq!(wrong(Some(&over), None, now), [Wrong::Unreadable, Wrong::Ended]);
    }
}
