//! The rules, one a file.

use std::collections::HashSet;

use evenkeel_model::{Config, Node, NodeId};

pub(crate) mod alias_traversal;
pub(crate) mod allow_unknown_rule;
pub(crate) mod allow_unused;
pub(crate) mod allow_without_reason;
pub(crate) mod backup_file_included;
pub(crate) mod capacity_lowered;
pub(crate) mod default_server_moved;
pub(crate) mod doubled_proxy_path;
pub(crate) mod doubled_proxy_slash;
pub(crate) mod dropped_inherited_headers;
pub(crate) mod dropped_proxy_path;
pub(crate) mod duplicate_server_name;
pub(crate) mod error_page_by_failed_upstream;
pub(crate) mod exponential_regex;
pub(crate) mod fewer_descriptors_than_connections;
pub(crate) mod glued_proxy_path;
pub(crate) mod implicit_default_server;
pub(crate) mod include_matches_nothing;
pub(crate) mod keepalive_lost_at_reload;
pub(crate) mod listen_gone;
pub(crate) mod live_location_gone;
pub(crate) mod missing_error_page;
pub(crate) mod no_regex_mark_undone;
pub(crate) mod order_sensitive_regexes;
pub(crate) mod pid_file_moved;
pub(crate) mod proxying_default_server;
pub(crate) mod redirect_chain;
pub(crate) mod redirect_loop;
pub(crate) mod redirect_to_plain_http;
pub(crate) mod redirect_to_unserved_host;
pub(crate) mod reuseport_with_fewer_workers;
pub(crate) mod rewrite_cycle;
pub(crate) mod shadowed_location;
pub(crate) mod shadowed_map_line;
pub(crate) mod shadowed_server_name;
pub(crate) mod static_location_in_regex;
pub(crate) mod tls_version_dropped;
pub(crate) mod unreachable_server;
pub(crate) mod upgrade_header_lost;
pub(crate) mod upstream_resolved_once;

mod literal_regex;
mod pairs;
pub(crate) mod proxied;
pub(crate) mod redirects;
mod seeds;
mod unknown_hosts;

rules! {
    alias_traversal,
    allow_unknown_rule,
    allow_unused,
    allow_without_reason,
    backup_file_included,
    capacity_lowered,
    default_server_moved,
    doubled_proxy_path,
    doubled_proxy_slash,
    dropped_inherited_headers,
    dropped_proxy_path,
    duplicate_server_name,
    error_page_by_failed_upstream,
    exponential_regex,
    fewer_descriptors_than_connections,
    glued_proxy_path,
    implicit_default_server,
    include_matches_nothing,
    keepalive_lost_at_reload,
    listen_gone,
    live_location_gone,
    missing_error_page,
    no_regex_mark_undone,
    order_sensitive_regexes,
    pid_file_moved,
    proxying_default_server,
    redirect_chain,
    redirect_loop,
    redirect_to_plain_http,
    redirect_to_unserved_host,
    reuseport_with_fewer_workers,
    rewrite_cycle,
    shadowed_location,
    shadowed_map_line,
    shadowed_server_name,
    static_location_in_regex,
    tls_version_dropped,
    unreachable_server,
    upgrade_header_lost,
    upstream_resolved_once,
}

/// How many of the places that stand in the way of something are shown.
pub(crate) const SHOWN_MAX: usize = 4;

/// The blocks that include a file of which nothing is known here: what such a block lacks may stand there.
pub(crate) struct Holes(HashSet<NodeId>);

impl Holes {
    pub(crate) fn of(config: &Config) -> Self {
        let unknown = config.includes().iter().filter(|include| !include.known);
        Self(unknown.filter_map(|include| Some(config.node(include.node).parent()?.id())).collect())
    }

    /// Whether something may stand directly in a block that is not here.
    pub(crate) fn is_in(&self, block: Node<'_>) -> bool {
        !self.0.is_empty() && self.0.contains(&block.id())
    }
}

/// Returns the URI of a location that matches by prefix.
pub(crate) fn prefix_of(location: Node<'_>) -> Option<&[u8]> {
    let mut args = location.args();
    let prefix = match (args.next()?, args.next()) {
        (b"^~", Some(prefix)) => prefix,
        (prefix, None) => prefix.strip_prefix(b"^~").unwrap_or(prefix),
        _ => return None,
    };
    prefix.starts_with(b"/").then_some(prefix)
}

/// The place of a server in `Config::servers`.
pub(crate) fn server_of(config: &Config, node: NodeId) -> Option<usize> {
    // They stand there as nginx reads them.
    config.servers().binary_search_by_key(&node, |server| server.node).ok()
}

/// Joins names as a sentence does: `a`, `a and b`, `a, b and c`; `most` at the most, the rest counted.
pub(crate) fn enumerate(names: &[String], most: usize) -> String {
    let (shown, more) = names.split_at(names.len().min(most));
    let rest = (!more.is_empty()).then(|| format!("{} more", more.len()));
    let mut words: Vec<&str> = shown.iter().map(String::as_str).chain(rest.as_deref()).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last.to_owned(),
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// An address as a client writes it.
pub(crate) fn shown_uri(uri: &[u8]) -> String {
    let shown = |&byte: &u8| match byte {
        b'!'..=b'~' if !b"%?#\"`".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    uri.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_by_name_and_each_has_a_page_that_explains_itself() {
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
        for rule in ALL {
            let page = rule.documentation();
            assert!(rule.summary().ends_with('.'), "{}: the first line is one sentence", rule.name);
            assert!(page.contains("## Why is this bad?"), "{}", rule.name);
            assert!(page.contains("```nginx"), "{}: an example", rule.name);
            assert_eq!(crate::rule::rule(rule.name).map(|found| found.name), Some(rule.name));
        }
    }

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(enumerate(&names[..1], 3), "a");
        assert_eq!(enumerate(&names[..2], 3), "a and b");
        assert_eq!(enumerate(&names[..3], 3), "a, b and c");
        assert_eq!(enumerate(&names, 2), "a, b and 2 more");
    }
}
