//! `apply`, killed at one system call after another: the command, its fuse, both, the whole control group, nginx with
//! them, and on a disk that is full from that moment on. Whatever was killed, what was confirmed is live and on disk in
//! the end.
//!
//! The main thread of the command and its fuse are stopped at the entry and at the return of each system call (ptrace). A
//! run without a kill counts the points: the stops of one of them at calls that change something outside of it. Killed
//! anywhere else, it leaves what it would have left at the last of these. `make test` takes some points, evenly spread;
//! `make test-kill-points` takes a thousand in each way of dying, or all of them where there are fewer.

#[path = "support/cgroup.rs"]
mod cgroup;
mod support;
#[path = "support/traced.rs"]
mod traced;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cgroup::Cgroup;
use evenkeel_fleet::apply::Stage;
use evenkeel_host::slots::Slots;
use nix::sys::wait::WaitStatus;
use support::{Host, Namespace, kill_all};
use traced::{Traced, Who};

/// Points that a plain test run takes in each way of dying.
const POINTS: usize = 8;
/// No run of the release step makes more stops than this.
const STOPS_MAX: usize = 200_000;

/// Whose system calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Those of the command, from its first change of the slots to its end.
    Command,
    /// Those of the fuse, from its start to its end.
    Fuse,
    /// Those of the fuse from the moment when its command died, with nginx told of the new configuration: the way back.
    WayBack,
}

/// Who dies at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    /// The command: its fuse lives.
    Command,
    /// The fuse: its command lives, or has died before.
    Fuse,
    /// The command and its fuse: `recover` brings the host back.
    CommandAndFuse,
    /// Everything in the control group of the command, at once.
    Group,
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
    group: Option<Cgroup>,
}

impl Killed {
    fn start(host: Host) -> Killed {
        host.run(&["adopt"]).ends(0);
        Killed { host, good: "one".to_owned(), slots: Vec::new(), ballast: None, group: None }
    }

    fn slots(&self) -> Vec<u8> {
        std::fs::read(self.host.seen("state/slots")).unwrap_or_default()
    }

    fn stage(&self) -> Option<Stage> {
        let record = Slots::open(&self.host.seen("state")).ok()?.read().ok()??;
        Some(record.stage())
    }

    /// Begins a release, stopped at each system call of its command and its fuse.
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
        Traced::start(match &self.group {
            Some(group) => group.command(&command),
            None => command,
        })
    }

    /// Goes to the next stop that counts; false when there is none any more.
    fn next(&self, traced: &mut Traced, at: At) -> bool {
        let who = if at == At::Command { Who::Command } else { Who::Fuse };
        loop {
            match traced.next() {
                None => return false,
                Some(stopped) if stopped == who && (at != At::WayBack || traced.over.is_some()) => {
                    if traced.changes() {
                        return true;
                    }
                }
                Some(Who::Command) if at == At::WayBack && self.stage() == Some(Stage::Signalled) => {
                    kill_all(&[traced.command.as_raw()], "KILL");
                    traced.command_ends();
                }
                Some(_) => {}
            }
        }
    }

    /// The first and the last stop that count.
    fn count(&mut self, at: At, version: &str) -> (usize, usize) {
        let mut traced = self.begin(version);
        let (mut first, mut stops) = (None, 0);
        while self.next(&mut traced, at) {
            stops += 1;
            if first.is_none() && (at != At::Command || self.slots() != self.slots) {
                first = Some(stops);
            }
            assert!(stops < STOPS_MAX, "the release step does not end");
        }
        if at == At::WayBack {
            assert_eq!(self.stage(), Some(Stage::Reverted), "the way back without a kill");
        } else {
            assert_eq!(
                traced.over,
                Some(WaitStatus::Exited(traced.command, 0)),
                "the release without a kill"
            );
            self.good = version.to_owned();
        }
        (first.expect("the slots change"), stops)
    }

    /// Kills a release at a stop, and holds that what was confirmed is live afterwards. Says whether the stop was reached.
    fn kill_at(&mut self, stop: usize, at: At, dies: Dies, version: &str) -> bool {
        let mut traced = self.begin(version);
        let mut reached = 0;
        while reached < stop && self.next(&mut traced, at) {
            reached += 1;
        }
        if let Some(ballast) = &self.ballast {
            fill(ballast);
        }
        let command = traced.over.is_none().then_some(traced.command.as_raw());
        let fuse = traced.fuse.filter(|_| !traced.fuse_over).map(nix::unistd::Pid::as_raw);
        let mut dying: Vec<i32> = match dies {
            Dies::Command => command.into_iter().collect(),
            Dies::Fuse => fuse.into_iter().collect(),
            _ => command.into_iter().chain(fuse).collect(),
        };
        match (&self.group, dies) {
            (Some(group), Dies::Group) => group.kill(),
            (_, Dies::CommandAndFuse | Dies::Everything) => dying.extend(self.host.ours()),
            _ => {}
        }
        kill_all(&dying, "KILL");
        traced.end();
        if dies == Dies::Everything {
            self.host.kill_nginx();
        }
        let about = format!("{dies:?} at stop {stop} of {at:?}, {version}");
        let one_lives = dies == Dies::Command || (dies == Dies::Fuse && at == At::Fuse);
        if one_lives {
            self.host.wait_within(&about, Duration::from_secs(15), || self.host.ours().is_empty());
        } else {
            self.host.run(&["recover"]);
        }
        if dies == Dies::Everything {
            self.host.start_nginx();
        }
        let good = self.good.clone();
        self.host.wait_within(&about, Duration::from_secs(15), || {
            let live = self.host.get("/version").map(|(_, body)| body);
            let disk = self.host.read("etc/sites/shop.conf");
            let serves = |version: &str| {
                live.as_deref() == Some(version) && disk.contains(&format!("return 200 \"{version}\""))
            };
            serves(&good) || (at != At::WayBack && serves(version))
        });
        if let Some(ballast) = &self.ballast {
            std::fs::remove_file(ballast).unwrap();
        }
        // Nobody of ours is left, so this is the end. On a disk with room again, what is said of it agrees: what serves is
        // what was confirmed.
        let asked = Instant::now();
        loop {
            let status = self.host.run(&["status"]);
            if status.code == 0 {
                break;
            }
            assert!(
                asked.elapsed() < Duration::from_secs(15),
                "{about}: {:?}\n{}",
                self.stage(),
                status.said()
            );
        }
        self.good = self.host.get("/version").unwrap().1;
        reached == stop
    }

    fn points(&mut self, at: At, dies: Dies) {
        let (first, last) = self.count(at, "counted");
        let all = std::env::var("EVENKEEL_KILL_POINTS").ok();
        let count = match all.as_deref() {
            Some("all") => last - first + 1,
            Some(count) => count.parse().expect("EVENKEEL_KILL_POINTS is a number or \"all\""),
            None => POINTS,
        };
        // More points than there are would be the same ones again.
        let count = count.min(last - first + 1);
        let mut reached = 0;
        for index in 0..count {
            let stop = first + (last - first) * index / count.max(2).saturating_sub(1).max(1);
            reached += usize::from(self.kill_at(stop.min(last), at, dies, &format!("k{index}")));
        }
        println!("{dies:?} at {at:?}: stops {first} to {last}, {count} points, {reached} reached");
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

#[test]
fn command_killed_at_any_system_call_leaves_what_was_confirmed() {
    Killed::start(Host::start()).points(At::Command, Dies::Command);
}

#[test]
fn command_and_fuse_killed_at_any_system_call_leave_what_recovery_confirms() {
    Killed::start(Host::start()).points(At::Command, Dies::CommandAndFuse);
}

#[test]
fn everything_killed_at_any_system_call_comes_back_as_confirmed() {
    Killed::start(Host::start()).points(At::Command, Dies::Everything);
}

#[test]
fn control_group_killed_at_any_system_call_leaves_what_recovery_confirms() {
    let mut killed = Killed::start(Host::start());
    killed.group = Cgroup::new();
    killed.points(At::Command, Dies::Group);
}

#[test]
fn fuse_killed_at_any_of_its_system_calls_leaves_a_command_that_ends_its_release() {
    Killed::start(Host::start()).points(At::Fuse, Dies::Fuse);
}

#[test]
fn fuse_and_command_killed_at_any_system_call_of_the_fuse_leave_what_recovery_confirms() {
    Killed::start(Host::start()).points(At::Fuse, Dies::CommandAndFuse);
}

#[test]
fn fuse_killed_at_any_system_call_of_its_way_back_leaves_what_recovery_confirms() {
    Killed::start(Host::start()).points(At::WayBack, Dies::Fuse);
}

#[test]
fn everything_killed_at_any_system_call_of_the_way_back_comes_back_as_confirmed() {
    Killed::start(Host::start()).points(At::WayBack, Dies::Everything);
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
        killed.points(At::Command, Dies::Command);
    }
}

#[test]
fn command_and_fuse_killed_when_the_disk_becomes_full_leave_what_recovery_confirms() {
    if let Some(mut killed) = small_disk() {
        killed.points(At::Command, Dies::CommandAndFuse);
    }
}

#[test]
fn fuse_killed_on_its_way_back_when_the_disk_becomes_full_leaves_what_recovery_confirms() {
    if let Some(mut killed) = small_disk() {
        killed.points(At::WayBack, Dies::Fuse);
    }
}

#[test]
fn fuse_killed_when_the_disk_becomes_full_leaves_a_command_that_ends_its_release() {
    if let Some(mut killed) = small_disk() {
        killed.points(At::Fuse, Dies::Fuse);
    }
}

#[test]
fn everything_killed_when_the_disk_becomes_full_comes_back_as_confirmed() {
    if let Some(mut killed) = small_disk() {
        killed.points(At::Command, Dies::Everything);
    }
}

#[test]
fn control_group_killed_when_the_disk_becomes_full_leaves_what_recovery_confirms() {
    if let Some(mut killed) = small_disk() {
        killed.group = Cgroup::new();
        killed.points(At::Command, Dies::Group);
    }
}
