//! Locations: how they may nest, and which name the same place twice.
//!
//! Source: `ngx_http_core_location`, src/http/ngx_http_core_module.c; `ngx_http_join_exact_locations`, src/http/ngx_http.c

use std::collections::HashMap;

use super::{Checker, lossy};
use crate::config::Node;
use crate::context::Context;
use crate::lower::{Location, LocationKind, location_pattern};
use crate::problem::Problem;

/// What a location says of itself and how it stands in the one around it.
pub(super) fn nesting<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let (kind, pattern) = location_pattern(node);
    let modifier = node.arg(0).unwrap_or(b"");
    if node.args().len() == 2 && !matches!(modifier, b"=" | b"^~" | b"~" | b"~*") {
        let message = format!("invalid location modifier \"{}\"", lossy(modifier));
        return checker.refuse_arg(node, 0, "invalid-value", message);
    }
    if let LocationKind::Regex { caseless } = kind {
        checker.regex(node, node.args().len() - 1, pattern, caseless);
    }
    let outer = node.parent().filter(|_| node.context() == Context::Location);
    let Some(outer) = outer else { return };
    let (outer_kind, outer_pattern) = location_pattern(outer);
    let (this, around) = (lossy(pattern), lossy(outer_pattern));
    let message = match (outer_kind, kind) {
        (LocationKind::Exact, _) => {
            format!("location \"{this}\" cannot be inside the exact location \"{around}\"")
        }
        (LocationKind::Named, _) => {
            format!("location \"{this}\" cannot be inside the named location \"{around}\"")
        }
        (_, LocationKind::Named) => format!("named location \"{this}\" can be on the server level only"),
        (_, LocationKind::Regex { .. }) => return,
        _ if pattern.starts_with(outer_pattern) => return,
        _ => format!("location \"{this}\" is outside location \"{around}\""),
    };
    checker.refuse(node, "misplaced-location", message);
}

/// Locations of the same level that mean the same place.
pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    for server in config.servers() {
        level(checker, &server.locations);
    }
}

fn level(checker: &mut Checker<'_>, locations: &[Location]) {
    let config = checker.config;
    let mut seen: HashMap<(bool, &[u8]), &Location> = HashMap::new();
    for location in locations {
        let exact = match location.kind {
            LocationKind::Exact => true,
            LocationKind::Prefix | LocationKind::PrefixNoRegex => false,
            LocationKind::Regex { .. } | LocationKind::Named => continue,
        };
        if let Some(first) = seen.insert((exact, &location.pattern), location) {
            let message = format!("duplicate location \"{}\"", lossy(&location.pattern));
            let node = config.node(location.node);
            let problem = Problem::at(node, "duplicate-location", message);
            checker.problems.push(problem.with(config.node(first.node), "first here"));
        }
    }
    for location in locations.iter().filter(|location| !location.children.is_empty()) {
        level(checker, &location.children);
    }
}
