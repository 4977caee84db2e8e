//! From what is asked for to what the sandbox is told: everything that must be looked up on this machine.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};

use super::error::SandboxError;
use super::identity::Identity;
use super::spec::{DNS, Mode, Spec};
use super::wire::{Plan, Pool, Raw, Source};
use super::{accounts, copy};

/// What stands in where this machine has no address of a family, so that upstreams of that family can be asked.
const STAND_IN_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254));
const STAND_IN_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd65, 0x6b, 0, 0, 0, 0, 0, 1));

/// Settings below `/proc/sys/net` that decide what nginx can do, with the kernel's own value.
const SETTINGS: &[(&str, &str)] = &[
    ("core/somaxconn", "4096"),
    ("ipv4/ip_nonlocal_bind", "0"),
    ("ipv4/ip_unprivileged_port_start", "1024"),
    ("ipv6/ip_nonlocal_bind", "0"),
];

/// Writes down what the sandbox is to be, and what will not be as on the host.
pub(super) fn draw(spec: &Spec, identity: &Identity) -> Result<(Plan, Pool, Vec<String>), SandboxError> {
    let mut differences = of_mode(identity.mode);
    differences.push(
        "what lies below /home, /root, /run, /tmp, /var/cache, /var/log, /var/spool and in the stores of containers on \
         this machine is not seen inside, nor are its sockets"
            .to_owned(),
    );
    let absolute = |path: &PathBuf| {
        let found = fs::canonicalize(path);
        found.map_err(|source| SandboxError::Path { path: path.clone(), source })
    };
    let mut pool = Pool::default();
    let source = |tree: &PathBuf, pool: &mut Pool| -> Result<Source, SandboxError> {
        let path = absolute(tree)?;
        if identity.mode != Mode::Shift {
            return Ok(Source::Shown(Raw::from(path)));
        }
        copy::tree(&path, spec, pool).map_err(|source| SandboxError::Path { path, source })
    };
    let trees = spec.trees.iter().map(|tree| source(tree, &mut pool)).collect::<Result<_, _>>()?;
    let addresses = addresses(spec, &mut differences)?;
    let open_files = open_files(spec, identity.mode, &mut differences);
    let hidden = spec.hidden.iter().cloned().chain(sockets_of_this_machine(&spec.nginx));
    let plan = Plan {
        own_maps: identity.own_maps(),
        config_dir: Raw::from(&spec.config_dir),
        becomes_root: identity.mode == Mode::Shift,
        trees,
        // Not resolved: it must be there under the name by which it is started.
        nginx: spec.nginx.iter().map(Raw::from).collect(),
        addresses,
        etc: etc(spec, identity.mode),
        directories: spec
            .directories
            .iter()
            .map(|one| (Raw::from(&one.path), one.uid, one.gid, one.mode))
            .collect(),
        written: spec.written.iter().map(Raw::from).collect(),
        files: spec
            .files
            .iter()
            .map(|(path, bytes, mode)| (Raw::from(path), pool.add(bytes), *mode))
            .collect(),
        hidden: hidden.map(Raw::from).collect(),
        settings: settings(),
        processes: spec.limits.processes,
        memory_bytes: spec.limits.memory_bytes,
        files_bytes: spec.limits.files_bytes,
        file_bytes: spec.limits.file_bytes,
        open_files,
        wall_ms: u64::try_from(spec.limits.wall.as_millis()).unwrap_or(u64::MAX),
    };
    Ok((plan, pool, differences))
}

fn of_mode(mode: Mode) -> Vec<String> {
    let raised =
        "limits and priorities beyond this user's own are refused (worker_rlimit_nofile, worker_priority)";
    let transparent =
        "connections from addresses of clients (`proxy_bind … transparent`) get no answer".to_owned();
    let mut differences = match mode {
        Mode::Ident => vec!["nginx has no power over this machine: a negative worker_priority is refused".to_owned()],
        Mode::Shift => vec![
            "every user is one that owns nothing here: files that are not for everyone cannot be read".to_owned(),
            "private keys in the tree are left out".to_owned(),
            raised.to_owned(),
        ],
        Mode::Subid => vec![
            "root inside is the calling user: files that only root may read cannot be read".to_owned(),
            raised.to_owned(),
        ],
        Mode::Alias => vec![
            "every account is the calling user: permissions between accounts are not rehearsed, and files that only \
             root may read cannot be read"
                .to_owned(),
            raised.to_owned(),
        ],
    };
    differences.push(transparent);
    differences
}

fn addresses(spec: &Spec, differences: &mut Vec<String>) -> Result<Vec<IpAddr>, SandboxError> {
    let found = match &spec.addresses {
        Some(addresses) => addresses.clone(),
        None => of_this_machine().map_err(|source| SandboxError::Refused {
            step: "list the addresses of this machine".to_owned(),
            source,
            hint: None,
        })?,
    };
    let mut addresses: Vec<IpAddr> = found.into_iter().filter(is_usable).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for (family, stand_in, has) in [
        ("IPv4", STAND_IN_V4, addresses.iter().any(IpAddr::is_ipv4)),
        ("IPv6", STAND_IN_V6, addresses.iter().any(IpAddr::is_ipv6)),
    ] {
        if !has {
            addresses.push(stand_in);
            differences.push(format!(
                "the host has no {family} address; {stand_in} stands in, so that upstreams can be reached over {family}"
            ));
        }
    }
    Ok(addresses)
}

fn of_this_machine() -> io::Result<Vec<IpAddr>> {
    let all = nix::ifaddrs::getifaddrs()?;
    let address = |one: nix::ifaddrs::InterfaceAddress| {
        let address = one.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    Ok(all.filter_map(address).collect())
}

fn is_usable(address: &IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local)
}

/// Gives the soft and the hard limit of open files. The master of nginx on a host is root and may raise both as far as
/// the kernel lets any process; inside only the hard limit says how far.
fn open_files(spec: &Spec, mode: Mode, differences: &mut Vec<String>) -> (u64, u64) {
    let (own_soft, own_hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 4096));
    let soft = spec.limits.open_files.map_or(own_soft, |(soft, _)| soft);
    if matches!(mode, Mode::Ident | Mode::Shift) {
        let most = fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok());
        let most = most.unwrap_or(own_hard);
        return (soft.min(most), most);
    }
    if soft > own_hard {
        differences.push(format!(
            "processes may open {own_hard} files, as those of this user; nginx on the host may open {soft}"
        ));
    }
    (soft.min(own_hard), own_hard)
}

fn settings() -> Vec<(String, String)> {
    let differs = |(name, usual): &(&str, &str)| {
        let value = fs::read_to_string(format!("/proc/sys/net/{name}")).ok()?;
        (value.trim() != *usual).then(|| ((*name).to_owned(), value.trim().to_owned()))
    };
    SETTINGS.iter().filter_map(differs).collect()
}

/// Lists the sockets of this machine that lie where the mirror would show them, or below what is `shown` besides. A mount
/// that is read-only keeps nobody from connecting.
fn sockets_of_this_machine(shown: &[PathBuf]) -> Vec<PathBuf> {
    const APART: &[&str] = &["/dev", "/home", "/proc", "/root", "/run", "/sys", "/tmp", "/var/run"];
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let mut paths: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.find('/').map(|start| PathBuf::from(&line[start..])))
        .filter(|path| {
            !APART.iter().any(|apart| path.starts_with(apart)) || shown.iter().any(|it| path.starts_with(it))
        })
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Writes the files below `/etc` that are not this machine's.
fn etc(spec: &Spec, mode: Mode) -> Vec<(String, Vec<u8>)> {
    let own = |name: &str| fs::read(Path::new("/etc").join(name)).unwrap_or_default();
    let mut files = vec![
        ("hosts".to_owned(), hosts(&spec.hosts, &String::from_utf8_lossy(&own("hosts")))),
        ("resolv.conf".to_owned(), resolv_conf(&String::from_utf8_lossy(&own("resolv.conf")))),
        ("nsswitch.conf".to_owned(), NSSWITCH.into()),
    ];
    files.extend(accounts::files(&spec.accounts, mode == Mode::Alias));
    files
}

const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n\
                        protocols: files\nservices: files\n";

fn hosts(given: &[(String, IpAddr)], own: &str) -> Vec<u8> {
    let mut text: String = given.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
    for line in own.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        let names: Vec<&str> = words.filter(|name| !given.iter().any(|(other, _)| other == name)).collect();
        if !names.is_empty() {
            text.push_str(&format!("{address} {}\n", names.join(" ")));
        }
    }
    if !text.contains("localhost") {
        text.push_str("127.0.0.1 localhost\n::1 localhost\n");
    }
    text.into_bytes()
}

fn resolv_conf(own: &str) -> Vec<u8> {
    let kept = |line: &&str| ["search", "domain"].iter().any(|word| line.trim_start().starts_with(word));
    let kept: String = own.lines().filter(kept).map(|line| format!("{line}\n")).collect();
    format!("nameserver {}\n{kept}options timeout:1 attempts:2\n", DNS.ip()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_names_take_the_place_of_own_ones() {
        let given = [("app.internal".to_owned(), IpAddr::from([10, 0, 0, 5]))];
        let own = "127.0.0.1 localhost\n# old\n10.0.0.9 app.internal app\n10.0.0.8 db # the database\n";
        let text = String::from_utf8(hosts(&given, own)).unwrap();
        assert_eq!(text, "10.0.0.5 app.internal\n127.0.0.1 localhost\n10.0.0.9 app\n10.0.0.8 db\n");
    }

    #[test]
    fn names_are_looked_up_at_our_own_server_in_the_same_domains() {
        let own = "nameserver 10.0.0.1\nsearch corp.example\noptions rotate\n";
        let text = String::from_utf8(resolv_conf(own)).unwrap();
        assert_eq!(text, "nameserver 127.0.0.53\nsearch corp.example\noptions timeout:1 attempts:2\n");
    }

    #[test]
    fn only_addresses_that_others_can_reach_count() {
        let usable = ["192.0.2.1", "2001:db8::1"];
        let other = ["127.0.0.1", "::1", "fe80::1", "0.0.0.0", "224.0.0.1"];
        assert!(usable.iter().all(|text| is_usable(&text.parse().unwrap())));
        assert!(!other.iter().any(|text| is_usable(&text.parse().unwrap())));
    }
}
