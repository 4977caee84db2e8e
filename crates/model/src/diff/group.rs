//! Rows: what one edit does to many blocks is told once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::compare::{block, what};
use super::{Change, ChangeKey, Example, Side, What};
use crate::canonical::{Canon, counterparts};
use crate::config::{Config, Node, NodeId};
use crate::explore::Way;
use crate::explore::class::glob;
use crate::lower::ServerKind;
use crate::request::{Outcome, Route};

/// The changes so far, by what is responsible.
pub(super) struct Groups<'c> {
    configs: [&'c Config; 2],
    canons: [Canon<'c>; 2],
    examples: usize,
    twins: OnceCell<[HashMap<NodeId, NodeId>; 2]>,
    groups: BTreeMap<GroupKey, Group>,
}

/// What is responsible, what changes, and into what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    what: What,
    responsible: Responsible,
    kinds: (&'static str, &'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Responsible {
    /// A block that is new, or that takes what others had.
    New(NodeId),
    /// A block that is gone.
    Old(NodeId),
    /// A block that is there still, and says something else.
    Both(NodeId),
    /// Directives outside the blocks.
    Because(Vec<(Side, NodeId)>),
}

struct Group {
    class: String,
    witness: Example,
    /// Of each pair of blocks, the first.
    examples: BTreeMap<ChangeKey, (String, Example)>,
    because: BTreeSet<(Side, NodeId)>,
    only_odd: bool,
    uncertain: bool,
    /// The classes of all ways: of several the conditions are not told.
    classes: BTreeSet<String>,
    order: usize,
}

impl<'c> Groups<'c> {
    pub(super) fn new(old: &'c Config, new: &'c Config, examples: usize) -> Groups<'c> {
        Groups {
            configs: [old, new],
            canons: [Canon::of(old), Canon::of(new)],
            examples,
            twins: OnceCell::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Adds a way that changes.
    pub(super) fn add(&mut self, way: &Way) {
        let [old, new] = &way.seen[..] else { return };
        let Some(what) = what(&old.route, &new.route) else { return };
        let example = Example {
            request: way.request.clone(),
            world: way.world.clone(),
            old: old.route.clone(),
            new: new.route.clone(),
        };
        let because = self.because(&old.route, &new.route);
        let responsible = self.responsible(&old.route, &new.route, &because);
        let kinds = match responsible {
            Responsible::New(_) | Responsible::Old(_) => ("", ""),
            _ => (kind(&old.route), kind(&new.route)),
        };
        let key = (block(&old.route), block(&new.route), what);
        let uncertain = !old.route.depends_on.is_empty() || !new.route.depends_on.is_empty();
        let order = self.groups.len();
        let group = self.groups.entry(GroupKey { what, responsible, kinds }).or_insert_with(|| Group {
            class: way.class.clone(),
            witness: example.clone(),
            examples: BTreeMap::new(),
            because: BTreeSet::new(),
            only_odd: way.only_odd,
            uncertain,
            classes: BTreeSet::new(),
            order,
        });
        if group.classes.len() < 2 {
            group.classes.insert(way.class.clone());
        }
        // What assumes less, and can be typed, is the better witness.
        let cost = |example: &Example, odd: bool| (odd, example.request.method != b"GET", example.world.0.len(), example.request.target.len());
        let odd = group.only_odd;
        if cost(&example, way.only_odd) < cost(&group.witness, odd) {
            (group.witness, group.class) = (example.clone(), way.class.clone());
        }
        group.only_odd &= way.only_odd;
        group.uncertain &= uncertain;
        group.because.extend(because);
        group.examples.entry(key).or_insert_with(|| (way.class.clone(), example));
    }

    /// The rows, the widest first.
    pub(super) fn changes(self) -> Vec<Change> {
        let Groups { configs, examples: limit, groups, .. } = self;
        let mut rows: Vec<(usize, Change)> = groups
            .into_iter()
            .map(|(key, group)| {
                let pairs = group.examples.len();
                let class = class(&configs, &key.responsible, &group, pairs);
                let keys: Vec<ChangeKey> = group.examples.keys().copied().collect();
                let others = group.examples.into_values().map(|(_, example)| example);
                let examples = others.filter(|example| *example != group.witness).take(limit).collect();
                let change = Change {
                    class,
                    what: key.what,
                    witness: group.witness,
                    examples,
                    pairs,
                    keys,
                    because: group.because.into_iter().take(BECAUSE_MAX).collect(),
                    only_odd: group.only_odd,
                    uncertain: group.uncertain,
                };
                (group.order, change)
            })
            .collect();
        rows.sort_by_key(|(order, change)| (change.only_odd, std::cmp::Reverse(change.pairs), *order));
        rows.into_iter().map(|(_, change)| change).collect()
    }

    fn twins(&self) -> &[HashMap<NodeId, NodeId>; 2] {
        self.twins.get_or_init(|| {
            let servers = |side: usize| {
                let config = self.configs[side];
                let mut by_name: HashMap<(Vec<&[u8]>, usize), usize> = HashMap::new();
                let mut counts: HashMap<Vec<&[u8]>, usize> = HashMap::new();
                for (place, server) in config.servers().iter().enumerate() {
                    if server.kind != ServerKind::Http {
                        continue;
                    }
                    let names: Vec<&[u8]> = server.names.iter().map(|name| &name.text[..]).collect();
                    let count = counts.entry(names.clone()).or_default();
                    by_name.insert((names, *count), place);
                    *count += 1;
                }
                by_name
            };
            let (old, new) = (servers(0), servers(1));
            let mut there = HashMap::new();
            for (key, place) in &old {
                let Some(other) = new.get(key) else { continue };
                let (one, another) = (&self.configs[0].servers()[*place], &self.configs[1].servers()[*other]);
                there.insert(one.node, another.node);
                there.extend(counterparts(&one.locations, &another.locations));
            }
            let back = there.iter().map(|(one, another)| (*another, *one)).collect();
            [there, back]
        })
    }

    fn responsible(&self, old: &Route, new: &Route, because: &[(Side, NodeId)]) -> Responsible {
        let twins = self.twins();
        let outside = || Responsible::Because(because.to_vec());
        match (block(old), block(new)) {
            (_, Some(new)) if !twins[1].contains_key(&new) => Responsible::New(new),
            (Some(old), _) if !twins[0].contains_key(&old) => Responsible::Old(old),
            (Some(old), Some(new)) if twins[0].get(&old) == Some(&new) => {
                self.changed_around(old, new).map_or_else(outside, Responsible::Both)
            }
            (Some(_), Some(new)) => Responsible::New(new),
            (None, Some(new)) => Responsible::New(server_of(self.configs[1].node(new))),
            (Some(old), None) => Responsible::Old(server_of(self.configs[0].node(old))),
            (None, None) => outside(),
        }
    }

    /// The nearest block around an old one whose own directives are not those of its counterpart.
    fn changed_around(&self, old: NodeId, new: NodeId) -> Option<NodeId> {
        let around = |side: usize, node: NodeId| {
            let node = self.configs[side].node(node);
            std::iter::once(node).chain(node.ancestors())
        };
        let pairs = around(0, old).zip(around(1, new));
        let mut changed = pairs.filter(|(one, another)| {
            self.canons[0].itself(one.id()) != self.canons[1].itself(another.id())
        });
        changed.next().map(|(one, _)| one.id())
    }

    /// The directives that only one side passed, or that say something else there.
    fn because(&self, old: &Route, new: &Route) -> Vec<(Side, NodeId)> {
        let nodes = |side: usize, route: &Route| -> Vec<(String, NodeId)> {
            let mut passed: Vec<NodeId> = route.steps.iter().filter_map(|step| step.node).collect();
            passed.extend(route.facts.headers.iter().map(|header| header.node));
            passed.extend(route.facts.limits.iter().map(|limit| limit.node));
            passed.extend(route.facts.sent.iter().filter_map(|header| header.node));
            passed.into_iter().map(|node| (text(self.configs[side].node(node)), node)).collect()
        };
        let (old_nodes, new_nodes) = (nodes(0, old), nodes(1, new));
        let only = |mine: &[(String, NodeId)], theirs: &[(String, NodeId)], side: Side| {
            let theirs: BTreeSet<&String> = theirs.iter().map(|(text, _)| text).collect();
            let alone = mine.iter().filter(|(text, _)| !theirs.contains(text));
            alone.map(|(_, node)| (side, *node)).collect::<BTreeSet<_>>()
        };
        let mut because = only(&old_nodes, &new_nodes, Side::Old);
        because.extend(only(&new_nodes, &old_nodes, Side::New));
        if because.is_empty() {
            // What is named by both, and means something else.
            because.extend(self.definitions(old, new));
        }
        if because.is_empty() {
            because.extend(old_nodes.last().map(|(_, node)| (Side::Old, *node)));
            because.extend(new_nodes.last().map(|(_, node)| (Side::New, *node)));
        }
        because.into_iter().collect()
    }

    /// The upstreams that are named alike and are not.
    fn definitions(&self, old: &Route, new: &Route) -> Vec<(Side, NodeId)> {
        let upstream = |side: usize, route: &Route| match &route.outcome {
            Outcome::Pass { upstream: Some(name), .. } => {
                self.configs[side].upstream(name.as_bytes()).map(|upstream| upstream.node)
            }
            _ => None,
        };
        let (one, another) = (upstream(0, old), upstream(1, new));
        let found = one.map(|node| (Side::Old, node)).into_iter();
        found.chain(another.map(|node| (Side::New, node))).collect()
    }
}

/// How many directives a row names.
const BECAUSE_MAX: usize = 16;

fn server_of(node: Node<'_>) -> NodeId {
    if node.is("server") { node.id() } else { node.server().map_or(node.id(), Node::id) }
}

/// A directive as it stands, without what stands in it.
fn text(node: Node<'_>) -> String {
    let mut text = String::from_utf8_lossy(node.name_bytes()).into_owned();
    for word in node.args() {
        text.push(' ');
        text.push_str(&String::from_utf8_lossy(word));
    }
    text
}

fn kind(route: &Route) -> &'static str {
    match &route.outcome {
        Outcome::Pass { kind, .. } => kind.name(),
        Outcome::File { .. } | Outcome::Files { .. } => "file",
        Outcome::Redirect { .. } => "redirect",
        Outcome::Return { .. } => "return",
        Outcome::Close { .. } => "close",
        Outcome::Error { .. } => "error",
    }
}

/// The class of a row.
fn class(configs: &[&Config; 2], responsible: &Responsible, group: &Group, pairs: usize) -> String {
    let whole = if group.classes.len() < 2 { &group.class[..] } else { without_conditions(&group.class) };
    if pairs < 2 {
        return whole.to_owned();
    }
    let place = whole.split_once(" on ").map_or("", |(_, place)| place);
    let method = String::from_utf8_lossy(&group.witness.request.method).into_owned();
    let path = |side: usize, node: NodeId| {
        let node = configs[side].node(node);
        if node.is("location") { glob(configs[side], node.id()) } else { String::from("/*") }
    };
    match responsible {
        Responsible::New(node) => {
            format!("{method} {} on {place} (takes from {pairs} locations)", path(1, *node))
        }
        Responsible::Old(node) => {
            format!("{method} {} on {place} (goes to {pairs} locations)", path(0, *node))
        }
        Responsible::Both(node) => format!("{method} {} on {place} ({pairs} locations)", path(0, *node)),
        Responsible::Because(_) => format!("{whole} (and {} like it)", pairs - 1),
    }
}

/// A class without what is assumed beside path and host.
fn without_conditions(class: &str) -> &str {
    let ends = [" when ", " with ", " from "].into_iter().filter_map(|word| class.find(word));
    &class[..ends.min().unwrap_or(class.len())]
}
