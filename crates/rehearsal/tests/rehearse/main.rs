//! Trees that are rehearsed against a real nginx: the ways in which a reload fails, answers, and outages.
//!
//! This program is its own runner, because it starts itself again as the processes of the sandbox.

mod answers;
mod reduced;
mod stand;
mod transitions;

use std::process::ExitCode;
use std::time::Instant;

/// A test: a sentence that is true when it returns.
type Test = (&'static str, fn());

fn main() -> ExitCode {
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("__reduced") {
        return reduced::command();
    }
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| match says("--exact") {
        true => wanted.iter().any(|wanted| *wanted == name),
        false => wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())),
    };
    let mut tests: Vec<Test> = [transitions::TESTS, answers::TESTS, reduced::TESTS].concat();
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        tests.iter().filter(|_| !says("--ignored")).for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    tests.retain(|(name, _)| is_wanted(name));
    let mut failed = Vec::new();
    for (name, test) in &tests {
        let started = Instant::now();
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {} ({:.1?})", if passed { "ok" } else { "FAILED" }, started.elapsed());
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
