//! The sandbox from outside and from inside, with a real nginx, and killed at any moment.
//!
//! This program is its own runner, because it starts itself again: as the processes of the sandbox, and as a program in
//! it that tries to get out (`probe`). `measure` says how long the first answer takes.

mod inside;
mod killed;
mod life;
mod limits;
#[path = "../../../host/tests/runner/mod.rs"]
mod runner;

use std::future::Future;
use std::process::ExitCode;

use runner::Test;

fn main() -> ExitCode {
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == "probe") {
        return inside::probe(&args[2..]);
    }
    if args.get(1).is_some_and(|arg| arg == "hold") {
        return killed::hold(&args[2]);
    }
    if args.get(1).is_some_and(|arg| arg == "refused") {
        return limits::refused(&args[2]);
    }
    if args.get(1).is_some_and(|arg| arg == "measure") {
        return life::measure();
    }
    runner::run([life::TESTS, inside::TESTS, limits::TESTS, killed::TESTS].concat(), 1)
}

/// Runs one conversation.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
