//! Which servers, locations and lines of maps a set of requests reaches.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use crate::choice::Chosen;
use crate::config::{Config, NodeId};
use crate::context::Context;
use crate::expect::unknown;
use crate::explore::{Limits, explore};
use crate::lower::{Location, ServerKind};
use crate::request::{Dependence, Request, Route};
use crate::route::{Answered, Router, Test, Witness, World};

/// Which http servers, locations and lines of maps were reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// How many there are.
    pub total: usize,
    /// Those that no route passed through: servers and locations in the order in which nginx reads them, then lines of maps.
    pub missing: Vec<NodeId>,
    /// Each with how many routes passed through it, in the same order.
    pub counts: Vec<(NodeId, usize)>,
}

impl Coverage {
    /// What these routes reach: every server and location on their way, also before an internal redirect, and the `lines` of
    /// maps. Of a way that rests on something unknown, only what comes before that.
    pub fn of<'a>(config: &Config, routes: impl IntoIterator<Item = (&'a Route, &'a [NodeId])>) -> Coverage {
        let mut counted: HashMap<NodeId, usize> = HashMap::new();
        for (route, lines) in routes {
            let mut reached = HashSet::new();
            reached_by(route, &mut reached);
            reached.extend(lines);
            for node in reached {
                *counted.entry(node).or_default() += 1;
            }
        }
        let counts: Vec<(NodeId, usize)> = blocks(config)
            .into_iter()
            .map(|node| (node, counted.get(&node).copied().unwrap_or_default()))
            .collect();
        let missing = counts.iter().filter(|(_, count)| *count == 0).map(|(node, _)| *node).collect();
        Coverage { total: counts.len(), missing, counts }
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

/// Every server, location and line of a map that can be covered.
fn blocks(config: &Config) -> Vec<NodeId> {
    let mut blocks = Vec::new();
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        blocks.push(server.node);
        nodes(&server.locations, &mut blocks);
    }
    let maps = config.named("map").filter(|map| map.is_block() && map.context() == Context::Http);
    for map in maps {
        // `hostnames;` and `volatile;` say something of the map, and an `include` stands for what it brings.
        let lines = map.children().filter(|line| line.args().len() == 1 && !line.is("include"));
        blocks.extend(lines.map(|line| line.id()));
    }
    blocks
}

/// The lines of maps that a request uses; none where its way rests on something unknown.
pub fn map_lines(router: &Router<'_>, request: &Request) -> Vec<NodeId> {
    let observed = router.observe(request, &World::default());
    if unknown(&observed.route).next().is_some() {
        return Vec::new();
    }
    let line = |question: &crate::route::Question| match (&question.test, &question.answer) {
        (Test::Map(_), Answered::Chosen(Chosen::Rule(line))) => Some(*line),
        (Test::Map(map), Answered::Chosen(Chosen::Nothing)) => {
            let mut lines = router.config().node(*map).children();
            lines.find(|line| line.is("default")).map(|line| line.id())
        }
        _ => None,
    };
    observed.questions.iter().filter_map(line).collect()
}

/// A request for every server, location and line of a map: the plainest ones, and where none of these gets there, one that
/// a search of all ways finds.
pub fn witnesses_by_search(router: &Router<'_>, limits: &Limits) -> Vec<Witness> {
    let config = router.config();
    let mut witnesses = router.witnesses();
    let has: HashSet<NodeId> = witnesses.iter().map(|witness| witness.node).collect();
    let nobody = String::from("no request that was found reaches it");
    let lines = blocks(config).into_iter().filter(|node| !has.contains(node));
    witnesses.extend(lines.map(|node| Witness { node, request: None, why_not: Some(nobody.clone()) }));
    let mut sought: HashMap<NodeId, usize> = HashMap::new();
    for (place, witness) in witnesses.iter().enumerate().filter(|(_, witness)| witness.request.is_none()) {
        sought.insert(witness.node, place);
    }
    if sought.is_empty() {
        return witnesses;
    }
    explore(&[router], limits, &mut |way| {
        // What is assumed of files on this way need not be so: the request alone must get there.
        let route = router.route(&way.request);
        let mut reached = HashSet::new();
        reached_by(&route, &mut reached);
        reached.extend(map_lines(router, &way.request));
        for node in reached {
            if let Some(place) = sought.remove(&node) {
                witnesses[place].request = Some(way.request.clone());
                witnesses[place].why_not = None;
            }
        }
        if sought.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    witnesses
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
