//! What a block means, told by a number: equal digests are equal behaviour for every request that gets there.
//!
//! A digest has the directives of the block and of those around it as nginx reads them, and everything that they name
//! (maps, upstreams, limits). It does not have files, lines, comments, the order of what has no order, what only logs or
//! tunes. Different digests may still behave alike: whoever needs to know that walks.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::config::{Config, Node, NodeId};
use crate::lower::{Location, LocationKind, location_pattern};
use crate::route::script;

mod jumps;
mod said;
mod silent;

pub(crate) use jumps::Jump;
use said::{Part, Said, digest};
pub(crate) use silent::is_silent;

/// What a block means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(u64, u64);

/// The digests of a configuration.
pub(crate) struct Canon<'c> {
    config: &'c Config,
    /// The directives that define variables.
    definitions: HashMap<String, Vec<NodeId>>,
    upstreams: HashMap<Vec<u8>, NodeId>,
    zones: HashMap<Vec<u8>, Vec<NodeId>>,
    blocks: RefCell<HashMap<NodeId, Digest>>,
    alone: RefCell<HashMap<NodeId, Digest>>,
    around: RefCell<HashMap<NodeId, Rc<Part>>>,
    every_upstream: OnceCell<Part>,
}

impl<'c> Canon<'c> {
    pub(crate) fn of(config: &'c Config) -> Canon<'c> {
        let mut definitions: HashMap<String, Vec<NodeId>> = HashMap::new();
        for directive in ["map", "geo", "split_clients", "perl_set", "js_set", "js_var", "auth_request_set"] {
            for node in config.named(directive).filter(|node| node.context().is_http()) {
                for word in node.args() {
                    if let Some(name) = std::str::from_utf8(word).ok().and_then(|word| word.strip_prefix('$'))
                    {
                        definitions.entry(name.to_ascii_lowercase()).or_default().push(node.id());
                    }
                }
            }
        }
        let mut upstreams = HashMap::new();
        for upstream in config.upstreams().iter().filter(|upstream| !upstream.stream) {
            upstreams.entry(upstream.name.to_ascii_lowercase()).or_insert(upstream.node);
        }
        let mut zones: HashMap<Vec<u8>, Vec<NodeId>> = HashMap::new();
        for directive in ["limit_req_zone", "limit_conn_zone"] {
            for node in config.named(directive) {
                for word in node.args().filter_map(|word| word.strip_prefix(b"zone=")) {
                    let name = word.split(|&byte| byte == b':').next().unwrap_or(b"");
                    zones.entry(name.to_vec()).or_default().push(node.id());
                }
            }
        }
        Canon {
            config,
            definitions,
            upstreams,
            zones,
            blocks: RefCell::default(),
            alone: RefCell::default(),
            around: RefCell::default(),
            every_upstream: OnceCell::new(),
        }
    }

    /// What happens to a request once a server is chosen.
    pub(crate) fn server(&self, server: NodeId) -> Digest {
        self.cached(server, |said| {
            let node = self.config.node(server);
            self.names(node, said);
            self.own(node, true, said);
            self.outside(node, said);
        })
    }

    /// What happens in a server where no location takes the request.
    pub(crate) fn server_itself(&self, server: NodeId) -> Digest {
        self.fresh(|said| {
            let node = self.config.node(server);
            self.names(node, said);
            self.own(node, false, said);
            self.outside(node, said);
        })
    }

    /// What a server does before it looks for a location.
    pub(crate) fn before_location(&self, server: NodeId) -> Digest {
        self.fresh(|said| {
            let node = self.config.node(server);
            self.names(node, said);
            node.children().filter(|node| is_code(*node)).for_each(|node| self.directive(node, said));
        })
    }

    /// What happens in a location, whatever it is that brought the request there; locations inside it aside.
    pub(crate) fn location(&self, location: NodeId) -> Digest {
        self.cached(location, |said| {
            let node = self.config.node(location);
            said.texts.push(if uses_its_text(node) { head(node) } else { Vec::new() });
            self.own(node, false, said);
            self.outside(node, said);
            if let Some(server) = node.server() {
                self.names(server, said);
            }
        })
    }

    /// What a block itself says, without what it names and what stands around it; locations inside it aside.
    pub(crate) fn itself(&self, block: NodeId) -> Digest {
        if let Some(known) = self.alone.borrow().get(&block) {
            return *known;
        }
        let mut said = Said::default();
        let node = self.config.node(block);
        said.texts.push(if is_location(node) { head(node) } else { Vec::new() });
        let inner = |node: &Node<'_>| {
            is_location(*node)
                || is_silent(*node)
                || node.is_block()
                    && matches!(node.name(), "server" | "upstream" | "map" | "geo" | "split_clients")
        };
        self.in_order(node.children().filter(|node| !inner(node)).collect(), &mut said);
        let digest = digest(&said.texts);
        self.alone.borrow_mut().insert(block, digest);
        digest
    }

    fn cached(&self, node: NodeId, say: impl FnOnce(&mut Said)) -> Digest {
        if let Some(known) = self.blocks.borrow().get(&node) {
            return *known;
        }
        let digest = self.fresh(say);
        self.blocks.borrow_mut().insert(node, digest);
        digest
    }

    fn fresh(&self, say: impl FnOnce(&mut Said)) -> Digest {
        let mut said = Said::default();
        say(&mut said);
        self.close(&mut said);
        digest(&said.texts)
    }

    /// Adds what was named, and what that names.
    fn close(&self, said: &mut Said) {
        let (mut variables, mut words) = (BTreeSet::new(), BTreeSet::new());
        let mut all = false;
        loop {
            let new: Vec<String> = said.variables.difference(&variables).cloned().collect();
            let named: Vec<Vec<u8>> = said.words.difference(&words).cloned().collect();
            let every = said.any_upstream && !all;
            if new.is_empty() && named.is_empty() && !every {
                return;
            }
            for name in &new {
                for &node in self.definitions.get(name).into_iter().flatten() {
                    self.directive(self.config.node(node), said);
                }
            }
            for word in &named {
                let zones = self.zones.get(word).into_iter().flatten();
                for node in self.upstreams.get(&word.to_ascii_lowercase()).into_iter().chain(zones) {
                    self.directive(self.config.node(*node), said);
                }
            }
            if every {
                said.add(self.every_upstream.get_or_init(|| self.every_upstream()));
                all = true;
            }
            variables.extend(new);
            words.extend(named);
        }
    }

    /// All that a name which is put together at run time may turn out to mean: upstreams, and what others pass to by name,
    /// which nginx has resolved then.
    fn every_upstream(&self) -> Part {
        let mut said = Said::default();
        let every: BTreeMap<&Vec<u8>, &NodeId> = self.upstreams.iter().collect();
        every.values().for_each(|&&node| self.directive(self.config.node(node), &mut said));
        let passes = self.config.passes().into_iter().filter(|pass| !pass.variables);
        let names: BTreeSet<(Vec<u8>, Option<u16>)> =
            passes.map(|pass| (pass.host.to_ascii_lowercase(), pass.port)).collect();
        said.texts.extend(
            names.into_iter().map(|(host, port)| [&host[..], format!(" {port:?}").as_bytes()].concat()),
        );
        said.part()
    }

    /// The first name, which redirects use; and all of them where a regex among them captures, because it is not asked of
    /// what another name takes.
    fn names(&self, server: Node<'c>, said: &mut Said) {
        let names: Vec<&[u8]> = server.find("server_name").flat_map(Node::args).collect();
        said.texts.push(names.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default());
        if names.iter().any(|name| name.starts_with(b"~")) {
            said.texts.extend(names.iter().map(|name| name.to_vec()));
        }
    }

    /// What the blocks around a block say about it.
    fn outside(&self, block: Node<'c>, said: &mut Said) {
        for outer in block.ancestors() {
            let known = self.around.borrow().get(&outer.id()).cloned();
            let part = known.unwrap_or_else(|| {
                let part = Rc::new(self.around(outer));
                self.around.borrow_mut().insert(outer.id(), Rc::clone(&part));
                part
            });
            said.texts.push(b"around".to_vec());
            said.add(&part);
        }
        let version = self.config.settings().version.map(|v| format!("{}.{}.{}", v.major, v.minor, v.patch));
        said.texts.push(version.unwrap_or_default().into_bytes());
    }

    /// What a block says about the blocks in it.
    fn around(&self, outer: Node<'c>) -> Part {
        let silent = |node: &Node<'_>| {
            is_code(*node) || is_silent(*node) || node.is_block() && APART.contains(&node.name())
        };
        let mut said = Said::default();
        self.in_order(outer.children().filter(|node| !silent(node)).collect(), &mut said);
        said.part()
    }

    /// What a block itself says.
    fn own(&self, block: Node<'c>, locations: bool, said: &mut Said) {
        let nodes = block.children().filter(|node| !is_location(*node) && !is_silent(*node));
        self.in_order(nodes.collect(), said);
        if locations {
            self.locations(block, said);
        }
    }

    fn locations(&self, block: Node<'c>, said: &mut Said) {
        let mut all: Vec<Node<'c>> = block.children().filter(|node| is_location(*node)).collect();
        // Texts are compared in no order, regexes in theirs.
        all.sort_by_cached_key(|&node| match location_pattern(node) {
            (LocationKind::Regex { .. }, _) => (true, Vec::new()),
            _ => (false, head(node)),
        });
        for node in all {
            said.texts.push(b"location".to_vec());
            said.texts.push(head(node));
            self.own(node, true, said);
            said.texts.push(b"}".to_vec());
        }
    }

    /// Directives of different names have no order among each other; those of the rewrite module have.
    fn in_order(&self, mut nodes: Vec<Node<'c>>, said: &mut Said) {
        let group = |node: &Node<'c>| match node.name() {
            _ if is_code(*node) => "code",
            "allow" | "deny" => "access",
            name => name,
        };
        nodes.sort_by_key(|node| group(node));
        nodes.into_iter().for_each(|node| self.directive(node, said));
    }

    fn directive(&self, node: Node<'c>, said: &mut Said) {
        said.texts.push(node.name_bytes().to_vec());
        for word in std::iter::once(node.name_bytes()).chain(node.args()) {
            for part in script::parts(word, false) {
                if let script::Part::Variable(name) = part {
                    said.variables.insert(String::from_utf8_lossy(name).to_ascii_lowercase());
                }
            }
        }
        for word in node.args() {
            said.texts.push(word.to_vec());
            if let Some(zone) = word.strip_prefix(b"zone=") {
                said.words.insert(zone.split(|&byte| byte == b':').next().unwrap_or(b"").to_vec());
            }
        }
        if node.name().ends_with("_pass") {
            let word = node.arg(0).unwrap_or(b"");
            said.any_upstream |= script::has_variables(word);
            let rest = word.windows(3).position(|three| three == b"://").map_or(word, |at| &word[at + 3..]);
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
            said.words.insert(rest[..end].to_vec());
        }
        if node.name() == "limit_conn" {
            said.words.extend(node.arg(0).map(<[u8]>::to_vec));
        }
        if node.is_block() {
            said.texts.push(b"{".to_vec());
            for child in node.children().filter(|child| !child.is("include")) {
                self.directive(child, said);
            }
            said.texts.push(b"}".to_vec());
        }
    }
}

/// Blocks that say nothing about those beside them.
const APART: &[&str] =
    &["events", "geo", "http", "location", "mail", "map", "server", "split_clients", "stream", "upstream"];

/// Whether the text of a location, or what its regex captured, matters to what stands in it.
fn uses_its_text(location: Node<'_>) -> bool {
    location.descendants().any(|node| {
        let name = node.name();
        name == "alias" || name.ends_with("_pass") || node.args().any(|word| word.contains(&b'$'))
    })
}

fn head(node: Node<'_>) -> Vec<u8> {
    let (kind, pattern) = location_pattern(node);
    [format!("{kind:?} ").as_bytes(), pattern].concat()
}

fn is_code(node: Node<'_>) -> bool {
    matches!(node.name(), "return" | "rewrite" | "set" | "if" | "break")
}

fn is_location(node: Node<'_>) -> bool {
    node.is("location") && node.is_block()
}

/// Locations of two servers that are each other's counterpart: of the same kind and text, in counterparts.
pub(crate) fn counterparts(old: &[Location], new: &[Location]) -> Vec<(NodeId, NodeId)> {
    let mut found = Vec::new();
    let mut by_head: HashMap<(LocationKind, &[u8]), Vec<&Location>> = HashMap::new();
    for location in new.iter().rev() {
        by_head.entry((location.kind, &location.pattern)).or_default().push(location);
    }
    for location in old {
        let other = by_head.get_mut(&(location.kind, &location.pattern[..])).and_then(Vec::pop);
        if let Some(other) = other {
            found.push((location.node, other.node));
            found.extend(counterparts(&location.children, &other.children));
        }
    }
    found
}
