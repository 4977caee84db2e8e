//! Where a request is passed on to, and what is asked there.
//!
//! Source: `ngx_http_proxy_pass`, `ngx_http_proxy_eval`, `ngx_http_proxy_create_request`,
//! src/http/modules/ngx_http_proxy_module.c; `ngx_http_upstream_init_request`, src/http/ngx_http_upstream.c

use std::net::IpAddr;

use super::blocks::Role;
use super::error_page;
use super::question::{Answered, Atom, Input, Is, Test};
use super::script;
use super::traced::Traced;
use super::uri::{Escape, escape};
use super::walk::{Turn, Walk, shown};
use crate::catalog::Version;
use crate::config::Node;
use crate::context::Context;
use crate::lower::{LocationKind, location_pattern};
use crate::request::{Outcome, PassKind};

/// The address of a pass, taken apart.
pub(super) struct Address {
    pub(super) scheme: &'static str,
    /// Host and port, or `unix:` and a path, as they stand.
    pub(super) authority: Traced,
    /// What follows.
    pub(super) uri: Traced,
}

/// What nginx takes for a host and a port.
const AUTHORITY: &[u8] = br"(?s)\A(unix:.+|(\[[^\]]*\]|[^:\[][^:]*)(:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)\z";

/// What is an address and no name.
const LITERAL: &[u8] = br"\A(unix:|(\[[0-9a-fA-F:.]+\]|[0-9]{1,3}(\.[0-9]{1,3}){3})(:|\z))";

/// A release that is known to compare the length of the URI with that of the location.
const COUNTS_SINCE: Version = Version { major: 1, minor: 31, patch: 3 };

impl<'c> Walk<'_, 'c> {
    pub(super) fn pass(&mut self, handler: Node<'c>, kind: PassKind) -> Turn {
        let Some(directive) = self.pass_in_force(handler, kind) else {
            return self.error(500, "the block answers as another does, and does not know where to pass on");
        };
        let text = directive.arg(0).unwrap_or(b"");
        let variables = script::has_variables(text);
        if !variables && !self.is_watched() && kind != PassKind::Memcached {
            return self.pass_to(directive, kind, text);
        }
        let value = self.eval(text);
        let Some(address) = self.address(&value.text, kind, variables) else {
            if !value.known {
                return self.passed(directive, kind, (None, Vec::new()), value.text);
            }
            let why = format!("{} gives {}, which is no URL", directive.name(), shown(&value.text));
            return self.error(500, why);
        };
        if variables && value.known && !self.is_authority(&address.authority) {
            return self.error(500, format!("{} is no host and port", shown(&address.authority)));
        }
        if kind == PassKind::Memcached {
            return self.memcached(directive, &address);
        }
        let uri = match kind {
            PassKind::Proxy | PassKind::Grpc => self.uri_to_pass(directive, &address.uri, variables),
            _ => Some(self.own_uri()),
        };
        let Some(uri) = uri else {
            return self.error(500, "the URI to pass on is empty");
        };
        let (upstream, servers) = self.upstream(&address, variables);
        if variables && value.known && servers.is_empty() && upstream.is_none() {
            let why = format!("no resolver is there for {}", shown(&address.authority));
            return self.error(502, why);
        }
        let upstream = if value.known { upstream } else { None };
        let pass = Traced::text(address.scheme).and(b"://").then(&address.authority).then(&uri);
        self.passed(directive, kind, (upstream, servers), pass)
    }

    /// What is asked of memcached is a key, which `set` must have made.
    ///
    /// Source: `ngx_http_memcached_create_request`, src/http/modules/ngx_http_memcached_module.c
    fn memcached(&mut self, directive: Node<'c>, address: &Address) -> Turn {
        if !self.is_read() {
            return self.error(405, "memcached is for GET and HEAD");
        }
        let known = match self.variables.get(&b"memcached_key"[..]).cloned() {
            Some(key) => Some(key),
            None if self.router.is_own_variable("memcached_key")
                || self.router.definition("memcached_key").is_some() =>
            {
                self.variable(b"memcached_key")
            }
            None => Some(Traced::default()),
        };
        if known.as_ref().is_some_and(|key| self.is_empty(key)) {
            return self.error(500, "the variable $memcached_key is not set");
        }
        let (upstream, servers) = self.upstream(address, false);
        let uri = self.own_uri();
        let pass = Traced::text("memcached://").then(&address.authority).then(&uri);
        self.passed(directive, PassKind::Memcached, (upstream, servers), pass)
    }

    pub(super) fn passed(
        &mut self,
        directive: Node<'c>,
        kind: PassKind,
        (upstream, servers): (Option<String>, Vec<String>),
        pass: Traced,
    ) -> Turn {
        let text = || {
            let to = if servers.is_empty() { String::new() } else { format!(" ({})", servers.join(", ")) };
            format!("{}{to}", shown(&pass))
        };
        self.step(kind.directive(), text, Some(directive.id()));
        if let Some(turn) = self.intercepted(kind, &pass) {
            return turn;
        }
        Turn::Done(Outcome::Pass { kind, upstream, servers, pass }, None)
    }

    /// Where nginx answers in the place of an upstream: it cannot be reached, or its status has an `error_page`.
    ///
    /// Source: `ngx_http_upstream_intercept_errors`, src/http/ngx_http_upstream.c
    fn intercepted(&mut self, kind: PassKind, pass: &Traced) -> Option<Turn> {
        let router = self.router;
        let pages = router.blocks.nearest(self.block, Role::ErrorPage);
        let intercepts = match kind {
            PassKind::Memcached => false,
            kind => router.blocks.flag(self.block, Role::InterceptErrors(kind), false),
        };
        let has_page =
            |status| pages.is_some_and(|block| error_page::has_page(&router.blocks, block, status));
        let matters = (intercepts && pages.is_some()) || (kind == PassKind::Memcached && has_page(404));
        let matters_down = has_page(502) || has_page(504);
        let atom = || Atom::Upstream(pass.to_vec());
        let answer = if matters || (matters_down && self.is_watched()) {
            self.atom_of(pass.template(), atom, Is::Status(200))
        } else {
            self.watch.as_ref().and_then(|watch| watch.said(&atom()))
        };
        let status = match answer? {
            Is::Status(404) if kind == PassKind::Memcached => 404,
            Is::Status(status) if intercepts && status >= 300 && has_page(status) => status,
            Is::No => 502,
            _ => return None,
        };
        Some(match answer {
            Some(Is::No) => self.error(502, "the upstream cannot be reached"),
            _ => self.error(status, format!("the upstream answers {status}")),
        })
    }

    /// An `if` or a `limit_except` passes on to where its location does, unless it says otherwise itself.
    fn pass_in_force(&self, handler: Node<'c>, kind: PassKind) -> Option<Node<'c>> {
        let blocks = &self.router.blocks;
        let own = |block| blocks.own_with(block, Role::Pass(kind)).next_back();
        let block = self.router.config.node(self.block);
        let outer = matches!(block.name(), "if" | "limit_except").then(|| block.parent()).flatten();
        let is_inner = outer.is_some();
        own(self.block).or_else(|| own(outer?.id())).or((!is_inner).then_some(handler))
    }

    pub(super) fn uri_to_pass(
        &mut self,
        directive: Node<'c>,
        own: &Traced,
        variables: bool,
    ) -> Option<Traced> {
        let has_own = !self.is_empty(own);
        if variables && has_own {
            return Some(own.clone());
        }
        if !has_own && self.valid_unparsed_uri {
            return Some(self.given(&*self.unparsed_uri, || Input::Target));
        }
        let replaces = self.valid_location && has_own;
        let cut = if replaces { self.text_length(directive) } else { 0 };
        // `try_files` may have found a URI that is shorter than the location's text. Older releases count on without looking.
        if cut > self.uri.len() && self.router.version().is_none_or(|version| version < COUNTS_SINCE) {
            self.depend("proxy");
        }
        if !self.is_watched() {
            return Some(Traced::text(self.uri_to_send(if replaces { own } else { b"" }, cut)));
        }
        let uri = self.uri.clone();
        let rest = self.cut(&uri, cut.min(uri.len()));
        let mut uri = if replaces { own.clone() } else { Traced::default() };
        if self.internal {
            uri.push(&rest.escaped(Escape::Uri));
        } else {
            uri.push(&rest.escaped_as_sent(Escape::Uri, self.quoted_uri));
        }
        uri.push(&self.args.behind(b'?'));
        // nginx counts the `?` that it may need, so that nothing is too short for it here.
        Some(uri)
    }

    /// The same where nobody follows the bytes.
    fn uri_to_send(&self, own: &[u8], cut: usize) -> Vec<u8> {
        let rest = &self.uri[cut.min(self.uri.len())..];
        let mut uri = Vec::with_capacity(own.len() + rest.len() + 1 + self.args.len());
        uri.extend_from_slice(own);
        if self.internal || self.quoted_uri {
            uri.extend(escape(rest, Escape::Uri));
        } else {
            uri.extend_from_slice(rest);
        }
        if !self.args.is_empty() {
            uri.push(b'?');
            uri.extend_from_slice(&self.args);
        }
        uri
    }

    /// How much of the URI the text of the location is, for a pass with a URI of its own.
    fn text_length(&self, directive: Node<'c>) -> usize {
        let location = directive.parent().filter(|node| node.is("location"));
        match location.filter(|_| directive.context() == Context::Location).map(location_pattern) {
            Some((LocationKind::Regex { .. } | LocationKind::Named, _)) | None => 0,
            Some((_, pattern)) => pattern.len(),
        }
    }

    pub(super) fn own_uri(&self) -> Traced {
        self.uri.escaped(Escape::Uri).then(&self.args.behind(b'?'))
    }

    /// The name of the upstream, and its servers.
    pub(super) fn upstream(&mut self, address: &Address, variables: bool) -> (Option<String>, Vec<String>) {
        let authority = &address.authority;
        let name = shown(authority);
        let found = self.router.upstream(authority);
        self.ask_name(authority, self.router.upstreams.keys(), found.is_some());
        if let Some(upstream) = found {
            let servers = upstream.servers.iter().filter(|server| !server.down);
            let (backup, primary): (Vec<_>, Vec<_>) = servers.partition(|server| server.backup);
            let servers = primary.iter().chain(&backup).map(|server| with_port(&server.address, "80"));
            let servers: Vec<String> = servers.collect();
            if self.is_watched() {
                self.tell_word(&format!("{name}: {}", servers.join(" ")));
            }
            return (Some(name), servers);
        }
        let default_port = if matches!(address.scheme, "https" | "grpcs") { "443" } else { "80" };
        if variables {
            let literal = name.starts_with("unix:") || host_is_ip(&name);
            self.ask_regex(authority, LITERAL, false, literal);
            if !literal && self.router.blocks.nearest(self.block, Role::Resolver).is_none() {
                let resolved = self.router.resolved_names().contains(&authority.to_ascii_lowercase());
                self.ask_name(authority, self.router.resolved_names().iter(), resolved);
                if !resolved {
                    return (None, Vec::new());
                }
            }
        }
        (Some(name), vec![with_port(authority, default_port)])
    }

    /// Notes whether a name that the request decides is one of many; one that is stays what it is.
    fn ask_name<'n>(&mut self, name: &Traced, names: impl Iterator<Item = &'n Vec<u8>>, is_one: bool) {
        if !self.is_watched() || name.is_text() {
            return;
        }
        let mut names: Vec<Vec<u8>> = names.cloned().collect();
        names.sort();
        let lower = name.changed("lower", name.to_ascii_lowercase());
        self.asks(|_| (lower.template(), Test::OneOf(names)), Answered::Holds(is_one));
        if is_one {
            self.pin(&lower);
        }
    }

    fn is_authority(&mut self, authority: &Traced) -> bool {
        let is = is_authority(authority);
        self.ask_regex(authority, AUTHORITY, false, is);
        is
    }

    pub(super) fn address(&mut self, value: &Traced, kind: PassKind, variables: bool) -> Option<Address> {
        let schemes: &[(&'static str, &str)] = match kind {
            PassKind::Proxy => &[("http", "http://"), ("https", "https://")],
            PassKind::Grpc => &[("grpc", "grpc://"), ("grpcs", "grpcs://")],
            PassKind::Uwsgi => &[("uwsgi", "uwsgi://"), ("suwsgi", "suwsgi://")],
            PassKind::Fastcgi | PassKind::Scgi | PassKind::Memcached => &[],
        };
        let mut found = None;
        for (scheme, written) in schemes {
            let start = value.get(..written.len());
            let is = start.is_some_and(|start| match kind {
                PassKind::Proxy => start.eq_ignore_ascii_case(written.as_bytes()),
                _ => start == written.as_bytes(),
            });
            if value.fixed_start().len() < written.len() {
                self.ask_regex(value, format!("^{written}").as_bytes(), kind == PassKind::Proxy, is);
            }
            if is {
                found = Some((*scheme, value.cut(written.len())));
                break;
            }
        }
        let (scheme, rest) = match (found, kind) {
            (Some(found), _) => found,
            (None, PassKind::Proxy) => return None,
            (None, kind) => (kind.name(), value.clone()),
        };
        let unix = self.begins(&rest, b"unix:");
        let (authority, mut uri) = if unix {
            match self.first_of(&rest.cut(5), ":") {
                Some(at) => (rest.start(at + 5), rest.cut(at + 6)),
                None => (rest, Traced::default()),
            }
        } else {
            match self.first_of(&rest, "/?") {
                Some(at) => rest.split(at, "/?"),
                None => (rest, Traced::default()),
            }
        };
        if self.is_empty(&authority) {
            return None;
        }
        // A URI that is nothing but arguments gets its slash where variables made it.
        if variables && self.begins(&uri, b"?") {
            uri = Traced::text("/").then(&uri);
        }
        Some(Address { scheme, authority, uri })
    }
}

fn host_is_ip(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.parse::<IpAddr>().is_ok()
}

/// Whether nginx can read host and port at run time.
///
/// Source: `ngx_parse_url`, src/core/ngx_inet.c
fn is_authority(authority: &[u8]) -> bool {
    let text = shown(authority);
    if let Some(path) = text.strip_prefix("unix:") {
        return !path.is_empty();
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<IpAddr>().is_ok() => (host, port),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(port) => crate::number::atoi(port.as_bytes()).is_some_and(|port| (1..=65535).contains(&port)),
        None => port.is_empty(),
    };
    !host.is_empty() && port_is_good
}

/// An address as it stands, with a port.
fn with_port(address: &[u8], default_port: &str) -> String {
    let text = shown(address);
    let after_host = if text.starts_with('[') { text.rfind(']').map_or(0, |at| at + 1) } else { 0 };
    if text.starts_with("unix:") || text[after_host..].contains(':') {
        text
    } else {
        format!("{text}:{default_port}")
    }
}
