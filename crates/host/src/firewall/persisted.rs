//! The sets that the next boot loads, loaded by the programs that will load them, in namespaces of their own.

use std::ffi::OsString;
use std::path::Path;

use super::{AskError, Dumps, Facts, Read, ask_with, contains, find};

/// What the next boot loads.
#[derive(Debug, Clone, Default)]
pub struct Persisted {
    /// The files and services that it comes from, in order of loading.
    pub from: Vec<String>,
    /// Sets that lie ready and that nothing loads: `/etc/nftables.conf` without its service.
    pub asleep: Vec<String>,
    /// What they make of an empty firewall.
    pub read: Read,
}

/// One way in which a set gets loaded at boot.
struct Loader {
    /// What people call it.
    name: &'static str,
    /// Its file; without it there is nothing.
    file: &'static str,
    /// Its service; without it the file sleeps.
    service: &'static str,
    /// The shell words that load it.
    load: &'static str,
}

/// In the order in which their services start.
const LOADERS: &[Loader] = &[
    Loader {
        name: "/etc/nftables.conf",
        file: "/etc/nftables.conf",
        service: "nftables.service",
        load: "nft -f /etc/nftables.conf",
    },
    Loader {
        name: "/etc/iptables/rules.v4",
        file: "/etc/iptables/rules.v4",
        service: "netfilter-persistent.service",
        load: "iptables-restore < /etc/iptables/rules.v4",
    },
    Loader {
        name: "/etc/iptables/rules.v6",
        file: "/etc/iptables/rules.v6",
        service: "netfilter-persistent.service",
        load: "ip6tables-restore < /etc/iptables/rules.v6",
    },
    Loader {
        name: "ufw (/etc/ufw)",
        file: "/etc/ufw/ufw.conf",
        service: "ufw.service",
        load: "/lib/ufw/ufw-init start",
    },
    Loader {
        name: "firewalld --permanent (/etc/firewalld)",
        file: "/etc/firewalld/firewalld.conf",
        service: "firewalld.service",
        // It asks for a bus and never ends; its own tool says when it is ready.
        load: "{ mount -t tmpfs none /run && mkdir -p /run/dbus && dbus-daemon --system --fork && \
               { firewalld --nofork --nopid & } && \
               for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do \
               [ \"$(firewall-cmd --state 2>/dev/null)\" = running ] && break; sleep 0.5; done && \
               firewall-cmd --state >/dev/null; }",
    },
];

/// What parts the dumps in the output.
const MARK: &str = "--8<-- ";
/// The dumps, each behind its mark.
const DUMPS: &str = "for dump in 'nft -j list ruleset' 'nft -t list ruleset' iptables-nft-save ip6tables-nft-save \
                     iptables-legacy-save ip6tables-legacy-save 'ipset save'; do \
                     echo; echo \"--8<-- $dump\"; $dump 2>/dev/null; done; echo; echo '--8<-- end'";

/// Loads what the next boot loads into a network namespace of its own and reads it back. `root` is `/`, where the
/// services are looked for.
pub fn persisted(root: &Path, facts: &Facts) -> Persisted {
    let mut persisted = Persisted::default();
    let mut script = String::from(
        "mount --make-rprivate /\nmount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys\n\
         ip link set lo up\n",
    );
    // Rules may name devices, and the kernel wants them to be there.
    for (number, link) in facts.links.iter().filter(|link| !link.loopback).take(DEVICES_MAX).enumerate() {
        if link.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            script.push_str(&format!(
                "ip link add {} type veth peer name ekp{number} 2>/dev/null\n",
                link.name
            ));
        }
    }
    for loader in LOADERS {
        if !at(root, loader.file).exists() || !is_meant(root, loader) {
            continue;
        }
        if !is_enabled(root, loader.service) {
            persisted.asleep.push(format!("{} ({} is not enabled)", loader.name, loader.service));
            continue;
        }
        persisted.from.push(loader.name.to_owned());
        let (load, name) = (loader.load, loader.name);
        script.push_str(&format!("{load} >/dev/null 2>&1 || echo '{MARK}failed {name}'\n"));
    }
    script.push_str(DUMPS);
    if persisted.from.is_empty() {
        persisted.read.dumps.nft = Some(EMPTY.to_vec());
        return persisted;
    }
    match in_namespaces(&script) {
        Ok(output) => sort(&output, &mut persisted.read),
        Err(error) => {
            persisted.read.unread.push(format!("what the next boot loads: load it in a namespace: {error}"));
        }
    }
    persisted
}

/// How many devices are made.
const DEVICES_MAX: usize = 64;
/// What nft prints when there is nothing.
const EMPTY: &[u8] = br#"{"nftables": []}"#;

fn at(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// ufw says in a file of its own whether it is on.
fn is_meant(root: &Path, loader: &Loader) -> bool {
    if loader.service != "ufw.service" {
        return true;
    }
    let conf = std::fs::read(at(root, loader.file)).unwrap_or_default();
    conf.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == b"ENABLED=yes")
}

/// Says whether systemd starts a service at boot: some target wants it, or a start level does.
fn is_enabled(root: &Path, service: &str) -> bool {
    let is_there = |entry: std::io::Result<std::fs::DirEntry>, name: &str| {
        entry.is_ok_and(|entry| entry.path().join(name).symlink_metadata().is_ok())
    };
    let wanted = std::fs::read_dir(at(root, "/etc/systemd/system"))
        .is_ok_and(|mut entries| entries.any(|entry| is_there(entry, service)));
    let script = service.trim_end_matches(".service");
    wanted
        || std::fs::read_dir(at(root, "/etc/rcS.d")).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with('S') && name.get(3..) == Some(script)
                })
            })
        })
}

fn in_namespaces(script: &str) -> Result<Vec<u8>, AskError> {
    let unshare = find("unshare").ok_or(AskError::Missing)?;
    let mut args: Vec<OsString> = Vec::new();
    if !nix::unistd::geteuid().is_root() {
        args.extend(["--user".into(), "--map-root-user".into()]);
    }
    args.extend(
        ["--net", "--mount", "--fork", "--pid", "--kill-child", "--mount-proc", "sh", "-c"]
            .map(OsString::from),
    );
    args.push(script.into());
    ask_with(unshare, args)
}

/// Takes the dumps apart.
fn sort(output: &[u8], read: &mut Read) {
    let text = String::from_utf8_lossy(output);
    let mut part = String::new();
    let mut name = "";
    for line in text.lines() {
        let Some(next) = line.strip_prefix(MARK) else {
            part.push_str(line);
            part.push('\n');
            continue;
        };
        keep(name, std::mem::take(&mut part), &mut read.dumps);
        if let Some(failed) = next.strip_prefix("failed ") {
            read.unread.push(format!("{failed}: it does not load here"));
        }
        name = next;
    }
    let has_sets = [&read.dumps.iptables, &read.dumps.ip6tables, &read.dumps.iptables_legacy]
        .into_iter()
        .flatten()
        .any(|dump| contains(dump, b"--match-set"));
    if !has_sets {
        read.dumps.ipset = None;
    }
}

fn keep(name: &str, part: String, dumps: &mut Dumps) {
    let slot = match name {
        "nft -j list ruleset" => &mut dumps.nft,
        "nft -t list ruleset" => &mut dumps.words,
        "iptables-nft-save" => &mut dumps.iptables,
        "ip6tables-nft-save" => &mut dumps.ip6tables,
        "iptables-legacy-save" => &mut dumps.iptables_legacy,
        "ip6tables-legacy-save" => &mut dumps.ip6tables_legacy,
        "ipset save" => &mut dumps.ipset,
        _ => return,
    };
    if !part.trim().is_empty() {
        *slot = Some(part.into_bytes());
    }
}
