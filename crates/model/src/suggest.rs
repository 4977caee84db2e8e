//! A first `routes.toml` for a configuration: what holds today, one request for each server and location.

use std::collections::{HashMap, HashSet};

use evenkeel_syntax::secret;

use crate::config::{Config, NodeId};
use crate::coverage::reached_by;
use crate::expect::{Expectation, Judgement, Kind, unknown};
use crate::request::{Dependence, HttpVersion, LocalAddress, Outcome, Request, Route};
use crate::route::{Router, Witness};

mod write;

/// A body that the configuration gives is expected when it is no longer than this.
const BODY_BYTES_MAX: usize = 200;

/// A first `routes.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suggestion {
    /// The file.
    pub text: String,
    /// How many expectations are in it.
    pub routes: usize,
    /// How many servers and locations have none, with the reason in a comment.
    pub without: usize,
}

/// What is expected already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The blocks that an expectation reaches.
    pub blocks: HashSet<NodeId>,
    /// The names that routes have.
    pub names: HashSet<String>,
}

/// Writes one expectation for every location that a request reaches, and for every server that none of these shows; `route`
/// says where a request ends.
pub fn suggest(
    config: &Config,
    witnesses: &[Witness],
    route: &mut dyn FnMut(&Request) -> Route,
) -> Suggestion {
    let suggestion = suggest_more(config, witnesses, route, &Known::default());
    Suggestion { text: format!("{}{}", write::HEAD, suggestion.text), ..suggestion }
}

/// The same for what is not expected yet, to be appended to a file.
pub fn suggest_more(
    config: &Config,
    witnesses: &[Witness],
    route: &mut dyn FnMut(&Request) -> Route,
    known: &Known,
) -> Suggestion {
    let anywhere = Router::new(config);
    let mut suggested = Vec::new();
    let mut reasons: HashMap<NodeId, &str> = HashMap::new();
    let mut reached = known.blocks.clone();
    let is_server = |witness: &&Witness| config.node(witness.node).is("server");
    // A server that a request for one of its locations shows needs none of its own.
    let locations = witnesses.iter().filter(|witness| !is_server(witness));
    for witness in locations.chain(witnesses.iter().filter(is_server)) {
        let is_known = known.blocks.contains(&witness.node);
        let shown = reached.contains(&witness.node) && (is_server(&witness) || witness.request.is_none());
        if is_known || shown {
            continue;
        }
        let request = match &witness.request {
            Some(request) if write::can_say(request) => request,
            Some(_) => {
                reasons.insert(witness.node, "its request cannot be written as METHOD URL");
                continue;
            }
            None => {
                reasons.insert(witness.node, witness.why_not.as_deref().unwrap_or("no request reaches it"));
                continue;
            }
        };
        let today = route(request);
        let Some((expectation, note)) = expectation(config, &today, &anywhere.route(request)) else {
            reasons.insert(witness.node, "what it answers rests on what no configuration tells");
            continue;
        };
        reached.insert(witness.node);
        reached_by(&today, &mut reached);
        suggested.push(Suggested { node: witness.node, request, expectation, note });
    }
    suggested.sort_by_key(|suggested| suggested.node);
    let mut without: Vec<(NodeId, &str)> =
        reasons.into_iter().filter(|(node, _)| !reached.contains(node)).collect();
    without.sort_unstable();
    Suggestion {
        text: write::file(config, &suggested, &without, known.names.clone()),
        routes: suggested.len(),
        without: without.len(),
    }
}

/// One entry of the file.
struct Suggested<'w> {
    node: NodeId,
    request: &'w Request,
    expectation: Expectation,
    /// Why it expects no more.
    note: Option<String>,
}

/// What can be expected of a request: its end as it is today, as far as it is the same on every machine, or sure to be
/// seen on this one.
fn expectation(config: &Config, today: &Route, anywhere: &Route) -> Option<(Expectation, Option<String>)> {
    let is_file = |dependence: &&Dependence| matches!(dependence, Dependence::FileExists(_));
    let others: Vec<String> =
        unknown(today).filter(|dependence| !is_file(dependence)).map(ToString::to_string).collect();
    let whole = end(today);
    let (expectation, note) = if !others.is_empty() {
        (server(config, today)?, Some(format!("where it ends rests on {}", others.join(", "))))
    } else if today.outcome == anywhere.outcome {
        let on = unknown(today).any(|dependence| is_file(&dependence));
        (whole, on.then(|| "which files are there decides where it ends".to_owned()))
    } else {
        match &today.outcome {
            Outcome::File { .. } | Outcome::Files { .. } => (Expectation { path: None, ..whole }, None),
            Outcome::Pass { .. } => (whole, Some("which files are there decides where it ends".to_owned())),
            _ => (blocks(config, today)?, Some("which files are there decides where it ends".to_owned())),
        }
    };
    match expectation.judge(today, config) {
        Judgement::Holds => Some((expectation, note)),
        Judgement::Undecided(_) => Some((
            server(config, today)?,
            note.or_else(|| Some("where it ends is not known here".to_owned())),
        )),
        Judgement::Fails(_) => None,
    }
}

/// The end of a route, without what looks like a secret.
fn end(route: &Route) -> Expectation {
    let kind = Some(Kind::of(&route.outcome));
    let expectation = Expectation { kind, ..Expectation::default() };
    match &route.outcome {
        Outcome::Pass { upstream, pass, .. } => Expectation {
            upstream: upstream.as_deref().and_then(|name| plain(name.as_bytes())),
            pass: plain(pass),
            ..expectation
        },
        Outcome::File { path } => {
            // An `error_page` gives its status to the file.
            let status = route.status.filter(|status| *status != 200);
            Expectation { path: plain(path), status, ..expectation }
        }
        Outcome::Redirect { status, location } => {
            Expectation { status: Some(*status), location: plain(location), ..expectation }
        }
        Outcome::Return { status, body } => {
            let body = body.as_ref().filter(|body| body.len() <= BODY_BYTES_MAX);
            Expectation { status: Some(*status), body: body.and_then(|body| plain(body)), ..expectation }
        }
        Outcome::Error { status, .. } => Expectation { status: Some(*status), ..expectation },
        Outcome::Files { .. } | Outcome::Close { .. } => expectation,
    }
}

/// The server alone.
fn server(config: &Config, route: &Route) -> Option<Expectation> {
    let id = route.server?;
    let server = config.servers().iter().find(|server| server.node == id)?;
    let name = server.names.first().map_or(Some(String::new()), |name| plain(&name.text))?;
    Some(Expectation { server: Some(name), ..Expectation::default() })
}

/// The server and the location.
fn blocks(config: &Config, route: &Route) -> Option<Expectation> {
    let written = route.location.map(|id| config.node(id).args().collect::<Vec<_>>().join(&b' '));
    Some(Expectation { pattern: written.and_then(|text| plain(&text)), ..server(config, route)? })
}

/// Text that may stand in a file: UTF-8, and no secret.
fn plain(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    secret::find(bytes).is_empty().then(|| text.to_owned())
}

/// Whether an address can be written and read again.
fn listen(address: &LocalAddress) -> Option<String> {
    match address {
        LocalAddress::Inet(address) => Some(address.to_string()),
        LocalAddress::Unix(path) => Some(format!("unix:{}", std::str::from_utf8(path).ok()?)),
    }
}

/// The version that requests of a file have.
const VERSION: HttpVersion = HttpVersion::V1_1;
