//! Where the configuration on disk sends the request.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use evenkeel_diagnosis::evidence::{Origin, Routed};
use evenkeel_fleet::watch::Failure;
use evenkeel_model::{
    Config, FileKind, ListenAddress, LocalAddress, Location, NameKind, Node, NodeId, Outcome, Request, Route,
    Router, Server, ServerName,
};

use super::Look;

/// As many arguments of a directive are looked at.
const ARGUMENTS_MAX: usize = 32;

impl Look<'_> {
    pub(super) fn route(&mut self) {
        let Some(config) = self.asked.config else { return };
        let asked = self.evidence.samples.iter().find_map(|seen| seen.address);
        self.evidence.listen_named = asked.map(|asked| {
            [Some(config), self.asked.former].into_iter().flatten().any(|it| listens(it, asked))
        });
        let Some(route) = self.route_by(config) else { return };
        let host = self.request.host_name();
        self.evidence.route = Some(routed(config, &route, host));
        let former = self.asked.former.and_then(|former| Some((former, self.route_by(former)?)));
        self.passed_before = former.as_ref().and_then(|(_, route)| passed(route));
        self.evidence.former = former.map(|(former, route)| routed(former, &route, host));
        self.passed = passed(&route);
        self.own_answers(&route);
    }

    /// The way of the request through a configuration.
    fn route_by(&self, config: &Config) -> Option<Route> {
        // A wish for another protocol goes the way of a request.
        let rest = self.asked.url.strip_prefix("ws");
        let url = rest.map_or_else(|| self.asked.url.to_owned(), |rest| format!("http{rest}"));
        let mut request = Request::parse(&format!("GET {url}")).ok()?;
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
fn passed(route: &Route) -> Option<String> {
    let Outcome::Pass { pass, .. } = &route.outcome else { return None };
    let pass = std::str::from_utf8(pass).ok()?;
    let (_, rest) = pass.split_once("://")?;
    Some(rest[rest.find('/')?..].to_owned()).filter(|uri| !uri.contains(['$', ' ']))
}

/// Whether a server is asked by a name that it does not claim, and is asked only because it is alone on the address.
fn is_alone(server: &Server, host: &str) -> bool {
    let claims =
        |name: &ServerName| !matches!(name.kind, NameKind::Exact) || matches!(&*name.text, b"_" | b"");
    !server.names.is_empty()
        && !server.names.iter().any(|name| claims(name) || name.text.eq_ignore_ascii_case(host.as_bytes()))
}

fn routed(config: &Config, route: &Route, host: &str) -> Routed {
    let server = route.server.and_then(|id| config.servers().iter().find(|server| server.node == id));
    let name = server.and_then(|server| server.names.first()).map(|name| text(&name.text));
    let by_default = route
        .steps
        .iter()
        .any(|step| step.what == "server" && step.text.starts_with("no server has the name"))
        || server.is_some_and(|server| is_alone(server, host));
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
    if let Some(id) = route.location.or(route.server) {
        let block = config.node(id);
        routed.dropped = dropped(&block);
        routed.wants_password = wants_password(&block);
        let cookies = |node: &Node<'_>| {
            let mut names = (0..ARGUMENTS_MAX).map_while(|at| node.arg_str(at));
            node.is("proxy_ignore_headers") && names.any(|name| name.eq_ignore_ascii_case("set-cookie"))
        };
        let caches = |node: &Node<'_>| node.is("proxy_cache") && node.arg_str(0) != Some("off");
        routed.caches_cookies = effective(&block, cookies) && effective(&block, caches);
        routed.upgrades = effective(&block, |node| {
            node.is("proxy_set_header")
                && node.arg_str(0).is_some_and(|name| name.eq_ignore_ascii_case("upgrade"))
                && node.arg_str(1).is_some_and(|value| !value.is_empty())
        });
    }
    match &route.outcome {
        Outcome::Pass { kind, upstream, servers, pass } => {
            routed.upstream = Some(upstream.clone().unwrap_or_else(|| text(pass)));
            let group = config
                .upstreams()
                .iter()
                .find(|group| upstream.as_deref() == std::str::from_utf8(&group.name).ok());
            let (kind, scheme) = (*kind, |kind| scheme(kind, pass));
            routed.servers = servers.iter().map(|server| format!("{}://{server}", scheme(kind))).collect();
            for member in group.iter().flat_map(|group| &group.servers) {
                let limit = |at| {
                    config.node(member.node).arg_str(at).is_some_and(|arg| arg.starts_with("max_conns="))
                };
                routed.max_conns |= (1..ARGUMENTS_MAX).any(limit);
                // Whom the configuration itself takes out is not asked.
                if member.down {
                    let address = String::from_utf8_lossy(&member.address);
                    routed.servers.push(format!("{}://{address} down", scheme(kind)));
                }
            }
        }
        Outcome::File { path } => routed.file = Some(text(path)),
        Outcome::Return { status, .. } | Outcome::Redirect { status, .. } => routed.returns = Some(*status),
        _ => {}
    }
    routed
}

/// Whether a block, or one around it, has such a directive.
fn effective(block: &Node<'_>, has: impl Fn(&Node<'_>) -> bool) -> bool {
    let mut around = std::iter::once(*block).chain(block.ancestors());
    around.any(|block| block.children().any(|child| has(&child)))
}

/// Whether a password is wanted: the nearest `auth_basic` decides.
fn wants_password(block: &Node<'_>) -> bool {
    let mut around = std::iter::once(*block).chain(block.ancestors());
    let nearest = around.find_map(|block| block.children().find(|child| child.is("auth_basic")));
    nearest.is_some_and(|node| node.arg_str(0) != Some("off"))
}

/// Whether a configuration listens at an address.
fn listens(config: &Config, at: SocketAddr) -> bool {
    config.listens().iter().any(|listen| match listen {
        ListenAddress::Inet { ip, port, last } => {
            let all = ip.is_unspecified() && ip.is_ipv4() == at.is_ipv4();
            (*port..=*last).contains(&at.port()) && (all || *ip == at.ip())
        }
        ListenAddress::Name { port, .. } => *port == at.port(),
        ListenAddress::Unix(_) => false,
    })
}

/// Headers that a block around this one adds, and this one drops because it adds some of its own.
fn dropped(block: &Node<'_>) -> Vec<String> {
    let added = |block: &Node<'_>| -> Vec<String> {
        let adds = block.children().filter(|child| child.is("add_header"));
        adds.filter_map(|child| Some(child.arg_str(0)?.to_ascii_lowercase())).collect()
    };
    let mut lists = std::iter::once(*block).chain(block.ancestors()).map(|block| added(&block));
    let merges = effective(block, |node| node.is("add_header_inherit"));
    let Some(own) = lists.find(|list| !list.is_empty()).filter(|_| !merges) else { return Vec::new() };
    let outer = lists.find(|list| !list.is_empty()).unwrap_or_default();
    outer.into_iter().filter(|name| !own.contains(name)).collect()
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
