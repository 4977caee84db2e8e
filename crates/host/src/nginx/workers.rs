//! The workers that a master has now: those that serve, and those that only finish their requests.

use std::time::Duration;

use super::proc;
use super::title::Role;
use crate::identity::ProcessId;

/// A worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// Which process it is.
    pub id: ProcessId,
    /// Its number in the process namespace that it lives in: what nginx calls `$pid`.
    pub inner: i32,
    /// Whether it only finishes its requests and takes no new ones.
    pub leaving: bool,
}

impl Worker {
    /// How long ago it started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.id.age()
    }
}

/// Gives the workers of a master, in the order of their age. One that ends meanwhile may hide another.
#[must_use]
pub fn workers(master: ProcessId) -> Vec<Worker> {
    let children = proc::children(master.pid).unwrap_or_default();
    let worker = |id: ProcessId| {
        let leaving = match proc::role_of(id)? {
            Role::Worker => false,
            Role::WorkerShuttingDown => true,
            Role::Master | Role::Other => return None,
        };
        Some(Worker { id, inner: proc::status(id.pid).ok()?.inner_pid, leaving })
    };
    let mut workers: Vec<Worker> = children.into_iter().filter_map(worker).collect();
    workers.sort_unstable_by_key(|worker| (worker.id.start_ticks, worker.id.pid));
    workers
}
