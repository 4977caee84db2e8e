//! Child processes with a time and an output limit.
#![expect(
    unsafe_code,
    reason = "between fork and exec only plain system calls are allowed, which nobody wraps"
)]

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::sys;

/// How much this process and those that it starts from now on step back: everything else on the machine goes first.
const STEPS_BACK: i32 = 10;

/// Lets everything else on this machine go first, from now on.
pub fn others_first() {
    let _as_usual_then = rustix::process::setpriority_process(None, STEPS_BACK);
}

/// A program to run: an argument vector, never a line for a shell. It gets an empty standard input, only the
/// environment named here, and a process group of its own, which is killed when the time is over.
#[derive(Debug, Clone)]
pub struct Request {
    /// The program, as a path.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where it starts; the caller's own directory when `None`.
    pub cwd: Option<PathBuf>,
    /// How long it may take.
    pub limit: Duration,
    /// How many bytes of its output, and of its errors, are kept. The rest is read and thrown away.
    pub output_bytes_max: usize,
}

/// What a child wrote and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote on standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// What it wrote on standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// Whether something was thrown away.
    pub truncated: bool,
}

/// Why there is no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program could not be started.
    #[error("start {program}", program = program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It did not end in time and was killed, with all that it had started.
    #[error("hear from {program} within {limit_ms} ms", program = program.display())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// Nobody wanted to hear of it any more; it was killed, with all that it had started.
    #[error("hear from {program}: interrupted", program = program.display())]
    Interrupted {
        /// The program.
        program: PathBuf,
    },
    /// It could not be waited for.
    #[error("wait for {program}", program = program.display())]
    Wait {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Runs a program to its end.
///
/// # Errors
/// [`RunError`]; a failing exit status is not one.
pub fn run(request: &Request) -> Result<Output, RunError> {
    let mut command = Command::new(&request.program);
    command.args(&request.args).env_clear().envs(request.env.iter().map(|(name, value)| (name, value)));
    if let Some(cwd) = &request.cwd {
        command.current_dir(cwd);
    }
    run_command(command, &request.program, (request.limit, &|| false), request.output_bytes_max)
}

/// Runs a prepared command, with the limits and the end of [`run`]. `program` is its name for people. It is also ended
/// when nobody wants to hear of it any more, which is asked a few times a second.
pub(crate) fn run_command(
    mut command: Command,
    program: &Path,
    (limit, enough): (Duration, &dyn Fn() -> bool),
    output_bytes_max: usize,
) -> Result<Output, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    die_with_parent(&mut command);
    let end = Instant::now() + limit;
    let child = command.spawn().map_err(|source| RunError::Start { program: program.to_owned(), source })?;
    let mut group = Group { child };
    match group.follow(end, enough, output_bytes_max) {
        Ok(Some(output)) => Ok(output),
        Ok(None) if enough() => Err(RunError::Interrupted { program: program.to_owned() }),
        Ok(None) => Err(RunError::TimedOut {
            program: program.to_owned(),
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        }),
        Err(source) => Err(RunError::Wait { program: program.to_owned(), source }),
    }
}

/// Has the kernel kill the child when this thread ends, so that a killed command leaves nothing running.
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let tie = move || {
        // SAFETY: prctl and getppid touch no memory; both may be called between fork and exec.
        let (tied, now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
        // A parent that died before the tie was made will not be noticed by it.
        let orphaned = u32::try_from(now).is_ok_and(|now| now != parent);
        if tied != 0 || orphaned { Err(io::Error::from_raw_os_error(libc::ESRCH)) } else { Ok(()) }
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(tie) };
}

/// A child and all that it starts. Whatever happens here, it is killed and reaped at the end.
struct Group {
    child: Child,
}

impl Group {
    /// Reads until the child ends; `None` when the time was over first, or it was enough.
    fn follow(
        &mut self,
        end: Instant,
        enough: &dyn Fn() -> bool,
        output_bytes_max: usize,
    ) -> io::Result<Option<Output>> {
        let handle = sys::pidfd_open(self.pid())?;
        let mut stdout = Stream::new(self.child.stdout.take().map(OwnedFd::from), output_bytes_max)?;
        let mut stderr = Stream::new(self.child.stderr.take().map(OwnedFd::from), output_bytes_max)?;
        while !wait_for_any(&handle, &stdout, &stderr, end)? {
            if Instant::now() >= end || enough() {
                return Ok(None);
            }
            stdout.read_some()?;
            stderr.read_some()?;
        }
        // What the child has started and left behind must not hold the pipes open for ever.
        self.kill_group();
        let status = self.child.wait()?;
        for _ in 0..LAST_READS_MAX {
            if !(stdout.read_some()? | stderr.read_some()?) {
                break;
            }
        }
        let truncated = stdout.truncated || stderr.truncated;
        Ok(Some(Output { status, stdout: stdout.bytes, stderr: stderr.bytes, truncated }))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process numbers fit an i32")
    }

    fn kill_group(&self) {
        // Nothing left to kill is what we want.
        let _gone_already = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A reaped child's number may belong to somebody else by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill_group();
            let _may_have_left_its_group = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

/// How long nobody is asked whether it is enough, in milliseconds.
const LOOK_EVERY_MS: u16 = 200;
/// How often the pipes are read after the end of the child: more than they can hold.
const LAST_READS_MAX: usize = 64;

/// One pipe from the child.
struct Stream {
    pipe: Option<std::fs::File>,
    bytes: Vec<u8>,
    bytes_max: usize,
    truncated: bool,
}

impl Stream {
    fn new(pipe: Option<OwnedFd>, bytes_max: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe: pipe.map(Into::into), bytes: Vec::new(), bytes_max, truncated: false })
    }

    /// Reads what is there, up to a limit; says whether there was something.
    fn read_some(&mut self) -> io::Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        let mut buffer = [0_u8; 16 << 10];
        let read = match pipe.read(&mut buffer) {
            Ok(0) => {
                self.pipe = None;
                return Ok(false);
            }
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let room = self.bytes_max - self.bytes.len();
        self.bytes.extend_from_slice(&buffer[..read.min(room)]);
        self.truncated |= read > room;
        Ok(true)
    }
}

/// Waits until there is something to read (false) or the child has ended (true), or the time is over (false).
fn wait_for_any(handle: &OwnedFd, stdout: &Stream, stderr: &Stream, end: Instant) -> io::Result<bool> {
    let mut fds = vec![PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
    let pipes = [stdout, stderr].into_iter().filter_map(|stream| stream.pipe.as_ref());
    fds.extend(pipes.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
    let left_ms = end.saturating_duration_since(Instant::now()).as_millis().saturating_add(1);
    let left = PollTimeout::from(u16::try_from(left_ms).unwrap_or(u16::MAX).min(LOOK_EVERY_MS));
    match poll(&mut fds, left) {
        Ok(_) => Ok(fds[0].any().unwrap_or(false)),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Output, RunError> {
        run(&Request {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("GREETING".into(), "hello".into())],
            cwd: Some("/".into()),
            limit,
            output_bytes_max: 1000,
        })
    }

    #[test]
    fn output_errors_and_status_come_back() {
        let output = shell("echo out; echo err >&2; exit 3", Duration::from_secs(10)).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        assert!(!output.truncated);
    }

    #[test]
    fn child_sees_only_the_environment_it_is_given() {
        let output = shell("echo $GREETING $HOME; pwd", Duration::from_secs(10)).unwrap();
        assert_eq!(output.stdout, b"hello\n/\n");
    }

    #[test]
    fn child_that_hangs_is_killed_with_its_children() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("sleep 600 & echo $! > {}; wait", file.path().display());
        let error = shell(&script, Duration::from_millis(500)).unwrap_err();
        assert!(matches!(error, RunError::TimedOut { limit_ms: 500, .. }));
        let grandchild: i32 = std::fs::read_to_string(file.path()).unwrap().trim().parse().unwrap();
        let end = Instant::now() + Duration::from_secs(5);
        while crate::identity::ProcessId::of(grandchild).is_some() {
            assert!(Instant::now() < end, "the child of the child lives on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn grandchild_that_holds_the_pipe_does_not_hold_us() {
        let before = Instant::now();
        let output = shell("sleep 600 & echo done", Duration::from_secs(60)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(before.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn output_beyond_the_limit_is_thrown_away() {
        let output = shell("yes | head -c 1000000", Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout.len(), 1000);
        assert!(output.truncated && output.status.success());
    }

    #[test]
    fn missing_program_is_named() {
        let request = Request {
            program: "/nonexistent/nginx".into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            limit: Duration::from_secs(1),
            output_bytes_max: 10,
        };
        assert_eq!(run(&request).unwrap_err().to_string(), "start /nonexistent/nginx");
    }
}
