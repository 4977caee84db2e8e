//! The locations of a server, as what each of them needs and what can stand in its way.
//!
//! The walk itself is the router's. Here is only what follows from it: if a string went another way than a location needs,
//! which set of strings, this one among them, goes astray as well.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::Chosen;
use super::rules::{Block, Decision, Where, always, never, outside};
use crate::config::NodeId;
use crate::language::{Formula, Language};
use crate::lower::{Location, LocationKind};
use crate::route::location::{End, Level as Compared, Locations};
use crate::route::regex::{Ask, Pattern};

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

/// What took a string at one level.
#[derive(Default)]
struct Taken {
    single: Option<usize>,
    prefix: Option<usize>,
    regex: Option<usize>,
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

    fn taken(&self, level: Option<usize>, path: &[usize]) -> Taken {
        let mut taken = Taken::default();
        for &item in path.iter().filter(|&&item| Some(self.items[item].level) == level) {
            match &self.items[item].what {
                What::Exact(_) | What::Redirect(_) => taken.single = Some(item),
                What::Prefix { .. } => taken.prefix = Some(item),
                What::Regex(_) => taken.regex = Some(item),
                What::Server | What::Never(_) => {}
            }
        }
        taken
    }

    fn node(&self, item: usize) -> Vec<NodeId> {
        self.items[item].node.into_iter().collect()
    }

    fn matching(&self, item: usize) -> Block {
        match (&self.items[item].what, self.items[item].node) {
            (What::Regex(pattern), Some(node)) => Block::matching(node, pattern),
            _ => Block::guess(self.node(item)),
        }
    }

    fn beginning(&self, item: usize) -> Block {
        Block { nodes: self.node(item), formula: Some(self.begins(item)), guess: false }
    }

    /// A set that has `decision`'s string and no string that gets `entry`, which did not get this one.
    pub(super) fn block(&self, entry: usize, decision: &Decision) -> Block {
        let path = &decision.path[..];
        let strange = || match decision.chosen {
            Chosen::Rule(node) | Chosen::Redirect(node) | Chosen::Unknown(node) => Block::guess(vec![node]),
            Chosen::Nothing => Block::guess(Vec::new()),
        };
        if matches!(decision.chosen, Chosen::Unknown(_)) {
            return strange();
        }
        let chain = if entry == SERVER { Vec::new() } else { self.chain(entry) };
        for (depth, &wanted) in chain.iter().enumerate() {
            let level = self.items[wanted].level;
            let taken = self.taken(Some(level), path);
            let is_last = depth + 1 == chain.len();
            if let Some(single) = taken.single {
                return Block::single(self.node(single));
            }
            match &self.items[wanted].what {
                What::Prefix { .. } => match taken.prefix {
                    Some(prefix) if prefix != wanted => return self.beginning(prefix),
                    None => return strange(),
                    Some(_) if is_last => return self.past(&chain, path).unwrap_or_else(strange),
                    Some(_) => {}
                },
                What::Regex(_) => match taken.regex {
                    Some(regex) if regex != wanted => return self.matching(regex),
                    None => return self.before_regexes(taken.prefix, path).unwrap_or_else(strange),
                    Some(_) if is_last => return self.past(&chain, path).unwrap_or_else(strange),
                    Some(_) => {}
                },
                // One string: whatever took it.
                _ => return Block::single(path.last().map_or_else(Vec::new, |&item| self.node(item))),
            }
        }
        let top = self.taken(Some(0), path);
        if let Some(single) = top.single {
            return Block::single(self.node(single));
        }
        top.prefix
            .map(|prefix| self.beginning(prefix))
            .or_else(|| top.regex.map(|regex| self.matching(regex)))
            .unwrap_or_else(strange)
    }

    /// A string that came to the last of `chain` and went past it: further in, or to a regex further out.
    fn past(&self, chain: &[usize], path: &[usize]) -> Option<Block> {
        let within = self.taken(self.items[*chain.last()?].inside, path);
        if let Some(single) = within.single {
            return Some(Block::single(self.node(single)));
        }
        if let Some(prefix) = within.prefix {
            return Some(self.beginning(prefix));
        }
        if let Some(regex) = within.regex {
            return Some(self.matching(regex));
        }
        let regex = chain.iter().rev().find_map(|&item| self.taken(Some(self.items[item].level), path).regex);
        // The regex of the chain itself is none that a string could go past the chain to.
        regex.filter(|regex| !chain.contains(regex)).map(|regex| self.matching(regex))
    }

    /// A string for which the regexes of a level were not asked, because of its longest prefix there.
    fn before_regexes(&self, prefix: Option<usize>, path: &[usize]) -> Option<Block> {
        let mut prefix = prefix?;
        let mut all = vec![self.region(prefix)];
        if self.items[prefix].no_regex() {
            return Some(Block { nodes: self.node(prefix), formula: Some(Formula::All(all)), guess: false });
        }
        loop {
            let level = self.items[prefix].inside?;
            let taken = self.taken(Some(level), path);
            if let Some(single) = taken.single {
                return Some(Block::single(self.node(single)));
            }
            if let Some(regex) = taken.regex {
                if self.levels[level].no_regex {
                    all.push(
                        taken.prefix.map_or_else(|| self.no_prefix(level), |prefix| self.region(prefix)),
                    );
                }
                let Block { nodes, formula: Some(matching), guess } = self.matching(regex) else {
                    return Some(self.matching(regex));
                };
                all.push(matching);
                return Some(Block { nodes, formula: Some(Formula::All(all)), guess });
            }
            prefix = taken.prefix?;
            all.push(self.region(prefix));
        }
    }
}
