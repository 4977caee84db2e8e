//! Charsets that answers are recoded between, and the tables that this takes.
//!
//! Source: `ngx_http_charset_merge_loc_conf` and `ngx_http_charset_postconfiguration`,
//! src/http/modules/ngx_http_charset_filter_module.c

use std::collections::HashSet;

use super::{Checker, lossy};
use crate::config::{Config, Node, NodeId};

/// Two charsets, in lower case.
type Pair = (Vec<u8>, Vec<u8>);

pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    if !config.is_complete() {
        return;
    }
    let maps = config.named("charset_map").filter_map(|map| Some((lower(map.arg(0)?), lower(map.arg(1)?))));
    let mut known: HashSet<Pair> = maps.flat_map(|(a, b)| [(a.clone(), b.clone()), (b, a)]).collect();
    let settings = config.named("source_charset").chain(config.named("charset"));
    let blocks: Vec<Node<'_>> =
        settings.filter(|node| node.context().is_http()).filter_map(Node::parent).collect();
    for block in blocks {
        let Some((node, pair)) = recoded(config, block.id()) else { continue };
        if known.insert(pair.clone()) {
            let (from, to) = (lossy(&pair.0), lossy(&pair.1));
            let message = format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"");
            checker.refuse_arg(config.node(node), 0, "missing-charset-map", message);
        }
    }
}

/// What a block recodes, and the directive that says so.
fn recoded(config: &Config, block: NodeId) -> Option<(NodeId, Pair)> {
    let value = |name| {
        let node = *config.effective(block, name).first()?;
        let value = config.node(node).arg(0)?;
        (value != b"off" && !value.starts_with(b"$")).then(|| (node, lower(value)))
    };
    let (node, from) = value("source_charset")?;
    let (_, to) = value("charset")?;
    (from != to).then_some((node, (from, to)))
}

fn lower(charset: &[u8]) -> Vec<u8> {
    charset.to_ascii_lowercase()
}
