//! Trees that are rehearsed against a real nginx: the ways in which a reload fails, answers, and outages.
//!
//! This program is its own runner, because it starts itself again as the processes of the sandbox.

mod answers;
mod load;
mod reduced;
#[path = "../../../host/tests/runner/mod.rs"]
mod runner;
mod stand;
mod transitions;

use std::process::ExitCode;

use runner::Test;

fn main() -> ExitCode {
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("__reduced") {
        return reduced::command();
    }
    runner::run([transitions::TESTS, answers::TESTS, load::TESTS, reduced::TESTS].concat(), 1)
}
