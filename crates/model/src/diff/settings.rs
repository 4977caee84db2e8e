//! What changes beside the way of requests.

use std::collections::BTreeMap;

use super::{SettingChange, Side};
use crate::config::{Config, Node, NodeId};
use crate::lower::ServerKind;

/// One setting: what it says, and where.
type Said = (String, Vec<NodeId>);

pub(super) fn changes(old: &Config, new: &Config) -> Vec<SettingChange> {
    let mut changes = Vec::new();
    for (kind, collect) in KINDS {
        let (before, after) = (collect(old), collect(new));
        let mut abouts: Vec<&String> = before.keys().chain(after.keys()).collect();
        abouts.sort();
        abouts.dedup();
        for about in abouts {
            let (one, another) = (before.get(about), after.get(about));
            if one.map(|said| &said.0) == another.map(|said| &said.0) {
                continue;
            }
            let nodes = |side: Side, said: Option<&Said>| -> Vec<(Side, NodeId)> {
                said.map_or_else(Vec::new, |said| said.1.iter().map(|node| (side, *node)).collect())
            };
            changes.push(SettingChange {
                kind,
                about: about.clone(),
                old: one.map(|said| said.0.clone()),
                new: another.map(|said| said.0.clone()),
                because: [nodes(Side::Old, one), nodes(Side::New, another)].concat(),
            });
        }
    }
    changes
}

type Collect = fn(&Config) -> BTreeMap<String, Said>;

const KINDS: &[(&str, Collect)] = &[
    ("listen", listens),
    ("server_name", names),
    ("certificate", certificates),
    ("upstream", upstreams),
    ("limit", limits),
];

/// Every address that is listened on, with the options that belong to it and not to a server.
fn listens(config: &Config) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        for listen in &server.listens {
            let about = format!("listen {}", listen.address);
            let entry = found.entry(about).or_default();
            let Some(node) = listen.node else { continue };
            let node = config.node(node);
            for word in node.args().skip(1).filter(|word| *word != b"default_server" && *word != b"default") {
                let word = String::from_utf8_lossy(word).into_owned();
                let mut words: Vec<&str> = entry.0.split(' ').filter(|word| !word.is_empty()).collect();
                if !words.contains(&word.as_str()) {
                    words.push(&word);
                    words.sort_unstable();
                    entry.0 = words.join(" ");
                }
            }
            entry.1.push(node.id());
        }
    }
    found
}

fn names(config: &Config) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        for name in &server.names {
            let text = String::from_utf8_lossy(&name.text).into_owned();
            let entry = found.entry(format!("server_name {text}")).or_default();
            entry.0 = String::from("served");
            entry.1.push(name.node);
        }
    }
    found
}

/// Certificates and the rest of TLS, by server.
fn certificates(config: &Config) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for (place, server) in config.servers().iter().enumerate() {
        if server.kind != ServerKind::Http
            || !server.listens.iter().any(|listen| listen.options.ssl || listen.options.quic)
        {
            continue;
        }
        let name = server.names.first().map(|name| String::from_utf8_lossy(&name.text).into_owned());
        let name = name.unwrap_or_else(|| format!("of server {}", place + 1));
        for directive in TLS {
            let nodes = config.effective(server.node, directive);
            if nodes.is_empty() {
                continue;
            }
            let texts: Vec<String> = nodes.iter().map(|node| words(config.node(*node))).collect();
            found.insert(format!("{directive} {name}"), (texts.join("; "), nodes));
        }
    }
    found
}

const TLS: &[&str] = &[
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_client_certificate",
    "ssl_conf_command",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_ecdh_curve",
    "ssl_protocols",
    "ssl_trusted_certificate",
    "ssl_verify_client",
    "ssl_verify_depth",
];

fn upstreams(config: &Config) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for upstream in config.upstreams().iter().filter(|upstream| !upstream.stream) {
        let node = config.node(upstream.node);
        let mut lines: Vec<String> = node
            .children()
            .filter(|child| !child.is("include"))
            .map(|child| format!("{} {}", child.name(), words(child)).trim_end().to_owned())
            .collect();
        lines.sort();
        let name = String::from_utf8_lossy(&upstream.name).into_owned();
        found.entry(format!("upstream {name}")).or_insert((lines.join("; "), vec![upstream.node]));
    }
    found
}

fn limits(config: &Config) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for directive in ["limit_req_zone", "limit_conn_zone"] {
        for node in config.named(directive).filter(|node| node.context().is_http()) {
            let zone = node.args().find_map(|word| word.strip_prefix(b"zone=")).unwrap_or(b"");
            let zone = zone.split(|&byte| byte == b':').next().unwrap_or(b"");
            let about = format!("{directive} {}", String::from_utf8_lossy(zone));
            found.insert(about, (words(node), vec![node.id()]));
        }
    }
    found
}

fn words(node: Node<'_>) -> String {
    node.args().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
