//! A visitor of the site: asks over and over while something happens, and remembers when the answer was wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ask::Answers;
use super::requests::Request;

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(10);

/// What a visitor saw.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
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
    /// Starts to ask, each request in turn; a crowd is not sent. The answers of `before/` are right, and those of the other
    /// moments that are named.
    pub(super) fn start(mut requests: Vec<Request>, good: &[String]) -> Visitor {
        requests.retain(|request| request.at_once == 1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let good = good.to_vec();
        Visitor { stop, thread: std::thread::spawn(move || visit(&requests, &good, &stopped)) }
    }

    /// Stops asking and tells.
    pub(super) fn stop(self) -> anyhow::Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the visitor died"))
    }
}

fn visit(requests: &[Request], good: &[String], stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let mut first_wrong: Option<Instant> = None;
    let mut is_wrong = false;
    // Whoever ends the visit gets to hear of every request as it is then.
    let mut left: Option<usize> = None;
    for request in requests.iter().cycle() {
        let asked_at = Instant::now();
        let answers = Answers::to(request);
        let mut right = good.iter().filter_map(|moment| request.at(moment)).chain([&request.before]);
        let wrong = right.all(|right| answers.lack(right).is_some());
        seen.asked += 1;
        if wrong {
            seen.wrong += 1;
            first_wrong.get_or_insert(asked_at);
        }
        if let Some(first) = first_wrong.filter(|_| wrong || is_wrong) {
            seen.wrong_for = first.elapsed();
        }
        is_wrong = wrong;
        left = match left {
            Some(left) => Some(left - 1),
            None => stop.load(Ordering::Relaxed).then_some(requests.len()),
        };
        if left == Some(0) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    seen
}
