//! Which requests change their outcome between two configurations: classes with a witness each, and the proof that no
//! other request does.

use std::ops::ControlFlow;

use crate::config::{Config, NodeId};
use crate::explore::probe::Probed;
use crate::explore::search::{Run, Search};
use crate::explore::{Limits, Way};
use crate::language::Budget;
use crate::request::{Request, Route};
use crate::route::{FileSystem, Observed, Router, Test, World};
use crate::stream::{StreamChange, stream_diff};

mod compare;
mod group;
mod settings;
mod tell;

pub use compare::class_key;

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
    /// Classes of connections to servers of stream that end elsewhere.
    pub stream: Vec<StreamChange>,
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

/// The block that answered before, the block that answers after, and what changes.
pub type ChangeKey = (Option<NodeId>, Option<NodeId>, What);

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
    /// Those pairs, as [`class_key`] tells them.
    pub keys: Vec<ChangeKey>,
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
pub fn diff(old: &Config, new: &Config, files: &dyn FileSystem, options: &DiffOptions) -> Diff {
    let known = |path: &[u8]| files.kind(path);
    let router_old = Router::new(old).with_files(known);
    let router_new = Router::new(new).beside(&router_old).with_files(known);
    let limits = Limits { budget: options.budget, ..Limits::default() };
    let mut groups = group::Groups::new(old, new, options.examples);
    let routers = [&router_old, &router_new];
    let search = Search::new(&routers, &limits);
    let mut incomplete_because = search.all(&mut |search, run, way| {
        if let Some(way) = judge(search, run, way) {
            groups.add(&plainer(&routers, &way));
        }
        ControlFlow::Continue(())
    });
    for config in [old, new] {
        let unknown = config.includes().iter().filter(|include| !include.known);
        for include in unknown {
            let what = format!(
                "include {} leads to a place that is not known",
                String::from_utf8_lossy(&include.pattern)
            );
            if !incomplete_because.contains(&what) {
                incomplete_because.push(what);
            }
        }
    }
    let (stream, missing) = stream_diff(old, new, &mut Budget(options.budget));
    incomplete_because.extend(missing);
    Diff { changes: groups.changes(), stream, settings: settings::changes(old, new), incomplete_because }
}

/// The way, or one like it, where it changes.
fn judge(search: &mut Search<'_, '_>, run: &Run, way: &Way) -> Option<Way> {
    let [old, new] = &way.seen[..] else { return None };
    if compare::what(&old.route, &new.route).is_some() {
        return Some(way.clone());
    }
    if compare::same_pieces(old, new) {
        return None;
    }
    let differs = |seen: &[Observed]| match seen {
        [old, new] => compare::what(&old.route, &new.route).is_some(),
        _ => false,
    };
    match search.probe(run, &differs) {
        Probed::Same => None,
        Probed::Different(way) => Some(*way),
        Probed::Doubtful(way) => {
            search.note(format!("{}: it may change for requests without control characters, too", way.class));
            Some(*way)
        }
        Probed::Undecided => {
            search.note(format!("{}: the answers are put together in different ways", way.class));
            None
        }
    }
}

/// The same way with no more said than must be: no address where the same places are reached without, and of the world
/// only what is not as one would think anyway.
fn plainer(routers: &[&Router<'_>; 2], way: &Way) -> Way {
    let mut plain = way.clone();
    if let Some(request) = crate::explore::doors::plainer(&way.request) {
        try_as(routers, &mut plain, request, way.world.clone());
    }
    let request = plain.request.clone();
    if !plain.world.0.is_empty() && !try_as(routers, &mut plain, request.clone(), World::default()) {
        for atom in way.world.0.keys() {
            let mut world = plain.world.clone();
            world.0.remove(atom);
            try_as(routers, &mut plain, request.clone(), world);
        }
    }
    plain
}

/// Takes a request and a world for a way if they do the same on both sides.
fn try_as(routers: &[&Router<'_>; 2], way: &mut Way, request: Request, world: World) -> bool {
    let seen = routers.map(|router| router.observe(&request, &world));
    let agreed = |one: &Observed, another: &Observed| {
        let atoms = |seen: &Observed| {
            seen.questions
                .iter()
                .filter(|question| matches!(question.test, Test::Atom(_)))
                .cloned()
                .collect::<Vec<_>>()
        };
        one.shape == another.shape
            && compare::same_outcome(&one.route, &another.route)
            && one.route.listen == another.route.listen
            && one.route.server == another.route.server
            && atoms(one) == atoms(another)
    };
    let same = seen.iter().zip(&way.seen).all(|(one, another)| agreed(one, another));
    if same {
        (way.request, way.world, way.seen) = (request, world, seen.to_vec());
    }
    same
}

impl Default for DiffOptions {
    fn default() -> DiffOptions {
        DiffOptions { budget: 50_000_000, examples: 5 }
    }
}
