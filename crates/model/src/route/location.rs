//! Which location a URI belongs to.
//!
//! Source: `ngx_http_init_locations`, `ngx_http_create_locations_tree`, src/http/ngx_http.c;
//! `ngx_http_core_find_location`, `ngx_http_core_find_static_location`, src/http/ngx_http_core_module.c

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};

use super::blocks::{Blocks, Role};
use super::regex::{Ask, Matched, Pattern, Patterns};
use super::script;
use crate::config::NodeId;
use crate::lower::{Location, LocationKind, Server};
use crate::request::PassKind;

/// The locations of one block.
#[derive(Default)]
pub(crate) struct Level {
    /// The texts that are compared, in order. Those of locations inside a regex are never compared.
    pub(crate) texts: Vec<Text>,
    pub(crate) regexes: Vec<(Arc<Pattern>, NodeId, Level)>,
}

/// The locations that a text stands for.
pub(crate) struct Text {
    pub(crate) text: Vec<u8>,
    pub(crate) exact: Option<NodeId>,
    pub(crate) prefix: Option<Prefix>,
    pub(crate) auto_redirect: bool,
    /// The longest other prefix that this text begins with.
    outer: Option<usize>,
}

/// A location that takes what begins with its text.
pub(crate) struct Prefix {
    pub(crate) node: NodeId,
    pub(crate) no_regex: bool,
    pub(crate) inside: Level,
}

/// The locations of a server.
pub(crate) struct Locations {
    pub(crate) top: Level,
    named: HashMap<Vec<u8>, NodeId>,
}

/// How the search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// No location of this level.
    Declined,
    /// By an equal text or a regex.
    Ok,
    /// By a text with one slash more: the client is sent there.
    Redirect,
    /// A regex that cannot be asked stands in the way.
    Unknown,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Sought {
    pub(crate) location: Option<NodeId>,
    /// The regexes on the way that matched, in order.
    pub(crate) captured: Vec<Arc<Pattern>>,
    /// Why, outermost first.
    pub(crate) notes: Vec<(NodeId, &'static str)>,
}

impl Locations {
    pub(super) fn of(server: &Server, blocks: &Blocks<'_>, patterns: &Patterns) -> Locations {
        let named = server.locations.iter().filter(|location| location.kind == LocationKind::Named);
        let mut by_name = HashMap::new();
        for location in named {
            by_name.entry(location.pattern.clone()).or_insert(location.node);
        }
        Locations { top: Level::of(&server.locations, false, blocks, patterns), named: by_name }
    }

    pub(super) fn named(&self, name: &[u8]) -> Option<NodeId> {
        self.named.get(name).copied()
    }

    pub(super) fn find(&self, uri: &[u8]) -> (End, Sought) {
        self.find_by(uri, Pattern::matches)
    }

    /// The same, where `ask` answers for the regexes.
    pub(crate) fn find_by(&self, uri: &[u8], ask: Ask) -> (End, Sought) {
        let mut search = Search { uri, ask, sought: Sought::default() };
        (search.level(&self.top), search.sought)
    }
}

/// A search on its way.
struct Search<'u> {
    uri: &'u [u8],
    ask: Ask,
    sought: Sought,
}

impl Level {
    fn of(locations: &[Location], in_regex: bool, blocks: &Blocks<'_>, patterns: &Patterns) -> Level {
        let mut texts: BTreeMap<&[u8], Text> = BTreeMap::new();
        let mut regexes = Vec::new();
        for location in locations {
            let inside = |in_regex| Level::of(&location.children, in_regex, blocks, patterns);
            match location.kind {
                LocationKind::Named => continue,
                LocationKind::Regex { caseless } => {
                    let pattern = patterns.get(&location.pattern, caseless);
                    regexes.push((pattern, location.node, inside(true)));
                    continue;
                }
                _ if in_regex => continue,
                _ => {}
            }
            let empty = || Text {
                text: location.pattern.clone(),
                exact: None,
                prefix: None,
                auto_redirect: false,
                outer: None,
            };
            let text = texts.entry(&location.pattern).or_insert_with(empty);
            text.auto_redirect |= passes(blocks, location.node) && location.pattern.ends_with(b"/");
            if location.kind == LocationKind::Exact {
                text.exact = text.exact.or(Some(location.node));
            } else if text.prefix.is_none() {
                let no_regex = location.kind == LocationKind::PrefixNoRegex;
                text.prefix = Some(Prefix { node: location.node, no_regex, inside: inside(false) });
            }
        }
        let mut texts: Vec<Text> = texts.into_values().collect();
        let mut open: Vec<usize> = Vec::new();
        for at in 0..texts.len() {
            while let Some(&last) = open.last() {
                if texts[at].text.starts_with(&texts[last].text) {
                    break;
                }
                open.pop();
            }
            texts[at].outer = open.last().copied();
            if texts[at].prefix.is_some() {
                open.push(at);
            }
        }
        Level { texts, regexes }
    }

    /// The text that completes the last slash of a URI; `after` is the first text behind the URI.
    fn slashed(&self, uri: &[u8], after: usize) -> Option<&Text> {
        let behind = &self.texts[after..];
        let before = |known: &Text| known.text.strip_prefix(uri).is_some_and(|rest| rest < b"/");
        let slashed = behind.get(behind.partition_point(before))?;
        (slashed.auto_redirect && slashed.text.strip_prefix(uri) == Some(b"/")).then_some(slashed)
    }

    /// The longest prefix of a URI.
    fn prefix(&self, uri: &[u8], after: usize) -> Option<&Prefix> {
        let mut at = after.checked_sub(1);
        while let Some(index) = at {
            let text = &self.texts[index];
            if let Some(prefix) = text.prefix.as_ref().filter(|_| uri.starts_with(&text.text)) {
                return Some(prefix);
            }
            at = text.outer;
        }
        None
    }
}

/// Whether a location passes on in a way that completes the slash at its end.
///
/// Source: `ngx_http_uwsgi_pass`, `ngx_http_scgi_pass`, which leave before that where there are variables, unlike the others
fn passes(blocks: &Blocks<'_>, location: NodeId) -> bool {
    blocks.own(location).iter().any(|fact| match fact.role {
        Role::Pass(kind @ (PassKind::Uwsgi | PassKind::Scgi)) => {
            let mut nodes = blocks.own_with(location, Role::Pass(kind));
            nodes.any(|node| !node.arg(0).is_some_and(script::has_variables))
        }
        Role::Pass(_) => true,
        _ => false,
    })
}

impl Search<'_> {
    fn level(&mut self, level: &Level) -> End {
        let after = level.texts.partition_point(|known| known.text.as_slice() <= self.uri);
        let equal = level.texts[..after].last().filter(|known| known.text == self.uri);
        if let Some(exact) = equal.and_then(|text| text.exact) {
            self.note(exact, "the URI is equal to it; nothing else is tried");
            return End::Ok;
        }
        let prefix = level.prefix(self.uri, after);
        if equal.is_none_or(|text| text.prefix.is_none())
            && let Some(text) = level.slashed(self.uri, after)
            && let Some(node) = text.exact.or(text.prefix.as_ref().map(|prefix| prefix.node))
        {
            self.note(
                node,
                "passes requests on and only lacks the last slash of the URI: the client is sent there",
            );
            return End::Redirect;
        }
        let mut no_regex = false;
        let mut end = End::Declined;
        if let Some(prefix) = prefix {
            no_regex = prefix.no_regex;
            let why = match (no_regex, level.regexes.is_empty()) {
                (true, _) => "longest prefix, marked ^~: no regex of this level is tried",
                (false, true) => "longest prefix",
                (false, false) => "longest prefix; regexes of this level come before it",
            };
            self.note(prefix.node, why);
            end = self.level(&prefix.inside);
        }
        if end != End::Declined || no_regex {
            return end;
        }
        for (pattern, node, inside) in &level.regexes {
            match (self.ask)(pattern, self.uri) {
                Matched::No => {}
                Matched::Unknown => {
                    self.note(*node, "whether its regex matches cannot be told");
                    return End::Unknown;
                }
                Matched::Yes(_) => {
                    self.sought.captured.push(Arc::clone(pattern));
                    self.note(*node, "first regex of its level that matches");
                    return match self.level(inside) {
                        End::Unknown => End::Unknown,
                        _ => End::Ok,
                    };
                }
            }
        }
        end
    }

    fn note(&mut self, node: NodeId, why: &'static str) {
        self.sought.location = Some(node);
        self.sought.notes.push((node, why));
    }
}
