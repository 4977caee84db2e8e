//! Where the configuration on disk sends the request.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use evenkeel_diagnosis::evidence::{Origin, Routed};
use evenkeel_fleet::watch::Failure;
use evenkeel_model::{Config, FileKind, LocalAddress, Location, NodeId, Outcome, Request, Route, Router};

use super::Look;

impl Look<'_> {
    pub(super) fn route(&mut self) {
        let Some(config) = self.asked.config else { return };
        let Some(route) = self.route_by(config) else { return };
        self.evidence.route = Some(routed(config, &route));
        self.passed = passed(&route);
        self.own_answers(&route);
    }

    /// The way of the request through a configuration.
    pub(super) fn route_by(&self, config: &Config) -> Option<Route> {
        let mut request = Request::parse(&format!("GET {}", self.asked.url)).ok()?;
        let asked = self.evidence.samples.iter().find_map(|seen| seen.address);
        request.listen = asked.map(LocalAddress::Inet);
        request.client = asked.map(|address| address.ip());
        Some(Router::new(config).with_files(on_disk).route(&request))
    }

    /// Where nothing is passed on, whatever status came is nginx's own.
    fn own_answers(&mut self, route: &Route) {
        let exact = route.depends_on.is_empty() && !matches!(route.outcome, Outcome::Pass { .. });
        let statuses: Vec<u16> = self
            .evidence
            .down()
            .filter_map(|(_, failure)| match failure {
                Failure::Status(status) => Some(*status),
                _ => None,
            })
            .collect();
        for status in statuses.into_iter().filter(|_| exact) {
            let uri = self.request.uri.clone();
            self.evidence.note_answer(&uri, status, Origin::Nginx, None);
        }
        let closes = matches!(&route.outcome, Outcome::Close { reason } if reason.contains("444"));
        if closes && self.evidence.down().any(|(_, failure)| *failure == Failure::ClosedEmpty) {
            let uri = self.request.uri.clone();
            self.evidence.note_answer(&uri, 444, Origin::Nginx, None);
        }
    }
}

/// What the upstream is asked for: path and query of the URL that nginx passes on.
pub(super) fn passed(route: &Route) -> Option<String> {
    let Outcome::Pass { pass, .. } = &route.outcome else { return None };
    let pass = std::str::from_utf8(pass).ok()?;
    let (_, rest) = pass.split_once("://")?;
    Some(rest[rest.find('/')?..].to_owned()).filter(|uri| !uri.contains(['$', ' ']))
}

pub(super) fn routed(config: &Config, route: &Route) -> Routed {
    let server = route.server.and_then(|id| config.servers().iter().find(|server| server.node == id));
    let name = server.and_then(|server| server.names.first()).map(|name| text(&name.text));
    let by_default = route
        .steps
        .iter()
        .any(|step| step.what == "server" && step.text.starts_with("no server has the name"));
    let place = route.location.or(route.server).map(|id| place(config, id));
    let mut routed = Routed {
        server: name.unwrap_or_else(|| route.server.map_or_else(String::new, |id| self::place(config, id))),
        by_default,
        location: route.location.and_then(|id| {
            let location = server.and_then(|server| find(&server.locations, id))?;
            Some(format!("location {}", text(&location.pattern)))
        }),
        place,
        ..Routed::default()
    };
    match &route.outcome {
        Outcome::Pass { kind, upstream, servers, pass } => {
            routed.upstream = Some(upstream.clone().unwrap_or_else(|| text(pass)));
            routed.servers =
                servers.iter().map(|server| format!("{}://{server}", scheme(*kind, pass))).collect();
        }
        Outcome::File { path } => routed.file = Some(text(path)),
        Outcome::Return { status, .. } => routed.returns = Some(*status),
        _ => {}
    }
    routed
}

fn scheme(kind: evenkeel_model::PassKind, pass: &[u8]) -> &'static str {
    use evenkeel_model::PassKind;
    match kind {
        PassKind::Proxy if pass.starts_with(b"https") => "https",
        PassKind::Proxy => "http",
        PassKind::Grpc => "grpc",
        PassKind::Fastcgi => "fastcgi",
        PassKind::Uwsgi => "uwsgi",
        PassKind::Scgi => "scgi",
        PassKind::Memcached => "memcached",
    }
}

fn place(config: &Config, id: NodeId) -> String {
    let node = config.node(id);
    format!("{}:{}", node.source().display, node.line())
}

fn find(locations: &[Location], id: NodeId) -> Option<&Location> {
    locations
        .iter()
        .find_map(|location| if location.node == id { Some(location) } else { find(&location.children, id) })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn on_disk(path: &[u8]) -> FileKind {
    match std::fs::metadata(Path::new(OsStr::from_bytes(path))) {
        Ok(metadata) if metadata.is_dir() => FileKind::Directory,
        Ok(_) => FileKind::File,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FileKind::Absent,
        Err(_) => FileKind::Unknown,
    }
}
