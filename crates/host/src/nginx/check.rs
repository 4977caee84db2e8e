//! What nginx says of a tree that is not in place (`nginx -t`), asked so that nothing on the host changes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::nginx::find::Master;
use crate::nginx::log::Level;
use crate::place::Place;

/// A question to nginx.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The host.
    pub place: &'a Place,
    /// The running master, whose binary, arguments and limits are used; `None` asks the binary on disk, as a
    /// start would run it.
    pub master: Option<&'a Master>,
    /// Paths relative to the tree, of the live tree, that nginx must see although no bundle holds them: keys,
    /// password files.
    pub kept: &'a [PathBuf],
    /// What nginx may make or write when it reads this configuration: logs, the pid file, temporary and cache
    /// directories. They are covered, and what appears there is removed again. The built-in ones are added.
    pub written: &'a [PathBuf],
    /// How long it may take.
    pub limit: Duration,
}

/// What `nginx -t` said of a configuration. A refusal is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// nginx would read it.
    Accepted {
        /// What it remarked all the same.
        warnings: Vec<Message>,
    },
    /// nginx would not.
    Refused {
        /// Why, in its own words.
        messages: Vec<Message>,
    },
}

/// One thing that nginx said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How bad it is.
    pub level: Level,
    /// The text, without level and place.
    pub text: String,
    /// The file it speaks of, absolute, as nginx sees it.
    pub file: Option<PathBuf>,
    /// The line there.
    pub line: Option<u32>,
}

/// Why there is no [`Verdict`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The kernel does not let us make a private view of the file system.
    #[error("make a private view of the file system to ask nginx in ({hint})")]
    NoNamespace {
        /// Which setting forbids it, as far as one can tell.
        hint: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The master lives in a namespace that we cannot enter.
    #[error("enter the namespace of nginx {pid} to ask it there ({hint})")]
    OtherNamespace {
        /// The master.
        pid: i32,
        /// What would help.
        hint: String,
    },
    /// The proposed tree could not be laid out.
    #[error("lay out the tree for nginx to read, at {path}", path = path.display())]
    LayOut {
        /// Which path failed.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// nginx could not be started.
    #[error("start {nginx}", nginx = nginx.display())]
    Start {
        /// The binary.
        nginx: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It did not answer in time and was killed.
    #[error("hear from {nginx} -t within {limit_ms} ms", nginx = nginx.display())]
    TimedOut {
        /// The binary.
        nginx: PathBuf,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// It was ended by a signal.
    #[error("hear from {nginx} -t: it was ended by signal {signal}", nginx = nginx.display())]
    Died {
        /// The binary.
        nginx: PathBuf,
        /// The signal.
        signal: i32,
    },
    /// The master has ended.
    #[error("ask nginx {pid}: it has ended")]
    Gone {
        /// The master.
        pid: i32,
    },
}

/// Asks what nginx would say if this tree stood at `place.config_dir`.
///
/// # Errors
/// [`CheckError`] when nginx could not be asked; never because the configuration is bad.
pub fn proposed(
    question: &Question<'_>,
    tree: &evenkeel_syntax::fileset::FileSet,
) -> Result<Verdict, CheckError> {
    let _ = (question, tree);
    unimplemented!()
}

/// Asks what nginx says of what is on disk.
///
/// # Errors
/// [`CheckError`] when nginx could not be asked; never because the configuration is bad.
pub fn live(question: &Question<'_>) -> Result<Verdict, CheckError> {
    let _ = question;
    let _: Option<&Path> = None;
    unimplemented!()
}
