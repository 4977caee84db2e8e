//! Why there is no sandbox.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::spec::Mode;

/// Why a sandbox did not come up, or is no longer there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Its first process could not be started.
    #[error("start {program} again as the first process of a sandbox", program = program.display())]
    Spawn {
        /// What was to be executed.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused one of the steps.
    #[error("{step}")]
    Refused {
        /// What was tried, as the end of "failed to …".
        step: String,
        /// What the kernel said.
        source: io::Error,
        /// Which setting of this machine refuses, and how to allow it, where that could be found out.
        hint: Option<String>,
    },
    /// The wanted mode is not possible for this user.
    #[error("run nginx in mode {mode}: {reason}")]
    Mode {
        /// The wanted mode.
        mode: Mode,
        /// Why not.
        reason: String,
    },
    /// A tree, a program or another file of the specification could not be laid into the sandbox.
    #[error("lay {path} into the sandbox", path = path.display())]
    Path {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The sandbox has ended: it was killed, or it went beyond one of its limits.
    #[error("use the sandbox, which has ended{}", because.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Ended {
        /// Which limit, when it could still say so.
        because: Option<String>,
    },
    /// It did not come up in time.
    #[error("set up a sandbox within {} s", limit.as_secs())]
    TimedOut {
        /// How long it was waited for.
        limit: Duration,
    },
}

impl SandboxError {
    /// Says which setting of this machine to change, where it is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}
