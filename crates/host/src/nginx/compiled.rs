//! What an nginx binary says of itself (`nginx -V`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::RunError;

/// What was decided when an nginx was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Its version, `1.22.1`.
    pub version: String,
    /// Where relative paths begin when there is no `-p`.
    pub prefix: PathBuf,
    /// The main configuration file when there is no `-c`.
    pub conf_path: PathBuf,
    /// Where errors go until an `error_log` says otherwise; `stderr` is standard error.
    pub error_log_path: PathBuf,
    /// The pid file when the configuration names none.
    pub pid_path: PathBuf,
    /// Files and directories that nginx makes when the configuration names no others: the access log, temporary
    /// directories, the lock file.
    pub written_paths: Vec<PathBuf>,
    /// The configure arguments, unquoted.
    pub arguments: Vec<String>,
}

/// Why a binary could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CompiledError {
    /// It could not be run to its end.
    #[error("ask {nginx} for its version", nginx = nginx.display())]
    Run {
        /// The binary.
        nginx: PathBuf,
        /// What went wrong.
        source: RunError,
    },
    /// What it said is not what nginx says.
    #[error("ask {nginx} for its version: it is not an nginx", nginx = nginx.display())]
    NotNginx {
        /// The binary.
        nginx: PathBuf,
    },
}

/// Asks a binary how it was built.
///
/// # Errors
/// [`CompiledError`] when it does not answer in time, or not like an nginx.
pub fn compiled(nginx: &Path, limit: Duration) -> Result<Compiled, CompiledError> {
    let _ = (nginx, limit);
    unimplemented!()
}
