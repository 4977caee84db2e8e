//! Where a request may go on to from a block.

use std::collections::BTreeSet;

use super::Canon;
use crate::config::{Node, NodeId};

/// Where a request may go on to from a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Jump {
    /// To the location of a URI, as it is written: with variables.
    Uri(Vec<u8>),
    /// To a named location.
    Named(Vec<u8>),
    /// To the URI with a name behind it.
    Index(Vec<u8>),
}

impl<'c> Canon<'c> {
    /// Where a request may go on to from a block.
    pub(crate) fn jumps(&self, block: NodeId) -> BTreeSet<Jump> {
        let mut jumps = BTreeSet::new();
        let block = self.config.node(block);
        let around = std::iter::once(block).chain(block.ancestors());
        let mut answers = false;
        for (depth, outer) in around.enumerate() {
            for node in outer.children() {
                self.jumps_of(node, depth == 0, &mut jumps, &mut answers);
            }
        }
        if !answers {
            let index = self.config.effective(block.id(), "index");
            let names = index.iter().flat_map(|&node| self.config.node(node).args());
            jumps.extend(names.map(|name| Jump::Index(name.to_vec())));
            if index.is_empty() {
                jumps.insert(Jump::Index(b"index.html".to_vec()));
            }
        }
        jumps
    }

    fn jumps_of(&self, node: Node<'c>, own: bool, jumps: &mut BTreeSet<Jump>, answers: &mut bool) {
        let target = |text: &[u8]| match text {
            [b'@', ..] => Jump::Named(text.to_vec()),
            _ => Jump::Uri(text.to_vec()),
        };
        match node.name() {
            "error_page" => {
                let last = node.args().next_back().filter(|uri| !uri.starts_with(b"http"));
                jumps.extend(last.map(target));
            }
            "try_files" if own => {
                let last = node.args().next_back().filter(|uri| !uri.starts_with(b"="));
                jumps.extend(last.map(target));
            }
            "rewrite" if own => {
                let ends = matches!(node.arg(2), Some(b"break" | b"redirect" | b"permanent"));
                jumps.extend(node.arg(1).filter(|_| !ends).map(|uri| Jump::Uri(uri.to_vec())));
            }
            "if" | "limit_except" if own => {
                let mut inner = false;
                node.children().for_each(|node| self.jumps_of(node, true, jumps, &mut inner));
            }
            "return" | "empty_gif" | "stub_status" if own => *answers = true,
            name if own && name.ends_with("_pass") => *answers = true,
            "auth_request" => jumps.extend(node.arg(0).filter(|uri| *uri != b"off").map(target)),
            _ => {}
        }
    }
}
