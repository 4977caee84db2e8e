//! `http://a.test/` to `https://a.test/` to `https://www.a.test/`, and on.

use std::collections::HashSet;

use super::redirects::{Chain, End, Hop};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a redirect to an address that is redirected again.
    ///
    /// ## Why is this bad?
    /// Each redirect is a whole round trip, with a new connection and a new handshake where the host changes, before the
    /// first byte of the page. Search engines follow few of them, and each is one more place that has to be right.
    ///
    /// A first redirect that does nothing but change `http` into `https` is not counted: Strict-Transport-Security needs
    /// it on the same host (RFC 6797, section 7.2). Nor are chains that leave the hosts which the servers of this tree
    /// name, or that rest on something that is not known here.
    ///
    /// ## Example
    /// ```nginx
    /// location /old/ { return 301 /new/; }       # /old/ to /new/ to /newest/
    /// location /new/ { return 301 /newest/; }
    ///
    /// location /old/ { return 301 /newest/; }    # at once
    /// ```
    ///
    /// Source: `ngx_http_script_return_code`, src/http/ngx_http_script.c; RFC 9110, section 15.4
    "redirect-chain", Note, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let mut reported = HashSet::new();
    for chain in routes.chains().iter().filter(|chain| matches!(chain.end, End::Answer | End::Elsewhere)) {
        let hops = counted(chain);
        let [first, second, ..] = hops else { continue };
        let Some(last) = hops.last() else { continue };
        if hops.windows(2).any(|two| reported.contains(&(two[0].node, two[1].node))) {
            continue;
        }
        reported.extend(hops.windows(2).map(|two| (two[0].node, two[1].node)));
        findings
            .at(
                routes.config.node(first.node),
                format!("`{}` is redirected to `{}`, which is redirected again", first.from, first.to),
            )
            .related(routes.config.node(second.node), format!("sends it on to `{}`", second.to))
            .help(format!("redirect to `{}` at once", last.to));
    }
}

/// The redirects of a chain without a first one that only changes the protocol.
fn counted(chain: &Chain) -> &[Hop] {
    match chain.hops.split_first() {
        Some((first, rest)) if first.is_upgrade() => rest,
        _ => &chain.hops,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn redirects_to_redirects_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
                                          # ^^^^^^ `http://www.a.test/` is redirected to `http://a.test/`, which is redirected again
server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test;
    location /old/ { return 301 /new/; }
                   # ^^^^^^ `https://a.test/old/` is redirected to `https://a.test/new/`, which is
    location /new/ { rewrite ^/new/(.*)$ https://other.test/$1; }
}
",
        );
    }

    #[test]
    fn single_redirects_and_those_that_hsts_needs_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name a.test www.a.test; return 301 https://$host$request_uri; }
server { listen 443 ssl; server_name www.a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test; location /old/ { return 301 /new/; } location /new/ { root /srv; } }
server { listen 81; server_name b.test; return 301 http://c.test:81/; }
server { listen 81; server_name d.test; location = / { return 301 /home; } location / { try_files $uri /home/x; } }
",
        );
    }
}
