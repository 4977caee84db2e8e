//! Shared memory zones: sizes, uses of zones that nobody declared, names taken for two purposes.
//!
//! Source: `ngx_shared_memory_add`, src/core/ngx_cycle.c; `ngx_init_cycle`, the same file

use std::collections::HashMap;

use super::{Checker, cache, limits, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::size;
use crate::problem::Problem;

/// What a zone is for; one name may serve one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    Requests,
    Connections,
    StreamConnections,
    ProxyCache,
    FastcgiCache,
    UwsgiCache,
    ScgiCache,
    Upstream,
    StreamUpstream,
    Sessions,
    StreamSessions,
    LuaDict,
}

impl Purpose {
    /// Whether several directives may name one zone, as long as its size is the same.
    fn is_shared(self) -> bool {
        matches!(
            self,
            Purpose::Upstream | Purpose::StreamUpstream | Purpose::Sessions | Purpose::StreamSessions
        )
    }
}

/// The zones read so far, and the hosts that were passed to.
#[derive(Debug, Default)]
pub(crate) struct Zones<'c> {
    declared: HashMap<&'c [u8], (Purpose, i64, Node<'c>)>,
    used: HashMap<(Purpose, &'c [u8]), (Node<'c>, usize)>,
    ported: Vec<(&'c [u8], u16, Node<'c>)>,
    portless: Vec<(&'c [u8], Node<'c>)>,
}

/// Hosts that were passed to with a port, and without one where there is no default.
type Hosts<'c> = (Vec<(&'c [u8], u16, Node<'c>)>, Vec<(&'c [u8], Node<'c>)>);

impl<'c> Zones<'c> {
    pub(super) fn ported(&mut self, host: &'c [u8], port: u16, node: Node<'c>) {
        self.ported.push((host, port, node));
    }

    pub(super) fn portless(&mut self, host: &'c [u8], node: Node<'c>) {
        self.portless.push((host, node));
    }

    pub(super) fn take_hosts(&mut self) -> Hosts<'c> {
        (std::mem::take(&mut self.ported), std::mem::take(&mut self.portless))
    }
}

/// Remembers what a directive declares or uses.
pub(super) fn state<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) {
    use Purpose as P;
    match setter {
        Setter::HttpLimitReqZone => declare_parameter(checker, node, P::Requests),
        Setter::HttpLimitConnZone => declare_parameter(checker, node, P::Connections),
        Setter::StreamLimitConnZone => declare_parameter(checker, node, P::StreamConnections),
        Setter::HttpFileCacheSetSlot => {
            let keys = node.args().find_map(|parameter| parameter.strip_prefix(b"keys_zone="));
            let purpose = match node.name() {
                "fastcgi_cache_path" => P::FastcgiCache,
                "uwsgi_cache_path" => P::UwsgiCache,
                "scgi_cache_path" => P::ScgiCache,
                _ => P::ProxyCache,
            };
            if let Some((name, bytes)) = keys.and_then(cache::keys_zone) {
                declare(checker, node, purpose, name, bytes);
            }
        }
        Setter::HttpLuaSharedDict => {
            if let Some((name, bytes)) = node.arg(0).zip(node.arg(1).and_then(size)) {
                declare(checker, node, P::LuaDict, name, bytes);
            }
        }
        Setter::HttpUpstreamZone => upstream_zone(checker, node, P::Upstream),
        Setter::StreamUpstreamZone => upstream_zone(checker, node, P::StreamUpstream),
        Setter::HttpLimitReq => {
            let zone =
                node.args().enumerate().find_map(|(index, text)| Some((index, text.strip_prefix(b"zone=")?)));
            if let Some((index, zone)) = zone {
                limit(checker, node, index, (P::Requests, zone));
            }
        }
        Setter::HttpLimitConn => limit(checker, node, 0, (P::Connections, node.arg(0).unwrap_or(b""))),
        Setter::StreamLimitConn => {
            limit(checker, node, 0, (P::StreamConnections, node.arg(0).unwrap_or(b"")));
        }
        Setter::HttpSslSessionCache | Setter::StreamSslSessionCache => {
            let purpose = if setter == Setter::HttpSslSessionCache { P::Sessions } else { P::StreamSessions };
            for shared in node.args().filter_map(|parameter| parameter.strip_prefix(b"shared:")) {
                let colon = shared.iter().position(|&byte| byte == b':');
                if let Some((at, bytes)) = colon.and_then(|at| Some((at, size(&shared[at + 1..])?))) {
                    declare(checker, node, purpose, &shared[..at], bytes);
                }
            }
        }
        Setter::HttpProxyCache => use_cache(checker, node, P::ProxyCache),
        Setter::HttpFastcgiCache => use_cache(checker, node, P::FastcgiCache),
        Setter::HttpUwsgiCache => use_cache(checker, node, P::UwsgiCache),
        Setter::HttpScgiCache => use_cache(checker, node, P::ScgiCache),
        _ => {}
    }
}

fn declare_parameter<'c>(checker: &mut Checker<'c>, node: Node<'c>, purpose: Purpose) {
    let zone = node.args().find_map(|parameter| parameter.strip_prefix(b"zone="));
    let parts = zone.and_then(|zone| {
        let colon = zone.iter().position(|&byte| byte == b':')?;
        Some((&zone[..colon], size(&zone[colon + 1..])?))
    });
    if let Some((name, bytes)) = parts {
        declare(checker, node, purpose, name, bytes);
    }
}

fn declare<'c>(checker: &mut Checker<'c>, node: Node<'c>, purpose: Purpose, name: &'c [u8], bytes: i64) {
    let Some((before, size, first)) = checker.zones.declared.insert(name, (purpose, bytes, node)) else {
        return;
    };
    let shown = lossy(name);
    let message = if before != purpose {
        format!("the shared memory zone \"{shown}\" is already declared for a different use")
    } else if purpose.is_shared() {
        // All but one of the upstreams that share a zone may leave its size out.
        if size == bytes || size == 0 || bytes == 0 {
            checker.zones.declared.insert(name, (purpose, bytes.max(size), first));
            return;
        }
        format!(
            "the size {bytes} of shared memory zone \"{shown}\" conflicts with already declared size {size}"
        )
    } else if size != bytes {
        format!(
            "the size {bytes} of shared memory zone \"{shown}\" conflicts with already declared size {size}"
        )
    } else if matches!(purpose, Purpose::Requests | Purpose::Connections | Purpose::StreamConnections) {
        format!("{} \"{shown}\" is already bound to key", node.name())
    } else {
        format!("duplicate zone \"{shown}\"")
    };
    checker.problems.push(Problem::at(node, "duplicate-zone", message).with(first, "first here"));
}

fn upstream_zone<'c>(checker: &mut Checker<'c>, node: Node<'c>, purpose: Purpose) {
    let name = node.arg(0).unwrap_or(b"");
    if name.is_empty() {
        return checker.refuse_arg(node, 0, "invalid-value", "invalid zone name \"\"");
    }
    let bytes = match node.arg(1) {
        None => 0,
        Some(text) => match size(text) {
            Some(bytes) => bytes,
            None => {
                let message = format!("invalid zone size \"{}\"", lossy(text));
                return checker.refuse_arg(node, 1, "invalid-value", message);
            }
        },
    };
    if node.arg(1).is_some() && bytes < limits::ZONE_PAGES_MIN * checker.page_bytes() {
        let message = format!("zone \"{}\" is too small", lossy(name));
        return checker.refuse_arg(node, 1, "invalid-value", message);
    }
    declare(checker, node, purpose, name, bytes);
}

fn limit<'c>(checker: &mut Checker<'c>, node: Node<'c>, index: usize, key: (Purpose, &'c [u8])) {
    let others =
        node.parent().into_iter().flat_map(Node::children).take_while(|other| other.id() < node.id());
    let same = |other: &Node<'_>| {
        other.is(node.name())
            && match key.0 {
                Purpose::Requests => other.args().any(|text| text.strip_prefix(b"zone=") == Some(key.1)),
                _ => other.arg(0) == Some(key.1),
            }
    };
    if let Some(first) = others.into_iter().find(same) {
        let message = format!("\"{}\" directive is duplicate", node.name());
        let problem = Problem::at(node, "duplicate-directive", message);
        checker.problems.push(problem.with(first, "first here"));
    }
    checker.zones.used.entry(key).or_insert((node, index));
}

fn use_cache<'c>(checker: &mut Checker<'c>, node: Node<'c>, purpose: Purpose) {
    let name = node.arg(0).unwrap_or(b"");
    if name != b"off" && !name.contains(&b'$') {
        checker.zones.used.entry((purpose, name)).or_insert((node, 0));
    }
}

/// Zones that are used and that nobody declared.
pub(super) fn check(checker: &mut Checker<'_>) {
    let used: Vec<_> = checker.zones.used.iter().map(|(key, place)| (*key, *place)).collect();
    for ((purpose, name), (node, index)) in used {
        let declared = checker.zones.declared.get(name).copied();
        let shown = lossy(name);
        let message = match declared {
            Some((found, ..)) if found == purpose => continue,
            Some(_) => format!("the shared memory zone \"{shown}\" is already declared for a different use"),
            None if !checker.config.is_complete() => continue,
            None => match purpose {
                Purpose::Requests | Purpose::Connections | Purpose::StreamConnections => {
                    format!("zero size shared memory zone \"{shown}\"")
                }
                _ => format!("\"{}\" zone \"{shown}\" is unknown", node.name()),
            },
        };
        checker.refuse_arg(node, index, "unknown-zone", message);
    }
    let sizeless = checker.zones.declared.iter().filter(|(_, (_, bytes, _))| *bytes == 0);
    let sizeless: Vec<_> = sizeless.map(|(name, (_, _, node))| (*name, *node)).collect();
    for (name, node) in sizeless {
        let message = format!("zero size shared memory zone \"{}\"", lossy(name));
        checker.refuse(node, "unknown-zone", message);
    }
}
