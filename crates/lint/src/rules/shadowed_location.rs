//! `location ~ \.php$ { } location ~ ^/old/.*\.php$ { }`

use std::collections::HashSet;

use evenkeel_model::{Budget, Choice, Config, Formula, Location, LocationKind, NodeId, ServerKind, Sought};

use super::{Holes, SHOWN_MAX, shown_uri};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `location` that no request gets to, because others take all of them first.
    ///
    /// ## Why is this bad?
    /// What stands in it has no effect, an `auth_basic` or a `deny` included. Of several regular expressions the first
    /// that matches counts, a `^~` stops those of its own level, and those inside a prefix come before those outside;
    /// so a block that is new, moved or edited can end behind others without anybody noticing.
    ///
    /// It is proven, not guessed: the expressions become automata, and the locations that are shown leave no text for this
    /// one, of any length, with any bytes, rewritten or not. A location that only an address with a control character
    /// gets to is reported too: `$` also matches before a last line feed, and `.` does not match one. Where an
    /// expression uses what no automaton can do (a back reference), nothing is said.
    ///
    /// ## Example
    /// ```nginx
    /// location ~ \.php$         { fastcgi_pass app; }
    /// location ~ ^/admin/.*\.php$ { deny all; }      # never asked: the first expression matches already
    ///
    /// location ~ ^/admin/.*\.php$ { deny all; }
    /// location ~ \.php$         { fastcgi_pass app; }
    /// ```
    ///
    /// Source: `ngx_http_core_find_location`, src/http/ngx_http_core_module.c
    "shadowed-location", Warning, since "0.1", routes check
}

/// How many steps the proofs for a whole tree may take; what is not proven by then is not reported.
const STEPS_MAX: u64 = 4_000_000;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let (config, router) = (routes.config, &routes.router);
    let holes = Holes::of(config);
    let mut budget = Budget(STEPS_MAX);
    let mut fine: HashSet<Vec<Shape<'_>>> = HashSet::new();
    for (place, server) in config.servers().iter().enumerate() {
        let is_open = |location: &NodeId| holes.is_in(config.node(*location));
        let shape = shape(config, &server.locations);
        let simple =
            server.locations.iter().all(|location| location.children.is_empty() && !is_regex(location));
        if server.kind != ServerKind::Http || simple || fine.contains(&shape) {
            continue;
        }
        let choice = Choice::of_locations(router, place);
        if is_open(&server.node) || choice.rules().iter().any(is_open) {
            continue;
        }
        let before = findings.count();
        let live = choice.live(&Formula::All(Vec::new()), &mut budget);
        let dead = live.iter().filter(|(_, sought)| matches!(sought, Sought::Shadowed(_)));
        let mut passed_over: HashSet<NodeId> = dead.map(|(node, _)| *node).collect();
        passed_over.extend(never_compared(&server.locations, false));
        for (node, sought) in live {
            let parent = config.node(node).parent().map(|parent| parent.id());
            if !parent.is_some_and(|parent| passed_over.contains(&parent)) {
                report(config, node, &sought, &never_compared(&server.locations, false), findings);
            }
        }
        // A server that is written like one without findings has none either.
        if findings.count() == before {
            fine.insert(shape);
        }
    }
}

fn report(
    config: &Config,
    node: NodeId,
    sought: &Sought,
    others: &HashSet<NodeId>,
    findings: &mut Findings<'_>,
) {
    let location = config.node(node);
    let last = location.args().len().saturating_sub(1);
    let text = location.arg(last).map(String::from_utf8_lossy).unwrap_or_default();
    match sought {
        Sought::Shadowed(by) if !by.is_empty() && !others.contains(&node) => {
            let draft =
                findings.at_arg(location, last, format!("no request ever gets to the location `{text}`"));
            let what =
                if by.len() == 1 { "takes all that it could get" } else { "takes some of what it could get" };
            for by in by.iter().take(SHOWN_MAX) {
                draft.related(config.node(*by), what);
            }
            draft.help("move it before what takes its requests, or take it out");
        }
        Sought::Found { string, only_odd: true } => {
            findings
                .at_arg(
                    location,
                    last,
                    format!("only an address with a control character gets to the location `{text}`"),
                )
                .help(format!(
                    "`{}`, for example; every other address is taken by another location",
                    shown_uri(string)
                ));
        }
        _ => {}
    }
}

fn is_regex(location: &Location) -> bool {
    matches!(location.kind, LocationKind::Regex { .. })
}

/// Texts inside a regex, and what stands in them: that is another finding (`static-location-in-regex`).
fn never_compared(locations: &[Location], in_regex: bool) -> HashSet<NodeId> {
    let mut nodes = HashSet::new();
    for location in locations {
        if in_regex && !is_regex(location) {
            nodes.insert(location.node);
        }
        nodes.extend(never_compared(&location.children, in_regex || is_regex(location)));
    }
    nodes
}

/// What decides about a location: how deep it stands, its kind, its text, whether it passes on.
type Shape<'c> = (usize, LocationKind, &'c [u8], bool);

fn shape<'c>(config: &'c Config, locations: &'c [Location]) -> Vec<Shape<'c>> {
    let mut shapes = Vec::new();
    let mut open: Vec<(usize, &Location)> = locations.iter().rev().map(|location| (0, location)).collect();
    while let Some((depth, location)) = open.pop() {
        let mut inside = config.node(location.node).children();
        let passes = inside.any(|node| node.name_bytes().ends_with(b"_pass"));
        shapes.push((depth, location.kind, &location.pattern[..], passes));
        open.extend(location.children.iter().rev().map(|location| (depth + 1, location)));
    }
    shapes
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn locations_that_nothing_gets_to_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location ~ \.php$ { return 200; }
    location ~ ^/admin/.*\.php\z { return 403; }
             # ^^^^^^^^^^^^^^^^^ no request ever gets to the location
    location ^~ /static/ { return 200; }
    location ~ ^/static/.*\.html { return 200; }
             # ^^^^^^^^^^^^^^^^^ no request ever gets to the location
    location ~ ^/[a-m] { return 200; }
    location ~ ^/[n-z] { return 200; }
    location ~ ^/[a-z]+\.txt { return 200; }
             # ^^^^^^^^^^^^^ no request ever gets to the location
    location = /exact { return 200; }
    location ~ ^/EXACT$ { return 200; }
}
server {
    listen 81;
    location = /a { return 200; }
    location ~ ^/a$ { return 200; }
             # ^^^^ only an address with a control character gets to the location `^/a$`
    location /a/b/ { return 200; }
    location /a/ { location /a/b/ { return 200; } }
                          # ^^^^^ no request ever gets to the location
    location /b { location ~ x { return 200; } }
    location ~ ^/b.*x { return 200; }
             # ^^^^^^ no request ever gets to the location
}
",
        );
    }

    #[test]
    fn locations_that_something_gets_to_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location / { return 200; }
    location ^~ /static/ { return 200; }
    location /static/plain/ { return 200; }
    location ~ ^/static/.*\.html$ { return 200; }
    location ~ \.php$ { return 200; }
    location ~ \.(php|html)$ { return 200; }
    location ~* \.PHP$ { return 200; }
    location ~ ^/(.)\1 { return 200; }
    location ~ ^/(aa) { return 200; }
    location @named { return 200; }
}
server {
    listen 81;
    location ~ /a { location /a/b { return 200; } location ~ c { return 200; } }
    location /x/ { proxy_pass http://127.0.0.1; }
    location = /x { return 200; }
}
server {
    listen 82;
    include /elsewhere/of/nobody.conf;
    location ~ ^/a { return 200; }
    location ~ ^/ab { return 200; }
}
",
        );
    }
}
