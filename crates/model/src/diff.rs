//! Which requests change their outcome between two configurations: classes with a witness each, and the proof that no
//! other request does.

use crate::config::{Config, NodeId};
use crate::request::{Request, Route};
use crate::route::{FileSystem, World};

/// Old or new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The configuration before the change.
    Old,
    /// The configuration after it.
    New,
}

/// How far to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions {
    /// How many steps the search may take, over all; what is left then is named in `incomplete_because`.
    pub budget: u64,
    /// How many examples a row keeps beside its witness.
    pub examples: usize,
}

/// Everything that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Classes of requests, the widest first.
    pub changes: Vec<Change>,
    /// What changes beside the way of requests: listens, names, certificates, servers of upstreams, limits.
    pub settings: Vec<SettingChange>,
    /// Why a change may be missing; empty: none is.
    pub incomplete_because: Vec<String>,
}

/// What of the answer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Where the request ends.
    Outcome,
    /// Where it ends stays; the servers behind the upstream's name are others.
    Upstream,
    /// Where it ends stays; headers that the configuration adds are others.
    Headers,
    /// Where it ends stays; who may ask, or how often, is another.
    Access,
}

/// A class of requests whose answer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The class, for people: `GET /cart* on shop.example.com:443`.
    pub class: String,
    /// What changes.
    pub what: What,
    /// A request of the class.
    pub witness: Example,
    /// Further requests of the class: of each block that it takes them from, one.
    pub examples: Vec<Example>,
    /// How many pairs of old and new block the class is made of.
    pub pairs: usize,
    /// The directives that the change rests on.
    pub because: Vec<(Side, NodeId)>,
    /// Every request of the class has a control character in it.
    pub only_odd: bool,
    /// Whether it changes rests on something that cannot be known (`depends_on` of the routes): it may change.
    pub uncertain: bool,
}

/// A request and where both configurations send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The request.
    pub request: Request,
    /// What is assumed of files, upstreams and credentials.
    pub world: World,
    /// Its way before.
    pub old: Route,
    /// Its way after.
    pub new: Route,
}

/// A change beside the way of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// What kind: `listen`, `server_name`, `certificate`, `upstream`, `limit`, `header`.
    pub kind: &'static str,
    /// What it is about, for people: `listen [::]:80`, `upstream app`.
    pub about: String,
    /// What it was; `None`: it was not there.
    pub old: Option<String>,
    /// What it is; `None`: it is gone.
    pub new: Option<String>,
    /// The directives.
    pub because: Vec<(Side, NodeId)>,
}

/// Compares two configurations. `files` says what is known of the files that both serve.
pub fn diff(_old: &Config, _new: &Config, _files: &dyn FileSystem, _options: &DiffOptions) -> Diff {
    unimplemented!()
}

/// What class a request belongs to whose ways differ, so that counting traffic and grouping agree; `None`: nothing that
/// [`diff`] tells changes for it.
pub fn class_key(_old: &Route, _new: &Route) -> Option<(Option<NodeId>, Option<NodeId>, What)> {
    unimplemented!()
}

impl Default for DiffOptions {
    fn default() -> DiffOptions {
        DiffOptions { budget: 50_000_000, examples: 5 }
    }
}
