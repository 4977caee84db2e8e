//! Child processes with a time and an output limit.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

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
    let _ = request;
    unimplemented!()
}
