//! What changes beside the end of a request: headers, limits, guards.

use evenkeel_model::{Config, GuardKind, Limit, NodeId, Route, Says, Side, What};

use super::show::place;
use super::{Trees, side_name};
use crate::commands::route::show::readable;

/// The headers, limits and guards that one side has and the other lacks, one a line; empty where the ends differ.
pub(super) fn beside(trees: &Trees, what: What, old: &Route, new: &Route) -> Vec<(&'static str, String)> {
    let facts = match what {
        What::Headers => headers,
        What::Access => access,
        What::Outcome | What::Upstream => return Vec::new(),
    };
    let (before, after) = (facts(old), facts(new));
    let mut lines = Vec::new();
    for (side, own, others) in [(Side::Old, &before, &after), (Side::New, &after, &before)] {
        for fact in own.iter().filter(|fact| !others.iter().any(|other| other.words == fact.words)) {
            let at = fact.node.map(|node| format!("  [{}]", place(config(trees, side), node)));
            lines.push((
                side_name(side),
                format!("{}{}", readable(fact.words.as_bytes()), at.unwrap_or_default()),
            ));
        }
    }
    lines
}

fn config(trees: &Trees, side: Side) -> &Config {
    trees.config(side)
}

struct Fact {
    words: String,
    node: Option<NodeId>,
}

fn headers(route: &Route) -> Vec<Fact> {
    let text = |name: &[u8], value: &[u8]| format!("{}: {}", readable(name), readable(value));
    let added = route.facts.headers.iter().map(|header| Fact {
        words: format!(
            "adds {}{}",
            text(&header.name, &header.value),
            if header.always { " (always)" } else { "" }
        ),
        node: Some(header.node),
    });
    let sent = route.facts.sent.iter().map(|header| Fact {
        words: format!("sends the upstream {}", text(&header.name, &header.value)),
        node: header.node,
    });
    added.chain(sent).collect()
}

fn access(route: &Route) -> Vec<Fact> {
    let limits =
        route.facts.limits.iter().map(|limit| Fact { words: limited(limit), node: Some(limit.node) });
    let guards = route.facts.guards.iter().filter_map(|guard| {
        let words = match (guard.kind, guard.says) {
            (_, Says::Nothing) => return None,
            (GuardKind::Rules, Says::Passes) => "allow lets it pass".to_owned(),
            (kind, Says::Passes) => format!("{} lets it pass", kind.name()),
            (kind, Says::Refuses) => format!("{} refuses it", kind.name()),
        };
        Some(Fact { words, node: guard.node })
    });
    limits.chain(guards).collect()
}

fn limited(limit: &Limit) -> String {
    let Limit { kind, zone, key, allows, burst, nodelay, status, dry_run, .. } = limit;
    let mut words = format!("{} {zone}: {allows} a {}", kind.directive(), readable(key));
    if *burst > 0 {
        words.push_str(&format!(", burst {burst}"));
    }
    if *nodelay {
        words.push_str(", nodelay");
    }
    words.push_str(&format!(", beyond it {status}"));
    if *dry_run {
        words.push_str(" (dry run)");
    }
    words
}
