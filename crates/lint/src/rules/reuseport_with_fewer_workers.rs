//! `reuseport`, and a worker less.

use evenkeel_model::{Config, Workers};

use crate::check::Findings;
use crate::rules::Holes;

rule! {
    /// Finds a change to fewer workers while addresses have `reuseport`.
    ///
    /// ## Why is this bad?
    /// With `reuseport` every worker has a socket of its own, and the kernel spreads new connections over them. A reload to fewer
    /// workers closes sockets, and the connections that wait in their queues are reset: clients see a failed connection. With the
    /// same number of workers, or without `reuseport`, none is lost.
    ///
    /// The rule needs the live tree (`--against DIR`) and numbers on both sides: of `worker_processes auto` it is not known here
    /// how many that are.
    ///
    /// ## Example
    /// ```nginx
    /// worker_processes 4;                                  # live
    /// worker_processes 2;                                  # new: half of the sockets are closed
    /// http { server { listen 80 reuseport; } }
    /// ```
    ///
    /// Source: `ngx_clone_listening`, src/core/ngx_connection.c; `ngx_init_cycle` (sockets that no new one equals are closed),
    /// src/core/ngx_cycle.c
    "reuseport-with-fewer-workers", Warning, since "0.1", between compare
}

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    if [live, new].iter().any(|config| Holes::of(config).is_in(config.root())) {
        return;
    }
    let (Workers::Fixed(was), Workers::Fixed(is)) = (live.worker_processes(), new.worker_processes()) else {
        return;
    };
    if is >= was {
        return;
    }
    let has_reuseport = |config: &Config| {
        config.servers().iter().flat_map(|server| &server.listens).any(|it| it.options.reuseport)
    };
    if !has_reuseport(live) {
        return;
    }
    let listens = new.servers().iter().flat_map(|server| &server.listens);
    let listen = listens.filter(|listen| listen.options.reuseport).find_map(|listen| listen.node);
    let stated = new.root().find("worker_processes").last();
    let Some(at) = stated.or_else(|| new.root().children().next()) else { return };
    let mut finding = findings.at(
        at,
        format!(
            "{was} workers become {is}, and with `reuseport` the connections waiting for the others are reset"
        ),
    );
    if let Some(listen) = listen {
        finding = finding.related(new.node(listen), "each worker has a socket of its own here");
    }
    finding.help("keep the number of workers in a reload, and change it with a restart or at a quiet hour");
}

#[cfg(test)]
mod tests {
    use crate::testing::check_change;

    fn live(workers: &str, listen: &str) -> String {
        format!(
            "#- nginx.conf\nworker_processes {workers};\nevents {{ }}\nhttp {{ server {{ listen {listen}; }} }}\n"
        )
    }

    #[test]
    fn fewer_workers_with_sockets_of_their_own_are_found() {
        check_change(
            &super::RULE,
            &live("4", "80 reuseport"),
            r"
#- nginx.conf
  worker_processes 2;
# ^^^^^^^^^^^^^^^^ 4 workers become 2
events { }
http { server { listen 80 reuseport; } }
",
        );
    }

    #[test]
    fn as_many_workers_or_shared_sockets_are_silent() {
        check_change(&super::RULE, &live("2", "80 reuseport"), &live("2", "80 reuseport"));
        check_change(&super::RULE, &live("2", "80 reuseport"), &live("4", "80 reuseport"));
        check_change(&super::RULE, &live("4", "80"), &live("2", "80"));
        check_change(&super::RULE, &live("auto", "80 reuseport"), &live("2", "80 reuseport"));
    }
}
