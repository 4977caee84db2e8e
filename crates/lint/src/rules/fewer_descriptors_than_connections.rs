//! `worker_rlimit_nofile` and `worker_connections`

use evenkeel_model::Config;

use crate::check::Findings;
use crate::rules::Holes;

rule! {
    /// Finds a `worker_rlimit_nofile` that is lower than `worker_connections`.
    ///
    /// ## Why is this bad?
    /// Each connection is a file descriptor, each log, listening socket and open file is another. A worker that has
    /// fewer descriptors than connections runs out of the former under load: `accept4() failed (24: Too many open
    /// files)`, and clients wait for a connection that nobody accepts, while everything looks well as long as few
    /// come. nginx warns of it only where the limit that it was started with is too low as well.
    ///
    /// Connections to upstreams count as connections too, so `worker_connections` plus some hundreds is enough.
    ///
    /// ## Example
    /// ```nginx
    /// worker_rlimit_nofile 256;
    /// events { worker_connections 768; }
    ///
    /// worker_rlimit_nofile 4096;
    /// events { worker_connections 768; }
    /// ```
    ///
    /// Source: `ngx_event_module_init` ("worker_connections exceed open file resource limit"), src/event/ngx_event.c;
    /// `ngx_worker_process_init`, src/os/unix/ngx_process_cycle.c
    "fewer-descriptors-than-connections", Warning, since "0.1", check
}

/// What nginx takes when nothing is said.
///
/// Source: `DEFAULT_CONNECTIONS`, src/event/ngx_event.c
pub(crate) const CONNECTIONS_DEFAULT: u64 = 512;

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    let Some(events) = config.root().find("events").find(|events| events.is_block()) else { return };
    let Some(limit) = config.root().find("worker_rlimit_nofile").next() else { return };
    let number = |node: evenkeel_model::Node<'_>| node.arg_str(0).and_then(|text| text.parse::<u64>().ok());
    let stated = events.find("worker_connections").next();
    if stated.is_none() && holes.is_in(events) {
        return;
    }
    let connections = stated.map_or(Some(CONNECTIONS_DEFAULT), number);
    let (Some(descriptors), Some(connections)) = (number(limit), connections) else { return };
    if descriptors < connections {
        findings
            .at_arg(
                limit,
                0,
                format!("{descriptors} file descriptors are not enough for {connections} connections"),
            )
            .related(stated.unwrap_or(events), "the connections of a worker")
            .help("each connection needs a descriptor; let it be higher than `worker_connections`");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_limit_below_the_connections_is_found() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
worker_rlimit_nofile 256;
                   # ^^^ 256 file descriptors are not enough for 768 connections
events { worker_connections 768; }
",
        );
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
worker_rlimit_nofile 15;
                   # ^^ 15 file descriptors are not enough for 512 connections
",
        );
    }

    #[test]
    fn a_limit_that_is_enough_or_not_set_is_silent() {
        for text in [
            "worker_rlimit_nofile 4096; events { worker_connections 1024; }",
            "worker_rlimit_nofile 512; events { }",
            "events { worker_connections 100000; }",
            "worker_rlimit_nofile 15; events { include /elsewhere/events.conf; }",
            "worker_rlimit_nofile many; events { }",
        ] {
            check_rule(&super::RULE, &format!("#- nginx.conf\n{text}\n"));
        }
    }
}
