//! One request on its way: what nginx keeps in `ngx_http_request_t`, and the loop over its phases.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Router;
use super::facts::Beside;
use super::groups::Groups;
use super::listen::Socket;
use super::observe::Watch;
use super::question::Piece;
use super::regex::Captured;
use super::shape::plain;
use super::traced::Traced;
use crate::config::{Node, NodeId};
use crate::request::{Dependence, HttpVersion, Outcome, PassKind, Request, Route, Step};

/// How often nginx changes the URI of a request before it gives up.
///
/// Source: `NGX_HTTP_MAX_URI_CHANGES`, src/http/ngx_http_request.h
pub(super) const URI_CHANGES_MAX: u32 = 10;

/// How long the text of a step may get.
const STEP_BYTES_MAX: usize = 2_000;

/// The name and the value of a header.
pub(super) type Header<'r> = (Cow<'r, [u8]>, Cow<'r, [u8]>);

/// A request on its way.
pub(super) struct Walk<'r, 'c> {
    pub(super) router: &'r Router<'c>,
    pub(super) request: &'r Request,
    pub(super) socket: &'r Socket,
    /// The address that the client reached, where it is known.
    pub(super) local_ip: Option<IpAddr>,
    pub(super) version: HttpVersion,
    /// The server, by its place in `Config::servers`.
    pub(super) server: usize,
    /// The block whose settings are in force: the server, a location, a `limit_except`, an `if`.
    pub(super) block: NodeId,
    /// The name by which the server was asked for; empty: none.
    pub(super) host: Cow<'r, [u8]>,
    pub(super) method: Cow<'r, [u8]>,
    /// Whether an `error_page` made it GET.
    pub(super) method_is_of_page: bool,
    pub(super) uri: Traced,
    pub(super) args: Traced,
    pub(super) unparsed_uri: Cow<'r, [u8]>,
    pub(super) quoted_uri: bool,
    pub(super) plus_in_uri: bool,
    /// Whether the URI is still the one that the client sent.
    pub(super) valid_unparsed_uri: bool,
    /// Whether the URI begins with the text of its location.
    pub(super) valid_location: bool,
    pub(super) add_uri_to_alias: bool,
    pub(super) internal: bool,
    pub(super) uri_changed: bool,
    pub(super) uri_changes: u32,
    pub(super) in_error_page: bool,
    /// The status that the answer gets whatever answers.
    pub(super) err_status: Option<u16>,
    pub(super) content_length: Option<i64>,
    pub(super) body_discarded: bool,
    /// The headers that nginx keeps.
    pub(super) headers: Vec<Header<'r>>,
    /// The directive that answers for the location, if one does.
    pub(super) handler: Option<NodeId>,
    /// The `Location` of the answer so far.
    pub(super) location_header: Option<Traced>,
    pub(super) captured: Groups,
    pub(super) variables: BTreeMap<Vec<u8>, Traced>,
    /// The maps that wait for their source or value.
    pub(super) mapping: Vec<NodeId>,
    pub(super) maps_asked: usize,
    /// Files that nginx would serve if they were there.
    pub(super) candidates: Vec<Traced>,
    /// Where a `try_files` stood before files of which nobody knows whether they are there.
    pub(super) doubt: Option<Doubt>,
    /// The `try_files` that went on to their last name, while the walk is watched.
    pub(super) fallen_back: Vec<NodeId>,
    /// Why the last error is one, for people; and whether the configuration itself said so.
    pub(super) cause: Cow<'static, str>,
    pub(super) returned: bool,
    /// The client, guards and limits.
    pub(super) beside: Beside,
    pub(super) steps: Vec<Step>,
    /// Whether nobody reads the words of the steps.
    pub(super) is_quiet: bool,
    pub(super) depends_on: BTreeSet<Dependence>,
    /// What is assumed and noted; `None`: nothing is.
    pub(super) watch: Option<&'r mut Watch>,
}

/// The words of a step, there or to be made.
pub(super) trait Words {
    fn words(self) -> String;
}

impl Words for String {
    fn words(self) -> String {
        self
    }
}

impl Words for &str {
    fn words(self) -> String {
        self.to_owned()
    }
}

impl<F: FnOnce() -> String> Words for F {
    fn words(self) -> String {
        self()
    }
}

/// The state in which a `try_files` had to guess.
pub(super) struct Doubt {
    pub(super) tried: Vec<NodeId>,
    pub(super) block: NodeId,
    pub(super) uri: Traced,
}

/// Where the request goes next.
pub(super) enum Turn {
    ServerRewrite,
    FindLocation,
    LocationRewrite,
    Access,
    TryFiles,
    Content,
    /// nginx answers with a status of its own, unless an `error_page` takes it.
    Finish(u16),
    /// The answer, with its status where it is known.
    Done(Outcome<Traced>, Option<u16>),
}

impl<'c> Walk<'_, 'c> {
    /// Goes on until there is an answer. Every loop costs one of [`URI_CHANGES_MAX`].
    pub(super) fn go(&mut self, mut turn: Turn) -> (Outcome<Traced>, Option<u16>) {
        loop {
            turn = match turn {
                Turn::ServerRewrite => self.server_rewrite(),
                Turn::FindLocation => self.find_location(),
                Turn::LocationRewrite => self.location_rewrite(),
                Turn::Access => self.access(),
                Turn::TryFiles => self.try_files(),
                Turn::Content => self.content(),
                Turn::Finish(status) => self.finish(status),
                Turn::Done(outcome, status) => break (outcome, status),
            };
        }
    }

    /// The route of a request that goes on like this.
    pub(super) fn run(mut self, turn: Turn) -> Route {
        let (outcome, status) = self.go(turn);
        let (outcome, status) = self.answer(outcome, status);
        let server = self.server_node();
        let location = self.location_node();
        self.tell(&outcome, status);
        if let Outcome::Pass { kind: PassKind::Proxy, pass, .. } = &outcome {
            self.send_headers(pass);
        }
        if !matches!(outcome, Outcome::Close { .. }) {
            self.add_headers(status);
        }
        Route {
            outcome: plain(outcome),
            status,
            listen: self.socket.key.local(),
            server: Some(server.id()),
            location,
            uri: self.uri.into_bytes(),
            steps: self.steps,
            depends_on: self.depends_on.into_iter().collect(),
            facts: self.beside.facts,
        }
    }

    pub(super) fn server_node(&self) -> Node<'c> {
        self.router.config.node(self.router.config.servers()[self.server].node)
    }

    /// The location whose settings are in force; `None`: those of the server itself.
    pub(super) fn location_node(&self) -> Option<NodeId> {
        let block = self.router.config.node(self.block);
        let mut around = std::iter::once(block).chain(block.ancestors());
        around.find(|node| node.is("location") && node.is_block()).map(Node::id)
    }

    /// Notes what happened; its words are only made where somebody reads them.
    pub(super) fn step(&mut self, what: &'static str, text: impl Words, node: Option<NodeId>) {
        let mut text = if self.is_quiet { String::new() } else { text.words() };
        if text.len() > STEP_BYTES_MAX {
            text.truncate(text.floor_char_boundary(STEP_BYTES_MAX));
            text.push('…');
        }
        self.steps.push(Step { what, text, node });
    }

    pub(super) fn depend(&mut self, module: &str) {
        self.depends_on.insert(Dependence::Module(module.to_owned()));
    }

    /// An error of nginx, with its reason for people.
    pub(super) fn error(&mut self, status: u16, why: impl Into<Cow<'static, str>>) -> Turn {
        (self.cause, self.returned) = (why.into(), false);
        Turn::Finish(status)
    }

    /// Takes over what a regex captured in `of`.
    pub(super) fn capture(&mut self, captured: Captured, text: &[u8], caseless: bool, of: &Traced) {
        if !self.is_watched() || of.is_text() {
            self.captured = Groups::of(captured.groups.into_iter().map(Traced::text).collect());
            self.variables
                .extend(captured.named.into_iter().map(|(name, value)| (name, Traced::text(value))));
            return;
        }
        let template = of.template();
        let group = |(group, bytes)| {
            let (pattern, of) = (text.to_vec(), template.clone());
            Traced::piece(bytes, Piece::Group { pattern, caseless, group, of })
        };
        self.captured = Groups::of(captured.groups.into_iter().enumerate().map(group).collect());
        for (name, group) in self.router.patterns.get(text, caseless).names() {
            if let Some(value) = self.captured.get(group) {
                self.variables.insert(name, value);
            }
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        let named = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| &value[..])
    }

    /// Changes the URI as `error_page`, `index` and `try_files` do.
    ///
    /// Source: `ngx_http_internal_redirect`, src/http/ngx_http_core_module.c
    pub(super) fn internal_redirect(&mut self, uri: Traced, args: Traced, node: Option<NodeId>) -> Turn {
        if !self.change_uri(&uri) {
            return Turn::Finish(500);
        }
        self.step("internal redirect", || shown(&uri), node);
        (self.uri, self.args) = (uri, args);
        (self.internal, self.valid_unparsed_uri, self.add_uri_to_alias) = (true, false, false);
        self.valid_location = true;
        self.block = self.server_node().id();
        Turn::ServerRewrite
    }

    /// Source: `ngx_http_named_location`, src/http/ngx_http_core_module.c
    pub(super) fn named_location(&mut self, name: &Traced, node: Option<NodeId>) -> Turn {
        self.pin(name);
        if !self.change_uri(name) {
            return Turn::Finish(500);
        }
        if self.is_empty(&self.uri.clone()) {
            return self.error(500, "there is no URI to go to a named location with");
        }
        let Some(location) = self.router.locations(self.server).named(name) else {
            return self.error(500, format!("there is no location {}", shown(name)));
        };
        self.step("internal redirect", || format!("to {}", shown(name)), node);
        self.step("location", || shown(name), Some(location));
        (self.internal, self.uri_changed, self.handler) = (true, false, None);
        self.enter(location);
        Turn::LocationRewrite
    }

    /// A URI and its arguments, split at the first `?`.
    pub(super) fn split_args(&mut self, uri: &Traced) -> (Traced, Traced) {
        match self.first_of(uri, "?") {
            Some(at) => {
                let (uri, args) = uri.split(at, "?");
                (uri, args.cut(1))
            }
            None => (uri.clone(), Traced::default()),
        }
    }

    /// Counts a change of the URI; whether it may happen.
    pub(super) fn change_uri(&mut self, to: &[u8]) -> bool {
        self.uri_changes = self.uri_changes.saturating_sub(1);
        if self.uri_changes == 0 {
            let why = format!("the URI was changed more than {URI_CHANGES_MAX} times, last to {}", shown(to));
            (self.cause, self.returned) = (why.into(), false);
        }
        self.uri_changes > 0
    }

    /// Makes a block's settings those in force.
    ///
    /// Source: `ngx_http_update_location_config`, src/http/ngx_http_core_module.c
    pub(super) fn enter(&mut self, block: NodeId) {
        self.block = block;
        let limited = self.router.limit_except(block, &self.method);
        self.ask_excepted(block, limited.is_none());
        if let Some(inner) = limited {
            self.block = inner.id();
            let method = self.method.clone();
            let text = || format!("{} is not among its methods", shown(&method));
            self.step("limit_except", text, Some(inner.id()));
        }
        if let Some(handler) = self.router.handler(self.block) {
            self.handler = Some(handler);
        }
    }
}

/// Bytes as text for people.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
