//! Which servers and locations a set of requests reaches.

use std::collections::HashSet;

use crate::config::{Config, NodeId};
use crate::expect::unknown;
use crate::lower::{Location, ServerKind};
use crate::request::{Dependence, Route};

/// Which http servers and locations were reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// How many servers and locations there are.
    pub total: usize,
    /// Those that no route passed through, in the order in which nginx reads them.
    pub missing: Vec<NodeId>,
}

impl Coverage {
    /// What these routes reach: every server and location on their way, also before an internal redirect. Of a way that
    /// rests on something unknown, only what comes before that.
    pub fn of<'a>(config: &Config, routes: impl IntoIterator<Item = &'a Route>) -> Coverage {
        let mut reached = HashSet::new();
        for route in routes {
            reached_by(route, &mut reached);
        }
        let mut blocks = Vec::new();
        for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
            blocks.push(server.node);
            nodes(&server.locations, &mut blocks);
        }
        let total = blocks.len();
        blocks.retain(|node| !reached.contains(node));
        Coverage { total, missing: blocks }
    }

    /// How many were reached.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.total - self.missing.len()
    }

    /// The share that was reached, in whole percent; 100 only when nothing is missing.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let share = (self.covered() * 100).checked_div(self.total).unwrap_or(100);
        u8::try_from(share).expect("a share is at most 100")
    }
}

/// Adds the blocks that a route passes through. Of a way that rests on files, those before the first file is looked for;
/// of a way that rests on something else, only the server.
pub(crate) fn reached_by(route: &Route, reached: &mut HashSet<NodeId>) {
    reached.extend(route.server);
    let certain = unknown(route).next().is_none();
    if certain {
        reached.extend(route.location);
    }
    let on_file = |dependence: &Dependence| matches!(dependence, Dependence::FileExists(_));
    if certain || unknown(route).all(on_file) {
        let looks =
            |what: &str| matches!(what, "try_files" | "index" | "autoindex" | "file" | "internal redirect");
        let steps = route.steps.iter().take_while(|step| certain || !looks(step.what));
        let blocks = steps.filter(|step| matches!(step.what, "server" | "location"));
        reached.extend(blocks.filter_map(|step| step.node));
    }
}

fn nodes(locations: &[Location], into: &mut Vec<NodeId>) {
    for location in locations {
        into.push(location.node);
        nodes(&location.children, into);
    }
}
