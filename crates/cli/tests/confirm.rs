//! `confirm`, stopped or killed at one system call after another while the fuse waits: the release ends within its deadline,
//! confirmed or taken back, and whatever it ends as, all agree on it afterwards.
//!
//! `make test` takes some points, evenly spread; `EVENKEEL_KILL_POINTS` another number of them.

mod support;
#[expect(dead_code, reason = "the fuse is not of interest here")]
#[path = "support/traced.rs"]
mod traced;

use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_fleet::apply::Stage;
use evenkeel_host::slots::Slots;
use nix::sys::wait::WaitStatus;
use support::{Host, kill_all};
use traced::Traced;

/// Points that a plain test run takes in each way.
const POINTS: usize = 4;
/// No confirmation makes more stops than this.
const STOPS_MAX: usize = 20_000;
/// How long after its deadline a release may take to end, on a machine with other things to do.
const LATE: Duration = Duration::from_secs(20);

/// What happens to `confirm` at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It stops, as by Ctrl-Z, and goes on when the release has ended.
    Stops,
    Dies,
}

struct Waiting {
    host: Host,
    /// What was confirmed last.
    good: String,
}

impl Waiting {
    fn start() -> Waiting {
        let host = Host::start();
        host.run(&["adopt"]).ends(0);
        Waiting { host, good: "one".to_owned() }
    }

    fn stage(&self) -> Option<Stage> {
        Some(Slots::open(&self.host.path("state")).ok()?.read().ok()??.stage())
    }

    /// A release that serves and waits to be confirmed, and its confirmation, which has not begun.
    fn begin(&self, version: &str, within: &str) -> (JoinHandle<Option<i32>>, Traced) {
        let (old, new) = (format!("return 200 \"{}\"", self.good), format!("return 200 \"{version}\""));
        self.host.propose().replace("sites/shop.conf", &old, &new);
        let tree = self.host.path("new");
        let mut apply = self.host.evenkeel(&["apply", tree.to_str().unwrap(), "--no-rehearsal", "--hold"]);
        apply
            .args(["--bake", "50ms", "--confirm-within", within])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // The child of another thread: this one waits for whatever is its own.
        let applies = std::thread::spawn(move || apply.status().unwrap().code());
        // Confirmable is what the journal knows as proven.
        self.host.wait("the release waits", || self.host.run(&["status"]).out.contains("is proven"));
        (applies, Traced::start(self.host.evenkeel(&["confirm"])))
    }

    fn next(traced: &mut Traced) -> bool {
        while traced.next().is_some() {
            if traced.changes() {
                return true;
            }
        }
        false
    }

    /// Whether somebody holds the guard of the slots.
    fn is_held(&self) -> bool {
        Slots::open(&self.host.path("state")).unwrap().lock(0).is_err()
    }

    /// How many points there are, and those at which the confirmation holds the guard.
    fn count(&mut self) -> (usize, Vec<usize>) {
        let (applies, mut traced) = self.begin("counted", "60s");
        let (mut stops, mut held) = (0, Vec::new());
        while Self::next(&mut traced) {
            stops += 1;
            if self.is_held() {
                held.push(stops);
            }
            assert!(stops < STOPS_MAX, "the confirmation does not end");
        }
        assert_eq!(traced.over, Some(WaitStatus::Exited(traced.command, 0)), "nobody stopped it");
        assert_eq!(applies.join().unwrap(), Some(0));
        self.good = "counted".to_owned();
        assert!(held.len() > 1, "it writes under the guard");
        (stops, held)
    }

    fn at(&mut self, stop: usize, then: Then, version: &str) {
        let about = format!("{then:?} at stop {stop}");
        let (applies, mut traced) = self.begin(version, "4s");
        let mut reached = 0;
        while reached < stop && Self::next(&mut traced) {
            reached += 1;
        }
        let confirm = traced.command.as_raw();
        kill_all(&[confirm], if then == Then::Dies { "KILL" } else { "STOP" });
        if then == Then::Dies {
            traced.end();
        }
        self.host.wait_within(&about, LATE, || {
            matches!(self.stage(), Some(Stage::Confirmed | Stage::Reverted))
                && self.host.ours().iter().all(|pid| *pid == confirm)
        });
        let ended = self.stage();
        let code = applies.join().unwrap();
        if then == Then::Stops {
            kill_all(&[confirm], "CONT");
            traced.end();
        }
        let stays = ended == Some(Stage::Confirmed);
        assert_eq!(self.stage(), ended, "{about}: it ended, and then otherwise");
        assert_eq!(code, Some(i32::from(!stays)), "{about}: what the command that applied says");
        if let (Then::Stops, Some(WaitStatus::Exited(_, code))) = (then, traced.over) {
            assert_eq!(code == 0, stays, "{about}: what the confirmation says");
        }
        if stays {
            self.good = version.to_owned();
        }
        self.host.wait_within(&about, LATE, || {
            let disk = self.host.read("etc/sites/shop.conf");
            self.host.get("/version").is_some_and(|(_, body)| body == self.good)
                && disk.contains(&format!("return 200 \"{}\"", self.good))
        });
        self.host.run(&["status"]).ends(0);
    }

    /// Half of the points are where the guard is held.
    fn points(&mut self, then: Then) {
        let (last, held) = self.count();
        let count = std::env::var("EVENKEEL_KILL_POINTS").ok().and_then(|count| count.parse().ok());
        let half = count.unwrap_or(POINTS).div_ceil(2).max(2);
        let everywhere = (0..half.min(last)).map(|index| 1 + (last - 1) * index / (half - 1));
        let under_guard = (0..half).map(|index| held[(held.len() - 1) * index / (half - 1)]);
        let mut stops: Vec<usize> = everywhere.chain(under_guard).collect();
        stops.sort_unstable();
        stops.dedup();
        for (index, stop) in stops.iter().enumerate() {
            self.at(*stop, then, &format!("c{index}"));
        }
        println!("{then:?}: {} of {last} points, {} under the guard", stops.len(), held.len());
    }
}

#[test]
fn release_ends_in_time_when_its_confirmation_stops_at_any_system_call() {
    Waiting::start().points(Then::Stops);
}

#[test]
fn release_ends_in_time_when_its_confirmation_dies_at_any_system_call() {
    Waiting::start().points(Then::Dies);
}
