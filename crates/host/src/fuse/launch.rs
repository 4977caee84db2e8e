//! Starting the fuse where it outlives the command.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::back::said;
use crate::clock::boottime_ms;
use crate::process;

/// How long the fuse may take to say that it is ready, in milliseconds.
pub const READY_WITHIN_MS: u64 = 5_000;
/// How much it may say.
const ANSWER_BYTES_MAX: usize = 4_096;

/// How the fuse is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// As a child in a session of its own. It survives the command, its process group and its terminal, but not its
    /// control group.
    Child {
        /// The program that calls [`run`](super::run()) when its first argument is `__fuse`.
        program: PathBuf,
    },
    /// As a transient unit of systemd, with a control group of its own.
    Unit {
        /// The same program, by the name it has for others.
        program: PathBuf,
    },
}

impl Launch {
    /// Chooses for this program on this host: a unit where systemd runs and we are root, else a child.
    pub fn here() -> Self {
        let systemd = Path::new("/run/systemd/system").is_dir() && nix::unistd::geteuid().is_root();
        match std::env::current_exe() {
            Ok(program) if systemd => Self::Unit { program },
            // This name works even when the file was replaced meanwhile.
            _ => Self::Child { program: PathBuf::from("/proc/self/exe") },
        }
    }

    /// Starts the fuse and waits for its answer. A unit that cannot be started becomes a child; the second value
    /// says so, for the report.
    pub(super) fn start(
        &self,
        state_dir: &Path,
        limit_ms: u64,
    ) -> Result<(Option<Child>, Option<String>), NotReady> {
        match self {
            Self::Child { program } => child(program, state_dir, limit_ms).map(|child| (Some(child), None)),
            Self::Unit { program } => match unit(Command::new("systemd-run"), program, state_dir, limit_ms) {
                Ok(()) => Ok((None, None)),
                Err(error) => {
                    let note = format!("the fuse runs without a unit of its own: {}", error.0);
                    child(Path::new("/proc/self/exe"), state_dir, limit_ms)
                        .map(|child| (Some(child), Some(note)))
                }
            },
        }
    }
}

/// Why the fuse is not ready, in its own words or ours.
#[derive(Debug)]
pub(super) struct NotReady(pub(super) String);

fn arguments(state_dir: &Path) -> Vec<OsString> {
    let pid = std::process::id().to_string();
    ["__fuse".as_ref(), "--state-dir".as_ref(), state_dir.as_os_str(), "--command-pid".as_ref(), pid.as_ref()]
        .into_iter()
        .map(OsStr::to_owned)
        .collect()
}

fn child(program: &Path, state_dir: &Path, limit_ms: u64) -> Result<Child, NotReady> {
    let mut child = Command::new(program)
        .args(arguments(state_dir))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| NotReady(format!("it could not be started: {error}")))?;
    let mut pipe = child.stdout.take().expect("its output was asked for");
    let answer = answer(&mut pipe, limit_ms);
    if answer.is_err() {
        let _may_have_ended = child.kill();
        let _reaped = child.wait();
    }
    answer.map(|()| child)
}

fn unit(mut systemd_run: Command, program: &Path, state_dir: &Path, limit_ms: u64) -> Result<(), NotReady> {
    // The fuse of an earlier release of the same command may still live.
    let name = format!("evenkeel-fuse-{}-{}", std::process::id(), boottime_ms());
    let ready = state_dir.join(format!("fuse-ready.{}", std::process::id()));
    let failed = |what: &str, error: &dyn std::fmt::Display| NotReady(format!("{what}: {error}"));
    nix::unistd::mkfifo(&ready, nix::sys::stat::Mode::from_bits_truncate(0o600))
        .map_err(|error| failed("a pipe could not be made", &error))?;
    let started = (|| {
        // Open for writing as well, so that opening waits for nobody and the pipe never ends early.
        let mut pipe = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&ready)
            .map_err(|error| failed("a pipe could not be opened", &error))?;
        systemd_run.args(unit_arguments(&name, program, state_dir, &ready));
        // The system's bus may be stuck, and it waits for that. It is killed then.
        let limit = Duration::from_millis(limit_ms);
        let output =
            process::run_command(systemd_run, Path::new("systemd-run"), (limit, &|| false), ANSWER_BYTES_MAX)
                .map_err(|error| NotReady(said(&error)))?;
        if !output.status.success() {
            return Err(failed("systemd-run", &output.status));
        }
        answer(&mut pipe, limit_ms)
    })();
    let _leftover = std::fs::remove_file(&ready);
    started
}

/// What `systemd-run` is called with.
fn unit_arguments(name: &str, program: &Path, state_dir: &Path, ready: &Path) -> Vec<OsString> {
    let mut unit = OsString::from("--unit=");
    unit.push(name);
    let mut all: Vec<OsString> =
        vec![unit, "--collect".into(), "--quiet".into(), "--property=OOMScoreAdjust=-1000".into()];
    all.push("--".into());
    all.push(program.into());
    all.extend(arguments(state_dir));
    all.push("--ready".into());
    all.push(ready.into());
    all
}

/// Waits for one line: `ready`, or why not.
fn answer<R: Read + AsFd>(pipe: &mut R, limit_ms: u64) -> Result<(), NotReady> {
    let end = boottime_ms().saturating_add(limit_ms);
    let mut said = Vec::new();
    loop {
        let left = end.saturating_sub(boottime_ms());
        if left == 0 || said.len() > ANSWER_BYTES_MAX {
            return Err(NotReady(format!("it did not answer within {limit_ms} ms")));
        }
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        let waited = poll(&mut fds, PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX)));
        if !matches!(waited, Ok(1..)) {
            continue;
        }
        let mut buffer = [0; 512];
        match pipe.read(&mut buffer) {
            Ok(0) => return Err(NotReady("it ended without an answer".to_owned())),
            Ok(count) => said.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(NotReady(format!("its answer could not be read: {error}"))),
        }
        if let Some(line) = said.split(|&byte| byte == b'\n').next().filter(|line| line.len() < said.len()) {
            let line = String::from_utf8_lossy(line);
            return if line == "ready" { Ok(()) } else { Err(NotReady(line.into_owned())) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_has_a_group_of_its_own_and_runs_the_same_program() {
        let arguments = unit_arguments(
            "a-fuse",
            Path::new("/usr/bin/evenkeel"),
            Path::new("/var/lib/evenkeel"),
            Path::new("/r"),
        );
        let pid = std::process::id();
        let expected = [
            "--unit=a-fuse",
            "--collect",
            "--quiet",
            "--property=OOMScoreAdjust=-1000",
            "--",
            "/usr/bin/evenkeel",
            "__fuse",
            "--state-dir",
            "/var/lib/evenkeel",
            "--command-pid",
            &pid.to_string(),
            "--ready",
            "/r",
        ];
        assert_eq!(arguments, expected.map(OsString::from));
    }

    #[test]
    fn systemd_run_that_hangs_is_killed_and_leaves_no_pipe() {
        let mut fake = Command::new("/bin/sh");
        fake.args(["-c", "exec sleep 600", "sh"]);
        let state_dir = tempfile::tempdir().unwrap();
        let refused = unit(fake, Path::new("/bin/true"), state_dir.path(), 300).unwrap_err();
        assert!(refused.0.ends_with("systemd-run within 300 ms"), "{}", refused.0);
        assert_eq!(std::fs::read_dir(state_dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn program_that_says_nothing_is_not_ready() {
        let refused = child(Path::new("/bin/true"), Path::new("/"), 5_000).unwrap_err();
        assert_eq!(refused.0, "it ended without an answer");
    }
}
