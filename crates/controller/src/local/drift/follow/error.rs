//! Why a tree cannot be followed.

use std::io;
use std::path::PathBuf;

use evenkeel_host::configdir::ReadError;
use evenkeel_store::StoreError;

use crate::local::HostError;

/// Why a tree cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The host cannot be looked at.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Nothing was released here, so that nothing can differ from it.
    #[error("follow a tree of which nothing was released")]
    NothingReleased,
    /// The kernel does not tell of changes, or no longer does.
    #[error("watch {path}", path = path.display())]
    Events {
        /// The tree.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Openings cannot be looked at.
    #[error("look at who opens files (it takes root)")]
    Guard(#[source] io::Error),
    /// The kernel's audit cannot be switched on, or would tell nothing.
    #[error("have the kernel's audit tell who changes what")]
    Audit(#[source] io::Error),
    /// Somebody follows this tree already.
    #[error("follow the tree: another `evenkeel drift --follow` or `evenkeel watch` does already")]
    Followed,
    /// The tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] StoreError),
}
