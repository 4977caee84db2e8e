//! What a `map` makes of a value.
//!
//! Source: `ngx_http_map_find`, src/http/ngx_http_variables.c; src/http/modules/ngx_http_map_module.c

use std::collections::HashMap;
use std::sync::Arc;

use super::Router;
use super::hash::Hash;
use super::question::{Answered, Test};
use super::regex::{Ask, Captured, Matched, Pattern, Patterns};
use super::traced::Traced;
use super::walk::{Walk, shown};
use crate::choice::Chosen;
use crate::config::{Config, Node, NodeId};

/// How many maps one request may ask, each time counted.
const QUESTIONS_MAX: usize = 1_000;

/// A `map`, made ready.
pub(crate) struct Map {
    pub(crate) hostnames: bool,
    pub(crate) volatile: bool,
    pub(crate) keys: Hash<NodeId>,
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
        let key = if self.hostnames { bare(key) } else { key };
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

/// A name without the dot at its end.
fn bare(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// The maps of a configuration, by their nodes.
pub(super) type Maps = HashMap<NodeId, Arc<Map>>;

pub(super) fn maps(config: &Config, patterns: &Patterns) -> Maps {
    let maps = config.named("map").filter(|node| node.is_block() && node.context().is_http());
    maps.map(|node| (node.id(), Arc::new(Map::of(node, patterns)))).collect()
}

impl Router<'_> {
    /// Whether the variable of a `map` is to be asked again wherever it stands.
    pub(super) fn is_volatile(&self, name: &[u8]) -> bool {
        let name = name.to_ascii_lowercase();
        let defined = std::str::from_utf8(&name).ok().and_then(|name| self.definition(name));
        defined.and_then(|(_, node)| self.maps().get(&node)).is_some_and(|map| map.volatile)
    }
}

impl Walk<'_, '_> {
    /// The value of the variable of a `map`; `None`, and a dependence, where it cannot be known.
    pub(super) fn mapped(&mut self, name: &str, node: NodeId) -> Option<Traced> {
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
        let value = if source.known { self.look_up(map, node, &source.text) } else { None };
        self.mapping.pop();
        let value = value?;
        self.step("map", format!("${name} = {}", shown(&value)), Some(node));
        if !map.volatile {
            self.variables.insert(name.as_bytes().to_vec(), value.clone());
        }
        Some(value)
    }

    fn look_up(&mut self, map: &Map, node: NodeId, key: &Traced) -> Option<Traced> {
        let found = map.line(key);
        let chosen = match &found {
            Line::Is(Some(line), _) => Chosen::Rule(*line),
            Line::Is(None, _) => Chosen::Nothing,
            Line::Unknown => Chosen::Unknown(node),
        };
        self.asks(|_| (key.template(), Test::Map(node)), Answered::Chosen(chosen));
        let Line::Is(line, captured) = found else {
            self.depend("regex");
            return None;
        };
        if let Some((captured, line)) = captured.zip(line) {
            let (text, caseless) = match self.router.config.node(line).name_bytes() {
                [b'~', b'*', text @ ..] => (text, true),
                [b'~', text @ ..] => (text, false),
                text => (text, false),
            };
            let of =
                if map.hostnames { key.changed("without-last-dot", bare(key).to_vec()) } else { key.clone() };
            self.capture(captured, text, caseless, &of);
        }
        let Some(line) = line else { return Some(Traced::default()) };
        let value = self.eval(self.router.config.node(line).arg(0).unwrap_or(b""));
        value.known.then_some(value.text)
    }
}
