//! What a block means, told by a number: equal digests are equal behaviour for every request that gets there.
//!
//! A digest has the directives of the block and of those around it as nginx reads them, and everything that they name
//! (maps, upstreams, limits). It does not have files, lines, comments, the order of what has no order, what only logs or
//! tunes. Different digests may still behave alike: whoever needs to know that walks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::config::{Config, Node, NodeId};
use crate::lower::{Location, LocationKind, location_pattern};
use crate::route::script;

mod silent;

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
}

/// Where a request may go on to from a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Jump {
    /// To the location of a URI, as it is written: with variables.
    Uri(Vec<u8>),
    /// To a named location.
    Named(Vec<u8>),
    /// To the URI with a name behind it.
    Index(Vec<u8>),
}

/// Text and names that go into a digest.
#[derive(Default)]
struct Said {
    texts: Vec<Vec<u8>>,
    variables: BTreeSet<String>,
    /// Words that may be upstreams, and whether any upstream may be meant.
    words: BTreeSet<Vec<u8>>,
    any_upstream: bool,
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
        Canon { config, definitions, upstreams, zones, blocks: RefCell::default() }
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
        digest(&said.texts)
    }

    /// Where a request may go on to from a block.
    pub(crate) fn jumps(&self, block: NodeId) -> BTreeSet<Jump> {
        let mut jumps = BTreeSet::new();
        let block = self.config.node(block);
        let around = std::iter::once(block).chain(block.ancestors());
        let mut answers = false;
        for (depth, outer) in around.enumerate() {
            for node in outer.children() {
                self.jumps_of(node, depth == 0, &mut jumps, &mut answers);
            }
        }
        if !answers {
            let index = self.config.effective(block.id(), "index");
            let names = index.iter().flat_map(|&node| self.config.node(node).args());
            jumps.extend(names.map(|name| Jump::Index(name.to_vec())));
            if index.is_empty() {
                jumps.insert(Jump::Index(b"index.html".to_vec()));
            }
        }
        jumps
    }

    fn jumps_of(&self, node: Node<'c>, own: bool, jumps: &mut BTreeSet<Jump>, answers: &mut bool) {
        let target = |text: &[u8]| match text {
            [b'@', ..] => Jump::Named(text.to_vec()),
            _ => Jump::Uri(text.to_vec()),
        };
        match node.name() {
            "error_page" => {
                let last = node.args().next_back().filter(|uri| !uri.starts_with(b"http"));
                jumps.extend(last.map(target));
            }
            "try_files" if own => {
                let last = node.args().next_back().filter(|uri| !uri.starts_with(b"="));
                jumps.extend(last.map(target));
            }
            "rewrite" if own => {
                let ends = matches!(node.arg(2), Some(b"break" | b"redirect" | b"permanent"));
                jumps.extend(node.arg(1).filter(|_| !ends).map(|uri| Jump::Uri(uri.to_vec())));
            }
            "if" | "limit_except" if own => {
                let mut inner = false;
                node.children().for_each(|node| self.jumps_of(node, true, jumps, &mut inner));
            }
            "return" | "empty_gif" | "stub_status" if own => *answers = true,
            name if own && name.ends_with("_pass") => *answers = true,
            "auth_request" => jumps.extend(node.arg(0).filter(|uri| *uri != b"off").map(target)),
            _ => {}
        }
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
                let every: BTreeMap<&Vec<u8>, &NodeId> = self.upstreams.iter().collect();
                every.values().for_each(|&&node| self.directive(self.config.node(node), said));
                all = true;
            }
            variables.extend(new);
            words.extend(named);
        }
    }

    /// The first name, which redirects use, and the regexes, which capture.
    fn names(&self, server: Node<'c>, said: &mut Said) {
        let mut names = server.find("server_name").flat_map(Node::args);
        said.texts.push(names.next().map(<[u8]>::to_ascii_lowercase).unwrap_or_default());
        let regexes = server.find("server_name").flat_map(Node::args).filter(|name| name.starts_with(b"~"));
        regexes.for_each(|name| said.texts.push(name.to_vec()));
    }

    /// What the blocks around a block say about it.
    fn outside(&self, block: Node<'c>, said: &mut Said) {
        for outer in block.ancestors() {
            said.texts.push(b"around".to_vec());
            let silent = |node: &Node<'_>| {
                is_code(*node)
                    || matches!(
                        node.name(),
                        "server" | "upstream" | "map" | "geo" | "split_clients" | "location"
                    )
                    || is_silent(*node)
            };
            let nodes = outer.children().filter(|node| !silent(node));
            self.in_order(nodes.collect(), said);
        }
        let version = self.config.settings().version.map(|v| format!("{}.{}.{}", v.major, v.minor, v.patch));
        said.texts.push(version.unwrap_or_default().into_bytes());
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

fn digest(texts: &[Vec<u8>]) -> Digest {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, texts).hash(&mut hasher);
        hasher.finish()
    };
    Digest(half(1), half(2))
}

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
