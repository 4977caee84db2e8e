//! Variables: which exist, which are defined, which are used.
//!
//! Source: `ngx_http_variables_init_vars` and `ngx_http_core_variables`, src/http/ngx_http_variables.c; the modules' own
//! tables

use std::collections::{HashMap, HashSet};

use super::{Checker, lossy, regex};
use crate::config::Node;

/// The variables of http or of stream.
#[derive(Debug)]
pub(crate) struct Names<'c> {
    builtin: &'static [&'static str],
    defined: HashSet<Vec<u8>>,
    /// The first use of each, as it is written.
    used: HashMap<&'c [u8], (Node<'c>, usize)>,
}

/// What begins so is always known.
const PREFIXES: &[&str] = &[
    "arg_",
    "brotli_",
    "connections_",
    "cookie_",
    "fastcgi_",
    "geoip2_",
    "geoip_",
    "http_",
    "jwt_",
    "limit_",
    "njs_",
    "otel_",
    "proxy_",
    "quic",
    "realip_",
    "sent_http_",
    "sent_trailer_",
    "session_",
    "ssl_",
    "tcpinfo_",
    "uid_",
    "upstream_",
    "zstd_",
];

/// Variables of http that no directive can define again.
const HTTP_FIXED: &[&str] = &[
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "content_length",
    "content_type",
    "document_root",
    "document_uri",
    "host",
    "hostname",
    "http_cookie",
    "http_host",
    "http_referer",
    "http_user_agent",
    "http_via",
    "http_x_forwarded_for",
    "https",
    "is_args",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "query_string",
    "realpath_root",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "status",
    "time_iso8601",
    "time_local",
    "uri",
];

/// Other variables of http.
const HTTP: &[&str] = &[
    "ancient_browser",
    "args",
    "connection_time",
    "date_gmt",
    "date_local",
    "grpc_internal_trailers",
    "gzip_ratio",
    "http2",
    "http3",
    "invalid_referer",
    "is_request_port",
    "modern_browser",
    "msie",
    "request_port",
    "secure_link",
    "secure_link_expires",
    "slice_range",
    "spdy",
    "spdy_request_priority",
];

/// Variables of stream.
const STREAM: &[&str] = &[
    "binary_remote_addr",
    "bytes_received",
    "bytes_sent",
    "connection",
    "hostname",
    "msec",
    "nginx_version",
    "pid",
    "protocol",
    "remote_addr",
    "remote_port",
    "server_addr",
    "server_name",
    "server_port",
    "status",
    "time_iso8601",
    "time_local",
];

impl<'c> Names<'c> {
    pub(super) fn http() -> Names<'c> {
        Names { builtin: HTTP, defined: HashSet::new(), used: HashMap::new() }
    }

    pub(super) fn stream() -> Names<'c> {
        Names { builtin: STREAM, defined: HashSet::new(), used: HashMap::new() }
    }

    pub(super) fn define(&mut self, name: &[u8]) {
        self.defined.insert(name.to_ascii_lowercase());
    }

    pub(super) fn uses(&mut self, name: &'c [u8], node: Node<'c>, index: usize) {
        self.used.entry(name).or_insert((node, index));
    }

    fn is_known(&self, name: &str, fixed: &[&str]) -> bool {
        fixed.binary_search(&name).is_ok()
            || self.builtin.contains(&name)
            || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || self.defined.contains(name.as_bytes())
    }
}

/// Variables that nothing defines.
pub(super) fn check(checker: &mut Checker<'_>) {
    // A module of which nothing is known may define any.
    if checker.unknown_modules || checker.problems.iter().any(|problem| problem.code == "unknown-directive") {
        return;
    }
    let mut unknown = Vec::new();
    for (names, fixed) in [(&checker.http, HTTP_FIXED), (&checker.stream, &[][..])] {
        for (name, place) in &names.used {
            let lower = name.to_ascii_lowercase();
            if !std::str::from_utf8(&lower).is_ok_and(|name| names.is_known(name, fixed)) {
                unknown.push((*name, *place));
            }
        }
    }
    for (name, (node, index)) in unknown {
        let message = format!("unknown \"{}\" variable", lossy(name));
        checker.refuse_arg(node, index, "unknown-variable", message);
    }
}

impl<'c> Checker<'c> {
    /// A directive defines the variable that its argument names.
    pub(super) fn define(&mut self, node: Node<'c>, index: usize) {
        let Some(value) = node.arg(index) else { return };
        let Some(name) = value.strip_prefix(b"$").filter(|name| !name.is_empty()) else {
            let message = format!("invalid variable name \"{}\"", lossy(value));
            return self.refuse_arg(node, index, "invalid-variable", message);
        };
        let lower = name.to_ascii_lowercase();
        let fixed = std::str::from_utf8(&lower).is_ok_and(|name| HTTP_FIXED.binary_search(&name).is_ok());
        let names = self.names(node);
        if fixed && std::ptr::eq(names.builtin, HTTP) {
            let message = format!("the duplicate \"{}\" variable", lossy(name));
            return self.refuse_arg(node, index, "duplicate-variable", message);
        }
        names.define(name);
    }

    /// An argument is one variable, without a pattern around it.
    pub(super) fn bare_variable(&mut self, node: Node<'c>, index: usize) {
        if let Some(value) = node.arg(index) {
            self.bare_variable_of(node, index, value);
        }
    }

    /// The same for a part of an argument. nginx takes all that follows the dollar for the name.
    pub(super) fn bare_variable_of(&mut self, node: Node<'c>, index: usize, value: &'c [u8]) {
        match value.strip_prefix(b"$") {
            Some(name) if !name.is_empty() => self.names(node).uses(name, node, index),
            _ => {
                let message = format!("invalid variable name \"{}\"", lossy(value));
                self.refuse_arg(node, index, "invalid-variable", message);
            }
        }
    }

    /// Compiles the regex that the key of a `map` is.
    pub(super) fn regex_of_name(&mut self, node: Node<'c>, pattern: &'c [u8], caseless: bool) {
        match self.regexes.compile(pattern, caseless).clone() {
            Ok(groups) => groups.iter().for_each(|group| self.names(node).define(group.as_bytes())),
            Err(error) => self.refuse(node, "invalid-regex", regex::message(&error, pattern)),
        }
    }

    /// Compiles a regex whose groups define no variables.
    pub(super) fn regex_without_names(
        &mut self,
        node: Node<'c>,
        index: usize,
        pattern: &[u8],
        caseless: bool,
    ) {
        if let Err(error) = self.regexes.compile(pattern, caseless).clone() {
            self.refuse_arg(node, index, "invalid-regex", regex::message(&error, pattern));
        }
    }

    /// The size of a page of memory, which some bounds of nginx rest on.
    pub(super) fn page_bytes(&self) -> i64 {
        self.config.settings().page_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_names_are_sorted_for_their_search() {
        assert!(HTTP_FIXED.is_sorted());
    }
}
