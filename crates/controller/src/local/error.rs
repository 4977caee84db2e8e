//! Why this host could not be looked at or changed. Each names the way out.

use std::path::PathBuf;

use evenkeel_fleet::ReleaseId;
use evenkeel_host::configdir::bundles::BundleError;
use evenkeel_host::configdir::{KeepError, ReadError};
use evenkeel_host::fuse::RevertError;
use evenkeel_host::lock::LockError;
use evenkeel_host::nginx::check::CheckError;
use evenkeel_host::nginx::compiled::CompiledError;
use evenkeel_host::nginx::find::FindError;
use evenkeel_host::place::StateDirError;
use evenkeel_host::slots::ConfirmError;
use evenkeel_store::StoreError;

use super::{Ended, Outcome};
use crate::reach::ReachError;

/// Why this host could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// Nobody can come from where the clients are said to.
    #[error(transparent)]
    Client(ReachError),
    /// Another command is changing this host.
    #[error(transparent)]
    Busy(#[from] LockError),
    /// There is no nginx to change, or more than one.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The nginx binary does not say what it is.
    #[error(transparent)]
    Compiled(#[from] CompiledError),
    /// A tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A tree has no main file.
    #[error("find {} in {}: a tree is a directory with that file in it", main.display(), tree.display())]
    NoMain {
        /// The main file.
        main: PathBuf,
        /// The tree.
        tree: PathBuf,
    },
    /// A keep pattern cannot be taken.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// `nginx -t` could not be asked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// There is no sandbox to rehearse in.
    #[error(transparent)]
    Rehearsal(#[from] evenkeel_rehearsal::rehearse::RehearsalError),
    /// The nginx that runs sees other files than this command: a sandbox made from ours says nothing about it.
    #[error("rehearse for an nginx that has its own view of the file system")]
    OtherView,
    /// A person wanted it to stop.
    #[error("go on after an interrupt")]
    Interrupted,
    /// A bundle cannot be kept or found.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A package that comes cannot be looked into.
    #[error(transparent)]
    Unpack(#[from] evenkeel_host::packages::unpacked::UnpackError),
    /// A release cannot be confirmed.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// The host could not go back.
    #[error(transparent)]
    Revert(#[from] RevertError),
    /// The slots cannot be read.
    #[error(transparent)]
    Standing(#[from] evenkeel_agent::StandingError),
    /// A bundle could not be put in place.
    #[error(transparent)]
    Put(#[from] evenkeel_agent::PutError),
    /// A release is under way, or was interrupted.
    #[error("begin while {release} is open ({stage})")]
    Open {
        /// The release.
        release: ReleaseId,
        /// How far it is.
        stage: &'static str,
    },
    /// The journal in the state directory is another host's.
    #[error("use the journal of {journal} for {here}")]
    OtherHost {
        /// The host that it speaks of.
        journal: evenkeel_fleet::HostId,
        /// What this host is called.
        here: evenkeel_fleet::HostId,
    },
    /// There is nothing that a rollback could return to.
    #[error("find a bundle to return to: {0}")]
    NothingBefore(String),
    /// The fleet refuses.
    #[error(transparent)]
    Refused(#[from] evenkeel_fleet::Refusal),
}

impl HostError {
    /// An interrupt before anything was touched is an answer: it was a person's.
    pub(super) fn or_interrupted(self) -> Result<Outcome, HostError> {
        match self {
            HostError::Check(CheckError::Interrupted) | HostError::Interrupted => {
                Ok(Outcome::new(None, Ended::Refused, "interrupted before anything was touched"))
            }
            error => Err(error),
        }
    }

    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            HostError::Journal(StoreError::Corrupt { path, .. }) => format!(
                "`evenkeel rollback` works without it; to begin a new one: mv {0} {0}.corrupt && evenkeel adopt",
                path.display()
            ),
            HostError::Journal(StoreError::Newer { .. }) => "use the newer evenkeel that wrote it".to_owned(),
            HostError::Journal(StoreError::Missing { .. }) => {
                "nothing was released here yet; `evenkeel adopt` or `evenkeel apply TREE` begins".to_owned()
            }
            HostError::Journal(StoreError::NotPermitted { .. }) | HostError::StateDir(_) => {
                "run as root, or say --state-dir DIR".to_owned()
            }
            HostError::Find(_) => {
                "start nginx, or say where it is: --config-dir DIR --pid FILE --nginx FILE".to_owned()
            }
            HostError::Check(CheckError::NoNamespace { .. } | CheckError::OtherNamespace { .. }) => {
                "`--accept preflight` goes on without asking nginx beforehand; that is recorded".to_owned()
            }
            HostError::Rehearsal(error) => {
                let goes_on = "`--no-rehearsal` goes on without one; that is recorded";
                error.hint().map_or_else(|| goes_on.to_owned(), |hint| format!("{hint}. {goes_on}"))
            }
            HostError::OtherView => "`--no-rehearsal` goes on without one; that is recorded".to_owned(),
            HostError::Compiled(_) => "say --nginx FILE".to_owned(),
            HostError::OtherHost { journal, .. } => {
                format!("if it was renamed, say [host] name = \"{journal}\" in evenkeel.toml; else say another --state-dir")
            }
            HostError::Open { .. } => {
                "`evenkeel status` says more; `evenkeel confirm`, `evenkeel rollback` or `evenkeel recover` ends it"
                    .to_owned()
            }
            HostError::Read(ReadError::Missing { .. }) => "say where the tree is".to_owned(),
            _ => return None,
        })
    }
}
