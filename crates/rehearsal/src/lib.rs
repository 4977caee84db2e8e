//! A tree, unmodified, under a real nginx in a sandbox, asked what users would ask.
//!
//! Invariants:
//! * What runs inside reaches nothing outside: not the machine's network, not its files beyond a read-only mirror, not
//!   its processes. The only sockets to the outside are those that [`stub`] and [`client`] hold, and they speak to nginx alone.
//! * Nothing outlives it: processes, mounts, namespaces and files end with the command, also after `kill -9` of any part.
//! * It decides nothing about a release: it reports what it saw.

mod answers;
mod asker;
pub mod certificates;
pub mod client;
mod compare;
pub mod confinement;
mod connect;
mod corpus;
mod descriptors;
pub mod finding;
mod inventory;
pub mod lab;
pub mod load;
mod machine;
mod on_request;
mod page;
mod predicted;
pub mod reach;
mod reduced;
mod refusal;
pub mod rehearse;
pub mod report;
mod run;
pub mod sandbox;
mod scenario;
mod setup;
mod stage;
mod story;
mod stream;
pub mod stub;
#[cfg(test)]
mod testing;
pub mod verify;
mod watch;
mod words;
mod world;

pub use finding::{Finding, Severity};
pub use refusal::{line_of, way_out};
pub use rehearse::{How, Question, RehearsalError, Settings, Tree, rehearse};
pub use report::Report;
pub use verify::verify;

use std::ffi::OsString;
use std::process::ExitCode;

/// Becomes one of the processes of a rehearsal, when the first argument says so; else `None`.
///
/// Every binary that rehearses calls this before anything else, single-threaded: the sandbox re-executes itself.
pub fn child(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let first = arguments.nth(1)?;
    match first.to_str()? {
        "__sandbox" => Some(sandbox::child::main(arguments)),
        "__keeper" => Some(reduced::keeper::main(arguments)),
        "__lab" => Some(lab::child(arguments)),
        "__shop" => Some(lab::shop::main(arguments)),
        "__stub" => Some(stub::child::main(arguments)),
        _ => None,
    }
}
