//! The fuse's own life: prepare, say so, wait, decide, act, end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use evenkeel_fleet::apply::{Alarm, Boottime, Decision, Stage, decide};
use evenkeel_fleet::{Generation, ReleaseId};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::again::{self, Tried};
use super::back::{Back, said};
use super::hung::free_guard;
use super::rest::{self, Rest, end_old};
use super::revert::{RevertError, open_command};
use super::{GUARD_GRACE_MS, WayBack};
use crate::clock::{self, BootId, boottime_ms};
use crate::identity::{ProcessHandle, ProcessId};
use crate::install::{Staged, Unobserved};
use crate::slots::{Record, Slots};
use crate::sys;

/// How much of the last fuses' logs is kept, in bytes.
const LOG_BYTES_MAX: u64 = 64 << 10;
/// How often a revert that failed is tried again: somebody may make room on the disk, or mount it again.
const TRIES: u32 = 400;
/// The pause before each of the first tries, in milliseconds, and before the others: an hour in all.
const PAUSE_MS: u64 = 500;
const LONG_PAUSE_MS: u64 = 10_000;
/// How many tries come soon after one another.
const SOON: u32 = 20;

/// For how long an unproven revert is tried again, and the first and the longest pause, in milliseconds.
const AGAIN_FOR_MS: u64 = 3_600_000;
const AGAIN_PAUSE_MS: u64 = 2_000;
const AGAIN_PAUSE_MAX_MS: u64 = 60_000;

/// What the fuse is started with: `__fuse --state-dir DIR --command-pid N [--ready FIFO]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuseArgs {
    /// Where the slots are.
    pub state_dir: PathBuf,
    /// The command that it watches.
    pub command_pid: i32,
    /// Where to say that it is ready; standard output when there is none.
    pub ready: Option<PathBuf>,
}

/// Runs the fuse until nothing is unconfirmed any more. Call it first thing in `main`, before anything is opened or
/// any thread is started: it closes every descriptor but the standard ones.
///
/// Exit status 0 when nothing is left to do, 1 when the old bundle could not be put back or proven, 2 when it never was ready.
pub fn run(args: &FuseArgs) -> ExitCode {
    sys::close_inherited();
    let _already_leader = nix::unistd::setsid();
    let mut fuse = match prepare(args) {
        Ok(fuse) => fuse,
        Err(why) => {
            let _nobody_listens = say(args.ready.as_deref(), &why.0);
            return ExitCode::from(2);
        }
    };
    // A command that has ended hears nothing any more. What it armed is taken back all the same.
    let _nobody_listens = say(args.ready.as_deref(), "ready");
    fuse.hide();
    fuse.watch()
}

/// Why the fuse is not ready.
struct NotReady(String);

impl<E: std::error::Error> From<E> for NotReady {
    fn from(error: E) -> Self {
        Self(said(&error))
    }
}

struct Fuse {
    state_dir: PathBuf,
    slots: Slots,
    staged: Staged,
    /// The command; when nothing but a proof is left to do, the nginx that it is about.
    command: Option<ProcessHandle>,
    signals: SignalFd,
    log: File,
    boot: BootId,
    release: ReleaseId,
    generation: Generation,
    rest: Rest,
}

fn prepare(args: &FuseArgs) -> Result<Fuse, NotReady> {
    std::env::set_current_dir("/")?;
    // Whoever waits takes the pipe away only when it has given us up and started another.
    if args.ready.as_ref().is_some_and(|ready| !ready.exists()) {
        return Err(NotReady("nobody waits for this fuse any more".to_owned()));
    }
    let mut mask = SigSet::empty();
    for signal in
        [Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT]
    {
        mask.add(signal);
    }
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let log = open_log(&args.state_dir)?;
    let boot = clock::boot_id()?;
    let mut slots = Slots::open(&args.state_dir)?;
    let record = slots.read()?.ok_or_else(|| NotReady("nothing is armed".to_owned()))?;
    let command = record.command.filter(|command| command.pid == args.command_pid);
    let (Some(command), Stage::Armed) = (command, record.stage()) else {
        return Err(NotReady("the slots do not name this command as one that is armed".to_owned()));
    };
    let command = command.open()?;
    let staged = Staged::open(&record.plan, record.plan_digest)?;
    staged.verify()?;
    let way_back = WayBack::decode(staged.extra());
    if way_back.is_none() && record.master.is_some() {
        return Err(NotReady("the plan does not say how the old configuration is proven".to_owned()));
    }
    sys::lock_memory();
    // Refused to ordinary users, who may only raise it.
    let _best_effort = std::fs::write("/proc/self/oom_score_adj", "-1000");
    slots.lock(GUARD_GRACE_MS)?.update(|record| record.fuse = Some(ProcessId::me()))?;
    Ok(Fuse {
        state_dir: args.state_dir.clone(),
        slots,
        staged,
        command,
        signals,
        log,
        boot,
        release: record.applying.release,
        generation: record.applying.generation,
        rest: Rest::of(&record, way_back.map(|way_back| way_back.error_logs).unwrap_or_default()),
    })
}

impl Fuse {
    /// Lets go of the terminal and the pipe. What is written to standard error (by a panic) goes to the log.
    fn hide(&self) {
        if let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
            let _best_effort = nix::unistd::dup2_stdin(&null);
            let _best_effort = nix::unistd::dup2_stdout(&null);
        }
        let _best_effort = nix::unistd::dup2_stderr(&self.log);
    }

    fn watch(&mut self) -> ExitCode {
        let (mut asked, mut failures) = (false, 0);
        loop {
            let record = match self.slots.read() {
                Ok(Some(record)) => record,
                // Torn by a writer at this moment, or worse. What is in memory is enough to look again.
                other => {
                    self.note(&format!("read the slots: {other:?}"));
                    failures += 1;
                    if failures > TRIES {
                        return ExitCode::FAILURE;
                    }
                    self.wait(boottime_ms() + pause_ms(failures));
                    continue;
                }
            };
            if record.applying.release != self.release || record.applying.generation < self.generation {
                self.note("another release took the place of ours");
                return ExitCode::SUCCESS;
            }
            let alarm = self.alarm(&record, asked || (failures > 0 && record.stage() == Stage::Reverting));
            match decide(&record.applying.standing(self.boot.0), alarm) {
                Decision::Done if !self.is_sure(&record) => asked |= self.wait(boottime_ms() + PAUSE_MS),
                Decision::Done => {
                    end_old(&record, Duration::ZERO);
                    return self.try_again(&record);
                }
                Decision::Wait { until } if Rest::is_watched(&record) => {
                    match self.rest.look(&mut self.slots, &record) {
                        Ok(None) => asked |= self.wait(until.0.min(boottime_ms() + rest::EVERY_MS)),
                        Ok(Some(text)) => self.note(&text),
                        Err(error) => {
                            self.note(&said(&error));
                            asked |= self.wait(until.0.min(boottime_ms() + rest::EVERY_MS));
                        }
                    }
                }
                Decision::Wait { until } => asked |= self.wait(until.0),
                Decision::Revert { why, .. } => {
                    self.note(&format!("{} goes back: {why}", self.release));
                    match self.go_back(alarm) {
                        Ok(record) => {
                            self.note(&format!("{} is back: {:?}", self.release, record.reverted));
                            return self.try_again(&record);
                        }
                        Err(RevertError::NothingOpen | RevertError::Confirmed { .. }) => {}
                        Err(error) => {
                            self.note(&format!("{}: {}", self.release, said(&error)));
                            failures += 1;
                            if failures > TRIES {
                                return ExitCode::FAILURE;
                            }
                            // A signal that came meanwhile was about this try.
                            self.wait(0);
                            self.wait(boottime_ms() + pause_ms(failures));
                        }
                    }
                }
            }
        }
    }

    /// Whether a confirmation stays: whoever wrote it takes it back when the disk does not keep it, and holds the guard
    /// until that is known.
    fn is_sure(&mut self, record: &Record) -> bool {
        if record.stage() != Stage::Confirmed {
            return true;
        }
        // Whoever wrote it and does not let go of the guard until the deadline has stopped in the middle of it.
        if boottime_ms() >= record.applying.confirm_deadline.0 {
            let _looked_at_again = free_guard(&mut self.slots, None, GUARD_GRACE_MS);
        }
        let Ok(mut guard) = self.slots.lock(GUARD_GRACE_MS) else { return false };
        // Its writer may have died before it was durable.
        let _a_disk_that_fails_keeps_no_fuse = guard.flush();
        guard.record().is_some_and(|now| now.stage() == Stage::Confirmed)
    }

    /// What there is to react to.
    fn alarm(&mut self, record: &Record, asked: bool) -> Alarm {
        if asked || record.asked.is_some() {
            return Alarm::RevertAsked;
        }
        if self.command.as_ref().is_some_and(|command| command.ended_within(0).unwrap_or(false)) {
            self.note("the command has ended");
            self.command = None;
        }
        match (&self.command, record.stage()) {
            // After the proof a command may go: only the deadline counts.
            (Some(_), _) | (None, Stage::Proven) => Alarm::Tick { now: Boottime(boottime_ms()) },
            (None, _) => Alarm::CommandDied,
        }
    }

    fn go_back(&mut self, alarm: Alarm) -> Result<Record, RevertError> {
        let record = self.slots.read()?.ok_or(RevertError::NothingOpen)?;
        let command = open_command(&record)?;
        free_guard(&mut self.slots, command.as_ref(), GUARD_GRACE_MS)?;
        let mut guard = self.slots.lock(GUARD_GRACE_MS)?;
        Back { staged: Ok(&self.staged), place: None, alarm }.go(&mut guard, &mut Unobserved)
    }

    /// After a revert that is not proven: tells nginx again and again, until the old configuration is proven, or
    /// somebody else has something else in hand.
    fn try_again(&mut self, record: &Record) -> ExitCode {
        if !record.is_unproven() {
            return ExitCode::SUCCESS;
        }
        let end_ms = boottime_ms() + AGAIN_FOR_MS;
        let (mut pause_ms, mut due_ms) = (AGAIN_PAUSE_MS, boottime_ms() + AGAIN_PAUSE_MS);
        self.command = record.master.and_then(|master| master.open().ok().flatten());
        // What was asked of us until now was the revert.
        self.wait(0);
        loop {
            if self.wait(due_ms.min(end_ms)) {
                self.note("told to end");
                return ExitCode::FAILURE;
            }
            match self.slots.read() {
                Ok(Some(now)) if again::same(record, &now) => {}
                Ok(_) => return ExitCode::SUCCESS,
                Err(error) => {
                    self.note(&said(&error));
                    due_ms = due_ms.max(boottime_ms() + AGAIN_PAUSE_MS);
                    continue;
                }
            }
            if self.command.as_ref().is_some_and(|master| master.ended_within(0).unwrap_or(true)) {
                self.command = None;
                due_ms = boottime_ms();
            }
            let now_ms = boottime_ms();
            if now_ms >= end_ms {
                self.note("the old configuration is not proven, and this is given up");
                return ExitCode::FAILURE;
            }
            if now_ms < due_ms {
                continue;
            }
            // Whoever holds the lock of the applies and is not the command of this one is about to begin something.
            let ours = record.command.map(|command| command.pid);
            if crate::lock::holder(&self.state_dir).is_some_and(|holder| Some(holder) != ours) {
                due_ms = now_ms + AGAIN_PAUSE_MS;
                continue;
            }
            match again::once(&mut self.slots, Some(&self.staged), None) {
                Ok(None) => return ExitCode::SUCCESS,
                Ok(Some(Tried { record, unproven: None })) => {
                    self.note(&format!("{}: {}", self.release, record.note));
                    return ExitCode::SUCCESS;
                }
                Ok(Some(Tried { unproven: Some(why), .. })) => self.note(&format!("{}: {why}", self.release)),
                Err(error) => self.note(&format!("{}: {}", self.release, said(&error))),
            }
            pause_ms = (pause_ms * 2).min(AGAIN_PAUSE_MAX_MS);
            due_ms = boottime_ms() + pause_ms;
        }
    }

    /// Waits until then, or until the command ends or a signal comes; says whether somebody wants the old bundle back.
    fn wait(&mut self, until_ms: u64) -> bool {
        let left = until_ms.saturating_sub(boottime_ms());
        // Not far beyond the deadline, and never for ever: the clock of poll stands still while the host sleeps.
        let left = PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX));
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(command) = &self.command {
            fds.push(PollFd::new(command.as_fd(), PollFlags::POLLIN));
        }
        let _woken = poll(&mut fds, left);
        drop(fds);
        let mut asked = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            asked |= signal.ssi_signo == Signal::SIGTERM as u32;
        }
        asked
    }

    fn note(&mut self, text: &str) {
        let _best_effort = writeln!(self.log, "{} {text}", clock::unix_ms());
    }
}

fn pause_ms(failures: u32) -> u64 {
    if failures <= SOON { PAUSE_MS } else { LONG_PAUSE_MS }
}

fn open_log(state_dir: &Path) -> io::Result<File> {
    let path = state_dir.join("fuse.log");
    let log =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
    if log.metadata()?.len() > LOG_BYTES_MAX {
        log.set_len(0)?;
    }
    Ok(log)
}

fn say(ready: Option<&Path>, line: &str) -> io::Result<()> {
    let line = format!("{}\n", line.replace('\n', " "));
    match ready {
        // A pipe that nobody reads any more must not hold the fuse.
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(libc::O_NONBLOCK).open(path)?.write_all(line.as_bytes())
        }
        None => {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()
        }
    }
}
