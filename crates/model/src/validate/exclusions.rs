//! Directives that exclude each other, or themselves, in one block.
//!
//! Source: `ngx_http_proxy_redirect`, `ngx_http_proxy_store`, `ngx_http_proxy_cache`,
//! src/http/modules/ngx_http_proxy_module.c; `ngx_http_mirror`, ngx_http_mirror_module.c

use std::collections::HashSet;

use super::{Checker, lossy};
use crate::config::Node;
use crate::problem::Problem;

/// Where `off` stands, nothing else of the same name may.
pub(super) fn off_alone<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let off = |node: Node<'_>| node.arg(0) == Some(b"off") && node.args().len() == 1;
    let Some(first) = node.parent().and_then(|parent| parent.find(node.name()).next()) else { return };
    if first != node && (off(first) || off(node)) {
        let message = format!("\"{}\" directive is duplicate", node.name());
        checker.problems.push(Problem::at(node, "duplicate-directive", message).with(first, "first here"));
    }
    if node.is("proxy_redirect") && node.arg(0) == Some(b"default") && node.args().len() == 1 {
        default_redirect(checker, node);
    }
}

/// `default` is made of the URL that `proxy_pass` gave before.
fn default_redirect<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let pass = node.parent().and_then(|parent| parent.find("proxy_pass").next());
    let message = match pass.filter(|pass| pass.id() < node.id()) {
        None => "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive",
        Some(pass) if pass.arg(0).is_some_and(|url| url.contains(&b'$')) => {
            "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables"
        }
        Some(_) => return,
    };
    checker.refuse(node, "misplaced-directive", message);
}

/// What is stored is not cached.
pub(super) fn store_or_cache<'c>(checker: &mut Checker<'c>, store: Node<'c>) {
    let on = |node: &Node<'_>| node.arg(0) != Some(b"off");
    let cache_name = store.name().replace("_store", "_cache");
    let cache = store.parent().and_then(|parent| parent.find(&cache_name).find(on));
    if let Some(cache) = cache.filter(|_| on(&store)) {
        let (first, second) = if store.id() < cache.id() { (store, cache) } else { (cache, store) };
        let message = format!("\"{}\" directive is incompatible with \"{}\"", second.name(), first.name());
        checker
            .problems
            .push(Problem::at(second, "duplicate-directive", message).with(first, "because of this"));
    }
}

/// A host may be named once in a block.
pub(super) fn referers<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let own_words = [&b"none"[..], b"blocked", b"server_names"];
    let hosts = |node: Node<'c>| {
        let named =
            node.args().enumerate().filter(|(_, text)| !own_words.contains(text) && !text.starts_with(b"~"));
        let host =
            |text: &'c [u8]| text.split(|&byte| byte == b'/').next().unwrap_or(text).to_ascii_lowercase();
        named.map(move |(index, text)| (index, host(text)))
    };
    let mut seen = HashSet::new();
    let siblings = node.parent().into_iter().flat_map(|parent| parent.find("valid_referers"));
    for sibling in siblings.filter(|sibling| sibling.id() <= node.id()) {
        for (index, host) in hosts(sibling) {
            if !seen.insert(host.clone()) && sibling == node {
                let message = format!("conflicting parameter \"{}\"", lossy(&host));
                return checker.refuse_arg(node, index, "duplicate-parameter", message);
            }
        }
    }
}
