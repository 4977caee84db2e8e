//! The runner of tests whose program starts itself again and therefore has a `main` of its own. It speaks as the usual
//! one does, so that `cargo test NAME`, `--exact` and `cargo nextest` work.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

/// A test: a sentence that is true when it returns.
pub(crate) type Test = (&'static str, fn());

/// Runs those that the command line asks for, so many at a time.
pub(crate) fn run(mut tests: Vec<Test>, at_once: usize) -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let unknown = ["--test-threads", "--skip"].iter().find(|flag| args.iter().any(|arg| arg == *flag));
    assert!(
        unknown.is_none(),
        "this runner does not know {unknown:?}: its value would be the name of a test"
    );
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| match says("--exact") {
        true => wanted.iter().any(|wanted| *wanted == name),
        false => wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())),
    };
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        let listed = tests.iter().filter(|_| !says("--ignored"));
        listed.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    tests.retain(|(name, _)| is_wanted(name));
    let count = tests.len();
    let (todo, failed) = (Mutex::new(tests.into_iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((name, test)) = todo.lock().unwrap().next() else { return };
            let started = Instant::now();
            let passed = std::panic::catch_unwind(test).is_ok();
            let word = if passed { "ok" } else { "FAILED" };
            println!("test {name} ... {word} ({:.1?})", started.elapsed());
            if !passed {
                failed.lock().unwrap().push(name);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..at_once {
            scope.spawn(work);
        }
        work();
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
