//! The generation endpoint: an address of the tree that answers with `$pid`, asked who it is that serves.
//!
//! ```nginx
//! server {
//!     listen 127.0.0.1:9145;
//!     return 200 "$pid";
//! }
//! ```
//!
//! A proof does not need it. Where it is there, users' own way to nginx says the same as the process table: each answer comes
//! from a worker that was not there before the reload.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_host::nginx::workers::workers;
use evenkeel_host::probe::http::{Method, Request, send};
use evenkeel_host::probe::{Limits, Target};
use tokio::runtime::Runtime;

use crate::ask::own;

/// How many answers in a row must come from new workers.
const ANSWERS: usize = 5;
/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(1);

/// The endpoint of a host, and who could answer there before a reload.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    master: ProcessId,
    /// The workers of before, by the number that they call themselves.
    before: Vec<i32>,
}

/// What the endpoint says of a reload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// New workers serve.
    New(String),
    /// The tree has no such endpoint.
    NotThere(String),
    /// It is there, and it says something else.
    Wrong(String),
}

impl Endpoint {
    /// Notes who serves now. Take it before the reload.
    pub(crate) fn before(address: SocketAddr, master: ProcessId) -> Endpoint {
        let before = workers(master).iter().map(|worker| worker.inner).collect();
        Endpoint { address, master, before }
    }

    /// Asks who serves now, of an nginx that listens on `listens`.
    pub(crate) fn ask(&self, runtime: &Runtime, listens: &[Listen]) -> Said {
        let address = self.address;
        if own(address, listens).is_err() {
            return Said::NotThere(format!(
                "the tree does not listen on {address}, the generation endpoint of this host: the proof rests on processes \
                 and logs"
            ));
        }
        let now: Vec<i32> = workers(self.master).iter().map(|worker| worker.inner).collect();
        let mut seen: Vec<i32> = Vec::new();
        for _ in 0..ANSWERS {
            let pid = match runtime.block_on(answer(address)) {
                Ok(pid) => pid,
                Err(why) => return Said::Wrong(format!("the generation endpoint {address} {why}")),
            };
            if self.before.contains(&pid) {
                return Said::Wrong(format!(
                    "the generation endpoint {address} was answered by worker {pid}, of before the reload"
                ));
            }
            if !now.contains(&pid) {
                return Said::Wrong(format!(
                    "the generation endpoint {address} was answered by {pid}, which is no worker of nginx {}",
                    self.master.pid
                ));
            }
            if !seen.contains(&pid) {
                seen.push(pid);
            }
        }
        let workers: Vec<String> = seen.iter().map(ToString::to_string).collect();
        Said::New(format!("{ANSWERS} answers on {address}, all by new workers ({})", workers.join(", ")))
    }
}

/// Asks once, on a connection of its own; gives the number that the answer begins with.
async fn answer(address: SocketAddr) -> Result<i32, String> {
    let request = Request {
        method: Method::Get,
        uri: "/".to_owned(),
        host: address.to_string(),
        headers: Vec::new(),
        tls: None,
    };
    let sample = send(&Target::Tcp(address), &request, Limits::within(WITHIN))
        .await
        .map_err(|failure| format!("gave no answer: {failure}"))?;
    if sample.status != 200 {
        return Err(format!("answered {} instead of 200 with `$pid`", sample.status));
    }
    number(&sample.body)
        .ok_or_else(|| "answered without the number of its worker (`return 200 $pid;`)".to_owned())
}

fn number(body: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(body).ok()?.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_a_worker_begins_the_answer() {
        assert_eq!(number(b"4711\n"), Some(4711));
        assert_eq!(number(b" 12 1.31.3"), Some(12));
        assert_eq!(number(b"worker 12"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(&[0xff]), None);
    }

    #[test]
    fn tree_without_the_endpoint_is_no_failure() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::before("127.0.0.1:9".parse().unwrap(), ProcessId::me());
        let said = endpoint.ask(&runtime, &[Listen::Tcp("127.0.0.1:80".parse().unwrap())]);
        assert!(matches!(said, Said::NotThere(_)), "{said:?}");
        let said = endpoint.ask(&runtime, &[Listen::Tcp("127.0.0.1:9".parse().unwrap())]);
        assert!(matches!(said, Said::Wrong(_)), "{said:?}");
    }
}
