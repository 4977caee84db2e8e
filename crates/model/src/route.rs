//! Where nginx sends a request, and why.
//!
//! A [`Router`] walks the phases of nginx for one request and one configuration: the socket, the request line and the
//! header, the server, the location, the directives in their order, up to the answer. What the walk would need and nobody
//! has said (a file, the client's address, another module) becomes a [`Dependence`](crate::Dependence) of the answer.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::catalog::Version;
use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::lower::Upstream;
use crate::request::{Dependence, PassKind, Request, Route};

pub(crate) mod access;
mod added;
pub(crate) mod address;
mod asking;
mod auth;
mod blocks;
mod content;
pub(crate) mod defined;
mod entry;
mod error_page;
mod facts;
mod fixed;
pub(crate) mod generate;
pub(crate) mod geo;
mod given;
mod groups;
pub(crate) mod hash;
pub(crate) mod headers;
mod limits;
mod line;
pub(crate) mod listen;
mod located;
pub(crate) mod location;
pub(crate) mod map;
pub(crate) mod name;
mod named;
mod near;
mod observe;
mod packed;
mod path;
mod phases;
mod proxy;
pub(crate) mod question;
mod read;
mod realip;
mod redirect;
pub(crate) mod regex;
mod rewrite;
mod role;
pub(crate) mod script;
mod sent;
mod shape;
pub(crate) mod split;
#[cfg(test)]
pub(crate) mod tests;
mod together;
pub(crate) mod traced;
mod tree;
mod try_files;
pub(crate) mod uri;
pub(crate) mod variables;
mod walk;
mod witness;
mod world;

pub use given::Given;
pub use near::NearMiss;
pub use question::{Answered, Atom, Input, Is, Observed, Piece, Question, Shape, Template, Test, World};
pub use tree::Tree;
pub use witness::{Witness, witnesses};
pub use world::WorldError;

use blocks::{Blocks, Role};
use listen::Sockets;
use location::Locations;
use observe::Watch;
use regex::Patterns;

/// The bits of the roles that answer for a location.
const ANSWERING: u128 =
    Role::PASSES | Role::EmptyGif.bit() | Role::StubStatus.bit() | Role::Handler("").bit();

/// What lies at a path of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// A file that nginx can read.
    File,
    /// A directory.
    Directory,
    /// Nothing.
    Absent,
    /// Nobody can know here.
    Unknown,
}

/// What the caller knows of the files that nginx serves. This crate opens none.
pub trait FileSystem {
    /// What lies at an absolute path.
    fn kind(&self, path: &[u8]) -> FileKind;
}

impl<F: Fn(&[u8]) -> FileKind> FileSystem for F {
    fn kind(&self, path: &[u8]) -> FileKind {
        self(path)
    }
}

/// A configuration made ready to route requests.
pub struct Router<'c> {
    pub(crate) config: &'c Config,
    files: Box<dyn FileSystem + 'c>,
    blocks: Blocks<'c>,
    pub(crate) sockets: Sockets,
    pub(crate) patterns: Arc<Patterns>,
    /// By the place of the server in [`Config::servers`]; made when a request first comes there.
    locations: Vec<OnceLock<Arc<Locations>>>,
    /// By the name in lower case.
    upstreams: foldhash::HashMap<Vec<u8>, usize>,
    defined: OnceLock<defined::Definitions>,
    own_variables: OnceLock<defined::Names>,
    maps: OnceLock<map::Maps>,
    tables: OnceLock<facts::Tables>,
    first_modules: OnceLock<Vec<&'static str>>,
    addresses: fixed::Addresses,
    /// Host and port of every pass without variables, in lower case.
    resolved: OnceLock<HashSet<Vec<u8>>>,
    /// Every `include` of which nobody knows what it brings.
    unknown_includes: Vec<NodeId>,
}

impl<'c> Router<'c> {
    /// Makes the http servers of a configuration ready. Nothing is known of files until [`Router::with_files`] says it.
    pub fn new(config: &'c Config) -> Router<'c> {
        let blocks = Blocks::of(config);
        let sockets = Sockets::of(config, &blocks);
        let mut upstreams = foldhash::HashMap::default();
        for (place, upstream) in
            config.upstreams().iter().enumerate().filter(|(_, upstream)| !upstream.stream)
        {
            upstreams.entry(upstream.name.to_ascii_lowercase()).or_insert(place);
        }
        let unknown = config.includes().iter().filter(|include| !include.known);
        Router {
            config,
            files: Box::new(|_: &[u8]| FileKind::Unknown),
            blocks,
            sockets,
            patterns: Arc::default(),
            locations: config.servers().iter().map(|_| OnceLock::new()).collect(),
            upstreams,
            defined: OnceLock::new(),
            own_variables: OnceLock::new(),
            maps: OnceLock::new(),
            tables: OnceLock::new(),
            first_modules: OnceLock::new(),
            addresses: fixed::Addresses::default(),
            resolved: OnceLock::new(),
            unknown_includes: unknown.map(|include| include.node).collect(),
        }
    }

    /// Uses the regexes of another router too: what both know is compiled once.
    #[must_use]
    pub fn beside(self, other: &Router<'_>) -> Router<'c> {
        Router { patterns: Arc::clone(&other.patterns), ..self }
    }

    /// Answers questions about files by `files`.
    #[must_use]
    pub fn with_files(self, files: impl FileSystem + 'c) -> Router<'c> {
        Router { files: Box::new(files), ..self }
    }

    /// The way of a request. It never fails: what cannot be known is in `depends_on`.
    pub fn route(&self, request: &Request) -> Route {
        self.finished(entry::route(self, request, None))
    }

    /// The same without words: the texts of the steps are empty.
    pub fn outcome(&self, request: &Request) -> Route {
        self.finished(entry::quick(self, request))
    }

    /// The way of a request, with what `world` says taken as given.
    pub fn route_in(&self, request: &Request, world: &World) -> Route {
        self.finished(entry::route(self, request, Some(&mut Watch::only(world))))
    }

    /// The way of a request in a world, with everything that it turned on. What the world does not say gets a default,
    /// and stands among the questions.
    pub fn observe(&self, request: &Request, world: &World) -> Observed {
        let mut watch = Watch::over(world);
        let route = self.finished(entry::route(self, request, Some(&mut watch)));
        let shape = if watch.shape.words.is_empty() { shape::shape_of_refusal(&route) } else { watch.shape };
        Observed { route, questions: watch.questions.unwrap_or_default(), shape, beside: watch.beside }
    }

    fn finished(&self, mut route: Route) -> Route {
        if self.unknown_includes.iter().any(|&include| self.touches(include, &route)) {
            route.depends_on.push(Dependence::Module(String::from("include")));
        }
        route
    }

    /// Whether what stands at a node may say something about a request. Only what stands in a location can be past it.
    fn touches(&self, node: NodeId, route: &Route) -> bool {
        let node = self.config.node(node);
        if matches!(
            node.context(),
            Context::Stream | Context::StreamServer | Context::StreamUpstream | Context::Events
        ) {
            return false;
        }
        let is_location = |node: &Node<'_>| node.is("location") && node.is_block();
        let Some(location) = node.ancestors().find(is_location).map(Node::id) else { return true };
        let passed = |step: &crate::Step| {
            let inside = step.node.map(|step| self.config.node(step));
            inside.is_some_and(|step| {
                step.id() == location || step.ancestors().any(|block| block.id() == location)
            })
        };
        route.steps.iter().any(passed)
    }

    /// The configuration.
    pub fn config(&self) -> &'c Config {
        self.config
    }

    fn version(&self) -> Option<Version> {
        self.config.settings().version
    }

    fn kind(&self, path: &[u8]) -> FileKind {
        self.files.kind(path)
    }

    pub(crate) fn locations(&self, server: usize) -> &Arc<Locations> {
        let make = || Arc::new(Locations::of(&self.config.servers()[server], &self.blocks, &self.patterns));
        self.locations[server].get_or_init(make)
    }

    pub(crate) fn maps(&self) -> &map::Maps {
        self.maps.get_or_init(|| map::maps(self.config, &self.patterns))
    }

    fn upstream(&self, name: &[u8]) -> Option<&'c Upstream> {
        let place = self.upstreams.get(&name.to_ascii_lowercase())?;
        self.config.upstreams().get(*place)
    }

    /// Host and port that nginx resolves when it starts, because a pass names them without variables.
    fn resolved_names(&self) -> &HashSet<Vec<u8>> {
        self.resolved.get_or_init(|| {
            let passes = self.config.passes().into_iter().filter(|pass| !pass.variables);
            let authority = |pass: crate::Pass| match pass.port {
                Some(port) => [&pass.host[..], b":", port.to_string().as_bytes()].concat(),
                None => pass.host,
            };
            passes.map(|pass| authority(pass).to_ascii_lowercase()).collect()
        })
    }

    /// The `limit_except` of a block, when a method is not among those that it excepts.
    ///
    /// Source: `ngx_http_core_limit_except`, src/http/ngx_http_core_module.c
    fn limit_except(&self, block: NodeId, method: &[u8]) -> Option<Node<'c>> {
        let node = self.blocks.own_with(block, Role::LimitExcept).next()?;
        let is = |name: &[u8]| method.eq_ignore_ascii_case(name);
        let excepted = node.args().any(|name| is(name) || (name.eq_ignore_ascii_case(b"GET") && is(b"HEAD")));
        (!excepted).then_some(node)
    }

    /// The directive of a block that answers for it. A `limit_except` passes on to where its location does.
    fn handler(&self, block: NodeId) -> Option<NodeId> {
        let answers =
            |role: Role| matches!(role, Role::Pass(_) | Role::EmptyGif | Role::StubStatus | Role::Handler(_));
        if self.blocks.has_own(block, ANSWERING) {
            let mut own = self.blocks.own(block).iter().rev();
            if let Some(fact) = own.find(|fact| answers(fact.role)) {
                return Some(fact.node);
            }
        }
        let node = self.config.node(block);
        if !node.is("limit_except") {
            return None;
        }
        // Each module looks for itself, in this order; that of memcached does not.
        let outer = node.parent()?.id();
        let kinds = [PassKind::Proxy, PassKind::Fastcgi, PassKind::Uwsgi, PassKind::Scgi, PassKind::Grpc];
        let mut passes =
            kinds.into_iter().filter_map(|kind| self.blocks.own_with(outer, Role::Pass(kind)).next_back());
        passes.next().map(|node| node.id())
    }
}
