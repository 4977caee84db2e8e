//! Keep-alive connections, at a reload.

use evenkeel_model::{Config, ServerKind, Version};

use crate::check::Findings;
use crate::rules::Holes;

rule! {
    /// Finds an `http` without `keepalive_min_timeout`, on an nginx that has it.
    ///
    /// ## Why is this bad?
    /// At a reload the old workers close every keep-alive connection that looks idle, also one on which a request is on its way
    /// already. That client reads the end of the connection instead of an answer: measured with 64 busy connections, nearly
    /// every one of them loses a request at each reload. Browsers ask again for what they may ask twice, a POST or an API client
    /// shows an error. Connections with `Connection: close` lose nothing.
    ///
    /// Since 1.27.4 `keepalive_min_timeout` lets old workers wait that long for requests on their way before they close. nginx
    /// before 1.27.4 has nothing of the kind, and the rule is silent there: reload it as seldom as you can while clients are busy.
    ///
    /// ## Example
    /// ```nginx
    /// http {
    ///     keepalive_timeout 65s;          # a reload cuts what looks idle
    ///     keepalive_min_timeout 1s;       # and now waits for what is on its way
    /// }
    /// ```
    ///
    /// Source: `ngx_close_idle_connections`, src/core/ngx_connection.c;
    /// <https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_min_timeout>
    "keepalive-lost-at-reload", Note, since "0.1", check
}

/// The first nginx that knows `keepalive_min_timeout`.
const KNOWN_SINCE: Version = Version { major: 1, minor: 27, patch: 4 };

fn check(config: &Config, findings: &mut Findings<'_>) {
    let Some(http) = config.http() else { return };
    let knows_it = config.settings().version.is_some_and(|version| version >= KNOWN_SINCE);
    let serves = config.servers().iter().any(|server| server.kind == ServerKind::Http);
    if !knows_it || !serves || Holes::of(config).is_in(http) {
        return;
    }
    let is_off =
        |value: &[u8]| value.first() == Some(&b'0') && value.iter().all(|byte| !(b'1'..=b'9').contains(byte));
    let closes_at_once =
        http.find("keepalive_timeout").last().and_then(|node| node.arg(0)).is_some_and(is_off);
    if closes_at_once || config.named("keepalive_min_timeout").next().is_some() {
        return;
    }
    findings
        .at(http, "a reload cuts keep-alive connections with requests on their way")
        .help("`keepalive_min_timeout 1s;` lets old workers wait for them");
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_rule, check_rule_on};

    const CUT: &str = r"
#- nginx.conf
events { }
  http { server { listen 80; } }
# ^^^^ a reload cuts keep-alive connections
";

    #[test]
    fn connections_that_a_reload_cuts_are_found_where_nginx_can_wait() {
        check_rule_on(&super::RULE, "1.27.4", CUT);
        check_rule_on(&super::RULE, "1.31.3", CUT);
    }

    #[test]
    fn nginx_that_waits_or_cannot_wait_is_silent() {
        let without = CUT.lines().filter(|line| !line.starts_with("# ^")).collect::<Vec<_>>().join("\n");
        check_rule_on(&super::RULE, "1.26.3", &without);
        check_rule(&super::RULE, &without);
        for line in ["keepalive_min_timeout 1s;", "keepalive_timeout 0;", "include /elsewhere/http.conf;"] {
            check_rule_on(&super::RULE, "1.27.4", &without.replace("http {", &format!("http {{ {line}")));
        }
        check_rule_on(&super::RULE, "1.27.4", "#- nginx.conf\nevents { }\nhttp { }\n");
    }
}
