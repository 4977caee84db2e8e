//! Who stands in the lab, where, and with which files.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How many bits the neighbours of the lab have in common.
pub(super) const PREFIXES: (u8, u8) = (24, 64);
/// Where the application listens on its hosts.
pub(super) const APP_PORT: u16 = 8080;
/// The name that users know.
pub const SITE: &str = "shop.lab";

/// What a host of the lab is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Asks, as users do: a place to look from.
    Client,
    /// HAProxy, in front of the web servers.
    Balancer,
    /// nginx.
    Web,
    /// nginx, for the day when the others are away.
    Standby,
    /// The shop.
    App,
    /// Knows the names.
    Dns,
}

/// A host of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its name; `NAME.lab` in its DNS.
    pub name: &'static str,
    /// What it is there for.
    pub role: Role,
    /// The last number of its addresses.
    number: u8,
}

/// Everybody.
pub const MEMBERS: &[Member] = &[
    member("client1", Role::Client, 11),
    member("client2", Role::Client, 12),
    member("client3", Role::Client, 13),
    member("lb", Role::Balancer, 2),
    member("web1", Role::Web, 21),
    member("web2", Role::Web, 22),
    member("standby", Role::Standby, 23),
    member("app1", Role::App, 31),
    member("app2", Role::App, 32),
    member("dns", Role::Dns, 53),
];

const fn member(name: &'static str, role: Role, number: u8) -> Member {
    Member { name, role, number }
}

impl Member {
    /// Finds a host by its name.
    pub fn named(name: &str) -> Option<&'static Member> {
        MEMBERS.iter().find(|member| member.name == name)
    }

    /// Its IPv4 address.
    pub fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 73, 0, self.number)
    }

    /// Its IPv6 address: the same digits.
    pub fn v6(&self) -> Ipv6Addr {
        let digits = u16::from(self.number / 10 * 16 + self.number % 10);
        Ipv6Addr::new(0xfd73, 0, 0, 0, 0, 0, 0, digits)
    }

    /// Both addresses.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4().into(), self.v6().into()]
    }

    /// The hardware address of its one device.
    pub(super) fn hardware(&self) -> [u8; 6] {
        [2, 0x73, 0, 0, 0, self.number]
    }

    /// Whether nginx runs on it.
    pub fn has_nginx(&self) -> bool {
        matches!(self.role, Role::Web | Role::Standby)
    }

    /// What its firewall lets in, in the words of nftables.
    fn serves(&self) -> &'static str {
        match self.role {
            Role::Client => "",
            Role::Balancer | Role::Web | Role::Standby => "tcp dport 80 accept comment \"http\"",
            Role::App => "tcp dport { 8080, 8090 } accept comment \"the shop and its reports\"",
            Role::Dns => "meta l4proto { tcp, udp } th dport 53 accept comment \"dns\"",
        }
    }

    /// The files that make it what it is; what `repair` puts back.
    pub(super) fn files(&self) -> Vec<Laid> {
        let firewall = include_str!("stack/firewall.nft").replace("@SERVES@", self.serves());
        let mut files = vec![Laid::file("/etc/nftables.conf", firewall)];
        match self.role {
            Role::Balancer => {
                files.push(Laid::file("/etc/haproxy/haproxy.cfg", include_str!("stack/haproxy.cfg")));
            }
            Role::Web | Role::Standby => files.extend([
                Laid::file("/etc/nginx/nginx.conf", include_str!("stack/web/nginx.conf")),
                Laid::file("/etc/nginx/routes.toml", include_str!("stack/web/routes.toml")),
                Laid::file("/etc/nginx/conf.d/upstreams.conf", include_str!("stack/web/upstreams.conf")),
                Laid::file("/etc/nginx/snippets/proxy.conf", include_str!("stack/web/proxy.conf")),
                Laid::file("/etc/nginx/sites-available/default", include_str!("stack/web/default")),
                Laid::link("/etc/nginx/sites-enabled/default", "../sites-available/default"),
                Laid::file("/var/www/lab/down.html", include_str!("stack/web/down.html")),
            ]),
            Role::Dns => files.push(Laid::file("/etc/lab.zone", zone())),
            Role::Client | Role::App => {}
        }
        files
    }

    /// Directories of its own, empty and writable, whatever lies there on this machine.
    pub(super) fn directories(&self) -> Vec<&'static str> {
        let mut all = vec!["/var/lib/evenkeel", "/etc/evenkeel"];
        match self.role {
            Role::Balancer => all.extend(["/etc/haproxy", "/run/haproxy"]),
            Role::Web | Role::Standby => all.extend([
                "/etc/nginx",
                "/var/lib/nginx",
                "/var/log/nginx",
                "/var/www",
                "/var/lib/dpkg",
                "/var/lib/dpkg/info",
                "/var/lib/dpkg/updates",
                "/var/lib/dpkg/triggers",
            ]),
            _ => {}
        }
        all
    }

    /// Files that are laid once: what the host itself writes to afterwards.
    pub(super) fn beginnings(&self) -> Vec<Laid> {
        let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{} {}\n", self.v4(), self.name);
        let resolver = Member::named("dns").map_or(String::new(), |dns| format!("nameserver {}\n", dns.v4()));
        let mut files = vec![
            Laid::file("/etc/hostname", format!("{}\n", self.name)),
            Laid::file("/etc/hosts", hosts),
            Laid::file("/etc/resolv.conf", resolver + "options timeout:1 attempts:2\n"),
        ];
        if self.has_nginx() {
            files.push(Laid::file("/var/lib/dpkg/status", include_str!("stack/dpkg-status")));
            files.push(Laid::file(
                "/var/lib/dpkg/info/shop-proxy.list",
                "/.\n/etc\n/etc/nginx\n/etc/nginx/conf.d\n/etc/nginx/conf.d/upstreams.conf\n",
            ));
            files.push(Laid::file(
                "/var/lib/dpkg/info/shop-proxy.conffiles",
                "/etc/nginx/conf.d/upstreams.conf\n",
            ));
        }
        files
    }
}

/// Lines of a name and an address.
fn zone() -> String {
    let line = |name: &str, address: IpAddr| format!("{name} {address}\n");
    let hosts = MEMBERS.iter().flat_map(|member| {
        member.addresses().into_iter().map(move |address| line(&format!("{}.lab", member.name), address))
    });
    let site = MEMBERS.iter().filter(|member| member.role == Role::Balancer);
    let site = site.flat_map(|member| member.addresses()).map(|address| line(SITE, address));
    hosts.chain(site).collect()
}

/// A file or a link of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Laid {
    pub(super) path: PathBuf,
    contents: Option<String>,
    target: Option<PathBuf>,
}

impl Laid {
    pub(super) fn file(path: &str, contents: impl Into<String>) -> Self {
        Self { path: path.into(), contents: Some(contents.into()), target: None }
    }

    fn link(path: &str, target: &str) -> Self {
        Self { path: path.into(), contents: None, target: Some(target.into()) }
    }

    /// What it holds; `None` of a link.
    pub(super) fn contents(&self) -> Option<&str> {
        self.contents.as_deref()
    }

    /// Writes it, with the directories above it, in place of what is there. What already is so is not touched.
    pub(super) fn lay(&self) -> std::io::Result<bool> {
        if let Some(above) = self.path.parent() {
            fs::create_dir_all(above)?;
        }
        if let Some(target) = &self.target {
            if fs::read_link(&self.path).is_ok_and(|found| found == *target) {
                return Ok(false);
            }
            remove(&self.path)?;
            return std::os::unix::fs::symlink(target, &self.path).map(|()| true);
        }
        let contents = self.contents.as_deref().unwrap_or_default();
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.is_file())
            && fs::read(&self.path).is_ok_and(|found| found == contents.as_bytes())
        {
            return Ok(false);
        }
        if fs::symlink_metadata(&self.path).is_ok_and(|found| !found.is_file()) {
            remove(&self.path)?;
        }
        fs::write(&self.path, contents).map(|()| true)
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_either_family_has_the_same_digits() {
        let web = Member::named("web1").unwrap();
        assert_eq!((web.v4().to_string(), web.v6().to_string()), ("10.73.0.21".into(), "fd73::21".into()));
        assert_eq!(Member::named("lb").unwrap().v6().to_string(), "fd73::2");
        assert_eq!(Member::named("web3"), None);
    }

    #[test]
    fn laying_a_file_twice_changes_it_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let file = Laid::file(path.to_str().unwrap(), "one\n");
        assert_eq!((file.lay().unwrap(), file.lay().unwrap()), (true, false));
        std::fs::write(&path, "two\n").unwrap();
        assert!(file.lay().unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn zone_knows_the_site_and_everybody() {
        let zone = zone();
        for line in ["shop.lab 10.73.0.2\n", "shop.lab fd73::2\n", "standby.lab 10.73.0.23\n"] {
            assert!(zone.contains(line), "{zone}");
        }
    }
}
