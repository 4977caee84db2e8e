//! The guard: a process of its own that takes an application back when the command that updated it dies, or says so.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Armed, Fate};
use crate::fuse::said as told;
use crate::slots::Slots;
use crate::sys;

/// How long the guard may take to say that it is there.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks at the slots, in milliseconds.
const LOOK_EVERY_MS: u16 = 100;
/// How long it waits for a release to end: longer than any release may take.
const PATIENCE: Duration = Duration::from_secs(26 * 60 * 60);
/// How much it may say, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 10;

/// The guard of one application, seen from the command that updates it. When the command dies, the guard decides by the
/// slots.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    say: ChildStdin,
    hear: ChildStdout,
    /// How long its step may take.
    within: Duration,
}

/// Why there is no guard, or why the application is not back.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It could not be started.
    #[error("start the guard of the application")]
    Start(#[source] io::Error),
    /// It did not say what it should.
    #[error("hear from the guard of the application: {0}")]
    Silent(String),
    /// The step failed; `recover` or the next command tries again.
    #[error("take the application back: {0}")]
    Failed(String),
}

impl Guard {
    /// Starts a guard over what is armed in this state directory.
    ///
    /// # Errors
    /// [`GuardError`]; then the application must not be touched.
    pub fn start(state_dir: &Path, within: Duration) -> Result<Self, GuardError> {
        let mut child = Command::new("/proc/self/exe")
            .args([OsString::from("__app"), state_dir.into()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(GuardError::Start)?;
        let say = child.stdin.take().expect("its input was asked for");
        let hear = child.stdout.take().expect("its output was asked for");
        let mut guard = Self { child, say, hear, within };
        match guard.answer(READY_WITHIN)?.as_str() {
            "ready" => Ok(guard),
            other => {
                let _gone = guard.child.kill();
                let _reaped = guard.child.wait();
                Err(GuardError::Silent(other.to_owned()))
            }
        }
    }

    /// The application stays: its release is permanent.
    ///
    /// # Errors
    /// [`GuardError::Silent`]; the guard then finds out by itself.
    pub fn keep(mut self) -> Result<(), GuardError> {
        self.tell(b'k')?;
        self.answer(READY_WITHIN).map(drop)
    }

    /// Takes the application back, and waits until that is done.
    ///
    /// # Errors
    /// [`GuardError`] when it is not back.
    pub fn back(mut self) -> Result<(), GuardError> {
        self.tell(b'b')?;
        match self.answer(self.within + READY_WITHIN)?.as_str() {
            "back" => Ok(()),
            why => Err(GuardError::Failed(why.to_owned())),
        }
    }

    fn tell(&mut self, word: u8) -> Result<(), GuardError> {
        self.say.write_all(&[word]).map_err(|error| GuardError::Silent(error.to_string()))
    }

    /// One line of the guard.
    fn answer(&mut self, within: Duration) -> Result<String, GuardError> {
        let (end, mut line) = (Instant::now() + within, Vec::new());
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = u16::try_from(left.as_millis()).unwrap_or(u16::MAX);
            let mut fds = [PollFd::new(self.hear.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, PollTimeout::from(left))
                .map_err(|error| GuardError::Silent(error.to_string()))?;
            if ready == 0 && Instant::now() >= end {
                return Err(GuardError::Silent(format!("nothing within {} s", within.as_secs())));
            }
            if ready == 0 {
                continue;
            }
            let mut byte = [0];
            match self.hear.read(&mut byte) {
                Ok(1) if byte[0] != b'\n' && (line.len() as u64) < ANSWER_BYTES_MAX => line.push(byte[0]),
                Ok(1) => return Ok(String::from_utf8_lossy(&line).into_owned()),
                Ok(_) => return Err(GuardError::Silent("it has ended".to_owned())),
                Err(error) => return Err(GuardError::Silent(error.to_string())),
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It goes on alone, and ends by itself; whoever is init reaps it then.
        let _not_ended_yet = self.child.try_wait();
    }
}

/// The guard's own life: `__app STATE_DIR`. Exit status 0 when the application is where it shall be, 1 when it could not
/// be taken back, 2 when it never was ready.
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    sys::close_inherited();
    let _already_leader = nix::unistd::setsid();
    let Some(state_dir) = arguments.next().map(PathBuf::from) else { return ExitCode::from(2) };
    let (armed, _held) = match Armed::hold(&state_dir) {
        Ok(Some(held)) => held,
        Ok(None) => return said("nothing is armed, or somebody looks after it", 2),
        Err(error) => return said(&told(&error), 2),
    };
    let _nobody_listens = said("ready", 0);
    let (mut alone, end) = (false, Instant::now() + PATIENCE);
    while Instant::now() < end {
        match heard(&mut alone) {
            Some(b'k') => return keep(&state_dir),
            Some(_) => return back(&state_dir, &armed),
            None if !alone => continue,
            None => {}
        }
        let record = Slots::open(&state_dir).and_then(|slots| slots.read());
        match record.map(|record| Fate::of(&armed, record.as_ref())) {
            Ok(Fate::Keep) => return keep(&state_dir),
            Ok(Fate::Back) => return back(&state_dir, &armed),
            // Slots that cannot be read say nothing yet; no slots at all were never armed.
            Ok(Fate::Wait) => {}
            Err(_) if !state_dir.join("slots").exists() => return back(&state_dir, &armed),
            Err(_) => {}
        }
    }
    ExitCode::from(1)
}

/// What the command says; `None` after a while of silence. `alone` once it has gone.
fn heard(alone: &mut bool) -> Option<u8> {
    if *alone {
        std::thread::sleep(Duration::from_millis(u64::from(LOOK_EVERY_MS)));
        return None;
    }
    let input = io::stdin();
    let mut fds = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    if !matches!(poll(&mut fds, PollTimeout::from(LOOK_EVERY_MS)), Ok(1..)) {
        return None;
    }
    let mut byte = [0];
    match nix::unistd::read(input.as_fd(), &mut byte) {
        Ok(1) => Some(byte[0]),
        _ => {
            *alone = true;
            None
        }
    }
}

fn keep(state_dir: &Path) -> ExitCode {
    match Armed::remove(state_dir) {
        Ok(()) => said("kept", 0),
        Err(error) => said(&told(&error), 1),
    }
}

fn back(state_dir: &Path, armed: &Armed) -> ExitCode {
    if let Err(error) = armed.step.run(&armed.versions, &|| false) {
        return said(&told(&error), 1);
    }
    match Armed::remove(state_dir) {
        Ok(()) => said("back", 0),
        Err(error) => said(&told(&error), 1),
    }
}

fn said(what: &str, code: u8) -> ExitCode {
    let line = what.replace('\n', " ");
    let mut out = io::stdout();
    let _nobody_listens = writeln!(out, "{line}").and_then(|()| out.flush());
    ExitCode::from(code)
}
