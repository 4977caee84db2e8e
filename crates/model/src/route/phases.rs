//! From the chosen server to the chosen location, and through the directives of the rewrite module.
//!
//! Source: `ngx_http_core_find_config_phase`, `ngx_http_core_post_rewrite_phase`, src/http/ngx_http_core_module.c

use super::Router;
use super::blocks::Role;
use super::given::location_chosen;
use super::location::End;
use super::question::{Answered, Input, Template, Test};
use super::traced::Traced;
use super::uri::{Escape, escape};
use super::walk::{Turn, Walk, shown};
use crate::config::NodeId;
use crate::lower::LocationKind;
use crate::lower::location_pattern;

/// The largest body that nginx takes when nothing is said.
const BODY_BYTES_DEFAULT: i64 = 1 << 20;

impl Walk<'_, '_> {
    pub(super) fn server_rewrite(&mut self) -> Turn {
        // Both run before any `return`, and nobody knows what they do.
        for module in self.router.first_modules() {
            self.depend(module);
        }
        let server = self.server_node().id();
        if let Some(turn) = self.run_codes(server) {
            return turn;
        }
        // A rewrite of the server changes the URI before there is a location, so nothing is searched twice.
        self.uri_changed = false;
        Turn::FindLocation
    }

    pub(super) fn find_location(&mut self) -> Turn {
        (self.handler, self.uri_changed) = (None, false);
        self.block = self.server_node().id();
        let (end, search) = self.router.locations(self.server).find(&self.uri);
        self.ask_location(end, search.location);
        for pattern in &search.captured {
            self.capture_of_uri(pattern);
        }
        for (node, why) in search.notes {
            let router = self.router;
            self.step("location", || format!("{}: {why}", router.pattern_shown(node)), Some(node));
        }
        let Some(location) = search.location else {
            if end == End::Unknown {
                self.depend("regex");
            }
            self.step("location", "none fits; the server itself answers", None);
            return self.in_location(end);
        };
        self.block = location;
        if end == End::Unknown {
            self.depend("regex");
        }
        if !self.internal && self.router.blocks.nearest(location, Role::Internal).is_some() {
            return self.error(404, "the location is internal, and the request comes from a client");
        }
        self.in_location(end)
    }

    /// Notes which location was chosen.
    fn ask_location(&mut self, end: End, location: Option<NodeId>) {
        let chosen = location_chosen(end, location, self.block);
        let server = self.server;
        self.asks(|walk| (walk.uri.template(), Test::Location(server)), Answered::Chosen(chosen));
    }

    fn in_location(&mut self, end: End) -> Turn {
        let location = self.block;
        self.enter(location);
        let limit = self.router.blocks.size(location, Role::ClientMaxBodySize, 0, BODY_BYTES_DEFAULT);
        if limit > 0 && !self.body_discarded {
            let above = self.content_length.is_some_and(|length| length > limit);
            let length = || Template::input(Input::ContentLength);
            self.asks(|_| (length(), Test::MoreThan(limit)), Answered::Holds(above));
        }
        if let Some(length) = self.content_length.filter(|&length| limit > 0 && length > limit)
            && !self.body_discarded
        {
            self.body_discarded = true;
            return self
                .error(413, format!("a body of {length} bytes is more than client_max_body_size {limit}"));
        }
        if end == End::Redirect {
            let (_, pattern) = location_pattern(self.router.config.node(location));
            let to = Traced::text(escape(pattern, Escape::Uri));
            self.location_header = Some(to.then(&self.args.behind(b'?')));
            return self.error(301, "only the last slash is missing");
        }
        Turn::LocationRewrite
    }

    pub(super) fn location_rewrite(&mut self) -> Turn {
        if self.block == self.server_node().id() {
            return Turn::Access;
        }
        let block = self.block;
        if let Some(turn) = self.run_codes(block) {
            return turn;
        }
        if !self.uri_changed {
            return Turn::Access;
        }
        let uri = self.uri.clone();
        if !self.change_uri(&uri) {
            return Turn::Finish(500);
        }
        self.step("rewrite", || format!("the location is searched again for {}", shown(&uri)), None);
        self.block = self.server_node().id();
        Turn::FindLocation
    }
}

impl Router<'_> {
    /// The modules that run before any `return`, and nobody knows what they do.
    fn first_modules(&self) -> &[&'static str] {
        let named = |name: &str| self.config.named(name).any(|node| node.arg(0) != Some(b"off"));
        self.first_modules.get_or_init(|| {
            let lua = named("server_rewrite_by_lua_block") || named("server_rewrite_by_lua_file");
            let found = [("lua", lua), ("modsecurity", named("modsecurity"))];
            found.into_iter().filter(|(_, is_there)| *is_there).map(|(module, _)| module).collect()
        })
    }

    /// A location as it is written.
    pub(super) fn pattern_shown(&self, location: NodeId) -> String {
        let (kind, pattern) = location_pattern(self.config.node(location));
        let modifier = match kind {
            LocationKind::Prefix | LocationKind::Named => "",
            LocationKind::PrefixNoRegex => "^~ ",
            LocationKind::Exact => "= ",
            LocationKind::Regex { caseless: false } => "~ ",
            LocationKind::Regex { caseless: true } => "~* ",
        };
        format!("{modifier}{}", shown(pattern))
    }
}
