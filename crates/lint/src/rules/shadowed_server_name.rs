//! `server_name *.example.com;` and elsewhere `server_name ~^www\.example\.com\z;`

use std::collections::BTreeMap;

use evenkeel_model::{Budget, Choice, Formula, Language, NodeId, Sought};

use super::{Holes, SHOWN_MAX};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a regular expression among the names of servers that no request is found by.
    ///
    /// ## Why is this bad?
    /// nginx looks for an equal name first, then for `*.example.com`, then for `www.example.*`, and only then asks the
    /// regular expressions, in the order of the whole configuration. One that stands behind names which take all of its
    /// hosts is never the one: the server answers for none of them, and what it captures is empty.
    ///
    /// It is proven: the names that are shown leave no host for the expression, on any address that its server listens
    /// on. Names that are equal are another finding (`duplicate-server-name`).
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name *.example.com; }
    /// server { listen 80; server_name ~^(?<shop>shop\d+)\.example\.com$; }   # every such host has the wildcard
    /// ```
    ///
    /// Source: `ngx_http_find_virtual_server`, src/http/ngx_http_request.c
    "shadowed-server-name", Warning, since "0.1", routes check
}

/// How many steps the proofs for a whole tree may take; what is not proven by then is not reported.
const STEPS_MAX: u64 = 2_000_000;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let (config, router) = (routes.config, &routes.router);
    let is_regex = |name: &evenkeel_model::ServerName| name.text.starts_with(b"~");
    if !config.servers().iter().any(|server| server.names.iter().any(is_regex)) {
        return;
    }
    let holes = Holes::of(config);
    let mut budget = Budget(STEPS_MAX);
    let hosts = Formula::Any(vec![Formula::In(Language::host(false)), Formula::In(Language::one_of(&[b""]))]);
    // By directive and argument: what is in the way on every socket so far; `None`: it is found, or nobody knows.
    let mut names: BTreeMap<(NodeId, usize), Option<Vec<NodeId>>> = BTreeMap::new();
    for choice in Choice::of_every_socket(router) {
        for (node, argument, sought) in choice.live_regexes(&hosts, &mut budget) {
            let by = match sought {
                Sought::Shadowed(by) if !by.is_empty() => Some(by),
                _ => None,
            };
            let known = names.entry((node, argument)).or_insert_with(|| Some(Vec::new()));
            match (&mut *known, by) {
                (Some(known), Some(by)) => {
                    let more: Vec<NodeId> = by.into_iter().filter(|node| !known.contains(node)).collect();
                    known.extend(more);
                }
                (known, _) => *known = None,
            }
        }
    }
    for ((node, argument), by) in names {
        let Some(by) = by else { continue };
        let directive = config.node(node);
        if directive.parent().is_some_and(|server| holes.is_in(server)) {
            continue;
        }
        let text = directive.arg(argument).map(String::from_utf8_lossy).unwrap_or_default();
        let draft = findings.at_arg(directive, argument, format!("no request is found by the name `{text}`"));
        for by in by.iter().take(SHOWN_MAX) {
            draft.related(config.node(*by), "takes hosts that it matches");
        }
        draft.help("take the name out, or make those that take its hosts narrower");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn names_that_others_take_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name *.example.com ~^static\d+\.example\.org$; }
server { listen 80; server_name ~^(?<shop>shop\d+)\.example\.com$; }
                              # ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no request is found by the name
server { listen 80; server_name shop.test ~^static[0-4]\.example\.org$; }
                                        # ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no request is found by the name
",
        );
    }

    #[test]
    fn names_that_find_something_somewhere_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name *.example.com; }
server { listen 80; listen 81; server_name ~^(?<shop>shop\d+)\.example\.com$; }
server { listen 81; server_name a.test; }
server { listen 80; server_name ~^www\.example\.; }
server { listen 80; server_name www.example.net; }
",
        );
    }
}
