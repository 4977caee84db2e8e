//! Choices of stream: the names of a socket's servers, the lines of a `map`.

use std::sync::Arc;

use super::flat::{Flat, Key};
use super::{Choice, Chosen, Rules};
use crate::config::{Config, Node, NodeId};
use crate::route::listen::Socket;
use crate::route::map::Map;
use crate::route::regex::Patterns;

impl Choice {
    /// The names of the servers of a socket of stream; strings are names in lower case. The rules are servers.
    pub(crate) fn of_socket(config: &Config, patterns: &Patterns, socket: &Socket) -> Choice {
        let names = socket.names(config, patterns);
        Choice { rules: Rules::Flat(Flat::of_names(config, names, &socket.servers, socket.default)) }
    }

    /// The lines of a `map` of stream.
    pub(crate) fn of_stream_map(node: Node<'_>, map: &Arc<Map>) -> Choice {
        let is_line = |line: &Node<'_>| line.args().len() == 1 && !line.is("include");
        let lines: Vec<NodeId> = node.children().filter(is_line).map(Node::id).collect();
        Choice { rules: Rules::Flat(Flat::of_map(map, lines)) }
    }

    /// The strings that a rule names outright.
    pub(crate) fn texts(&self) -> Vec<Vec<u8>> {
        let Rules::Flat(flat) = &self.rules else { return Vec::new() };
        let text = |key: &Key| match key {
            Key::Exact(text) => Some(text.clone()),
            _ => None,
        };
        flat.entries.iter().filter_map(|entry| text(&entry.key)).collect()
    }

    /// What strings get that no rule names outright.
    pub(crate) fn loose(&self) -> Vec<Chosen> {
        let Rules::Flat(flat) = &self.rules else { return self.answers() };
        let mut loose = Vec::new();
        for entry in flat.entries.iter().filter(|entry| !matches!(entry.key, Key::Exact(_))) {
            if !loose.contains(&entry.chosen) {
                loose.push(entry.chosen);
            }
        }
        loose
    }
}
