//! Killing everything that can be killed, at every step, on real files and a real nginx.
//!
//! This program is its own runner, because it starts itself again: as the command that applies (`command`), as its
//! fuse (`__fuse`), and as a switch or an undo that ends in the middle (`install`).

mod again;
mod command;
#[path = "../common/mod.rs"]
mod common;
mod install;
mod live;
#[path = "../nginx/private.rs"]
#[expect(dead_code, reason = "the tests of nginx use the rest of it")]
mod private;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use evenkeel_host::fuse::{self, FuseArgs};

/// A test: a sentence that is true when it returns.
type Test = (&'static str, fn());

/// How many tests run at a time: most of their time they wait for nginx.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("__fuse") => {
            let value = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).cloned();
            return fuse::run(&FuseArgs {
                state_dir: PathBuf::from(value("--state-dir").unwrap()),
                command_pid: value("--command-pid").unwrap().parse().unwrap(),
                ready: value("--ready").map(PathBuf::from),
            });
        }
        Some("command") => return command::main(&args[2..]),
        Some("install") => return install::main(&args[2..]),
        _ => {}
    }
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| match says("--exact") {
        true => wanted.iter().any(|wanted| *wanted == name),
        false => wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())),
    };
    let mut tests = [install::TESTS, live::TESTS, again::TESTS].concat();
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        let listed = tests.iter().filter(|_| !says("--ignored"));
        listed.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    tests.retain(|(name, _)| is_wanted(name));
    let count = tests.len();
    let (todo, failed) = (Mutex::new(tests.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((name, test)) = todo.lock().unwrap().next() else { return };
                    let started = Instant::now();
                    let passed = std::panic::catch_unwind(test).is_ok();
                    println!(
                        "test {name} ... {} ({:.1?})",
                        if passed { "ok" } else { "FAILED" },
                        started.elapsed()
                    );
                    if !passed {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {word}. {} passed; {} failed; 0 ignored", count - failed.len(), failed.len());
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}
