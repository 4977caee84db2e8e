//! Workers of older configurations that do not end.

use std::time::Duration;

use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::workers::{Worker, workers};
use evenkeel_model::Config;

use crate::when;

/// How young a worker may be that only finishes its requests: what just happened is no news.
const JUST_NOW: Duration = Duration::from_secs(1);

/// Says how many workers of older configurations still finish their requests, when there are any.
pub(super) fn leaving(master: ProcessId, config: &Config) -> Option<String> {
    let bounded = config.named("worker_shutdown_timeout").next().is_some();
    told(&workers(master), bounded)
}

fn told(workers: &[Worker], bounded: bool) -> Option<String> {
    let leaving: Vec<&Worker> = workers.iter().filter(|worker| worker.leaving).collect();
    let oldest = leaving.first().filter(|oldest| oldest.age() > JUST_NOW)?;
    let age = when::span(super::span(Duration::from_secs(oldest.age().as_secs())));
    let what = match leaving.len() {
        1 => format!(
            "a worker of an older configuration still finishes its requests (process {})",
            oldest.id.pid
        ),
        count => format!(
            "{count} workers of older configurations still finish their requests (the oldest is process {})",
            oldest.id.pid
        ),
    };
    let way = if bounded { "" } else { "; `worker_shutdown_timeout` ends such workers after a while" };
    Some(format!("{what}, started {age} ago: each holds its memory and its old files{way}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_do_not_end_are_counted() {
        let id = |pid| ProcessId { pid, start_ticks: 1 };
        let worker = |pid, leaving| Worker { id: id(pid), inner: pid, leaving };
        assert_eq!(told(&[worker(1, false)], false), None);
        let said = told(&[worker(7, true), worker(1, false), worker(8, true)], false).unwrap();
        assert!(said.starts_with(
            "2 workers of older configurations still finish their requests (the oldest is process 7)"
        ));
        assert!(said.contains("worker_shutdown_timeout"));
        let said = told(&[worker(7, true)], true).unwrap();
        assert!(
            said.starts_with("a worker of an older") && !said.contains("worker_shutdown_timeout"),
            "{said}"
        );
    }
}
