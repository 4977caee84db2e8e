//! A request for every server and every location: the shortest plain one that gets there.

use crate::config::{Config, NodeId};
use crate::request::Request;

/// A block, and a request that reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The `server` or the `location`.
    pub node: NodeId,
    /// A request that nginx answers by this block, or that passes through it.
    pub request: Option<Request>,
    /// Why there is none, for people.
    pub why_not: Option<String>,
}

/// A request for every http server and every location of it, each checked by the router; or why there is none.
pub fn witnesses(config: &Config) -> Vec<Witness> {
    let _ = config;
    Vec::new()
}
