//! `location / { rewrite ^/(.*)$ /app/$1 last; }`

use std::collections::HashSet;

use evenkeel_model::{Node, NodeId, Outcome, Route};

use super::seeds::Seeds;
use super::{SHOWN_MAX, shown_uri};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `rewrite` that nginx repeats until it gives up and answers 500.
    ///
    /// ## Why is this bad?
    /// After `last`, or at the end of a location whose address was changed, nginx looks for a location again, and when that
    /// is the same one, its rewrites run again. After ten rounds nginx writes `rewrite or internal redirection cycle` into
    /// the log, and the client gets 500.
    ///
    /// The address that is shown was walked through the whole configuration, and ends so.
    ///
    /// ## Example
    /// ```nginx
    /// location / { rewrite ^/(.*)$ /app/$1 last; }      # /x, /app/x, /app/app/x, …
    /// location / { rewrite ^/(.*)$ /app/$1 break; }     # once
    /// ```
    ///
    /// Source: `ngx_http_core_post_rewrite_phase`, src/http/ngx_http_core_module.c;
    /// `NGX_HTTP_MAX_URI_CHANGES`, src/http/ngx_http_request.h
    "rewrite-cycle", Warning, since "0.1", routes check
}

/// How many requests may be walked for a whole tree; what is not found by then is not reported.
const WALKS_MAX: usize = 20_000;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let mut seeds = Seeds::of(&routes.router);
    let mut reported = HashSet::new();
    let mut walks = WALKS_MAX;
    for node in routes.config.named("rewrite").filter(|node| node.context().is_http() && goes_on(*node)) {
        if reported.contains(&node.id()) {
            continue;
        }
        for request in seeds.requests(node) {
            if walks == 0 {
                return;
            }
            walks -= 1;
            let route = routes.router.outcome(&request);
            let cycle = cycle(&route);
            if !cycle.contains(&node.id()) || !route.depends_on.is_empty() {
                continue;
            }
            let asked = String::from_utf8_lossy(&request.target).into_owned();
            let message = format!("`{asked}` is rewritten again and again, and answered by 500");
            let draft = findings.at(node, message);
            for other in cycle.iter().filter(|other| **other != node.id()).take(SHOWN_MAX) {
                draft.related(routes.config.node(*other), "is part of it");
            }
            draft.help(format!("the last address that it is rewritten to is `{}`", shown_uri(&route.uri)));
            reported.extend(cycle);
            break;
        }
    }
}

/// Whether nginx looks for a location after it.
fn goes_on(node: Node<'_>) -> bool {
    let is_in_location = node.ancestors().any(|block| block.is("location"));
    is_in_location && matches!(node.arg(2), None | Some(b"last"))
}

/// The rewrites that a route that ends in a cycle passed through; none when it ends otherwise.
fn cycle(route: &Route) -> Vec<NodeId> {
    let Outcome::Error { status: 500, reason } = &route.outcome else { return Vec::new() };
    if !reason.starts_with("the URI was changed more than") {
        return Vec::new();
    }
    let mut nodes = Vec::new();
    for node in route.steps.iter().filter(|step| step.what == "rewrite").filter_map(|step| step.node) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn rewrites_that_never_end_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location / { rewrite ^/(.*)$ /app/$1 last; }
               # ^^^^^^^ `/` is rewritten again and again, and answered by 500
    location ~ ^/a/\d+$ { rewrite ^/a/(\d+)$ /b/$1 last; }
                        # ^^^^^^^ `/a/0` is rewritten again and again
    location /b/ { rewrite ^/b/(\d+)$ /a/$1; }
}
",
        );
    }

    #[test]
    fn rewrites_that_end_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    rewrite ^/(.*)$ /app/$1 last;
    location / { rewrite ^/(?!app/)(.*)$ /app/$1 last; return 200 x; }
    location /a/ { rewrite ^/a/(.*)$ /b/$1 last; }
    location /b/ { rewrite ^/b/(.*)$ /b/c/$1 break; return 200 x; }
    location /c/ { rewrite ^/c/(.*)$ /a/$1 permanent; }
    location /d/ { rewrite ^/d/d/(.*)$ /d/$1 last; return 200 x; }
}
",
        );
    }
}
