//! Certificates: what nginx shows, held against what lies on the disk.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_fleet::Timestamp;
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
    /// What is wrong with it, for people; nothing when all is well.
    pub wrong: Vec<String>,
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
    pub(super) fn served(&self, config: &Config) -> Vec<ServedCertificate> {
        let prober = Prober::default();
        let wanted = self.wanted(config);
        let ask = |(address, name, path): (SocketAddr, String, PathBuf)| {
            let ask = Ask::Tls(Tls { verify: false, ..Tls::new(&name) });
            let target = Target::Tcp(reach(address));
            let spec = Spec { target, ask, limits: Limits::within(WITHIN), proxy_protocol: false };
            let served = self.runtime.block_on(prober.ask(&spec)).seen.certificate;
            let on_disk = std::fs::read(&path).ok().and_then(|pem| Certificate::of_pem(&pem));
            let wrong = wrong(served.as_ref(), on_disk.as_ref(), now());
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
fn wrong(served: Option<&Certificate>, on_disk: Option<&Certificate>, now: Timestamp) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(served) = served else {
        wrong.push("nginx shows none".to_owned());
        return wrong;
    };
    match on_disk {
        Some(disk) if disk.serial != served.serial && disk.not_before > served.not_before => {
            wrong.push("it was renewed on disk and never reloaded: nginx shows the one before".to_owned());
        }
        Some(disk) if disk.serial != served.serial => {
            wrong.push("nginx shows another one than lies on disk".to_owned());
        }
        Some(disk) if disk.chain != served.chain => {
            let (served, disk) = (served.chain, disk.chain);
            wrong.push(format!(
                "nginx shows {served} certificates of its chain, and {disk} lie on disk: reload"
            ));
        }
        Some(_) => {}
        None => wrong.push("the file cannot be read here".to_owned()),
    }
    let left = served.not_after.as_millis().saturating_sub(now.as_millis());
    if left == 0 {
        wrong.push("it is no longer good".to_owned());
    } else if left < DAYS_LEFT_MIN * DAY_MS {
        wrong.push(format!("it is good for {} more days", left / DAY_MS));
    }
    if served.chain == 0 && served.subject != served.issuer {
        wrong
            .push("it comes without the certificate of its issuer: some clients will not take it".to_owned());
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
        assert_eq!(wrong(Some(&new), Some(&new), now), Vec::<String>::new());
        let said = wrong(Some(&old), Some(&new), now);
        assert!(said[0].contains("renewed on disk") && said[1] == "it is good for 10 more days", "{said:?}");
        assert!(wrong(Some(&new), Some(&old), now)[0].contains("another one"));
        assert!(wrong(None, Some(&new), now)[0].contains("shows none"));
        let alone = certificate("02", 95, 185, 0);
        let said = wrong(Some(&alone), Some(&new), now);
        assert!(said[0].contains("reload") && said[1].contains("issuer"), "{said:?}");
        assert!(
            wrong(Some(&certificate("03", 1, 99, 1)), None, now).contains(&"it is no longer good".to_owned())
        );
    }
}
