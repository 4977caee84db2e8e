//! The locations of a server, as what each of them needs and what can stand in its way.
//!
//! The walk itself is the router's. Here is only what follows from it: if a string went another way than a location needs,
//! which set of strings, this one among them, goes astray as well.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::Chosen;
use super::rules::{Decision, Where, always, never, outside};
use crate::config::NodeId;
use crate::language::{Formula, Language};
use crate::lower::{Location, LocationKind};
use crate::route::location::{End, Level as Compared, Locations};
use crate::route::regex::{Ask, Pattern};

mod block;

/// The place of [`What::Server`] among the items.
pub(super) const SERVER: usize = 0;

/// What may take a string.
#[derive(Debug)]
pub(super) enum What {
    /// The server itself.
    Server,
    /// A text that the URI is equal to.
    Exact(Vec<u8>),
    /// A URI that lacks the last slash of a location.
    Redirect(Vec<u8>),
    Prefix {
        text: Vec<u8>,
        no_regex: bool,
    },
    Regex(Arc<Pattern>),
    /// A location that nginx compares with nothing: what stands in its place.
    Never(Vec<NodeId>),
}

/// A location, or what else may take a string.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) what: What,
    /// For [`SERVER`] that of nobody.
    pub(super) node: Option<NodeId>,
    /// Where it stands.
    pub(super) level: usize,
    /// What stands in it.
    pub(super) inside: Option<usize>,
    begins: OnceLock<Language>,
    longer: OnceLock<Option<Language>>,
}

/// The locations of one block.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// The location that they stand in.
    pub(super) around: Option<usize>,
    /// By their texts.
    pub(super) prefixes: Vec<usize>,
    /// In order.
    pub(super) regexes: Vec<usize>,
    /// Whether one of the prefixes is `^~`.
    no_regex: bool,
    any_prefix: OnceLock<Language>,
}

/// The locations of a server.
pub(super) struct Tree {
    locations: Arc<Locations>,
    pub(super) items: Vec<Item>,
    pub(super) levels: Vec<Level>,
    /// All locations that have no name, in order.
    pub(super) rules: Vec<NodeId>,
    /// How many of the items are regexes.
    pub(super) regexes: u64,
    by_node: HashMap<NodeId, usize>,
    redirects: HashMap<NodeId, usize>,
}

impl Item {
    pub(super) fn text(&self) -> &[u8] {
        match &self.what {
            What::Prefix { text, .. } | What::Exact(text) | What::Redirect(text) => text,
            _ => b"",
        }
    }

    /// Whether it is marked `^~`.
    pub(super) fn no_regex(&self) -> bool {
        matches!(self.what, What::Prefix { no_regex: true, .. })
    }
}

impl Tree {
    pub(super) fn of(locations: Arc<Locations>, written: &[Location]) -> Tree {
        let mut tree = Tree {
            locations: Arc::clone(&locations),
            items: Vec::new(),
            levels: Vec::new(),
            rules: Vec::new(),
            regexes: 0,
            by_node: HashMap::new(),
            redirects: HashMap::new(),
        };
        tree.add(What::Server, None, 0);
        tree.level(&locations.top, None);
        tree.written(written, None);
        tree
    }

    fn add(&mut self, what: What, node: Option<NodeId>, level: usize) -> usize {
        let (begins, longer) = (OnceLock::new(), OnceLock::new());
        self.items.push(Item { what, node, level, inside: None, begins, longer });
        self.items.len() - 1
    }

    fn level(&mut self, compared: &Compared, around: Option<usize>) -> usize {
        let level = self.levels.len();
        self.levels.push(Level { around, ..Level::default() });
        for text in &compared.texts {
            if let Some(node) = text.exact {
                let item = self.add(What::Exact(text.text.clone()), Some(node), level);
                self.by_node.insert(node, item);
            }
            if let Some(prefix) = &text.prefix {
                let what = What::Prefix { text: text.text.clone(), no_regex: prefix.no_regex };
                let item = self.add(what, Some(prefix.node), level);
                self.by_node.insert(prefix.node, item);
                self.levels[level].prefixes.push(item);
                self.levels[level].no_regex |= prefix.no_regex;
                self.items[item].inside = Some(self.level(&prefix.inside, Some(item)));
            }
            let prefix = text.prefix.as_ref().map(|prefix| prefix.node);
            if text.auto_redirect
                && let Some(node) = text.exact.or(prefix)
                && let Some(string) = text.text.strip_suffix(b"/")
            {
                let item = self.add(What::Redirect(string.to_vec()), Some(node), level);
                self.redirects.insert(node, item);
            }
        }
        for (pattern, node, inside) in &compared.regexes {
            let item = self.add(What::Regex(Arc::clone(pattern)), Some(*node), level);
            self.by_node.insert(*node, item);
            self.levels[level].regexes.push(item);
            self.regexes += 1;
            self.items[item].inside = Some(self.level(inside, Some(item)));
        }
        level
    }

    /// Notes all locations as they are written, with those that are never compared.
    fn written(&mut self, locations: &[Location], in_regex: Option<NodeId>) {
        let is_regex = |location: &Location| matches!(location.kind, LocationKind::Regex { .. });
        for location in locations.iter().filter(|location| location.kind != LocationKind::Named) {
            self.rules.push(location.node);
            if !self.by_node.contains_key(&location.node) {
                let exact = location.kind == LocationKind::Exact;
                let twin = locations.iter().find(|other| {
                    !is_regex(other)
                        && other.pattern == location.pattern
                        && (other.kind == LocationKind::Exact) == exact
                });
                let by = in_regex.or(twin.map(|twin| twin.node)).into_iter().collect();
                let item = self.add(What::Never(by), Some(location.node), 0);
                self.by_node.insert(location.node, item);
            }
            let in_regex = in_regex.or(is_regex(location).then_some(location.node));
            self.written(&location.children, in_regex);
        }
    }

    pub(super) fn decide(&self, uri: &[u8], ask: Ask) -> Decision {
        let (end, search) = self.locations.find_by(uri, ask);
        let mut path: Vec<usize> =
            search.notes.iter().filter_map(|(node, _)| self.by_node.get(node).copied()).collect();
        let last = search.location;
        let (chosen, entry) = match (end, last) {
            (End::Unknown, Some(node)) => (Chosen::Unknown(node), None),
            (End::Redirect, Some(node)) => {
                path.pop();
                let entry = self.redirects.get(&node).copied();
                path.extend(entry);
                (Chosen::Redirect(node), entry)
            }
            (_, Some(node)) => (Chosen::Rule(node), path.last().copied()),
            (_, None) => (Chosen::Nothing, Some(SERVER)),
        };
        Decision { chosen, entry, path }
    }

    pub(super) fn entries(&self, chosen: Chosen) -> Vec<usize> {
        let entry = match chosen {
            Chosen::Nothing => Some(SERVER),
            Chosen::Rule(node) => self.by_node.get(&node).copied(),
            Chosen::Redirect(node) => self.redirects.get(&node).copied(),
            Chosen::Unknown(_) => None,
        };
        entry.into_iter().collect()
    }

    pub(super) fn chosen(&self, entry: usize) -> Chosen {
        let item = &self.items[entry];
        match (&item.what, item.node) {
            (What::Redirect(_), Some(node)) => Chosen::Redirect(node),
            (_, Some(node)) => Chosen::Rule(node),
            (_, None) => Chosen::Nothing,
        }
    }

    /// The locations that an item stands in, outermost first, and the item itself.
    fn chain(&self, item: usize) -> Vec<usize> {
        let around = |&item: &usize| self.levels[self.items[item].level].around;
        let mut chain: Vec<usize> = std::iter::successors(Some(item), around).collect();
        chain.reverse();
        chain
    }

    pub(super) fn whereabouts(&self, entry: usize) -> Where {
        match &self.items[entry].what {
            What::Exact(text) | What::Redirect(text) => Where::Only(text.clone()),
            What::Never(by) => Where::Nowhere(by.clone()),
            What::Server => Where::Within(always()),
            What::Prefix { .. } | What::Regex(_) => Where::Within(self.condition(entry)),
        }
    }

    /// What must hold of a string for an item to be tried and to fit.
    pub(super) fn condition(&self, item: usize) -> Formula {
        let mut all = Vec::new();
        let mut longest: Option<(usize, &[u8])> = None;
        for item in self.chain(item) {
            match &self.items[item].what {
                What::Prefix { text, .. } => {
                    if let Some((outer, outer_text)) = longest
                        && !text.starts_with(outer_text)
                    {
                        all.push(self.begins(outer));
                    }
                    longest = Some((item, text));
                }
                What::Regex(pattern) => {
                    if let Ok(language) = pattern.language() {
                        all.push(Formula::In(language.clone()));
                    }
                }
                What::Exact(text) | What::Redirect(text) => all.push(Formula::In(Language::one_of(&[text]))),
                What::Server => {}
                What::Never(_) => all.push(never()),
            }
        }
        if let Some((item, text)) = longest
            && !text.is_empty()
        {
            all.push(self.begins(item));
        }
        Formula::All(all)
    }

    /// Strings that the item may well get, the plainest first.
    pub(super) fn samples(&self, entry: usize) -> Vec<Vec<u8>> {
        match &self.items[entry].what {
            What::Prefix { text, .. } => vec![text.clone(), [text, &b"x"[..]].concat()],
            What::Regex(pattern) if pattern.language().is_err() => {
                let around =
                    self.chain(entry).into_iter().rev().find_map(|item| match &self.items[item].what {
                        What::Prefix { text, .. } => Some(&text[..]),
                        _ => None,
                    });
                pattern.samples(around.unwrap_or(b"/"))
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn begins(&self, item: usize) -> Formula {
        let item = &self.items[item];
        Formula::In(item.begins.get_or_init(|| Language::prefix(item.text())).clone())
    }

    /// Strings that begin with a longer text of the same level than the item's; `None` when there is none.
    pub(super) fn longer(&self, item: usize) -> Option<&Language> {
        let item = &self.items[item];
        let make = || {
            let texts = self.longer_items(item).map(|longer| self.text(longer));
            let texts: Vec<&[u8]> = texts.collect();
            (!texts.is_empty()).then(|| Language::any_prefix(&texts))
        };
        item.longer.get_or_init(make).as_ref()
    }

    /// The locations of the level whose texts begin with that of the item and are longer.
    fn longer_items<'t>(&'t self, item: &'t Item) -> impl Iterator<Item = usize> + 't {
        let text = item.text();
        let prefixes = &self.levels[item.level].prefixes;
        let after = prefixes.partition_point(|&other| self.text(other) <= text);
        prefixes[after..].iter().copied().take_while(move |&other| self.text(other).starts_with(text))
    }

    /// What begins with a longer text than an item's, and who takes it.
    pub(super) fn bulk(&self, entry: usize) -> Option<(Formula, Vec<NodeId>)> {
        let nodes =
            |items: &mut dyn Iterator<Item = usize>| items.filter_map(|item| self.items[item].node).collect();
        match &self.items[entry].what {
            What::Server => {
                let Formula::Not(any) = self.no_prefix(0) else { return None };
                Some((*any, nodes(&mut self.levels[0].prefixes.iter().copied())))
            }
            What::Prefix { .. } => {
                let longer = self.longer(entry)?.clone();
                Some((Formula::In(longer), nodes(&mut self.longer_items(&self.items[entry]))))
            }
            _ => None,
        }
    }

    pub(super) fn is_regex(&self, entry: usize) -> bool {
        matches!(self.items[entry].what, What::Regex(_))
    }

    /// The regex of a location.
    pub(super) fn pattern(&self, node: NodeId) -> Option<&Pattern> {
        match &self.items[*self.by_node.get(&node)?].what {
            What::Regex(pattern) => Some(pattern),
            _ => None,
        }
    }

    pub(super) fn text(&self, item: usize) -> &[u8] {
        self.items[item].text()
    }

    /// The strings of which this prefix is the longest of its level.
    fn region(&self, prefix: usize) -> Formula {
        match self.longer(prefix) {
            Some(longer) => self.begins(prefix).and(outside(longer.clone())),
            None => self.begins(prefix),
        }
    }

    /// The strings that have no prefix at a level.
    fn no_prefix(&self, level: usize) -> Formula {
        let level = &self.levels[level];
        let texts = || level.prefixes.iter().map(|&item| self.text(item)).collect::<Vec<_>>();
        outside(level.any_prefix.get_or_init(|| Language::any_prefix(&texts())).clone())
    }
}
