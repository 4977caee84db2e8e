//! `apply`, killed at one system call after another, alone, with its fuse, with nginx, and on a disk that is full from
//! that moment on: whatever was killed, what was confirmed is live and on disk in the end.
//!
//! The command's own thread is stopped at the entry and at the return of each system call (ptrace). A run without a kill
//! finds the first and the last of the release step: from the first change of the slots to the end. `make test` takes some
//! of them, evenly spread, and `make test-kill-points` takes a thousand in each.

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use support::{Host, Namespace, kill_all};

/// Points that a plain test run takes in each way of dying.
const POINTS: usize = 10;
/// No run of the release step makes more stops than this.
const STOPS_MAX: usize = 200_000;

/// Who dies at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    /// The command: its fuse lives.
    Command,
    /// The command and its fuse, as when their control group ends: `recover` brings the host back.
    CommandAndFuse,
    /// Everything, nginx too: `recover` and a start, as after a power cut.
    Everything,
}

/// A host on which `apply` is killed again and again. Each release changes what `/version` says.
struct Killed {
    host: Host,
    /// What was confirmed last.
    good: String,
    /// The slots before the release.
    slots: Vec<u8>,
    /// Takes the rest of the disk.
    ballast: Option<PathBuf>,
}

impl Killed {
    fn start(host: Host) -> Killed {
        host.run(&["adopt"]).ends(0);
        Killed { host, good: "one".to_owned(), slots: Vec::new(), ballast: None }
    }

    fn slots(&self) -> Vec<u8> {
        std::fs::read(self.host.seen("state/slots")).unwrap_or_default()
    }

    /// Begins a release, with its thread stopped at each system call.
    fn begin(&mut self, version: &str) -> Traced {
        let (old, new) = (format!("return 200 \"{}\"", self.good), format!("return 200 \"{version}\""));
        let proposal = self.host.propose();
        if let Some(namespace) = &self.host.within {
            // What stands in the tree there is another disk's.
            let dir = self.host.dir.path().display();
            namespace
                .shell(&format!("rm -rf {dir}/new; cp -a {dir}/etc {dir}/new; rm -rf {dir}/new/.evenkeel"));
        }
        proposal.replace("sites/shop.conf", &old, &new);
        self.slots = self.slots();
        let tree = self.host.path("new");
        let mut command = self.host.evenkeel(&["apply", tree.to_str().unwrap(), "--no-rehearsal"]);
        command.args(["--bake", "50ms", "--proof-within", "1s", "--confirm-within", "4s"]);
        Traced::start(command)
    }

    /// The stops of the release step: from the first change of the slots to the last stop.
    fn count(&mut self, version: &str) -> (usize, usize) {
        let mut traced = self.begin(version);
        let (mut first, mut stops) = (None, 0);
        while traced.next() {
            stops += 1;
            if first.is_none() && self.slots() != self.slots {
                first = Some(stops);
            }
            assert!(stops < STOPS_MAX, "the release step does not end");
        }
        assert_eq!(traced.over, Some(WaitStatus::Exited(traced.pid, 0)), "the release without a kill");
        self.good = version.to_owned();
        (first.expect("the slots change"), stops)
    }

    /// Kills a release at a stop, and holds that what was confirmed is live afterwards. Says whether the stop was reached.
    fn kill_at(&mut self, stop: usize, dies: Dies, version: &str) -> bool {
        let mut traced = self.begin(version);
        let mut reached = 0;
        while reached < stop && traced.next() {
            reached += 1;
        }
        if let Some(ballast) = &self.ballast {
            fill(ballast);
        }
        let mut dying: Vec<i32> = traced.over.is_none().then_some(traced.pid.as_raw()).into_iter().collect();
        if dies != Dies::Command {
            dying.extend(self.host.ours());
        }
        kill_all(&dying, "KILL");
        traced.end();
        if dies == Dies::Everything {
            self.host.kill_nginx();
        }
        let about = format!("{dies:?} at stop {stop} of {version}");
        if dies == Dies::Command {
            self.host.wait_within(&about, Duration::from_secs(15), || self.host.ours().is_empty());
        } else {
            self.host.run(&["recover"]);
        }
        if dies == Dies::Everything {
            self.host.start_nginx();
        }
        self.host.wait_within(&about, Duration::from_secs(15), || {
            let live = self.host.get("/version").map(|(_, body)| body);
            let disk = self.host.read("etc/sites/shop.conf");
            let serves = |version: &str| {
                live.as_deref() == Some(version) && disk.contains(&format!("return 200 \"{version}\""))
            };
            serves(&self.good) || serves(version)
        });
        if let Some(ballast) = &self.ballast {
            std::fs::remove_file(ballast).unwrap();
        }
        // Nobody of ours is left, so this is the end. On a disk with room again, what is said of it agrees: what serves is
        // what was confirmed.
        self.host.wait_within(&about, Duration::from_secs(15), || self.host.run(&["status"]).code == 0);
        self.good = self.host.get("/version").unwrap().1;
        reached == stop
    }

    fn points(&mut self, dies: Dies) {
        let (first, last) = self.count("counted");
        let all = std::env::var("EVENKEEL_KILL_POINTS").ok();
        let count = match all.as_deref() {
            Some("all") => last - first + 1,
            Some(count) => count.parse().expect("EVENKEEL_KILL_POINTS is a number or \"all\""),
            None => POINTS,
        };
        let mut reached = 0;
        for index in 0..count {
            let stop = first + (last - first) * index / count.max(2).saturating_sub(1).max(1);
            reached += usize::from(self.kill_at(stop.min(last), dies, &format!("k{index}")));
        }
        println!("{dies:?}: stops {first} to {last}, {count} points, {reached} reached");
        assert!(reached * 2 >= count, "most releases ended before their point: {reached} of {count}");
    }
}

/// Takes what is left of a disk.
fn fill(ballast: &std::path::Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(ballast).unwrap();
    let block = [0_u8; 4096];
    while file.write_all(&block).is_ok() {}
}

/// A command whose main thread stops at each system call.
struct Traced {
    pid: Pid,
    over: Option<WaitStatus>,
}

impl Traced {
    fn start(mut command: Command) -> Traced {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // Its tracer waits for it, not this handle.
        let pid = Pid::from_raw(i32::try_from(child.unwrap().id()).unwrap());
        ptrace::seize(pid, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD).unwrap();
        ptrace::interrupt(pid).unwrap();
        let mut traced = Traced { pid, over: None };
        traced.wait();
        traced
    }

    /// Waits for a stop; gives the signal that it is for, where it is one that the command must get.
    fn wait(&mut self) -> Option<Signal> {
        match waitpid(self.pid, Some(WaitPidFlag::__WALL)).unwrap() {
            ended @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => self.over = Some(ended),
            WaitStatus::Stopped(_, signal) if signal != Signal::SIGTRAP => return Some(signal),
            _ => {}
        }
        None
    }

    /// Goes on to the next stop at a system call; false when the command has ended.
    fn next(&mut self) -> bool {
        let mut signal = None;
        loop {
            if self.over.is_some() || ptrace::syscall(self.pid, signal).is_err() {
                self.end();
                return false;
            }
            signal = self.wait();
            if signal.is_none() {
                return self.over.is_none();
            }
        }
    }

    /// Waits for the end of a command that was killed, or has ended by itself.
    fn end(&mut self) {
        while self.over.is_none() {
            self.wait();
        }
    }
}

#[test]
fn command_killed_at_any_system_call_leaves_what_was_confirmed() {
    Killed::start(Host::start()).points(Dies::Command);
}

#[test]
fn command_and_fuse_killed_at_any_system_call_leave_what_recovery_confirms() {
    Killed::start(Host::start()).points(Dies::CommandAndFuse);
}

#[test]
fn everything_killed_at_any_system_call_comes_back_as_confirmed() {
    Killed::start(Host::start()).points(Dies::Everything);
}

/// A host whose tree and state share one small disk.
fn small_disk() -> Option<Killed> {
    let mut host = Host::for_namespace();
    let dir = host.dir.path().display().to_string();
    let script = format!(
        "mkdir {dir}/disk {dir}/state; mount -t tmpfs -o size=12m tmpfs {dir}/disk; chmod 700 {dir}/state\n\
         cp -a {dir}/etc {dir}/state {dir}/disk/; mount --bind {dir}/disk/etc {dir}/etc; mount --bind {dir}/disk/state {dir}/state"
    );
    host.within = Some(Namespace::new(&script)?);
    host.start_nginx();
    let ballast = host.seen("disk/ballast");
    let mut killed = Killed::start(host);
    killed.ballast = Some(ballast);
    Some(killed)
}

#[test]
fn command_killed_when_the_disk_becomes_full_leaves_what_was_confirmed() {
    if let Some(mut killed) = small_disk() {
        killed.points(Dies::Command);
    }
}

#[test]
fn command_and_fuse_killed_when_the_disk_becomes_full_leave_what_recovery_confirms() {
    if let Some(mut killed) = small_disk() {
        killed.points(Dies::CommandAndFuse);
    }
}
