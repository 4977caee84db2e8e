//! A visitor of the site: asks over and over while something happens, and remembers when the answer was wrong.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::entry::{Answer, Request};

/// How long a visitor waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(10);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What a visitor saw.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) asked: u32,
    pub(super) wrong: u32,
    /// From the first wrong answer to the first right one after the last wrong one.
    pub(super) wrong_for: Duration,
}

/// A visitor on a thread of its own.
pub(super) struct Visitor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Visitor {
    /// Starts to ask, each request in turn. With `changes`, the answer of `after/` is as good as that of `before/`.
    pub(super) fn start(requests: Vec<Request>, changes: bool) -> Visitor {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Visitor { stop, thread: std::thread::spawn(move || visit(&requests, changes, &stopped)) }
    }

    /// Stops asking and tells.
    pub(super) fn stop(self) -> anyhow::Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the visitor died"))
    }
}

fn visit(requests: &[Request], changes: bool, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let mut first_wrong: Option<Instant> = None;
    let mut is_wrong = false;
    for request in requests.iter().cycle() {
        let asked_at = Instant::now();
        let answer = ask(&request.request);
        let wrong = request.before.differs(&answer).is_some()
            && !(changes && request.after.differs(&answer).is_none());
        seen.asked += 1;
        if wrong {
            seen.wrong += 1;
            first_wrong.get_or_insert(asked_at);
        }
        if let Some(first) = first_wrong.filter(|_| wrong || is_wrong) {
            seen.wrong_for = first.elapsed();
        }
        is_wrong = wrong;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    seen
}

/// What the answer to `GET http://host:port/target` lacks of what is expected, or nothing.
pub(super) fn lacks(request: &str, wanted: &Answer) -> Option<String> {
    wanted.differs(&ask(request)).map(|how| format!("{request}: {how}"))
}

impl Answer {
    fn differs(&self, answer: &anyhow::Result<(u16, String)>) -> Option<String> {
        match (answer, self.silent) {
            (Err(_), true) => None,
            (Err(error), false) => Some(format!("{error:#}")),
            (Ok((status, _)), true) => Some(format!("answered {status}, no answer was expected")),
            (Ok((status, body)), false) => {
                if let Some(wanted) = self.status.filter(|wanted| wanted != status) {
                    return Some(format!("answered {status}, not {wanted}"));
                }
                let text = self.contains.as_ref().filter(|text| !body.contains(text.as_str()))?;
                Some(format!("answered {status} without \"{text}\""))
            }
        }
    }
}

/// One request on a connection of its own: status and body.
fn ask(request: &str) -> anyhow::Result<(u16, String)> {
    let (method, url) = request.split_once(' ').context("METHOD URL")?;
    let rest = url.strip_prefix("http://").context("http only")?;
    let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').context("host:port")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().context("a port")?));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status came")?;
    Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}
