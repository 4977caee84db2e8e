//! Stubs behind a real nginx, on loopback, and stubs that are treated badly.
//!
//! This program is its own runner, because it starts itself again as the process of the stubs.

mod bad;
mod front;
#[path = "../../../host/tests/nginx/private.rs"]
#[expect(dead_code, reason = "the tests of nginx use the rest of it")]
mod private;
#[path = "../../../host/tests/runner/mod.rs"]
mod runner;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use evenkeel_model::Request;
use evenkeel_rehearsal::client::{Answer, AskError, ask};
use evenkeel_rehearsal::stub::{StubId, StubKind, Stubs};
use tokio::net::TcpStream;

use runner::Test;

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
    runner::run([front::TESTS, bad::TESTS].concat(), AT_ONCE)
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
