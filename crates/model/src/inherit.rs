//! Which directives are in force in a block, where nginx inherits them as a whole or not at all.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::parsed::Symbol;

/// The directives of one name, by the block that they stand in.
pub(crate) type ByBlock = HashMap<NodeId, Vec<NodeId>>;

impl Config {
    /// The directives `name` that are in force in `block`: its own, or where it has none those of the nearest block
    /// around it that has some. This is how nginx inherits arrays (`add_header`, `proxy_set_header`, `fastcgi_param`,
    /// `error_page`, `access_log`, …) and single values alike.
    ///
    /// An `if` inherits from its location; a server from http; `include` adds to the block it stands in.
    ///
    /// Source: `ngx_http_headers_merge_conf`, src/http/modules/ngx_http_headers_filter_module.c
    pub fn effective(&self, block: NodeId, name: &str) -> Vec<NodeId> {
        self.effective_from(block, name).map_or_else(Vec::new, |(_, nodes)| nodes)
    }

    /// The same, with the block that they stand in.
    pub fn effective_from(&self, block: NodeId, name: &str) -> Option<(NodeId, Vec<NodeId>)> {
        let by_block = self.by_block(name);
        let block = self.node(block);
        std::iter::once(block).chain(block.ancestors()).find_map(|around| {
            let own = by_block.get(&around.id())?;
            Some((around.id(), own.clone()))
        })
    }

    /// The directives `name` of every block that has some: found once, so that asking for each of ten thousand
    /// servers does not look at ten thousand others.
    fn by_block(&self, name: &str) -> Arc<ByBlock> {
        let mut known = self.by_block.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(by_block) = known.get(name) {
            return by_block.clone();
        }
        let mut by_block = ByBlock::new();
        let symbol = Symbol::of(name.as_bytes());
        for node in self.nodes() {
            let is_it = match symbol {
                Symbol::UNKNOWN => node.name_bytes() == name.as_bytes(),
                known => node.symbol() == known,
            };
            if let Some(block) = node.parent().filter(|_| is_it) {
                by_block.entry(block.id()).or_default().push(node.id());
            }
        }
        let by_block = Arc::new(by_block);
        known.insert(name.to_owned(), by_block.clone());
        by_block
    }

    /// The value of a directive with one argument that is in force in `block`.
    pub fn effective_value(&self, block: NodeId, name: &str) -> Option<&[u8]> {
        let nodes = self.effective(block, name);
        nodes.last().and_then(|&node| self.node(node).arg(0))
    }
}

impl<'c> Node<'c> {
    /// The `server` that it stands in, itself not counted.
    pub fn server(self) -> Option<Node<'c>> {
        let is_server = |node: &Node<'_>| {
            node.is("server") && matches!(node.context(), Context::Http | Context::Stream | Context::Mail)
        };
        self.ancestors().find(is_server)
    }
}
