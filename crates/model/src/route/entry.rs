//! From the connection to a request: the socket, the TLS handshake.
//!
//! Source: `ngx_http_init_connection`, `ngx_http_ssl_servername`, src/http/ngx_http_request.c

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Router;
use super::blocks::Role;
use super::facts::Beside;
use super::given::Given;
use super::groups::Groups;
use super::headers;
use super::listen::{Key, Socket};
use super::name::{Claim, Found};
use super::observe::Watch;
use super::question::Input;
use super::regex::Captured;
use super::traced::Traced;
use super::walk::{Turn, URI_CHANGES_MAX, Walk, shown};
use crate::config::NodeId;
use crate::request::{Dependence, Facts, LocalAddress, Outcome, Request, Route, Step};

/// How many steps most requests take.
const STEPS_USUAL: usize = 6;

/// What a connection has that its requests share.
pub(super) struct Handshake {
    server: usize,
    /// The name that the client gave, where a server has it.
    pub(super) name: Option<Vec<u8>>,
    /// What its regex captured, and whose it is.
    pub(super) captured: Option<(Captured, Claim)>,
    step: Option<Step>,
    unknown: bool,
}

pub(super) fn route<'r>(router: &'r Router<'_>, request: &'r Request, watch: Option<&'r mut Watch>) -> Route {
    walk(router, request, watch, false)
}

/// The same without the words of its steps.
pub(super) fn quick<'r>(router: &'r Router<'_>, request: &'r Request) -> Route {
    walk(router, request, None, true)
}

fn walk<'r>(
    router: &'r Router<'_>,
    request: &'r Request,
    mut watch: Option<&'r mut Watch>,
    is_quiet: bool,
) -> Route {
    let mut steps = Vec::with_capacity(STEPS_USUAL);
    let mut depends_on = BTreeSet::new();
    let closed = |reason: String,
                  listen,
                  steps: Vec<Step>,
                  depends_on: BTreeSet<Dependence>,
                  server: Option<NodeId>| Route {
        outcome: Outcome::Close { reason },
        status: None,
        listen,
        server,
        location: None,
        uri: Vec::new(),
        steps,
        depends_on: depends_on.into_iter().collect(),
        facts: Facts::default(),
    };
    let Some(socket) = socket(router, request, &mut depends_on) else {
        let at = match (&request.listen, request.port) {
            (Some(LocalAddress::Inet(address)), _) => address.to_string(),
            (Some(LocalAddress::Unix(path)), _) => format!("unix:{}", shown(path)),
            (None, Some(port)) => format!("port {port}"),
            (None, None) => String::from("any address"),
        };
        return closed(format!("nothing listens on {at}"), None, steps, depends_on, None);
    };
    let local = socket.key.local();
    steps.push(listen_step(router, socket, is_quiet));
    if request.tls && !socket.tls {
        return closed(String::from("a TLS handshake on a port without TLS"), local, steps, depends_on, None);
    }
    let mut handshake =
        Handshake { server: socket.default, name: None, captured: None, step: None, unknown: false };
    if request.tls {
        handshake = shake(router, request, socket, watch.as_deref_mut());
        steps.extend(handshake.step.take());
        let server = router.config.servers()[handshake.server].node;
        if let Some(node) = router.blocks.effective(server, Role::SslRejectHandshake)
            && router.blocks.flag(server, Role::SslRejectHandshake, false)
        {
            steps.push(Step {
                what: "close",
                text: String::from("the handshake is rejected"),
                node: Some(node.id()),
            });
            return closed(String::from("ssl_reject_handshake"), local, steps, depends_on, Some(server));
        }
    }
    if handshake.unknown {
        depends_on.insert(Dependence::Module(String::from("regex")));
    }
    let mut walk = Walk {
        router,
        request,
        socket,
        local_ip: match (&request.listen, &socket.key) {
            (Some(LocalAddress::Inet(address)), key) => Some(key.seen(address.ip())),
            (None, Key::Inet(address)) if !address.ip().is_unspecified() => Some(address.ip()),
            _ => None,
        },
        version: request.version,
        server: handshake.server,
        block: router.config.servers()[handshake.server].node,
        host: Cow::default(),
        method: Cow::Borrowed(&request.method),
        method_is_of_page: false,
        uri: Traced::default(),
        args: Traced::default(),
        unparsed_uri: Cow::default(),
        quoted_uri: false,
        plus_in_uri: false,
        valid_unparsed_uri: false,
        valid_location: true,
        add_uri_to_alias: false,
        internal: false,
        uri_changed: false,
        uri_changes: URI_CHANGES_MAX + 1,
        in_error_page: false,
        err_status: None,
        content_length: None,
        body_discarded: false,
        headers: Vec::new(),
        handler: None,
        location_header: None,
        captured: Groups::default(),
        variables: BTreeMap::new(),
        mapping: Vec::new(),
        maps_asked: 0,
        candidates: Vec::new(),
        doubt: None,
        fallen_back: Vec::new(),
        cause: Cow::default(),
        returned: false,
        beside: Beside::of(request, socket),
        steps,
        depends_on,
        is_quiet,
        watch,
    };
    let turn = match walk.read(&handshake) {
        Ok(()) => {
            let is_plain = Given::is_plain(&walk);
            let given = (walk.is_watched() && is_plain).then(|| Given::of(&walk));
            if let Some(watch) = &mut walk.watch {
                watch.given = given;
            }
            walk.real_ip();
            Turn::ServerRewrite
        }
        Err(refused) => refused,
    };
    walk.run(turn)
}

fn socket<'r>(
    router: &'r Router<'_>,
    request: &Request,
    depends_on: &mut BTreeSet<Dependence>,
) -> Option<&'r Socket> {
    let sockets = &router.sockets;
    let found = match &request.listen {
        Some(address) => {
            if let LocalAddress::Inet(address) = address
                && sockets.named_with_port(address.port())
            {
                depends_on.insert(Dependence::Module(String::from("dns")));
            }
            sockets.at(address)
        }
        None => {
            let host = || request.header("host").and_then(|host| headers::host(host, router.version()));
            sockets.guess(request, |socket| {
                let names = socket.names(router.config, &router.patterns);
                let found = host().zip(names).map(|(host, names)| names.find(&host));
                matches!(found, Some(Found::Server(..)))
            })
        }
    };
    found.map(|at| &sockets.all[at])
}

fn listen_step(router: &Router<'_>, socket: &Socket, is_quiet: bool) -> Step {
    if is_quiet {
        return Step { what: "listen", text: String::new(), node: socket.listen };
    }
    let tls = if socket.tls { " ssl" } else { "" };
    let servers = socket.servers.len();
    let default = router.config.node(router.config.servers()[socket.default].node);
    let (file, line) = (&default.source().display, default.line());
    let why = if socket.default_is_marked { "marked default_server" } else { "the first" };
    let rest = match servers {
        1 => String::from("one server, whatever the name"),
        _ => format!("{servers} servers, {file}:{line} is the default ({why})"),
    };
    Step { what: "listen", text: format!("{}{tls}: {rest}", socket.key), node: socket.listen }
}

/// The server of a TLS handshake, by the name that the client gave.
fn shake(router: &Router<'_>, request: &Request, socket: &Socket, watch: Option<&mut Watch>) -> Handshake {
    let mut handshake =
        Handshake { server: socket.default, name: None, captured: None, step: None, unknown: false };
    let name = request.sni.as_ref().and_then(|name| headers::host(name, router.version()));
    let Some((name, names)) = name.zip(socket.names(router.config, &router.patterns)) else {
        return handshake;
    };
    let found = names.find(&name);
    if let Some(watch) = watch {
        watch.ask_server(router, socket, &name, &found, &Input::Sni);
    }
    match found {
        Found::Server(claim, captured) => {
            let text = format!("the handshake names {}: {}", shown(&name), claim.how);
            handshake.step = Some(Step { what: "handshake", text, node: claim.node });
            handshake.captured = captured.map(|captured| (captured, claim));
            (handshake.server, handshake.name) = (claim.server, Some(name.into_owned()));
        }
        Found::Nobody => {}
        Found::Unknown(_) => handshake.unknown = true,
    }
    handshake
}
