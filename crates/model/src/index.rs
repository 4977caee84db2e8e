//! The directives of a configuration by name and block, so that asking for those of ten thousand blocks does not look at
//! all the others each time.

use crate::catalog;
use crate::config::{Config, Node, NodeId};
use crate::parsed::Symbol;

/// All nodes, in the order of their names, then of their blocks, then of the text.
#[derive(Debug)]
pub(crate) struct Index {
    /// `starts[s]..starts[s + 1]` are the nodes of symbol `s`; the last group is that of unknown names.
    starts: Vec<u32>,
    nodes: Vec<NodeId>,
}

impl Index {
    pub(crate) fn of(config: &Config) -> Index {
        let groups = catalog::names().len() + 1;
        let group = |node: Node<'_>| usize::from(node.symbol().0).min(groups - 1);
        let mut starts = vec![0_u32; groups + 1];
        for node in config.nodes() {
            starts[group(node) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut nodes = vec![NodeId(0); config.directive_count()];
        for node in config.nodes() {
            let place = &mut next[group(node)];
            nodes[*place as usize] = node.id();
            *place += 1;
        }
        for pair in starts.windows(2) {
            nodes[pair[0] as usize..pair[1] as usize].sort_by_key(|node| config.nodes[node.index()].parent);
        }
        Index { starts, nodes }
    }

    fn group(&self, symbol: Symbol) -> &[NodeId] {
        let group = usize::from(symbol.0).min(self.starts.len() - 2);
        &self.nodes[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

impl Config {
    /// Every directive with this name, block by block: those of an outer block may come before or after those of the
    /// blocks inside it. The lines of raw blocks that begin with the name are among them.
    pub fn named<'c>(&'c self, name: &str) -> impl Iterator<Item = Node<'c>> + use<'c> {
        self.named_in(self.index().group(Symbol::of(name.as_bytes())), name)
    }

    /// The directives of a block with this name, in the order of the text.
    pub fn named_in_block<'c>(
        &'c self,
        block: NodeId,
        name: &str,
    ) -> impl Iterator<Item = Node<'c>> + use<'c> {
        let group = self.index().group(Symbol::of(name.as_bytes()));
        let parent = |node: &NodeId| self.nodes[node.index()].parent;
        let from = group.partition_point(|node| parent(node) < block.0);
        let to = from + group[from..].partition_point(|node| parent(node) <= block.0);
        self.named_in(&group[from..to], name)
    }

    fn named_in<'c>(&'c self, nodes: &'c [NodeId], name: &str) -> impl Iterator<Item = Node<'c>> + use<'c> {
        let unknown = Symbol::of(name.as_bytes()) == Symbol::UNKNOWN;
        let name = if unknown { name.as_bytes().to_vec() } else { Vec::new() };
        let nodes = nodes.iter().map(|&node| self.node(node));
        nodes.filter(move |node| !unknown || node.name_bytes() == name)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self))
    }
}
