//! The names of a socket's servers and the lines of a `map`: equal texts, wildcards, regexes in order, a default.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::Chosen;
use super::rules::{Block, Decision, Where, always, never, outside};
use crate::config::{Config, NodeId};
use crate::language::{Formula, Language};
use crate::route::hash::Hash;
use crate::route::map::{Line, Map};
use crate::route::name::{Found, Names};
use crate::route::regex::{Ask, Pattern};

/// How an entry is met, in the order in which nginx looks.
#[derive(Debug, Clone)]
pub(super) enum Key {
    Exact(Vec<u8>),
    /// What ends with a dot and this.
    Below(Vec<u8>),
    /// What begins with this and a dot.
    Above(Vec<u8>),
    Regex(Arc<Pattern>),
    Default,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// What a string gets here.
    pub(super) chosen: Chosen,
    /// Whom an explanation names; `None`: what is nowhere written.
    pub(super) node: Option<NodeId>,
    condition: OnceLock<Option<Formula>>,
}

/// Who decides.
enum Decider {
    Names(Arc<Names>),
    Map(Arc<Map>),
    /// A socket with one server.
    Nobody,
}

/// Where an entry stands: the node that a lookup gives, and which argument of it.
type Place = (Option<NodeId>, usize, usize);

pub(super) struct Flat {
    decider: Decider,
    /// As nginx looks: equal texts, wildcards, regexes in order, the default.
    pub(super) entries: Vec<Entry>,
    /// All rules, in order.
    pub(super) rules: Vec<NodeId>,
    by_place: HashMap<Place, Vec<usize>>,
    by_chosen: HashMap<Chosen, Vec<usize>>,
    /// How many of the entries are regexes.
    pub(super) regexes: u64,
    /// Whether letters of both cases are the same to what is no regex.
    caseless: bool,
    /// Whether a last dot is dropped.
    pub(super) hostnames: bool,
    texts: OnceLock<Formula>,
}

impl Flat {
    /// The rules are the servers; `default` is the one for whatever no name claims.
    pub(super) fn of_names(
        config: &Config,
        names: Option<&Arc<Names>>,
        servers: &[usize],
        default: usize,
    ) -> Flat {
        let node = |server: usize| config.servers()[server].node;
        let mut flat = Flat::new(names.map_or(Decider::Nobody, |names| Decider::Names(Arc::clone(names))));
        if let Some(names) = names {
            flat.hashed(&names.hash, |claim| {
                let named = Some(claim.node.unwrap_or(node(claim.server)));
                (Chosen::Rule(node(claim.server)), named, (claim.node, claim.arg, claim.server))
            });
            for (pattern, claim) in &names.regexes {
                let place = (claim.node, claim.arg, claim.server);
                let named = Some(claim.node.unwrap_or(node(claim.server)));
                flat.add(Key::Regex(Arc::clone(pattern)), Chosen::Rule(node(claim.server)), named, place);
            }
        }
        flat.add(Key::Default, Chosen::Rule(node(default)), None, (None, usize::MAX, 0));
        flat.rules = servers.iter().map(|&server| node(server)).collect();
        flat
    }

    /// The rules are the lines.
    pub(super) fn of_map(map: &Arc<Map>, lines: Vec<NodeId>) -> Flat {
        let mut flat = Flat::new(Decider::Map(Arc::clone(map)));
        (flat.caseless, flat.hostnames) = (true, map.hostnames);
        let place = |line: NodeId| (Chosen::Rule(line), Some(line), (Some(line), 0, 0));
        flat.hashed(&map.keys, place);
        for (pattern, line) in &map.regexes {
            let (chosen, node, place) = place(*line);
            flat.add(Key::Regex(Arc::clone(pattern)), chosen, node, place);
        }
        match map.default {
            Some(line) => {
                let (chosen, node, place) = place(line);
                flat.add(Key::Default, chosen, node, place);
            }
            None => flat.add(Key::Default, Chosen::Nothing, None, (None, usize::MAX, 0)),
        }
        flat.rules = lines;
        flat
    }

    fn new(decider: Decider) -> Flat {
        Flat {
            decider,
            entries: Vec::new(),
            rules: Vec::new(),
            by_place: HashMap::new(),
            by_chosen: HashMap::new(),
            regexes: 0,
            caseless: false,
            hostnames: false,
            texts: OnceLock::new(),
        }
    }

    fn add(&mut self, key: Key, chosen: Chosen, node: Option<NodeId>, place: Place) {
        let at = self.entries.len();
        self.regexes += u64::from(matches!(key, Key::Regex(_)));
        self.entries.push(Entry { key, chosen, node, condition: OnceLock::new() });
        self.by_place.entry(place).or_default().push(at);
        self.by_chosen.entry(chosen).or_default().push(at);
    }

    fn hashed<T: Copy>(&mut self, hash: &Hash<T>, of: impl Fn(T) -> (Chosen, Option<NodeId>, Place)) {
        let mut found: Vec<(u8, &[u8], T)> = Vec::new();
        found.extend(hash.exact.iter().filter_map(|(text, value)| Some((0, &text[..], (*value)?))));
        found.extend(hash.below.iter().map(|(text, value)| (1, &text[..], *value)));
        found.extend(hash.above.iter().map(|(text, value)| (2, &text[..], *value)));
        found.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        for (kind, text, value) in found {
            let (chosen, node, place) = of(value);
            let key = match kind {
                0 => Key::Exact(text.to_vec()),
                1 => Key::Below(text.to_vec()),
                _ => Key::Above(text.to_vec()),
            };
            self.add(key, chosen, node, place);
        }
    }

    pub(super) fn decide(&self, string: &[u8], ask: Ask) -> Decision {
        let default = self.entries.len() - 1;
        let unknown = |node: Option<NodeId>| Decision {
            chosen: node.map_or(Chosen::Nothing, Chosen::Unknown),
            entry: None,
            path: Vec::new(),
        };
        let place = match &self.decider {
            Decider::Nobody => None,
            Decider::Names(names) => match names.find_by(string, ask) {
                Found::Server(claim, captured) => {
                    Some(((claim.node, claim.arg, claim.server), captured.is_some()))
                }
                Found::Nobody => None,
                Found::Unknown(pattern) => return unknown(self.node_of(&pattern)),
            },
            Decider::Map(map) => match map.line_by(string, ask) {
                Line::Is(None, _) => None,
                Line::Is(Some(line), _) if Some(line) == map.default => None,
                Line::Is(line, captured) => Some(((line, 0, 0), captured.is_some())),
                Line::Unknown => return unknown(self.first_unknown(string, ask)),
            },
        };
        let entry = match place {
            None => default,
            Some((place, is_regex)) => {
                let known = self.by_place.get(&place).map_or(&[][..], |entries| entries);
                let fits = |&&entry: &&usize| match &self.entries[entry].key {
                    Key::Regex(_) => is_regex,
                    _ => !is_regex && self.meets(entry, string),
                };
                match known.iter().find(fits) {
                    Some(entry) => *entry,
                    None => return unknown(place.0),
                }
            }
        };
        Decision { chosen: self.entries[entry].chosen, entry: Some(entry), path: vec![entry] }
    }

    fn node_of(&self, pattern: &Arc<Pattern>) -> Option<NodeId> {
        let is = |entry: &&Entry| matches!(&entry.key, Key::Regex(own) if Arc::ptr_eq(own, pattern));
        self.entries.iter().find(is).and_then(|entry| entry.node)
    }

    fn first_unknown(&self, string: &[u8], ask: Ask) -> Option<NodeId> {
        let is = |entry: &&Entry| {
            matches!(&entry.key, Key::Regex(own)
                if ask(own, self.stripped(string)) == crate::route::regex::Matched::Unknown)
        };
        self.entries.iter().find(is).and_then(|entry| entry.node)
    }

    fn stripped<'s>(&self, string: &'s [u8]) -> &'s [u8] {
        if self.hostnames { string.strip_suffix(b".").unwrap_or(string) } else { string }
    }

    /// Whether a text or a wildcard fits a string.
    fn meets(&self, entry: usize, string: &[u8]) -> bool {
        let mut string = self.stripped(string).to_vec();
        if self.caseless {
            string.make_ascii_lowercase();
        }
        match &self.entries[entry].key {
            Key::Exact(text) => string == *text,
            Key::Below(text) => string.strip_suffix(&text[..]).is_some_and(|before| before.ends_with(b".")),
            Key::Above(text) => string.strip_prefix(&text[..]).is_some_and(|after| after.starts_with(b".")),
            Key::Regex(_) | Key::Default => false,
        }
    }

    pub(super) fn chosen(&self, entry: usize) -> Chosen {
        self.entries[entry].chosen
    }

    pub(super) fn by_chosen(&self, chosen: Chosen) -> Vec<usize> {
        self.by_chosen.get(&chosen).cloned().unwrap_or_default()
    }

    /// What fits an entry; for a regex that is no language, whatever is not empty.
    pub(super) fn condition(&self, entry: usize) -> Formula {
        self.exactly(entry).cloned().unwrap_or_else(|| self.some())
    }

    /// What fits an entry and nothing else; `None` for a regex that is no language.
    fn exactly(&self, entry: usize) -> Option<&Formula> {
        let entry = &self.entries[entry];
        let make = || match &entry.key {
            Key::Exact(text) => self.plain(Language::one_of(&[text])),
            Key::Below(text) => self.plain(Language::suffix(&[&b"."[..], text].concat())),
            Key::Above(text) => self.plain(Language::prefix(&[&text[..], b"."].concat())),
            Key::Default => Some(always()),
            Key::Regex(pattern) => {
                let language = pattern.language().ok()?;
                Some(self.some().and(self.dotted(language.clone())?))
            }
        };
        entry.condition.get_or_init(make).as_ref()
    }

    /// What is not empty: no regex is asked of anything else.
    fn some(&self) -> Formula {
        let empty: &[&[u8]] = if self.hostnames { &[b"", b"."] } else { &[b""] };
        outside(Language::one_of(empty))
    }

    fn plain(&self, language: Language) -> Option<Formula> {
        self.dotted(if self.caseless { language.caseless() } else { language })
    }

    /// The strings that are of a language once a last dot is dropped.
    fn dotted(&self, language: Language) -> Option<Formula> {
        if !self.hostnames {
            return Some(Formula::In(language));
        }
        let dotless = Formula::In(language.clone()).and(outside(Language::suffix(b".")));
        Some(Formula::Any(vec![dotless, Formula::In(language.then(b".")?)]))
    }

    pub(super) fn whereabouts(&self, entry: usize) -> Where {
        match &self.entries[entry].key {
            Key::Exact(text) if !self.caseless => Where::Only(text.clone()),
            _ => Where::Within(self.condition(entry)),
        }
    }

    pub(super) fn samples(&self, entry: usize) -> Vec<Vec<u8>> {
        match &self.entries[entry].key {
            Key::Exact(text) => vec![text.clone()],
            Key::Below(text) => vec![[&b"a."[..], text].concat(), [&b"x."[..], text].concat()],
            Key::Above(text) => vec![[text, &b".a"[..]].concat(), [text, &b".x"[..]].concat()],
            Key::Regex(pattern) if pattern.language().is_err() => pattern.samples(b""),
            Key::Regex(_) | Key::Default => Vec::new(),
        }
    }

    fn texts(&self) -> Formula {
        let make = || {
            let texts: Vec<&[u8]> = self
                .entries
                .iter()
                .filter_map(|entry| match &entry.key {
                    Key::Exact(text) => Some(&text[..]),
                    _ => None,
                })
                .collect();
            self.plain(Language::one_of(&texts)).unwrap_or_else(never)
        };
        self.texts.get_or_init(make).clone()
    }

    /// A set that has `decision`'s string and no string that gets `entry`, which did not get this one.
    pub(super) fn block(&self, entry: usize, decision: &Decision) -> Block {
        let nodes = |entry: usize| self.entries[entry].node.into_iter().collect::<Vec<_>>();
        let Some(winner) = decision.entry else {
            let Chosen::Unknown(node) = decision.chosen else { return Block::guess(Vec::new()) };
            return Block::guess(vec![node]);
        };
        if winner > entry && !matches!(self.entries[entry].key, Key::Regex(_)) {
            // Wildcards of one kind compete by length, and the longer one need not stand first.
            if !self.same_kind(winner, entry) {
                return Block::guess(nodes(winner));
            }
        } else if winner > entry {
            return Block::guess(nodes(winner));
        }
        match self.exactly(winner) {
            Some(formula) => Block { nodes: nodes(winner), formula: Some(formula.clone()), guess: false },
            None => Block::guess(nodes(winner)),
        }
    }

    fn same_kind(&self, one: usize, other: usize) -> bool {
        matches!(
            (&self.entries[one].key, &self.entries[other].key),
            (Key::Below(_), Key::Below(_)) | (Key::Above(_), Key::Above(_))
        )
    }

    /// All that is equal to a text, for the default.
    pub(super) fn bulk(&self, entry: usize) -> Option<(Formula, Vec<NodeId>)> {
        let is_text = |entry: &&Entry| matches!(entry.key, Key::Exact(_));
        let nodes = || self.entries.iter().filter(is_text).filter_map(|entry| entry.node).collect();
        matches!(self.entries[entry].key, Key::Default).then(|| (self.texts(), nodes()))
    }

    pub(super) fn is_regex(&self, entry: usize) -> bool {
        matches!(self.entries[entry].key, Key::Regex(_))
    }

    /// Every regex, with its directive and which argument of that it is.
    pub(super) fn regex_places(&self) -> Vec<(usize, NodeId, usize)> {
        let places = self.by_place.iter().filter_map(|((node, argument, _), entries)| {
            let entry = *entries.iter().find(|&&entry| self.is_regex(entry))?;
            Some((entry, (*node)?, *argument))
        });
        let mut places: Vec<_> = places.collect();
        places.sort();
        places
    }

    pub(super) fn regex(&self, entry: usize) -> Option<&Pattern> {
        match &self.entries[entry].key {
            Key::Regex(pattern) => Some(pattern),
            _ => None,
        }
    }

    /// Whether letters of both cases are the same to a text.
    pub(super) fn is_caseless(&self) -> bool {
        self.caseless
    }

    /// The regex that stands at a node; the first of them.
    pub(super) fn pattern(&self, node: NodeId) -> Option<&Pattern> {
        self.entries.iter().find_map(|entry| match &entry.key {
            Key::Regex(pattern) if entry.node == Some(node) => Some(&**pattern),
            _ => None,
        })
    }
}
