//! Drift on real parts: the kernel's events, real commands that edit files, a helper that hangs.
//!
//! This program is its own runner, because it starts itself again as the helper that looks at openings.

use std::process::ExitCode;

use evenkeel_host::drift::guard as helper;

mod audit;
mod edits;
mod guard;
mod lost;
#[path = "../runner/mod.rs"]
mod runner;
mod tree;

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    if first.as_ref().is_some_and(|it| it == helper::OVERSEER || it == helper::LISTENER) {
        return helper::main(std::env::args_os().skip(1));
    }
    if first.is_some_and(|first| first == audit::KILLED) {
        audit::until_killed(std::env::args_os().skip(2));
    }
    runner::run([audit::TESTS, edits::TESTS, guard::TESTS, lost::TESTS].concat(), 1)
}
