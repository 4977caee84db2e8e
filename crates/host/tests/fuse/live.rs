//! A command that applies to a real nginx, and what kills, stops or hinders it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_host::clock;
use evenkeel_host::configdir::bundles;
use evenkeel_host::fuse::{self, Ask, RevertError};
use evenkeel_host::nginx::find::Master;
use evenkeel_host::slots::{ConfirmError, Record, Slots};
use evenkeel_syntax::fileset::{Digest, Entry, RelPath};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::Test;
use crate::common::{Host, write};
use crate::private::{Nginx, children, free_port, get, wait_for};

pub(crate) const TESTS: &[Test] = &[
    ("command_killed_before_its_proof_is_taken_back_at_once", killed_before_proof),
    ("killed_process_group_takes_no_fuse_with_it", killed_group),
    ("command_killed_before_its_fuse_was_ready_is_taken_back_at_once", killed_before_ready),
    ("command_stopped_in_the_middle_of_a_switch_is_killed_at_the_deadline", stopped_with_guard),
    ("command_stopped_elsewhere_is_overtaken_and_finds_out", stopped_without_guard),
    ("release_confirmed_in_time_stays_and_the_fuse_ends", confirmed_in_time),
    ("release_not_confirmed_in_time_goes_back_and_a_late_confirmation_is_refused", confirmed_too_late),
    ("rollback_from_another_terminal_leaves_a_living_command_alive", rollback_while_waiting),
    ("rollback_pre_empts_a_command_that_hangs_with_the_guard", rollback_of_hung),
    ("rollback_without_a_fuse_does_its_work", rollback_without_fuse),
    ("recover_does_what_the_fuse_would_have_done", recover_alone),
    ("recover_and_a_start_bring_everything_back_after_all_was_killed", recover_after_everything),
    ("plan_that_is_corrupt_is_never_armed", corrupt_plan),
    ("nothing_is_switched_when_the_fuse_has_ended", fuse_killed_before_switch),
    ("torn_slot_in_the_window_still_goes_back", torn_slot),
    ("hand_fix_in_the_window_is_saved_as_a_bundle_and_named", hand_fix),
    ("what_was_staged_and_then_cleaned_away_comes_back_from_the_bundle", cleaned_away),
    ("fuse_that_is_told_to_end_takes_the_release_back_first", fuse_terminated),
    ("nginx_restarted_in_the_window_is_told_all_the_same", restarted_nginx),
    ("second_release_is_refused_while_one_is_open", second_release),
    ("last_wrong_answer_comes_soon_after_the_decision", last_wrong_answer),
];

/// Longer than any of these tests takes.
pub(crate) const LONG_MS: u64 = 60_000;
pub(crate) const ASK: Ask<'_> = Ask { why: RevertWhy::Asked, note: "asked by a test", within_ms: 20_000 };

/// A real nginx that answers A, and a proposal in which it answers B.
pub(crate) struct World {
    pub(crate) nginx: Nginx,
    master: Master,
    pub(crate) port: u16,
    pub(crate) host: Host,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::answering("return 200 \"A\";")
    }

    /// Begins with a server of this text.
    pub(crate) fn answering(text: &str) -> Self {
        Self::with(std::path::Path::new(crate::private::NGINX), text)
    }

    /// The same, with another nginx.
    pub(crate) fn with(program: &std::path::Path, text: &str) -> Self {
        let (mut nginx, port) = (Nginx::of(program), free_port());
        let text = text.replace("$dir", nginx.dir.path().to_str().unwrap());
        nginx.write("conf.d/site.conf", &format!("server {{ listen 127.0.0.1:{port}; {text} }}\n"));
        write(nginx.dir.path(), "outside.conf = return 200 A;");
        write(&nginx.path("conf"), "conf.d/old.conf = # nothing");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(nginx.path("conf"))
            .arg(nginx.path("proposed"))
            .status()
            .unwrap();
        assert!(copied.success());
        let site = format!("server {{ listen 127.0.0.1:{port}; return 200 \"B\"; }}");
        write(&nginx.path("proposed"), &format!("conf.d/site.conf = {site}\nconf.d/new.conf = # nothing"));
        fs::remove_file(nginx.path("proposed/conf.d/old.conf")).unwrap();
        let master = nginx.start();
        let mut host = Host::open(nginx.dir.path());
        host.place.nginx = program.into();
        Self { nginx, master, port, host }
    }

    /// Starts the command, which does `act` at `point`.
    pub(crate) fn command(&self, proof_ms: u64, confirm_ms: u64, point: &str, act: &str) -> Applying {
        self.command_by(&[], proof_ms, confirm_ms, point, act)
    }

    /// The same, by the way that is said.
    pub(crate) fn command_by(
        &self,
        way: &[&str],
        proof_ms: u64,
        confirm_ms: u64,
        point: &str,
        act: &str,
    ) -> Applying {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("command")
            .arg(&self.host.dir)
            .args([&proof_ms.to_string(), &confirm_ms.to_string(), point, act])
            .args(way)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Applying { child, lines, said: Vec::new() }
    }

    pub(crate) fn record(&self) -> Record {
        Slots::open(&self.host.place.state_dir).unwrap().read().unwrap().unwrap()
    }

    /// Waits until the old bundle stands again, and looks at everything.
    pub(crate) fn is_back(&self, why: RevertWhy, proven: Option<bool>) -> Record {
        let state_dir = &self.host.place.state_dir;
        let record = wait_for("the revert", || {
            let record = Slots::open(state_dir).unwrap().read().unwrap();
            record.filter(|record| record.stage() == Stage::Reverted)
        });
        if let Some(fuse) = record.fuse {
            crate::private::wait_for_end(fuse);
        }
        let log = || {
            let fuse = fs::read_to_string(state_dir.join("fuse.log")).unwrap_or_default();
            format!("the fuse:\n{fuse}\nnginx:\n{}", self.nginx.log())
        };
        assert_eq!(record.applying.why, Some(why), "{}", log());
        assert_eq!(record.reverted.unwrap().proven, proven, "{} {}", record.note, log());
        self.serves_old();
        record
    }

    pub(crate) fn serves_old(&self) {
        assert_eq!(self.host.read().digest(), self.host.from.digest());
        self.answers("A");
    }

    pub(crate) fn answers(&self, text: &str) {
        let answer = get(self.port).unwrap_or_default();
        assert!(answer.ends_with(text), "{answer:?} instead of {text}");
    }

    pub(crate) fn master(&self) -> evenkeel_host::identity::ProcessId {
        self.master.id
    }

    pub(crate) fn kill_nginx(&self) {
        let workers = children(self.master.id.pid);
        for process in [self.master.id].into_iter().chain(workers) {
            crate::private::signal(process, Signal::SIGKILL);
            crate::private::wait_for_end(process);
        }
    }
}

/// A command under way.
pub(crate) struct Applying {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
    said: Vec<String>,
}

impl Applying {
    /// Waits until it says that it is there.
    pub(crate) fn wait_for(&mut self, point: &str) {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the command ended before {point}: {:?}", self.said);
            self.said.push(line.trim().to_owned());
            if line.trim() == point {
                return;
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Waits for its end; gives its exit status, negative for a signal, and all that it said.
    pub(crate) fn end(&mut self) -> (i32, String) {
        drop(self.child.stdin.take());
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            self.said.push(std::mem::take(&mut line).trim().to_owned());
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or_else(|| -status.signal().unwrap()), self.said.join("\n"))
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn killed_before_proof() {
    // Before the first exchange nothing has changed, and nginx need not be told.
    for (point, proven) in
        [("armed", None), ("0", None), ("2", Some(true)), ("switched", Some(true)), ("signalled", Some(true))]
    {
        let world = World::new();
        let mut command = world.command(LONG_MS, LONG_MS * 2, point, "kill");
        assert_eq!(command.end().0, -libc::SIGKILL);
        let killed = Instant::now();
        world.is_back(RevertWhy::CommandDied, proven);
        assert!(killed.elapsed() < Duration::from_secs(5), "{point}: {:?}", killed.elapsed());
        assert!(!world.nginx.path("conf/.evenkeel").exists(), "{point}: nothing is left beside the tree");
    }
}

fn killed_before_ready() {
    let world = World::new();
    let program = world.host.dir.join("fuse");
    let fuse = std::env::current_exe().unwrap();
    fs::write(&program, format!("#!/bin/sh\nkill -9 $PPID\nexec {} \"$@\"\n", fuse.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.command(LONG_MS, LONG_MS, "arming", "");
    assert_eq!(command.child.wait().unwrap().signal(), Some(9));
    world.is_back(RevertWhy::CommandDied, None);
}

fn killed_group() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "signalled", "wait");
    command.wait_for("signalled");
    killpg(command.pid(), Signal::SIGKILL).unwrap();
    world.is_back(RevertWhy::CommandDied, Some(true));
}

fn stopped_with_guard() {
    let world = World::new();
    let mut command = world.command(1_000, LONG_MS, "1", "stop");
    command.wait_for("1");
    world.is_back(RevertWhy::NotProvenInTime, Some(true));
    assert_eq!(command.end().0, -libc::SIGKILL);
}

fn stopped_without_guard() {
    let world = World::new();
    let mut command = world.command(1_500, LONG_MS, "signalled", "stop");
    command.wait_for("signalled");
    world.is_back(RevertWhy::NotProvenInTime, Some(true));
    kill(command.pid(), Signal::SIGCONT).unwrap();
    let (status, said) = command.end();
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("refused"), "{said}");
    world.serves_old();
}

fn confirmed_in_time() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "none", "wait");
    assert_eq!(command.end().0, 0, "{:?}", command.said);
    let fuse = world.record().fuse.unwrap();
    assert!(fuse.lives());
    world.answers("B");
    let record = fuse::confirm(&world.host.place.state_dir, None).unwrap();
    assert_eq!(record.stage(), Stage::Confirmed);
    crate::private::wait_for_end(fuse);
    world.answers("B");
    assert_eq!(world.host.read().digest(), world.host.to.digest());
    assert!(fuse::recover(&world.host.place).unwrap().is_none());
    let late = fuse::request_revert(&world.host.place.state_dir, &ASK);
    assert!(matches!(late, Err(RevertError::NothingOpen)));
}

fn confirmed_too_late() {
    let world = World::new();
    let mut command = world.command(5_000, 6_000, "none", "wait");
    assert_eq!(command.end().0, 0, "{:?}", command.said);
    world.answers("B");
    let record = world.is_back(RevertWhy::NotConfirmedInTime, Some(true));
    assert!(
        clock::boottime_ms() >= record.applying.confirm_deadline.0,
        "a command that ended well may be confirmed"
    );
    let refused = fuse::confirm(&world.host.place.state_dir, None);
    assert!(matches!(refused, Err(ConfirmError::Refused { .. })), "{refused:?}");
    world.serves_old();
}

fn rollback_while_waiting() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    let record = fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    assert_eq!(record.stage(), Stage::Reverted);
    assert!(record.note.starts_with("asked by a test"), "{}", record.note);
    world.is_back(RevertWhy::Asked, Some(true));
    assert_eq!(command.end().0, 0, "it was only waiting, and lives to tell");
}

fn rollback_of_hung() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "1", "stop");
    command.wait_for("1");
    let asked = Instant::now();
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    world.is_back(RevertWhy::Asked, Some(true));
    assert_eq!(command.end().0, -libc::SIGKILL);
}

fn rollback_without_fuse() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "switched", "fuse");
    assert_eq!(command.end().0, 0, "{:?}", command.said);
    world.answers("B");
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    world.is_back(RevertWhy::Asked, Some(true));
}

fn recover_alone() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "switched", "fuse");
    assert_eq!(command.end().0, 0, "{:?}", command.said);
    world.answers("B");
    assert!(fuse::recover(&world.host.place).unwrap().is_some());
    world.is_back(RevertWhy::Boot, Some(true));
    assert!(fuse::recover(&world.host.place).unwrap().is_none(), "once is enough");
}

fn recover_after_everything() {
    let mut world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "switched", "fuse");
    assert_eq!(command.end().0, 0, "{:?}", command.said);
    world.kill_nginx();
    let record = fuse::recover(&world.host.place).unwrap().unwrap();
    assert_eq!(record.reverted.unwrap().proven, None, "there was no nginx to prove anything");
    assert_eq!(world.host.read().digest(), world.host.from.digest());
    fs::remove_file(world.nginx.path("run/nginx.pid")).unwrap();
    world.nginx.start();
    world.serves_old();
}

fn corrupt_plan() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "staged", "wait");
    command.wait_for("staged");
    let plan = world.nginx.path("conf/.evenkeel/r1/plan");
    let mut bytes = fs::read(&plan).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&plan, bytes).unwrap();
    let (status, said) = command.end();
    assert_eq!(status, 3);
    assert!(said.contains("trust the plan"), "{said}");
    assert_eq!(world.record().stage(), Stage::Reverted);
    world.serves_old();
}

fn fuse_killed_before_switch() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "armed", "fuse");
    let (status, said) = command.end();
    assert_eq!(status, 3);
    assert!(said.contains("its fuse has ended"), "{said}");
    world.serves_old();
}

fn torn_slot() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "signalled", "wait");
    command.wait_for("signalled");
    // The newest record is lost; the one before says that everything is switched.
    let path = world.host.place.state_dir.join("slots");
    let whole = fs::read(&path).unwrap();
    let sequence = |slot: usize| u64::from_le_bytes(whole[slot + 12..slot + 20].try_into().unwrap());
    let newest = if sequence(0) > sequence(4096) { 0 } else { 4096 };
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 512], newest as u64 + 100).unwrap();
    assert_eq!(world.record().stage(), Stage::Switched);
    killpg(command.pid(), Signal::SIGKILL).unwrap();
    world.is_back(RevertWhy::CommandDied, Some(true));
}

fn hand_fix() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    let fix = format!("server {{ listen 127.0.0.1:{}; return 200 \"fixed\"; }}", world.port);
    write(world.host.live(), &format!("conf.d/site.conf = {fix}"));
    let during = world.host.read();
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    let record = world.is_back(RevertWhy::Asked, Some(true));
    assert!(record.note.contains("conf.d/site.conf"), "{}", record.note);
    let third = Digest(record.reverted.unwrap().foreign.unwrap().0);
    assert_eq!(third, during.digest());
    let saved = bundles::load(&world.host.place.state_dir, third).unwrap();
    let site = saved.get(&RelPath::new("conf.d/site.conf").unwrap()).unwrap();
    assert!(matches!(site, Entry::File(bytes) if **bytes == *fix.as_bytes()));
}

fn cleaned_away() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    fs::remove_dir_all(world.nginx.path("conf/.evenkeel")).unwrap();
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    let record = world.is_back(RevertWhy::Asked, Some(true));
    assert!(record.note.contains("from the saved bundle"), "{}", record.note);
}

fn fuse_terminated() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    let fuse = world.record().fuse.unwrap().open().unwrap().unwrap();
    fuse.signal(Signal::SIGTERM).unwrap();
    world.is_back(RevertWhy::Asked, Some(true));
}

fn restarted_nginx() {
    let mut world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    world.kill_nginx();
    fs::remove_file(world.nginx.path("run/nginx.pid")).unwrap();
    world.nginx.start();
    world.answers("B");
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    world.is_back(RevertWhy::Asked, Some(true));
}

fn second_release() {
    let world = World::new();
    let mut first = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    first.wait_for("proven");
    let mut second = world.command(LONG_MS, LONG_MS * 2, "none", "wait");
    let (status, said) = second.end();
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("refused: arm r1"), "{said}");
    world.answers("B");
    assert_eq!(world.record().stage(), Stage::Proven);
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    world.is_back(RevertWhy::Asked, Some(true));
}

fn last_wrong_answer() {
    let world = World::new();
    let mut command = world.command(LONG_MS, LONG_MS * 2, "proven", "wait");
    command.wait_for("proven");
    let (port, state_dir) = (world.port, world.host.place.state_dir.clone());
    let asking = std::thread::spawn(move || fuse::request_revert(&state_dir, &ASK).unwrap());
    let (mut last_wrong_ms, mut failed, mut asked) = (0, 0, 0);
    while !asking.is_finished() {
        let begun = clock::unix_ms();
        asked += 1;
        match get(port) {
            Some(answer) if answer.ends_with('B') => last_wrong_ms = begun,
            Some(answer) if answer.ends_with('A') => {}
            _ => failed += 1,
        }
    }
    let how = asking.join().unwrap().reverted.unwrap();
    let after_ms = last_wrong_ms - how.decided_unix_ms;
    println!(
        "    of {asked} requests {failed} failed; decision to files {} ms, to signal {} ms, to last wrong answer {after_ms} ms, to proof {} ms",
        how.restored_unix_ms - how.decided_unix_ms,
        how.signalled_unix_ms - how.decided_unix_ms,
        how.done_unix_ms - how.decided_unix_ms,
    );
    assert_eq!(failed, 0);
    // On an idle machine 110 ms, of which nginx itself takes 100. This one may be busy with other tests.
    assert!(after_ms < 2_000, "{after_ms} ms");
}
