//! The sandbox from outside and from inside, with a real nginx, and killed at any moment.
//!
//! This program is its own runner, because it starts itself again: as the processes of the sandbox, and as a program in
//! it that tries to get out (`probe`). `measure` says how long the first answer takes.

mod inside;
mod killed;
mod life;
mod limits;

use std::future::Future;
use std::process::ExitCode;
use std::time::Instant;

/// A test: a sentence that is true when it returns.
type Test = (&'static str, fn());

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
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| match says("--exact") {
        true => wanted.iter().any(|wanted| *wanted == name),
        false => wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())),
    };
    let mut tests: Vec<Test> = [life::TESTS, inside::TESTS, limits::TESTS, killed::TESTS].concat();
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        let listed = tests.iter().filter(|_| !says("--ignored"));
        listed.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    tests.retain(|(name, _)| is_wanted(name));
    let mut failed = Vec::new();
    for (name, test) in &tests {
        let started = Instant::now();
        let passed = std::panic::catch_unwind(test).is_ok();
        let word = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.1?})", started.elapsed());
        if !passed {
            failed.push(*name);
        }
    }
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {word}. {} passed; {} failed; 0 ignored",
        tests.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// Runs one conversation.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
