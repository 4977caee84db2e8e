//! An expectation held against a predicted route.

use super::{Difference, Expectation, Judgement, Kind};
use crate::config::{Config, NodeId};
use crate::lower::{Location, Server};
use crate::request::{Dependence, Outcome, Route};

/// What a part of an expectation comes to. `Ok`: it holds.
type Part = Result<(), Not>;

/// Why a part does not hold, or is not known to.
pub(super) enum Not {
    Fails(Difference),
    Known(String),
}

impl Judgement {
    /// What the parts come to together: one that fails decides, then one that nobody knows.
    pub(super) fn of(parts: impl IntoIterator<Item = Part>) -> Judgement {
        let (mut differences, mut unknown) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Ok(()) => {}
                Err(Not::Fails(difference)) => differences.push(difference),
                Err(Not::Known(why)) if unknown.contains(&why) => {}
                Err(Not::Known(why)) => unknown.push(why),
            }
        }
        match (differences.is_empty(), unknown.is_empty()) {
            (false, _) => Judgement::Fails(differences),
            (true, false) => Judgement::Undecided(unknown),
            (true, true) => Judgement::Holds,
        }
    }
}

pub(super) fn judge(expectation: &Expectation, route: &Route, config: &Config) -> Judgement {
    let mut parts = vec![server(expectation, route, config)];
    let rests_on: Vec<&Dependence> = rests_on(expectation.kind, route).collect();
    let of_outcome = outcome(expectation, route, config);
    if rests_on.is_empty() {
        parts.extend(of_outcome);
    } else if !of_outcome.is_empty() {
        // What would hold or fail if things were as the model assumes is no answer.
        parts.extend(rests_on.into_iter().map(|why| Err(Not::Known(why.to_string()))));
    }
    Judgement::of(parts)
}

/// What the predicted end of a request rests on. Which answer an upstream gives does not change that it is asked, and
/// which file is looked for not whether it is there. A request is judged as the first one: a limit counts those before it.
pub(super) fn rests_on(wanted: Option<Kind>, route: &Route) -> impl Iterator<Item = &Dependence> {
    let wants_file = matches!(wanted, None | Some(Kind::File));
    let matters = move |dependence: &&Dependence| match (&route.outcome, dependence) {
        (Outcome::Pass { .. }, Dependence::UpstreamResponse) => false,
        (Outcome::File { path }, Dependence::FileExists(known)) if wants_file => path != known,
        (_, dependence) if is_limit(dependence) => false,
        _ => true,
    };
    route.depends_on.iter().filter(matters)
}

/// Whether it is the requests before this one that decide.
pub(super) fn is_limit(dependence: &Dependence) -> bool {
    matches!(dependence, Dependence::Module(name) if matches!(&name[..], "limit_req" | "limit_conn"))
}

/// Every part but the server: that is chosen before anything that a route may rest on.
fn outcome(expected: &Expectation, route: &Route, config: &Config) -> Vec<Part> {
    let found = &route.outcome;
    let mut parts = Vec::new();
    if let Some(kind) = expected.kind
        && kind != Kind::of(found)
    {
        parts.push(fails("kind", kind.name(), describe(found)));
    } else {
        parts.extend(expected.kind.map(|_| Ok(())));
        parts.extend(keys(expected, found));
        parts.extend(expected.status.map(|wanted| status(wanted, route)));
    }
    if let Some(pattern) = &expected.pattern {
        parts.push(location(pattern, route.location, config));
    }
    parts
}

fn keys(expected: &Expectation, found: &Outcome) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = |key, wanted: &Option<String>, there: Option<&[u8]>| {
        if let Some(wanted) = wanted {
            parts.push(equal(key, wanted, there, found));
        }
    };
    match found {
        Outcome::Pass { upstream, pass, .. } => {
            text("pass", &expected.pass, Some(pass));
            text("path", &expected.path, None);
            text("location", &expected.location, None);
            text("body", &expected.body, None);
            if upstream.is_some() {
                text("upstream", &expected.upstream, upstream.as_deref().map(str::as_bytes));
            } else if expected.upstream.is_some() {
                parts.push(Err(Not::Known("variables".to_owned())));
            }
        }
        _ => {
            let (path, location, body) = match found {
                Outcome::File { path } => (Some(&path[..]), None, None),
                Outcome::Redirect { location, .. } => (None, Some(&location[..]), None),
                Outcome::Return { body, .. } => (None, None, body.as_deref()),
                _ => (None, None, None),
            };
            text("upstream", &expected.upstream, None);
            text("pass", &expected.pass, None);
            text("location", &expected.location, location);
            text("body", &expected.body, body);
            text("path", &expected.path, path);
        }
    }
    parts.extend(expected.servers.as_ref().map(|wanted| servers(wanted, found)));
    parts.extend(expected.candidates.as_ref().map(|wanted| candidates(wanted, found)));
    parts
}

fn equal(key: &'static str, wanted: &str, there: Option<&[u8]>, found: &Outcome) -> Part {
    match there {
        Some(there) if there == wanted.as_bytes() => Ok(()),
        Some(there) => fails(key, &quoted(wanted), quoted(&String::from_utf8_lossy(there))),
        None => fails(key, &quoted(wanted), format!("absent ({})", describe(found))),
    }
}

fn servers(wanted: &[String], found: &Outcome) -> Part {
    let there = match found {
        Outcome::Pass { servers, .. } => servers,
        other => return fails("servers", &list(wanted), format!("absent ({})", describe(other))),
    };
    let (mut one, mut other) = (wanted.to_vec(), there.clone());
    one.sort();
    other.sort();
    if one == other { Ok(()) } else { fails("servers", &list(wanted), list(there)) }
}

fn candidates(wanted: &[String], found: &Outcome) -> Part {
    let same = |there: &[Vec<u8>]| there.iter().eq(wanted.iter().map(String::as_bytes));
    match found {
        Outcome::Files { candidates } if same(candidates) => Ok(()),
        Outcome::File { path } if wanted.iter().any(|wanted| wanted.as_bytes() == path) => Ok(()),
        other => fails("candidates", &list(wanted), describe(other)),
    }
}

fn status(wanted: u16, route: &Route) -> Part {
    match (route.status, &route.outcome) {
        (Some(status), _) if status == wanted => Ok(()),
        (None, Outcome::Pass { .. }) => Err(Not::Known(Dependence::UpstreamResponse.to_string())),
        (Some(status), Outcome::File { .. } | Outcome::Files { .. }) => {
            fails("status", &wanted.to_string(), format!("{status} ({})", describe(&route.outcome)))
        }
        (_, found) => fails("status", &wanted.to_string(), describe(found)),
    }
}

fn server(expected: &Expectation, route: &Route, config: &Config) -> Part {
    let Some(wanted) = &expected.server else { return Ok(()) };
    let chosen = route.server.and_then(|id| config.servers().iter().find(|server| server.node == id));
    let Some(chosen) = chosen else { return fails("server", &quoted(wanted), "none".to_owned()) };
    let named = |server: &Server| {
        let name = |text: &[u8]| text.eq_ignore_ascii_case(wanted.as_bytes());
        server.names.iter().any(|found| name(&found.text)) || (server.names.is_empty() && wanted.is_empty())
    };
    if named(chosen) || place(config, chosen.node) == *wanted {
        return Ok(());
    }
    let name = chosen
        .names
        .first()
        .map_or_else(String::new, |name| format!("{} at ", quoted(&String::from_utf8_lossy(&name.text))));
    fails("server", &quoted(wanted), format!("{name}{}", place(config, chosen.node)))
}

fn location(wanted: &str, chosen: Option<NodeId>, config: &Config) -> Part {
    let Some(id) = chosen else { return fails("pattern", &quoted(wanted), "none".to_owned()) };
    let node = config.node(id);
    let written = node.args().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    let is_pattern = |location: &Location| location.node == id && location.pattern == wanted.as_bytes();
    if written == wanted || place(config, id) == wanted || any_location(config, is_pattern) {
        return Ok(());
    }
    fails("pattern", &quoted(wanted), format!("{} at {}", quoted(&written), place(config, id)))
}

fn any_location(config: &Config, fits: impl Fn(&Location) -> bool) -> bool {
    let mut open: Vec<&Location> = config.servers().iter().flat_map(|server| &server.locations).collect();
    while let Some(location) = open.pop() {
        if fits(location) {
            return true;
        }
        open.extend(&location.children);
    }
    false
}

/// Where a block stands, as `file:line`.
fn place(config: &Config, id: NodeId) -> String {
    let node = config.node(id);
    format!("{}:{}", node.source().display, node.line())
}

pub(super) fn fails(key: &'static str, expected: &str, found: String) -> Part {
    Err(Not::Fails(Difference { key, expected: expected.to_owned(), found }))
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")
}

/// An outcome in a few words: `proxy http://app/cart`, `redirect 301 https://…`.
pub(crate) fn describe(outcome: &Outcome) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    match outcome {
        Outcome::Pass { kind, pass, .. } => format!("{} {}", kind.name(), text(pass)),
        Outcome::File { path } => format!("file {}", text(path)),
        Outcome::Files { candidates } => {
            let all: Vec<String> = candidates.iter().map(|path| text(path)).collect();
            format!("file {}", all.join(" or "))
        }
        Outcome::Redirect { status, location } => format!("redirect {status} {}", text(location)),
        Outcome::Return { status, .. } => format!("return {status}"),
        Outcome::Close { reason } => format!("close: {reason}"),
        Outcome::Error { status, reason } => format!("error {status}: {reason}"),
    }
}
