//! Which directives are in force in a block, where nginx inherits them as a whole or not at all.

use crate::config::{Config, Node, NodeId};
use crate::context::Context;

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
        let block = self.node(block);
        std::iter::once(block).chain(block.ancestors()).find_map(|around| {
            let own: Vec<NodeId> = self.named_in_block(around.id(), name).map(Node::id).collect();
            (!own.is_empty()).then_some((around.id(), own))
        })
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
