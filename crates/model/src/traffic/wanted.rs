//! What of a request two configurations look at, so that lines which differ in nothing else count as one.

use std::collections::BTreeSet;

use crate::config::{Config, Node};
use crate::context::Context;
use crate::log::Wanted;

/// Directives that use variables only once the way of a request is decided.
const NEUTRAL: [&str; 16] = [
    "log_format",
    "access_log",
    "proxy_set_header",
    "grpc_set_header",
    "fastcgi_param",
    "uwsgi_param",
    "scgi_param",
    "proxy_cache_key",
    "proxy_cache_bypass",
    "proxy_no_cache",
    "fastcgi_cache_key",
    "limit_req_zone",
    "limit_conn_zone",
    "limit_rate",
    "sub_filter",
    "proxy_cookie_path",
];

/// Directives that look at the client's address without a variable.
const ABOUT_CLIENTS: [&str; 6] =
    ["allow", "deny", "geo", "set_real_ip_from", "real_ip_header", "geoip_country"];

/// What configurations look at, beside method, target and host.
struct Asked {
    headers: BTreeSet<String>,
    /// At the client's address, by `allow` and `deny`.
    by_rules: bool,
    /// At the client's address in another way.
    otherwise: bool,
}

/// What they look at, beside method, target and host.
pub(crate) fn wanted(configs: &[&Config]) -> Wanted {
    let Asked { headers, by_rules, otherwise } = asked(configs);
    Wanted { client: by_rules || otherwise, headers: headers.into_iter().collect() }
}

/// Whether they look at a client's address in another way than by `allow` and `deny`.
pub(super) fn looks_at_clients(configs: &[&Config]) -> bool {
    asked(configs).otherwise
}

fn asked(configs: &[&Config]) -> Asked {
    let mut headers = BTreeSet::new();
    let (mut by_rules, mut otherwise) = (false, false);
    for node in configs.iter().flat_map(|config| config.nodes()) {
        let name = node.name();
        if matches!(node.context(), Context::Stream | Context::StreamServer) {
            continue;
        }
        if ABOUT_CLIENTS.contains(&name) && !node.context().is_raw() {
            let how = if matches!(name, "allow" | "deny") { &mut by_rules } else { &mut otherwise };
            *how = true;
        }
        match name {
            "real_ip_header" => headers.extend(node.arg_str(0).map(str::to_ascii_lowercase)),
            "valid_referers" => drop(headers.insert(String::from("referer"))),
            "client_max_body_size" => drop(headers.insert(String::from("content-length"))),
            "auth_basic" => drop(headers.insert(String::from("authorization"))),
            _ => {}
        }
        if !NEUTRAL.contains(&name) {
            mentioned(node, &mut headers, &mut otherwise);
        }
    }
    headers.remove("host");
    headers.remove("proxy_protocol");
    Asked { headers, by_rules, otherwise }
}

fn mentioned(node: Node<'_>, headers: &mut BTreeSet<String>, client: &mut bool) {
    for text in node.args().chain([node.name_bytes()]) {
        for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'$') {
            let rest = &text[at + 1..];
            let rest = rest.strip_prefix(b"{").unwrap_or(rest);
            let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            let name = String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]);
            match &*name {
                "remote_addr" | "binary_remote_addr" | "realip_remote_addr" | "proxy_add_x_forwarded_for" => {
                    *client = true;
                }
                "content_length" => drop(headers.insert(String::from("content-length"))),
                "content_type" => drop(headers.insert(String::from("content-type"))),
                name if name.starts_with("cookie_") => drop(headers.insert(String::from("cookie"))),
                name => {
                    let header = name.strip_prefix("http_");
                    headers.extend(header.map(|header| header.to_ascii_lowercase().replace('_', "-")));
                }
            }
        }
    }
}
