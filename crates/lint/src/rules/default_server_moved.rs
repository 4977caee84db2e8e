//! Requests for unknown hosts that end elsewhere than before.

use std::collections::{HashMap, HashSet};

use evenkeel_model::{Config, Server};

use crate::check::Findings;
use crate::rules::unknown_hosts::{Default, Way, defaults, is_for_hosts_of_its_own, title};
use crate::rules::{Holes, enumerate};

rule! {
    /// Finds a change after which another server answers for unknown hosts, and redirects them or passes them on.
    ///
    /// ## Why is this bad?
    /// The default server of an address changes with a word (`default_server` at another `listen`), or with no word at
    /// all: where none says it, the server that is read first is the default, so a new file whose name sorts first takes
    /// over. Then everything that no server knows goes to an application that may be down, or follows a redirect that
    /// was meant for one name. `nginx -t` has nothing to say about it.
    ///
    /// The rule needs the live tree (`--against DIR`). It is silent when the new default server is the old one, is
    /// meant for all (`server_name _`), or does with such requests what the old one did.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80 default_server; return 404; }                       # live
    /// server { listen 80; server_name x.test; location / { proxy_pass http://app; } }
    ///
    /// server { listen 80 default_server; server_name x.test; location / { proxy_pass http://app; } }   # new
    /// ```
    ///
    /// Source: `ngx_http_add_addresses`, src/http/ngx_http.c
    "default-server-moved", Warning, since "0.1", between compare
}

/// How many addresses are named.
const NAMES_MAX: usize = 3;

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    let before: HashMap<_, Default<'_>> =
        defaults(live).into_iter().map(|default| (default.address, default)).collect();
    let (holes_live, holes_new) = (Holes::of(live), Holes::of(new));
    let mut said: Vec<(&Server, &Server, Vec<String>)> = Vec::new();
    for default in defaults(new).into_iter().filter(|default| is_for_hosts_of_its_own(default.server)) {
        let Some(old) = before.get(default.address).filter(|old| !share_a_name(old.server, default.server))
        else {
            continue;
        };
        let same = said.iter_mut().find(|(server, _, _)| server.node == default.server.node);
        match same {
            Some((_, _, addresses)) => addresses.push(default.address.to_string()),
            None => said.push((default.server, old.server, vec![default.address.to_string()])),
        }
    }
    for (server, old, addresses) in said {
        let (was, is) = (Way::of(live, old, &holes_live), Way::of(new, server, &holes_new));
        let kind_is_the_same = std::mem::discriminant(&was) == std::mem::discriminant(&is);
        let Some(words) = is.words().filter(|_| !kind_is_the_same && was != Way::Unknown) else { continue };
        let addresses = enumerate(&addresses, NAMES_MAX);
        let place = live.node(old.node);
        findings
            .at(new.node(server.node), format!("requests for unknown hosts on {addresses} are now {words}"))
            .help(format!(
                "in the live tree {} answers them ({}:{}); `default_server` says who does",
                title(old),
                place.source().display,
                place.line()
            ));
    }
}

fn share_a_name(a: &Server, b: &Server) -> bool {
    let names: HashSet<&[u8]> = a.names.iter().map(|name| name.text.as_slice()).collect();
    b.names.iter().any(|name| names.contains(name.text.as_slice()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    #[test]
    fn a_default_that_moves_to_an_application_is_found() {
        check_change(
            &super::RULE,
            "server { listen 80 default_server; return 404; }
             server { listen 80; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }",
            r"
  server { listen 80 default_server; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }
# ^^^^^^ unknown hosts on 0.0.0.0:80 are now passed to `http://127.0.0.1:9999`
",
        );
    }

    #[test]
    fn a_redirect_that_comes_to_stand_first_is_found() {
        check_change(
            &super::RULE,
            "server { listen 80; listen [::]:80; server_name _; location / { return 200 site; } }",
            r"
  server { listen 80; listen [::]:80; server_name www.a.test; return 301 http://a.test$request_uri; }
# ^^^^^^ unknown hosts on 0.0.0.0:80 and [::]:80 are now redirected to `http://a.test$request_uri`
server { listen 80; listen [::]:80; server_name _; location / { return 200 site; } }
",
        );
    }

    #[test]
    fn a_default_that_stays_or_does_the_same_is_silent() {
        let live = "server { listen 80; server_name a.test; location / { proxy_pass http://127.0.0.1:1; } }";
        for new in [
            "server { listen 80; server_name b.test a.test; return 301 https://a.test/; }",
            "server { listen 80; server_name b.test; location / { proxy_pass http://127.0.0.1:2; } }",
            "server { listen 80; server_name _; return 301 https://a.test/; }",
            "server { listen 81; server_name b.test; return 301 https://a.test/; }",
            "server { listen 80; server_name b.test; root /srv; }",
        ] {
            check_change(&super::RULE, live, new);
        }
        check_rule(&super::RULE, live);
    }
}
