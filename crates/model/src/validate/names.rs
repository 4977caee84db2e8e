//! Names of servers: which are none, and which two servers of one address share.
//!
//! Source: `ngx_http_core_server_name`, src/http/ngx_http_core_module.c; `ngx_http_server_names`, src/http/ngx_http.c;
//! `ngx_hash_add_key`, src/core/ngx_hash.c

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::listens::PORTS_MAX;
use super::{Checker, hashes, lossy};
use crate::config::NodeId;
use crate::listen::ListenAddress;
use crate::lower::{NameKind, Server, ServerKind, ServerName};
use crate::problem::Problem;

pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    let mut addresses: BTreeMap<Address<'_>, Vec<&Server>> = BTreeMap::new();
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        server.names.iter().for_each(|name| syntax(checker, name));
        for listen in &server.listens {
            match &listen.address {
                ListenAddress::Inet { port, last, .. } if last - port > PORTS_MAX => {}
                ListenAddress::Inet { ip, port, last } => (*port..=*last)
                    .for_each(|port| addresses.entry(Address::Inet(*ip, port)).or_default().push(server)),
                ListenAddress::Unix(path) => {
                    addresses.entry(Address::Unix(path)).or_default().push(server);
                }
                ListenAddress::Name { .. } => {}
            }
        }
    }
    let mut told = HashSet::new();
    for (address, servers) in addresses.into_iter().filter(|(_, servers)| servers.len() > 1) {
        conflicts(checker, &address, &servers, &mut told);
    }
}

/// One address that servers may share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Address<'c> {
    Inet(IpAddr, u16),
    Unix(&'c [u8]),
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(ip, port) => SocketAddr::new(*ip, *port).fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", lossy(path)),
        }
    }
}

/// What the directive itself refuses.
fn syntax(checker: &mut Checker<'_>, name: &ServerName) {
    let node = checker.config.node(name.node);
    let Some(text) = node.arg(name.arg) else { return };
    let message = match text {
        [b'*'] | [b'*', _] | [b'.'] => format!("server name \"{}\" is invalid", lossy(text)),
        [b'*', second, ..] if *second != b'.' => format!("server name \"{}\" is invalid", lossy(text)),
        b"~" => String::from("empty regex in server name \"~\""),
        [b'~', pattern @ ..] => {
            let caseless = pattern.iter().any(u8::is_ascii_uppercase);
            return checker.regex(node, name.arg, pattern, caseless);
        }
        _ => return,
    };
    checker.refuse_arg(node, name.arg, "invalid-server-name", message);
}

/// Where several servers share an address, their names are put into one table: a name that does not fit is refused,
/// one that is there already is ignored with a warning (told of the first address where it is). A server without a
/// name has the empty one.
fn conflicts<'c>(
    checker: &mut Checker<'c>,
    address: &Address<'_>,
    servers: &[&'c Server],
    told: &mut HashSet<(NodeId, usize)>,
) {
    let config = checker.config;
    let bucket =
        config.http().map_or(0, |http| hashes::bucket_bytes(config, "server_names_hash_bucket_size", http));
    let mut seen: HashMap<(NameKind, &[u8]), NodeId> = HashMap::new();
    let mut before: Option<NodeId> = None;
    for server in servers {
        if before.replace(server.node) == Some(server.node) {
            continue;
        }
        if server.names.is_empty() {
            let unnamed = config.node(server.node);
            match seen.get(&(NameKind::Exact, &b""[..])) {
                Some(first) if told.insert((server.node, 0)) => {
                    let message = format!("conflicting server name \"\" on {address}, ignored");
                    let problem = Problem::at(unnamed, "duplicate-server-name", message);
                    checker.problems.push(problem.with(config.node(*first), "first here"));
                }
                Some(_) => {}
                None => drop(seen.insert((NameKind::Exact, b""), server.node)),
            }
        }
        for name in server.names.iter().filter(|name| name.kind != NameKind::Regex) {
            let node = config.node(name.node);
            if is_invalid_hostname(&name.text) {
                let message = format!("invalid server name or wildcard \"{}\"", lossy(&name.text));
                checker.refuse_arg(node, name.arg, "invalid-server-name", message);
                continue;
            }
            if name.kind == NameKind::Exact && !hashes::fits(name.text.len(), bucket) {
                checker.too_long_for_hash(node, Some(name.arg), &name.text, "server_names_hash", bucket);
            }
            // ".example.com" holds the exact name and the wildcard.
            let held = [(NameKind::Exact, bare(name)), (NameKind::LeadingWildcard, bare(name))];
            let keys: &[(NameKind, &[u8])] = match name.kind {
                NameKind::Dot => &held,
                NameKind::LeadingWildcard => &held[1..],
                NameKind::TrailingWildcard => &[(NameKind::TrailingWildcard, &name.text)],
                _ => &held[..1],
            };
            let Some(first) = keys.iter().find_map(|key| seen.get(key).copied()) else {
                seen.extend(keys.iter().map(|key| (*key, name.node)));
                continue;
            };
            if !told.insert((name.node, name.arg)) {
                continue;
            }
            let message = format!("conflicting server name \"{}\" on {address}, ignored", lossy(&name.text));
            let problem = Problem::arg(node, name.arg, "duplicate-server-name", message);
            checker.problems.push(problem.with(config.node(first), "first here"));
        }
    }
}

fn bare(name: &ServerName) -> &[u8] {
    match name.kind {
        NameKind::LeadingWildcard => &name.text[2..],
        NameKind::Dot => &name.text[1..],
        _ => &name.text,
    }
}

/// Whether nginx's table of names with wildcards refuses a name.
pub(super) fn is_invalid_hostname(name: &[u8]) -> bool {
    let stars = name.iter().filter(|&&byte| byte == b'*').count();
    if stars > 1 || name.windows(2).any(|pair| pair == b"..") || name.contains(&0) {
        return true;
    }
    let wildcard = name.len() > 2 && (name.starts_with(b"*.") || name.ends_with(b".*"));
    stars == 1 && !wildcard
}

#[cfg(test)]
mod tests {
    use super::is_invalid_hostname;

    #[test]
    fn wildcards_stand_at_an_end() {
        for (name, invalid) in [
            ("example.com", false),
            ("*.example.com", false),
            ("www.example.*", false),
            (".example.com", false),
            ("w*.example.com", true),
            ("*.example.*", true),
            ("a..b", true),
            ("", false),
        ] {
            assert_eq!(is_invalid_hostname(name.as_bytes()), invalid, "{name}");
        }
    }
}
