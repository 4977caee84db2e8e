//! One rehearsal, from the trees to the report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use evenkeel_model::{Config, Request};

use crate::report::Report;

/// A tree, where it lies and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// Where its files lie.
    pub directory: &'a Path,
    /// What it means, read for the place where it will live.
    pub config: &'a Config,
    /// Files and directories of the tree that are not in `directory` (keys that no copy may hold): the path below the
    /// tree, and where it really lies. They are mounted at their place inside.
    pub kept: &'a [(PathBuf, PathBuf)],
}

/// A request that is asked because somebody wrote it down.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its name, for people.
    pub name: String,
    /// The request.
    pub request: Request,
    /// The file that asks it, for people.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

/// How the sandbox is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum How {
    /// As faithfully as is possible here.
    #[default]
    Best,
    /// Root, with the host's own user numbers.
    Ident,
    /// An ordinary user with subordinate user numbers.
    Subid,
    /// An ordinary user: every account is the same inside.
    Alias,
    /// Without namespaces: a private prefix, listens and upstreams rewritten.
    Reduced,
}

/// What is rehearsed, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This binary, which is executed again for the sandbox: `/proc/self/exe`.
    pub program: PathBuf,
    /// The nginx binaries, at least one.
    pub nginx: Vec<PathBuf>,
    /// Where the tree will live.
    pub config_dir: PathBuf,
    /// The arguments that nginx is started with on this host (`-c FILE`, `-p DIR`, …), without its own name.
    pub args: Vec<String>,
    /// How the sandbox is built.
    pub how: How,
    /// Whether nobody outside is asked.
    pub offline: bool,
    /// Whether the tree must see no real key.
    pub untrusted: bool,
    /// The master of the nginx that runs here, when there is one: its limits and its sockets count.
    pub master: Option<i32>,
    /// When the command began.
    pub began: Instant,
}

/// Why a rehearsal could not be held. A tree that fails is no such thing: that is what the report says.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// There is no sandbox.
    #[error("build the sandbox: {reason}")]
    Sandbox {
        /// What was refused, and by what.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl RehearsalError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            RehearsalError::Sandbox { hint, .. } => hint.as_deref(),
        }
    }
}

/// Rehearses a tree: the way from the live one, a fresh start, the questions, and what happens when upstreams are down.
///
/// Runs on a current-thread runtime. `progress` is told what is being done now.
///
/// # Errors
/// [`RehearsalError`] when there is no sandbox; never because the tree is bad.
pub async fn rehearse(
    tree: &Tree<'_>,
    against: Option<&Tree<'_>>,
    questions: &[Question],
    settings: &Settings,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, RehearsalError> {
    let _to_come = (tree, against, questions, settings);
    progress("building the sandbox");
    Err(RehearsalError::Sandbox { reason: String::from("not written yet"), hint: None })
}
