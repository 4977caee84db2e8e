//! A route, for people and as JSON.

use std::fmt::Write as _;

use evenkeel_model::{
    Config, Dependence, LocalAddress, Location, LocationKind, NodeId, Outcome, Request, Route, Step,
};
use evenkeel_syntax::secret::redact_str;
use serde_json::{Map, Value, json};

/// The JSON document of one route.
pub(in crate::commands) fn document(config: &Config, request: &Request, route: &Route) -> Value {
    let mut document = Map::new();
    document.insert("request".to_owned(), asked(request));
    document.insert("outcome".to_owned(), outcome(route));
    document.insert("server".to_owned(), server(config, route.server));
    document.insert("location".to_owned(), location(config, route));
    bytes(&mut document, "uri", &route.uri);
    way(&mut document, config, &route.steps, &route.depends_on);
    Value::Object(document)
}

/// The steps of a way, and what it rests on.
pub(super) fn way(into: &mut Map<String, Value>, config: &Config, steps: &[Step], depends_on: &[Dependence]) {
    let steps = steps.iter().map(|step| {
        let mut entry = Map::new();
        entry.insert("what".to_owned(), step.what.into());
        entry.insert("text".to_owned(), step.text.clone().into());
        if let Some(node) = step.node {
            place(&mut entry, config, node);
        }
        Value::Object(entry)
    });
    into.insert("steps".to_owned(), steps.collect());
    into.insert("depends_on".to_owned(), depends_on.iter().map(Dependence::to_string).collect());
}

/// A text that may be no UTF-8: then its bytes follow as `KEY_bytes`.
pub(in crate::commands) fn bytes(into: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    into.insert(key.to_owned(), String::from_utf8_lossy(bytes).into());
    if std::str::from_utf8(bytes).is_err() {
        into.insert(format!("{key}_bytes"), bytes.into());
    }
}

pub(super) fn place(into: &mut Map<String, Value>, config: &Config, node: NodeId) {
    let node = config.node(node);
    into.insert("file".to_owned(), node.source().display.clone().into());
    into.insert("line".to_owned(), node.line().into());
}

pub(in crate::commands) fn asked(request: &Request) -> Value {
    let mut asked = Map::new();
    bytes(&mut asked, "method", &request.method);
    asked.insert("scheme".to_owned(), if request.tls { "https" } else { "http" }.into());
    match request.header("host") {
        Some(host) => bytes(&mut asked, "host", without_port(host)),
        None => drop(asked.insert("host".to_owned(), Value::Null)),
    }
    let port = match &request.listen {
        Some(LocalAddress::Inet(address)) => Some(address.port()),
        Some(LocalAddress::Unix(_)) => None,
        None => Some(request.port.unwrap_or(if request.tls { 443 } else { 80 })),
    };
    asked.insert("port".to_owned(), port.into());
    bytes(&mut asked, "uri", &request.target);
    Value::Object(asked)
}

fn without_port(host: &[u8]) -> &[u8] {
    let colon = host.iter().rposition(|&byte| byte == b':');
    match colon {
        Some(at) if host[at + 1..].iter().all(u8::is_ascii_digit) => &host[..at],
        _ => host,
    }
}

pub(in crate::commands) fn outcome(route: &Route) -> Value {
    let mut entry = Map::new();
    if let Some(status) = route.status {
        entry.insert("status".to_owned(), status.into());
    }
    let mut kind = |kind: &str| drop(entry.insert("kind".to_owned(), kind.into()));
    match &route.outcome {
        Outcome::Pass { kind: how, upstream, servers, pass } => {
            kind(how.name());
            entry.insert("upstream".to_owned(), upstream.clone().into());
            entry.insert("servers".to_owned(), servers.clone().into());
            bytes(&mut entry, "pass", pass);
        }
        Outcome::File { path } => {
            kind("file");
            bytes(&mut entry, "path", path);
        }
        Outcome::Files { candidates } => {
            kind("file");
            let all = candidates.iter().map(|path| String::from_utf8_lossy(path).into_owned());
            entry.insert("candidates".to_owned(), all.collect());
        }
        Outcome::Redirect { status, location } => {
            kind("redirect");
            entry.insert("status".to_owned(), (*status).into());
            bytes(&mut entry, "location", location);
        }
        Outcome::Return { status, body } => {
            kind("return");
            entry.insert("status".to_owned(), (*status).into());
            if let Some(body) = body {
                bytes(&mut entry, "body", body);
            }
        }
        Outcome::Close { reason } => {
            kind("close");
            entry.insert("reason".to_owned(), reason.clone().into());
        }
        Outcome::Error { status, reason } => {
            kind("error");
            entry.insert("status".to_owned(), (*status).into());
            entry.insert("reason".to_owned(), reason.clone().into());
        }
    }
    Value::Object(entry)
}

pub(super) fn server(config: &Config, server: Option<NodeId>) -> Value {
    let Some(id) = server else { return Value::Null };
    let server = config.servers().iter().find(|server| server.node == id);
    let names = server.into_iter().flat_map(|server| &server.names);
    let names: Vec<_> = names.map(|name| String::from_utf8_lossy(&name.text).into_owned()).collect();
    let mut entry = Map::new();
    entry.insert("names".to_owned(), names.into());
    place(&mut entry, config, id);
    Value::Object(entry)
}

fn location(config: &Config, route: &Route) -> Value {
    let Some(id) = route.location else { return Value::Null };
    let mut entry = Map::new();
    if let Some(location) = find(config, id) {
        bytes(&mut entry, "pattern", &location.pattern);
        entry.insert("modifier".to_owned(), modifier(location.kind).into());
    }
    place(&mut entry, config, id);
    Value::Object(entry)
}

fn find(config: &Config, id: NodeId) -> Option<&Location> {
    fn within(locations: &[Location], id: NodeId) -> Option<&Location> {
        locations.iter().find_map(|location| {
            if location.node == id { Some(location) } else { within(&location.children, id) }
        })
    }
    config.servers().iter().find_map(|server| within(&server.locations, id))
}

fn modifier(kind: LocationKind) -> &'static str {
    match kind {
        LocationKind::Prefix | LocationKind::Named => "",
        LocationKind::PrefixNoRegex => "^~",
        LocationKind::Exact => "=",
        LocationKind::Regex { caseless: false } => "~",
        LocationKind::Regex { caseless: true } => "~*",
    }
}

/// What a person reads first: where the request ends.
pub(super) fn headline(route: &Route) -> String {
    let unusual = route.status.filter(|&status| status != 200);
    let status = unusual.map(|status| format!(" with {status}")).unwrap_or_default();
    match &route.outcome {
        Outcome::Pass { kind, servers, pass, .. } => {
            let to = if servers.is_empty() { String::new() } else { format!(" ({})", servers.join(", ")) };
            let answered =
                route.status.map(|status| format!(", and answered with {status}")).unwrap_or_default();
            format!("is passed on by {}_pass to {}{to}{answered}", kind.name(), readable(pass))
        }
        Outcome::File { path } => {
            format!("is answered{status} with the file {}", readable(path))
        }
        Outcome::Files { candidates } => {
            let all: Vec<_> = candidates.iter().map(|path| readable(path)).collect();
            let all = all.join(", ");
            format!("is answered{status} with the first of these files that exists: {all}")
        }
        Outcome::Redirect { status, location } => format!("is sent to {} ({status})", readable(location)),
        Outcome::Return { status, body } => match body.as_deref().filter(|body| !body.is_empty()) {
            Some(body) => format!("is answered with {status} and the text \"{}\"", readable(body)),
            None => format!("is answered with {status}"),
        },
        Outcome::Close { reason } => format!("is closed without an answer: {reason}"),
        Outcome::Error { status, reason } => format!("fails with {status}: {reason}"),
    }
}

/// Bytes of a configuration or a request, safe on a terminal.
pub(in crate::commands) fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { format!("\\x{:02x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

/// The text for people: the outcome, the way, and what it rests on.
pub(in crate::commands) fn text(config: &Config, request: &Request, route: &Route) -> String {
    told(config, &format!("{} {}", request.url(), headline(route)), &route.steps, &route.depends_on)
}

/// A headline, and the way below it.
pub(super) fn told(config: &Config, headline: &str, steps: &[Step], depends_on: &[Dependence]) -> String {
    let mut text = format!("{headline}\n");
    let at = |node: Option<NodeId>| match node.map(|node| config.node(node)) {
        Some(node) if !node.is_root() => format!("{}:{}", node.source().display, node.line()),
        _ => String::new(),
    };
    let rows: Vec<_> =
        steps.iter().map(|step| (at(step.node), step.what, readable(step.text.as_bytes()))).collect();
    let wide = rows.iter().map(|(at, ..)| at.chars().count()).max().unwrap_or(0);
    let what_wide = rows.iter().map(|(_, what, _)| what.len()).max().unwrap_or(0);
    if !rows.is_empty() {
        text.push('\n');
    }
    for (at, what, words) in &rows {
        let row = format!("  {at:wide$}  {what:what_wide$}  {words}");
        writeln!(text, "{}", row.trim_end()).expect("a String takes all");
    }
    if !depends_on.is_empty() {
        text.push_str("\nThat is not certain. It depends on what no configuration tells:\n");
        for dependence in depends_on {
            writeln!(text, "  {}", readable(explain(dependence).as_bytes())).expect("a String takes all");
        }
    }
    redact_str(&text).into_owned()
}

fn explain(dependence: &Dependence) -> String {
    match dependence {
        Dependence::FileExists(path) => format!("whether {} exists", String::from_utf8_lossy(path)),
        Dependence::UpstreamResponse => "what the upstream answers".to_owned(),
        Dependence::ClientAddress => "where the client comes from (--client says it)".to_owned(),
        Dependence::Random => "chance".to_owned(),
        Dependence::Time => "the time".to_owned(),
        Dependence::Module(name) => format!("{name}, which is not modelled yet"),
    }
}

/// The document of a line that is no request.
pub(super) fn unread(number: u64, why: &str) -> Value {
    json!({ "error": format!("failed to {why}"), "line": number })
}
