//! Who answers for hosts that nobody has, and why.

use evenkeel_model::Config;

use crate::check::Findings;
use crate::rules::unknown_hosts::{Way, by_server, defaults, is_for_hosts_of_its_own};
use crate::rules::{Holes, enumerate};

rule! {
    /// Finds a server for hosts of its own that redirects or passes on the requests for all unknown hosts, because it is read first.
    ///
    /// ## Why is this bad?
    /// Where no server of an address says `default_server`, nginx takes the first one that it reads. Which one that is
    /// depends on the names of files. A redirect for `www.example.com` that comes to stand first sends every host that
    /// no server has to its target, that target itself included when its own server is called `_`: a loop. An
    /// application that comes to stand first gets the requests of scanners and forgotten names, and when it is down,
    /// all of these see 502.
    ///
    /// It is reported where several servers share an address, none says `default_server`, and the first has names of
    /// hosts only (not `_`, not none) and redirects to a host of its own choice, or passes everything on. A redirect
    /// that keeps the host (`https://$host$request_uri`) is not reported.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name www.example.com; return 301 http://example.com$request_uri; }
    /// server { listen 80; server_name _; root /var/www/html; }   # meant for the rest, and gets nothing
    ///
    /// server { listen 80 default_server; server_name _; root /var/www/html; }   # says so
    /// ```
    ///
    /// Source: `ngx_http_add_addresses`, src/http/ngx_http.c;
    /// <https://nginx.org/en/docs/http/ngx_http_core_module.html#listen>
    "implicit-default-server", Warning, since "0.1", check
}

/// How many addresses are named.
const NAMES_MAX: usize = 3;

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    let implicit = defaults(config).into_iter().filter(|default| !default.declared && default.servers > 1);
    for (server, addresses) in by_server(implicit.filter(|default| is_for_hosts_of_its_own(default.server))) {
        let Some(words) = Way::of(config, server, &holes).words() else { continue };
        let addresses = enumerate(&addresses, NAMES_MAX);
        findings
            .at(
                config.node(server.node),
                format!("requests for unknown hosts on {addresses} are {words}, because this server is read first"),
            )
            .help(
                "say who answers for them: `default_server` at a `listen` of this address, for example of a server \
                 with `return 444;`",
            );
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_redirect_that_is_read_first_takes_every_unknown_host() {
        check_rule(
            &super::RULE,
            r"
  server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
# ^^^^^^ unknown hosts on 0.0.0.0:80 are redirected to `http://a.test$request_uri`, because this server is read first
server { listen 80; server_name _; location / { return 200 site; } }
  server { listen 81; listen [::]:81; server_name old.a.test; rewrite ^ https://a.test/ permanent; }
# ^^^^^^ unknown hosts on 0.0.0.0:81 and [::]:81 are redirected
server { listen 81; listen [::]:81; server_name b.test; }
",
        );
    }

    #[test]
    fn an_application_that_is_read_first_gets_every_unknown_host() {
        check_rule(
            &super::RULE,
            r"
  server { listen 80; server_name shop.test; location / { proxy_pass http://127.0.0.1:9000; } }
# ^^^^^^ unknown hosts on 0.0.0.0:80 are passed to `http://127.0.0.1:9000`
  server { listen 80; listen 82; server_name blog.test; location / { try_files $uri @app; } location @app { uwsgi_pass unix:/b; } }
# ^^^^^^ unknown hosts on 0.0.0.0:82 are passed to `unix:/b`
server { listen 82; server_name a.test; }
",
        );
    }

    #[test]
    fn defaults_that_are_meant_alone_or_harmless_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
server { listen 80 default_server; server_name a.test; root /srv; }
server { listen 81; server_name only.test; location / { proxy_pass http://127.0.0.1:9000; } }
server { listen 82; server_name a.test; return 301 https://$host$request_uri; }
server { listen 82; server_name b.test; }
server { listen 83; server_name _; location / { proxy_pass http://127.0.0.1:9000; } }
server { listen 83; server_name b.test; }
server { listen 84; server_name a.test; if ($host != a.test) { return 444; } location / { proxy_pass http://127.0.0.1; } }
server { listen 84; server_name b.test; }
server { listen 85; server_name a.test; root /srv; location /api/ { proxy_pass http://127.0.0.1:9000; } }
server { listen 85; server_name b.test; }
server { listen 86; server_name a.test; deny all; location / { proxy_pass http://127.0.0.1:9000; } }
server { listen 86; server_name b.test; }
",
        );
    }

    #[test]
    fn servers_that_are_not_here_may_be_the_default() {
        check_rule(
            &super::RULE,
            r"
include /elsewhere/default.conf;
server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
server { listen 80; server_name a.test; }
",
        );
    }
}
