//! `https://www.a.test/` to `http://a.test/`

use std::collections::HashSet;

use super::redirects::{Chain, Hop};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a redirect from `https` to `http` on hosts that this tree serves with TLS.
    ///
    /// ## Why is this bad?
    /// The client had an encrypted connection and is sent to one that everybody on the way can read and change, its
    /// cookies without `Secure` with it. When the other side answers with a redirect to `https`, as it mostly does, nobody
    /// notices: the page comes up, one round trip later.
    ///
    /// It is reported where the host that the redirect names, or asks for again, is a `server_name` of a server with TLS
    /// here.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 443 ssl; server_name www.a.test; return 301 http://a.test$request_uri; }     # in the clear
    /// server { listen 443 ssl; server_name www.a.test; return 301 https://a.test$request_uri; }
    /// ```
    ///
    /// Source: `ngx_http_script_return_code`, src/http/ngx_http_script.c; RFC 6797, section 7.2
    "redirect-to-plain-http", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let mut reported = HashSet::new();
    for chain in routes.chains() {
        for (at, hop) in chain.hops.iter().enumerate().filter(|(_, hop)| hop.is_downgrade()) {
            if !routes.serves_with_tls(&hop.to) || !reported.insert(hop.node) {
                continue;
            }
            let draft = findings
                .at(routes.config.node(hop.node), format!("`{}` is redirected to `{}`", hop.from, hop.to));
            if let Some(back) = next_upgrade(chain, at) {
                let node = routes.config.node(back.node);
                draft.related(node, format!("sends it back to TLS: `{}`", back.to));
            }
            draft.help("redirect to `https` at once: the host has a server with TLS here");
        }
    }
}

/// The redirect behind this one that goes to TLS again.
fn next_upgrade(chain: &Chain, at: usize) -> Option<&Hop> {
    chain.hops.get(at + 1).filter(|hop| hop.to.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn redirects_into_the_clear_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 443 ssl; server_name www.a.test; return 301 http://a.test$request_uri; }
                                               # ^^^^^^ `https://www.a.test/` is redirected to `http://a.test/`
server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test;
    location /old { rewrite ^/old(.*)$ http://$host/new$1 permanent; }
                  # ^^^^^^^ `https://a.test/old` is redirected to `http://a.test/new`
}
",
        );
    }

    #[test]
    fn redirects_that_keep_the_protocol_or_leave_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 443 ssl; server_name www.a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test;
    location /old { return 301 /new; }
    location /far { return 301 http://elsewhere.test/; }
    location /plain { return 301 http://plain.test/; }
}
server { listen 80; server_name plain.test; root /srv; }
",
        );
    }
}
