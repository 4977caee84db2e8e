//! `listen 80 default_server; server_name shop.example.com; location / { proxy_pass http://shop; }`

use evenkeel_model::Config;

use crate::check::Findings;
use crate::rules::unknown_hosts::{Way, by_server, defaults, is_for_hosts_of_its_own};
use crate::rules::{Holes, enumerate};

rule! {
    /// Finds a `default_server` with hosts of its own that passes everything on, requests for unknown hosts included.
    ///
    /// ## Why is this bad?
    /// An application behind the default server answers for every name that anybody points at this machine: scanners,
    /// domains of the past, addresses without a name. It sees `Host` headers that it was not written for, and when it
    /// is down, all of these get 502 in the place of a plain 404, and fill the error log with that.
    ///
    /// It is a note: for one application on one machine this may be just right.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80 default_server; server_name shop.example.com; location / { proxy_pass http://shop; } }
    ///
    /// server { listen 80 default_server; return 444; }     # unknown hosts end here
    /// server { listen 80; server_name shop.example.com; location / { proxy_pass http://shop; } }
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/request_processing.html>
    "proxying-default-server", Note, since "0.1", check
}

/// How many addresses are named.
const NAMES_MAX: usize = 3;

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    let declared = defaults(config).into_iter().filter(|default| default.declared);
    for (server, addresses) in by_server(declared.filter(|default| is_for_hosts_of_its_own(default.server))) {
        let Way::Passes(target) = Way::of(config, server, &holes) else { continue };
        let addresses = enumerate(&addresses, NAMES_MAX);
        findings
            .at(
                config.node(server.node),
                format!("the default server of {addresses} passes requests for unknown hosts to `{target}`"),
            )
            .help("a server of its own can end them: `server { listen 80 default_server; return 444; }`");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_declared_default_that_passes_everything_on_is_found() {
        check_rule(
            &super::RULE,
            r"
  server { listen 80 default_server; listen [::]:80 default_server; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }
# ^^^^^^ the default server of 0.0.0.0:80 and [::]:80 passes requests for unknown hosts to `http://127.0.0.1:9999`
server { listen 80; server_name y.test; }
",
        );
    }

    #[test]
    fn a_default_that_answers_or_is_meant_for_all_is_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80 default_server; return 404; }
server { listen 80; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }
server { listen 81 default_server; server_name _; location / { proxy_pass http://127.0.0.1:9999; } }
server { listen 82 default_server; server_name x.test; root /srv; location /api { proxy_pass http://127.0.0.1:9999; } }
server { listen 83 default_server; server_name x.test; return 301 https://x.test/; }
",
        );
    }
}
