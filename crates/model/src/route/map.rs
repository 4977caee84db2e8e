//! What a `map` and a `geo` make of a value.
//!
//! Source: `ngx_http_map_find`, src/http/ngx_http_variables.c; src/http/modules/ngx_http_map_module.c,
//! ngx_http_geo_module.c

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::hash::Hash;
use super::regex::{Ask, Captured, Matched, Pattern, Patterns};
use super::walk::{Walk, shown};
use crate::config::{Config, Node, NodeId};

/// How many maps one request may ask, each time counted.
const QUESTIONS_MAX: usize = 1_000;

/// A `map`, made ready.
pub(crate) struct Map {
    pub(crate) hostnames: bool,
    pub(crate) volatile: bool,
    keys: Hash<NodeId>,
    pub(crate) regexes: Vec<(Arc<Pattern>, NodeId)>,
    pub(crate) default: Option<NodeId>,
}

/// The line of a `map` that takes a value; `None`: none does, not even `default`.
pub(crate) enum Line {
    Is(Option<NodeId>, Option<Captured>),
    /// A regex that cannot be asked stands in the way.
    Unknown,
}

impl Map {
    pub(crate) fn of(node: Node<'_>, patterns: &Patterns) -> Map {
        let has = |word: &str| node.children().any(|line| line.is(word) && line.args().len() == 0);
        let hostnames = has("hostnames");
        let mut map = Map {
            hostnames,
            volatile: has("volatile"),
            keys: Hash::new(),
            regexes: Vec::new(),
            default: None,
        };
        for line in node.children().filter(|line| line.args().len() == 1) {
            match line.name_bytes() {
                b"include" => {}
                b"default" => map.default = map.default.or(Some(line.id())),
                [b'~', b'*', text @ ..] => map.regexes.push((patterns.get(text, true), line.id())),
                [b'~', text @ ..] => map.regexes.push((patterns.get(text, false), line.id())),
                key => map.keys.add(key.strip_prefix(b"\\").unwrap_or(key), hostnames, line.id()),
            }
        }
        map
    }

    /// The line that takes a value.
    pub(crate) fn line(&self, key: &[u8]) -> Line {
        self.line_by(key, Pattern::of)
    }

    /// The same, where `ask` answers for the regexes.
    pub(crate) fn line_by(&self, key: &[u8], ask: Ask) -> Line {
        let key = if self.hostnames { key.strip_suffix(b".").unwrap_or(key) } else { key };
        if let Some((line, _)) = self.keys.find(&key.to_ascii_lowercase()) {
            return Line::Is(Some(line), None);
        }
        let regexes = if key.is_empty() { &[] } else { &self.regexes[..] };
        for (pattern, line) in regexes {
            match ask(pattern, key) {
                Matched::No => {}
                Matched::Unknown => return Line::Unknown,
                Matched::Yes(captured) => return Line::Is(Some(*line), Some(captured)),
            }
        }
        Line::Is(self.default, None)
    }
}

/// The maps of a configuration, by their nodes.
pub(super) type Maps = HashMap<NodeId, Arc<Map>>;

pub(super) fn maps(config: &Config, patterns: &Patterns) -> Maps {
    let maps = config.named("map").filter(|node| node.is_block() && node.context().is_http());
    maps.map(|node| (node.id(), Arc::new(Map::of(node, patterns)))).collect()
}

impl Walk<'_, '_> {
    /// The value of the variable of a `map`; `None`, and a dependence, where it cannot be known.
    pub(super) fn mapped(&mut self, name: &str, node: NodeId) -> Option<Vec<u8>> {
        let router = self.router;
        let Some(map) = router.maps().get(&node) else {
            self.depend("map");
            return None;
        };
        self.maps_asked += 1;
        if self.maps_asked > QUESTIONS_MAX || self.mapping.contains(&node) {
            // A map that asks itself: nginx gives up after a hundred rounds.
            self.depend("map");
            return None;
        }
        self.mapping.push(node);
        let source = self.eval(router.config.node(node).arg(0).unwrap_or(b""));
        let value = if source.known { self.look_up(map, &source.text) } else { None };
        self.mapping.pop();
        let value = value?;
        self.step("map", format!("${name} = {}", shown(&value)), Some(node));
        if !map.volatile {
            self.variables.insert(name.as_bytes().to_vec(), value.clone());
        }
        Some(value)
    }

    fn look_up(&mut self, map: &Map, key: &[u8]) -> Option<Vec<u8>> {
        let Line::Is(line, captured) = map.line(key) else {
            self.depend("regex");
            return None;
        };
        if let Some(captured) = captured {
            self.capture(captured);
        }
        let Some(line) = line else { return Some(Vec::new()) };
        let value = self.eval(self.router.config.node(line).arg(0).unwrap_or(b""));
        value.known.then_some(value.text)
    }

    /// The value of the variable of a `geo`; `None` where it cannot be known.
    pub(super) fn located(&mut self, node: NodeId) -> Option<Vec<u8>> {
        let node = self.router.config.node(node);
        let source = if node.args().len() > 1 { node.arg(0)? } else { b"$remote_addr" };
        let special = |line: Node<'_>| {
            matches!(line.name_bytes(), b"ranges" | b"proxy" | b"proxy_recursive" | b"delete" | b"include")
        };
        if node.children().any(special) {
            self.depend("geo");
            return None;
        }
        let source = self.eval(source);
        let address = std::str::from_utf8(&source.text).ok().filter(|_| source.known)?.parse::<IpAddr>();
        let mut best: Option<(u32, Node<'_>)> = None;
        for line in node.children() {
            let bits = match (line.name_bytes(), &address) {
                (b"default", _) => Some(0),
                (range, Ok(address)) => prefix_bits(range, *address).map(|bits| bits + 1),
                (_, Err(_)) => None,
            };
            if let Some(bits) = bits
                && best.is_none_or(|(longest, _)| bits >= longest)
            {
                best = Some((bits, line));
            }
        }
        Some(best.and_then(|(_, line)| line.arg(0)).unwrap_or(b"").to_vec())
    }
}

/// How many bits of an address a range fixes, if it has the address.
fn prefix_bits(range: &[u8], address: IpAddr) -> Option<u32> {
    if super::access::contains(range, address) != Some(true) {
        return None;
    }
    let text = std::str::from_utf8(range).ok()?;
    match text.split_once('/') {
        Some((_, bits)) => bits.parse().ok(),
        None => Some(if text.contains(':') { 128 } else { 32 }),
    }
}
