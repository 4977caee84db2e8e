//! Sizes that must fit each other once outer blocks are inherited.
//!
//! Source: `ngx_http_proxy_merge_loc_conf`, src/http/modules/ngx_http_proxy_module.c, and its siblings for FastCGI, uwsgi
//! and SCGI

use super::Checker;
use crate::config::{Node, NodeId};
use crate::lower::ServerKind;
use crate::number::{atoi, size};

/// How many buffers there are when nothing is said.
const BUFFERS: i64 = 8;

pub(super) fn check(checker: &mut Checker<'_>) {
    headers(checker);
    let config = checker.config;
    let mut told: Vec<(&str, NodeId)> = Vec::new();
    for module in ["proxy", "fastcgi", "uwsgi", "scgi"] {
        let names =
            ["buffer_size", "buffers", "busy_buffers_size", "temp_file_write_size", "max_temp_file_size"];
        let names = names.map(|name| format!("{module}_{name}"));
        let mut blocks: Vec<NodeId> = Vec::new();
        for name in &names {
            let nodes = config.named(name).filter(|node| node.context().is_http());
            blocks.extend(nodes.filter_map(Node::parent).map(Node::id));
        }
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            if let Some((node, message)) = misfit(checker, block, &names)
                && !told.contains(&(module, node))
            {
                told.push((module, node));
                checker.refuse(config.node(node), "misfitting-buffers", message);
            }
        }
    }
}

/// The buffers for large headers take over what the pool of the connection held.
///
/// Source: `ngx_http_core_merge_srv_conf`, src/http/ngx_http_core_module.c
fn headers(checker: &mut Checker<'_>) {
    const POOL_BYTES: i64 = 512;
    const BUFFER_BYTES: i64 = 8192;
    let config = checker.config;
    let mut told = None;
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        let pool = config.effective(server.node, "connection_pool_size").last().copied();
        let buffers = config.effective(server.node, "large_client_header_buffers").last().copied();
        let Some(shown) = buffers.or(pool).filter(|shown| told != Some(*shown)) else { continue };
        let bytes = |node: Option<NodeId>, arg, default| match node {
            Some(node) => config.node(node).arg(arg).and_then(size),
            None => Some(default),
        };
        let (pool, buffer) = (bytes(pool, 0, POOL_BYTES), bytes(buffers, 1, BUFFER_BYTES));
        if pool.zip(buffer).is_some_and(|(pool, buffer)| buffer < pool) {
            let message = "the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\"";
            checker.refuse(config.node(shown), "misfitting-buffers", message);
            told = Some(shown);
        }
    }
}

/// What does not fit in a block, and the directive to show it at.
fn misfit(checker: &Checker<'_>, block: NodeId, names: &[String; 5]) -> Option<(NodeId, String)> {
    let config = checker.config;
    let page = checker.page_bytes();
    let [head, buffers, busy, write, most] = names;
    let last = |name: &str| config.effective(block, name).last().copied();
    let value = |name: &str| last(name).map(|node| size(config.node(node).arg(0).unwrap_or(b"")));
    let head_bytes = value(head).unwrap_or(Some(page))?;
    let (count, one) = match last(buffers).map(|node| config.node(node)) {
        Some(node) => (atoi(node.arg(0)?)?, size(node.arg(1)?)?),
        None => (BUFFERS, page),
    };
    let largest = head_bytes.max(one);
    let total = one.checked_mul(count - 1)?;
    let explicit_busy = value(busy);
    let busy_bytes = explicit_busy.unwrap_or(Some(largest * 2))?;
    let write_bytes = value(write).unwrap_or(Some(largest * 2))?;
    let shown = last(busy).or(last(buffers)).or(last(head)).or(last(write)).or(last(most))?;
    if count < 2 {
        return Some((last(buffers)?, format!("there must be at least 2 \"{buffers}\"")));
    }
    if busy_bytes < largest {
        let message = format!(
            "\"{busy}\" must be equal to or greater than the maximum of the value of \"{head}\" and one of the \"{buffers}\""
        );
        return Some((shown, message));
    }
    if busy_bytes > total {
        let message = format!("\"{busy}\" must be less than the size of all \"{buffers}\" minus one buffer");
        return Some((shown, message));
    }
    if write_bytes < largest {
        let message = format!(
            "\"{write}\" must be equal to or greater than the maximum of the value of \"{head}\" and one of the \"{buffers}\""
        );
        return Some((last(write)?, message));
    }
    if let Some(Some(most_bytes)) = value(most)
        && (1..largest).contains(&most_bytes)
    {
        let message = format!(
            "\"{most}\" must be equal to zero to disable temporary files usage or must be equal to or greater than the \
             maximum of the value of \"{head}\" and one of the \"{buffers}\""
        );
        return Some((last(most)?, message));
    }
    None
}
