//! WebSockets that no longer get through.

use evenkeel_model::{Config, NodeId};

use crate::check::Findings;
use crate::rules::Holes;
use crate::rules::pairs::{Heirs, http_servers, walk};

rule! {
    /// Finds a change after which a location no longer passes the `Upgrade` header on, which it passes on now.
    ///
    /// ## Why is this bad?
    /// `Upgrade` and `Connection` belong to one connection, so nginx does not pass them on unless it is told to. Without
    /// `proxy_set_header Upgrade $http_upgrade;` the application answers a plain 200 or 400 where a WebSocket was asked
    /// for, and whatever is live on a page (chats, dashboards, notifications) stops without an error on the server.
    /// It often goes with another line: a `proxy_set_header` of its own makes a location forget those around it.
    ///
    /// The rule needs the live tree (`--against DIR`), and compares locations with the same pattern in servers with the
    /// same name and address.
    ///
    /// ## Example
    /// ```nginx
    /// location /ws { proxy_pass http://app; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }   # live
    /// location /ws { proxy_pass http://app; }   # new
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/websocket.html>; `ngx_http_proxy_init_headers`,
    /// src/http/modules/ngx_http_proxy_module.c
    "upgrade-header-lost", Warning, since "0.1", between compare
}

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    let upgrades = |node: &evenkeel_model::Node<'_>| {
        node.arg(0).is_some_and(|name| name.eq_ignore_ascii_case(b"upgrade"))
    };
    if !live.named("proxy_set_header").any(|node| upgrades(&node)) {
        return;
    }
    let (mut heirs, holes) = (Heirs::of(new), Holes::of(new));
    for server in http_servers(live) {
        let Some(heir) = heirs.server(server) else { continue };
        walk(&server.locations, &mut |location| {
            if !passes_upgrades_on(live, location.node) {
                return;
            }
            let Some(now) = heirs.location(heir, location) else { return };
            let Some(pass) = new.named_in_block(now, "proxy_pass").next() else { return };
            let may_be_elsewhere = std::iter::once(new.node(now))
                .chain(new.node(now).ancestors())
                .any(|block| holes.is_in(block));
            if may_be_elsewhere || passes_upgrades_on(new, now) {
                return;
            }
            let was = live.node(location.node);
            findings
                .at(pass, "the `Upgrade` header is no longer passed on: WebSockets fail here")
                .help(format!(
                    "`proxy_set_header Upgrade $http_upgrade;` and `proxy_set_header Connection upgrade;`, as for {}:{} of the live tree",
                    was.source().display,
                    was.line()
                ));
        });
    }
}

/// Whether a location passes requests on with the client's `Upgrade`.
fn passes_upgrades_on(config: &Config, location: NodeId) -> bool {
    config.named_in_block(location, "proxy_pass").next().is_some()
        && config.effective(location, "proxy_set_header").into_iter().any(|node| {
            let node = config.node(node);
            let is_upgrade = node.arg(0).is_some_and(|name| name.eq_ignore_ascii_case(b"upgrade"));
            is_upgrade && node.arg(1).is_some_and(|value| !value.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    const LIVE: &str = "server { listen 80; server_name a.test;
        location /ws { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:1; }
        location / { proxy_pass http://127.0.0.1:1; } }";

    #[test]
    fn a_location_that_forgets_the_header_is_found() {
        check_change(
            &super::RULE,
            LIVE,
            r"
server { listen 80; server_name a.test;
    location /ws { proxy_set_header Host $host; proxy_pass http://127.0.0.1:1; }
                                              # ^^^^^^^^^^ the `Upgrade` header is no longer passed on
    location / { proxy_pass http://127.0.0.1:1; }
}
",
        );
    }

    #[test]
    fn headers_that_come_from_outside_or_are_not_known_are_silent() {
        for new in [
            "proxy_set_header upgrade $http_upgrade; server { listen 80; server_name a.test; location /ws { proxy_pass http://127.0.0.1:1; } }",
            "server { listen 80; server_name a.test; location /ws { proxy_pass http://127.0.0.1:1; include /elsewhere/ws.conf; } }",
            "server { listen 80; server_name a.test; location /ws { return 404; } }",
            "server { listen 80; server_name a.test; location /socket { proxy_pass http://127.0.0.1:1; } }",
        ] {
            check_change(&super::RULE, LIVE, new);
        }
        check_rule(&super::RULE, LIVE);
    }
}
