//! Fewer connections, descriptors or workers than now.

use evenkeel_model::{Config, Node};

use crate::check::Findings;
use crate::rules::Holes;
use crate::rules::fewer_descriptors_than_connections::CONNECTIONS_DEFAULT;

rule! {
    /// Finds a change that gives nginx fewer connections, file descriptors or workers than it has now.
    ///
    /// ## Why is this bad?
    /// `worker_connections`, `worker_rlimit_nofile` and `worker_processes` together say how many clients can be there at
    /// once. A lower one does not show in any test: nginx starts, and answers. On the evening when more come, or when
    /// they are slow, the rest waits or is dropped (`768 worker_connections are not enough`).
    ///
    /// The rule needs the live tree (`--against DIR`), and compares plain numbers only.
    ///
    /// ## Example
    /// ```nginx
    /// events { worker_connections 24; }   # live: 512
    /// ```
    ///
    /// Source: `ngx_get_connection`, src/core/ngx_connection.c;
    /// <https://nginx.org/en/docs/ngx_core_module.html#worker_connections>
    "capacity-lowered", Warning, since "0.1", between compare
}

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    let lowered = |live: Option<u64>, new: Option<u64>| live.zip(new).filter(|(live, new)| new < live);
    for name in ["worker_rlimit_nofile", "worker_processes"] {
        let (before, after) = (live.root().find(name).next(), new.root().find(name).next());
        let values = lowered(before.and_then(number), after.and_then(number));
        if let (Some((before, now)), Some(node)) = (values, after) {
            say(findings, node, name, before, now);
        }
    }
    let (Some(before), Some(after)) = (events(live), events(new)) else { return };
    let name = "worker_connections";
    if let Some((before, now)) = lowered(connections(before), connections(after)) {
        say(findings, after.find(name).next().unwrap_or(after), name, before, now);
    }
}

fn say(findings: &mut Findings<'_>, node: Node<'_>, name: &str, before: u64, now: u64) {
    findings
        .at(node, format!("`{name}` is {now}, and {before} in the live tree"))
        .help("under load, clients beyond it wait or are dropped");
}

fn events(config: &Config) -> Option<Node<'_>> {
    let events = config.root().find("events").find(|events| events.is_block())?;
    (!Holes::of(config).is_in(events)).then_some(events)
}

fn connections(events: Node<'_>) -> Option<u64> {
    events.find("worker_connections").next().map_or(Some(CONNECTIONS_DEFAULT), number)
}

fn number(node: Node<'_>) -> Option<u64> {
    node.arg_str(0)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    #[test]
    fn lower_numbers_are_found() {
        check_change(
            &super::RULE,
            "#- nginx.conf\nworker_rlimit_nofile 1024; worker_processes 4; events { worker_connections 512; }",
            r"
#- nginx.conf
  worker_rlimit_nofile 15;
# ^^^^^^^^^^^^^^^^^^^^ `worker_rlimit_nofile` is 15, and 1024 in the live tree
  worker_processes 1;
# ^^^^^^^^^^^^^^^^ `worker_processes` is 1, and 4 in the live tree
events {
    worker_connections 24;
  # ^^^^^^^^^^^^^^^^^^ `worker_connections` is 24, and 512 in the live tree
}
",
        );
    }

    #[test]
    fn a_number_that_is_taken_out_falls_to_the_default() {
        check_change(
            &super::RULE,
            "#- nginx.conf\nevents { worker_connections 4096; }",
            "#- nginx.conf
  events { }
# ^^^^^^ `worker_connections` is 512, and 4096 in the live tree
",
        );
    }

    #[test]
    fn higher_equal_or_unknown_numbers_are_silent() {
        let live = "#- nginx.conf\nworker_processes 4; events { worker_connections 512; }";
        for new in [
            "worker_processes auto; events { worker_connections 1024; }",
            "worker_processes 8; worker_rlimit_nofile 100; events { }",
            "worker_processes 4; events { include /elsewhere/events.conf; }",
        ] {
            check_change(&super::RULE, live, &format!("#- nginx.conf\n{new}\n"));
        }
        check_rule(&super::RULE, live);
    }
}
