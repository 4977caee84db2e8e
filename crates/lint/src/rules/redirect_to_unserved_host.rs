//! `http://a.test/` to `https://a.test/`, where only `b.test` has TLS.

use std::collections::HashSet;

use super::redirects::End;
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a redirect to a host of this tree at a port where another site answers for it.
    ///
    /// ## Why is this bad?
    /// The host has a server here, but not at the port that the redirect leads to. There nginx takes the default server,
    /// which was made for another host: the client sees the certificate of a stranger, and behind it the page of a
    /// stranger. It is what comes of `return 301 https://$host$request_uri` before the server with TLS is there.
    ///
    /// It is reported only where the host is a plain `server_name` at the same address, something of this tree listens at
    /// the port, and what answers there has names of hosts of its own or refuses. A catch-all (`_`, or no name) is taken to
    /// be meant so; hosts that are named nowhere here are not looked at.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }
    /// server { listen 443 ssl; server_name b.test; root /srv/b; }     # answers for a.test, too
    /// ```
    ///
    /// Source: `ngx_http_find_virtual_server`, src/http/ngx_http_request.c
    "redirect-to-unserved-host", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let mut reported = HashSet::new();
    for chain in routes.chains() {
        let (End::Stranger(stranger), Some(hop)) = (&chain.end, chain.hops.last()) else { continue };
        if !reported.insert(hop.node) {
            continue;
        }
        findings
            .at(
                routes.config.node(hop.node),
                format!("`{}` is redirected to `{}`, where no server has this host", hop.from, hop.to),
            )
            .related(routes.config.node(*stranger), "answers there")
            .help("give a server at that port this name, or leave the redirect out until there is one");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn redirects_to_the_server_of_another_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }
                                      # ^^^^^^ `http://a.test/` is redirected to `https://a.test/`, where no server has this host
server { listen 443 ssl; server_name b.test; root /srv; }
server { listen 443 ssl; server_name c.test; root /srv; }
",
        );
    }

    #[test]
    fn redirects_to_hosts_that_are_served_or_elsewhere_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name b.test; return 301 https://elsewhere.test/; }
server { listen 443 ssl; server_name a.test; root /srv; }
server { listen 81; server_name c.test; return 301 https://c.test:444/; }
server { listen 444 ssl; server_name _; root /srv; }
server { listen 444 ssl; server_name d.test; root /srv; }
server { listen 82; server_name e.test; return 301 https://e.test:445/; }
server { listen 127.0.0.2:83; server_name f.test; return 301 http://f.test:84/; }
server { listen 127.0.0.3:84; server_name g.test; root /srv; }
",
        );
    }
}
