//! `https://a.test/` to `https://www.a.test/`, and back.

use std::collections::HashSet;

use super::SHOWN_MAX;
use super::redirects::End;
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a redirect that leads back to itself, so that a client never gets an answer.
    ///
    /// ## Why is this bad?
    /// A browser gives up after some twenty redirects, a crawler after five. Two servers that each send the client to the
    /// other, a page that is redirected to a place below itself, an `http` that wants `https` and an `https` that wants
    /// `http`: each of the two redirects is right where it stands, and only together they are a loop.
    ///
    /// The redirects are followed as a client would, from requests that come to each `return` and `rewrite` of the tree.
    /// It is reported only when every host on the way is named by the server that answers, or asked for at the very port
    /// again, and when nothing on the way rests on what is not known here or sets a cookie.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name a.test; return 301 http://www.a.test$request_uri; }
    /// server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
    /// ```
    ///
    /// Source: `ngx_http_script_return_code`, src/http/ngx_http_script.c; RFC 9110, section 15.4
    "redirect-loop", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let mut reported = HashSet::new();
    for chain in routes.chains() {
        let End::Never(from) = chain.end else { continue };
        let around = &chain.hops[from..];
        let Some(first) = around.first() else { continue };
        if around.iter().any(|hop| reported.contains(&hop.node)) {
            continue;
        }
        reported.extend(around.iter().map(|hop| hop.node));
        let comes_back = around.last().is_some_and(|last| last.to == first.from);
        let end = if comes_back { "comes back to itself" } else { "is redirected again and again" };
        let draft = findings.at(routes.config.node(first.node), format!("`{}` {end}", first.from));
        for hop in around.iter().take(SHOWN_MAX) {
            draft.related(routes.config.node(hop.node), format!("sends `{}` to `{}`", hop.from, hop.to));
        }
        draft.help("leave one of the addresses on the way out of the redirects");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn redirects_that_lead_back_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name a.test; return 301 http://www.a.test$request_uri; }
                                      # ^^^^^^ `http://a.test/` comes back to itself
server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
server { listen 80; server_name b.test; return 301 https://b.test$request_uri; }
                                      # ^^^^^^ `http://b.test/` comes back to itself
server { listen 443 ssl; server_name b.test; rewrite ^ http://$host$request_uri? permanent; }
server { listen 80; server_name c.test;
    location /old/ { return 301 /old/new/; }
                   # ^^^^^^ `http://c.test/old/new/` comes back to itself
    location ~ ^/deep { rewrite ^(.*)$ $1/more redirect; }
                      # ^^^^^^^ `http://c.test/deep` is redirected again and again
    location /here { return 302 http://c.test/here; }
                   # ^^^^^^ `http://c.test/here` comes back to itself
}
",
        );
    }

    #[test]
    fn redirects_that_end_or_may_end_elsewhere_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name a.test www.a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name www.a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test; location / { root /srv; } location = /old { return 301 /new; } }
server { listen 81; server_name _; return 301 http://elsewhere.test:81$request_uri; }
server { listen 81; server_name b.test; return 200 x; }
server { listen 82; server_name c.test;
    location / { if ($cookie_seen = '') { add_header Set-Cookie seen=1; return 302 $request_uri; } return 200 x; } }
server { listen 83; server_name d.test; location / { if (-f /srv/closed) { return 302 /; } return 200 x; } }
server { listen 127.0.0.1:85; server_name f.test; return 302 http://f.test:85/; }
server { listen 127.0.0.2:85; server_name f.test; root /srv; }
server { listen 84; server_name e.test; if ($args !~ lang) { return 302 $uri?lang=en; } }
",
        );
    }
}
