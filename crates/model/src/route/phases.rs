//! From the chosen server to the chosen location, and through the directives of the rewrite module.
//!
//! Source: `ngx_http_core_find_config_phase`, `ngx_http_core_post_rewrite_phase`, src/http/ngx_http_core_module.c

use super::blocks::Role;
use super::location::End;
use super::uri::{Escape, escape};
use super::walk::{Turn, Walk, shown};
use crate::lower::LocationKind;
use crate::lower::location_pattern;

/// The largest body that nginx takes when nothing is said.
const BODY_BYTES_DEFAULT: i64 = 1 << 20;

impl Walk<'_, '_> {
    pub(super) fn server_rewrite(&mut self) -> Turn {
        // Both run before any `return`, and nobody knows what they do.
        let config = self.router.config;
        let named = |name: &str| config.named(name).any(|node| node.arg(0) != Some(b"off"));
        if named("server_rewrite_by_lua_block") || named("server_rewrite_by_lua_file") {
            self.depend("lua");
        }
        if named("modsecurity") {
            self.depend("modsecurity");
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
        let uri = self.uri.clone();
        let (end, search) = self.router.locations(self.server).find(&uri);
        for captured in search.captured {
            self.capture(captured);
        }
        for (node, why) in search.notes {
            self.step("location", format!("{}: {why}", self.pattern_shown(node)), Some(node));
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

    fn in_location(&mut self, end: End) -> Turn {
        let location = self.block;
        self.enter(location);
        let limit = self.router.blocks.size(location, Role::ClientMaxBodySize, 0, BODY_BYTES_DEFAULT);
        if let Some(length) = self.content_length.filter(|&length| limit > 0 && length > limit)
            && !self.body_discarded
        {
            self.body_discarded = true;
            return self
                .error(413, format!("a body of {length} bytes is more than client_max_body_size {limit}"));
        }
        if end == End::Redirect {
            let (_, pattern) = location_pattern(self.router.config.node(location));
            let mut to = escape(pattern, Escape::Uri);
            if !self.args.is_empty() {
                to.push(b'?');
                to.extend_from_slice(&self.args);
            }
            self.location_header = Some(to);
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
        self.step("rewrite", format!("the location is searched again for {}", shown(&uri)), None);
        self.block = self.server_node().id();
        Turn::FindLocation
    }

    pub(super) fn pattern_shown(&self, location: crate::config::NodeId) -> String {
        let (kind, pattern) = location_pattern(self.router.config.node(location));
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
