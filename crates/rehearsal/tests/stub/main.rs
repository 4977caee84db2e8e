//! Stubs behind a real nginx, on loopback, and stubs that are treated badly.
//!
//! This program is its own runner, because it starts itself again as the process of the stubs.

mod bad;
mod front;
#[path = "../../../host/tests/nginx/private.rs"]
#[expect(dead_code, reason = "the tests of nginx use the rest of it")]
mod private;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use evenkeel_model::Request;
use evenkeel_rehearsal::client::{Answer, AskError, ask};
use evenkeel_rehearsal::stub::{StubId, StubKind, Stubs};
use tokio::net::TcpStream;

/// A test: a sentence that is true when it returns.
type Test = (&'static str, fn());

/// How many tests run at a time: most of their time they wait.
const AT_ONCE: usize = 3;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("__parent") {
        return bad::parent();
    }
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let wanted: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| match says("--exact") {
        true => wanted.iter().any(|wanted| *wanted == name),
        false => wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())),
    };
    let mut tests = [front::TESTS, bad::TESTS].concat();
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        let listed = tests.iter().filter(|_| !says("--ignored"));
        listed.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    tests.retain(|(name, _)| is_wanted(name));
    run(tests)
}

fn run(tests: Vec<Test>) -> ExitCode {
    let count = tests.len();
    let (todo, failed) = (Mutex::new(tests.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
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

/// Runs a test to its end, or panics when that does not come.
fn within_patience<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = PATIENCE * 3;
    runtime.block_on(async { tokio::time::timeout(limit, test).await.expect("the test took too long") })
}

fn stubs() -> Stubs {
    Stubs::start(Path::new("/proc/self/exe")).unwrap()
}

/// A stub on a loopback port of its own.
async fn stub(stubs: &Stubs, kind: StubKind, name: &str) -> (StubId, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    (stubs.serve(listener.into(), kind, name).await.unwrap(), at)
}

/// Asks `GET` of an address.
async fn get(at: SocketAddr, url: &str) -> Result<Answer, AskError> {
    let stream = TcpStream::connect(at).await.map_err(|_| AskError::Closed { bytes: 0 })?;
    ask(stream, &Request::parse(&format!("GET {url}")).unwrap(), PATIENCE).await
}
