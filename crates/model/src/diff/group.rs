//! Rows: what one edit does to many blocks is told once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::compare::{class_key, only_one_listens};
use super::{Change, ChangeKey, Example, Side, What};
use crate::canonical::{Canon, counterparts};
use crate::config::{Config, Node, NodeId};
use crate::explore::Way;
use crate::explore::class::glob;
use crate::lower::ServerKind;
use crate::request::{Outcome, Route};

/// The changes so far.
pub(super) struct Groups<'c> {
    configs: [&'c Config; 2],
    canons: [Canon<'c>; 2],
    examples: usize,
    twins: OnceCell<[HashMap<NodeId, NodeId>; 2]>,
    buckets: BTreeMap<(Responsible, String), Bucket>,
}

/// What a row is about.
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

/// Ways that differ in nothing but what is assumed of the world, and that one edit changes.
struct Bucket {
    /// The plainest of them.
    best: Example,
    what: What,
    class: String,
    because: Vec<(Side, NodeId)>,
    cost: Cost,
    only_odd: bool,
    uncertain: bool,
    keys: BTreeSet<ChangeKey>,
    /// The blocks that take the requests first, before and after.
    regions: BTreeSet<(Option<NodeId>, Option<NodeId>)>,
    order: usize,
}

/// What makes a witness less plain: control characters, another method, a body, no name, what is assumed, its length.
type Cost = (bool, bool, bool, bool, usize, usize);

fn cost(example: &Example, odd: bool) -> Cost {
    let request = &example.request;
    let has = |name: &str| request.header(name).is_some();
    let length = request.target.len() + request.headers.iter().map(|(_, value)| value.len()).sum::<usize>();
    (odd, request.method != b"GET", has("content-length"), !has("host"), example.world.0.len(), length)
}

impl<'c> Groups<'c> {
    pub(super) fn new(old: &'c Config, new: &'c Config, examples: usize) -> Groups<'c> {
        Groups {
            configs: [old, new],
            canons: [Canon::of(old), Canon::of(new)],
            examples,
            twins: OnceCell::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// Adds a way that changes.
    pub(super) fn add(&mut self, way: &Way) {
        let [old, new] = &way.seen[..] else { return };
        let Some(key) = class_key(&old.route, &new.route) else { return };
        let (.., what) = key;
        let example = Example {
            request: way.request.clone(),
            world: way.world.clone(),
            old: old.route.clone(),
            new: new.route.clone(),
        };
        let because = self.because(&old.route, &new.route);
        let region = if only_one_listens(&old.route, &new.route) {
            (old.route.server, new.route.server)
        } else {
            (region(&self.configs, 0, &old.route), region(&self.configs, 1, &new.route))
        };
        let responsible = self.responsible(region, &because);
        let uncertain = !old.route.depends_on.is_empty() || !new.route.depends_on.is_empty();
        let cost = cost(&example, way.only_odd);
        let order = self.buckets.len();
        let class = without_assumptions(&way.class);
        let bucket = self.buckets.entry((responsible, class.clone())).or_insert_with(|| Bucket {
            best: example.clone(),
            what,
            class: class.clone(),
            because: because.clone(),
            cost,
            only_odd: way.only_odd,
            uncertain,
            keys: BTreeSet::new(),
            regions: BTreeSet::new(),
            order,
        });
        if cost < bucket.cost {
            (bucket.best, bucket.what, bucket.because, bucket.cost) = (example, what, because, cost);
            bucket.class = if way.world.0.is_empty() { class } else { way.class.clone() };
        }
        bucket.only_odd &= way.only_odd;
        bucket.uncertain &= uncertain;
        bucket.keys.insert(key);
        bucket.regions.insert(region);
    }

    /// The rows, the widest first.
    pub(super) fn changes(self) -> Vec<Change> {
        let Groups { configs, examples: limit, buckets, .. } = self;
        let mut rows: BTreeMap<(Responsible, What), Vec<Bucket>> = BTreeMap::new();
        for ((responsible, _), bucket) in buckets {
            rows.entry((responsible, bucket.what)).or_default().push(bucket);
        }
        let mut changes: Vec<(usize, Change)> = Vec::new();
        for ((responsible, what), mut buckets) in rows {
            // A row is called by what it is wide, not by a single path beside that.
            let is_path = |bucket: &Bucket| !bucket.class.split(" on ").next().unwrap_or("").contains('*');
            buckets.sort_by_key(|bucket| (bucket.cost.0, is_path(bucket), bucket.cost, bucket.order));
            let order = buckets.iter().map(|bucket| bucket.order).min().unwrap_or(0);
            let regions: BTreeSet<_> =
                buckets.iter().flat_map(|bucket| bucket.regions.iter().copied()).collect();
            let keys: BTreeSet<ChangeKey> =
                buckets.iter().flat_map(|bucket| bucket.keys.iter().copied()).collect();
            let (only_odd, uncertain) =
                (buckets.iter().all(|bucket| bucket.only_odd), buckets.iter().all(|bucket| bucket.uncertain));
            let class = class(&configs, &responsible, &buckets[0], regions.len());
            let mut because: Vec<(Side, NodeId)> = Vec::new();
            for directive in buckets.iter().flat_map(|bucket| &bucket.because) {
                if because.len() < BECAUSE_MAX && !because.contains(directive) {
                    because.push(*directive);
                }
            }
            let mut all = buckets.into_iter().map(|bucket| bucket.best);
            let Some(witness) = all.next() else { continue };
            let examples = all.take(limit).collect();
            let change = Change {
                class,
                what,
                witness,
                examples,
                pairs: regions.len(),
                keys: keys.into_iter().collect(),
                because,
                only_odd,
                uncertain,
            };
            changes.push((order, change));
        }
        changes.sort_by_key(|(order, change)| (change.only_odd, std::cmp::Reverse(change.pairs), *order));
        changes.into_iter().map(|(_, change)| change).collect()
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

    fn responsible(
        &self,
        region: (Option<NodeId>, Option<NodeId>),
        because: &[(Side, NodeId)],
    ) -> Responsible {
        let twins = self.twins();
        let outside = || Responsible::Because(because.to_vec());
        match region {
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
        let mut changed = pairs
            .filter(|(one, another)| self.canons[0].itself(one.id()) != self.canons[1].itself(another.id()));
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

/// A directive as it stands; what stands in it only where that is all that it says.
fn text(node: Node<'_>) -> String {
    let mut text = String::from_utf8_lossy(node.name_bytes()).into_owned();
    for word in node.args() {
        text.push(' ');
        text.push_str(&String::from_utf8_lossy(word));
    }
    if matches!(node.name(), "map" | "geo" | "split_clients") {
        for line in node.children() {
            text.push_str(&format!("; {}", self::text(line)));
        }
    }
    text
}

/// The block that takes a request first.
fn region(configs: &[&Config; 2], side: usize, route: &Route) -> Option<NodeId> {
    let start = route.steps.iter().position(|step| step.what == "location");
    let steps = route.steps[start.unwrap_or(route.steps.len())..].iter();
    let first = steps.take_while(|step| step.what == "location").filter_map(|step| step.node).last();
    first.filter(|node| configs[side].node(*node).is("location")).or(route.server)
}

/// The class of a row.
fn class(configs: &[&Config; 2], responsible: &Responsible, first: &Bucket, pairs: usize) -> String {
    if pairs < 2 {
        return first.class.clone();
    }
    let place = first.class.split_once(" on ").map_or("", |(_, place)| place);
    let method = String::from_utf8_lossy(&first.best.request.method).into_owned();
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
        Responsible::Because(_) => format!("{} (and {} like it)", first.class, pairs - 1),
    }
}

/// A class without what is assumed of the world.
fn without_assumptions(class: &str) -> String {
    class.find(" when ").map_or(class, |at| &class[..at]).to_owned()
}
