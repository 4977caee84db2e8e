//! The lab: the stack of a small shop on one machine, each host in namespaces of its own.
//!
//! Three places to look from, HAProxy, two web servers and a standby (nginx), two applications, a name server, a firewall
//! on each of them, one network. Everything is real but the machines.
//!
//! Invariants:
//! * Nothing leaves it: there is one switch, and no route to anywhere else. Nothing of this machine can be written to: its
//!   files are a read-only mirror, what a host writes lies in memory.
//! * Nothing is left of it: one *keeper* holds it, and the kernel ends the rest with the keeper's child, however either
//!   ends. While a lab comes up, it ends with whoever brings it up.
//! * A lab is named by its directory, and two of them know nothing of each other.
//! * All of it works for an ordinary user as for root; the users inside are mapped as [`crate::sandbox::Mode`] says.

mod ask;
mod daemon;
mod enter;
mod failover;
mod first;
mod layout;
mod names;
mod outage;
mod prove;
pub(crate) mod shop;
mod state;
mod up;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub use ask::Reply;
pub use failover::{Fall, Visit};
pub use layout::{MEMBERS, Member, Role, SITE};
pub use outage::{Deed, NoSuchOutage, Outage, Outcome};
pub use prove::{HostStatus, Proof};
pub use state::{Broken, LabDir, Process, Standing, State};
pub use up::Parts;

/// A lab that is up.
#[derive(Debug)]
pub struct Lab {
    dir: LabDir,
    state: State,
}

impl Lab {
    /// What is known of it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The directory that names it.
    pub fn dir(&self) -> &LabDir {
        &self.dir
    }

    /// The first process of a host.
    ///
    /// # Errors
    /// [`LabError::NoSuchHost`].
    pub fn init(&self, host: &str) -> Result<i32, LabError> {
        let found = self.state.hosts.iter().find(|one| one.name == host);
        found.map(|one| one.init.pid).ok_or_else(|| LabError::NoSuchHost { name: host.to_owned() })
    }
}

/// Why a lab does not come up, or does not do as told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// There is one in this directory already.
    #[error("bring a lab up in {dir}: there is one", dir = dir.display())]
    IsUp {
        /// Which directory.
        dir: PathBuf,
    },
    /// There is none in this directory.
    #[error("find a lab in {dir}", dir = dir.display())]
    NotUp {
        /// Which directory.
        dir: PathBuf,
    },
    /// There was one, and it was killed.
    #[error("find the lab in {dir}: it was killed; what was left of it is gone now", dir = dir.display())]
    Died {
        /// Which directory.
        dir: PathBuf,
    },
    /// The directory holds something else.
    #[error("use {dir} for a lab: something else is in it", dir = dir.display())]
    NotALab {
        /// Which directory.
        dir: PathBuf,
    },
    /// Somebody else is at work on it.
    #[error("change the lab in {dir}: somebody else is at it", dir = dir.display())]
    Busy {
        /// Which directory.
        dir: PathBuf,
    },
    /// The machine lacks a program.
    #[error("find {program}")]
    Missing {
        /// Which one.
        program: String,
        /// The package that has it on Debian.
        package: &'static str,
    },
    /// There is no such host.
    #[error("find {name:?} among the hosts of the lab")]
    NoSuchHost {
        /// The name.
        name: String,
    },
    /// The kernel refused.
    #[error("{step}")]
    Refused {
        /// What was tried.
        step: String,
        /// What the kernel said.
        source: io::Error,
        /// Which setting to change, where that could be found out.
        hint: Option<String>,
    },
    /// A file could not be read or written.
    #[error("use {path}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something inside went wrong.
    #[error("{what}")]
    Run {
        /// What was to be done.
        what: String,
        /// What was said.
        source: io::Error,
    },
    /// HAProxy does not do as told.
    #[error(transparent)]
    Haproxy(#[from] evenkeel_host::balancer::haproxy::HaproxyError),
    /// It was broken already.
    #[error("break outage {wanted} into the lab: {is} is in it")]
    IsBroken {
        /// What is in it.
        is: String,
        /// What was wanted.
        wanted: String,
    },
    /// Something of it is not as it should be.
    #[error("find everything in order: {what}")]
    NotInOrder {
        /// What is not.
        what: String,
    },
    /// It did not come up in time.
    #[error("bring the lab up within {} s", limit.as_secs())]
    TimedOut {
        /// How long it was waited for.
        limit: Duration,
    },
    /// It has ended.
    #[error("use the lab, which has ended")]
    Ended,
}

impl LabError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } => hint.clone(),
            Self::IsUp { .. } => Some("`evenkeel lab status`, or another --dir for a second one".to_owned()),
            Self::NotUp { .. } | Self::Died { .. } => Some("`evenkeel lab up`".to_owned()),
            Self::Missing { package, .. } => Some(format!("on Debian: `apt-get install {package}`")),
            Self::NoSuchHost { .. } => {
                let names: Vec<&str> = MEMBERS.iter().map(|member| member.name).collect();
                Some(format!("its hosts are {}", names.join(", ")))
            }
            Self::IsBroken { .. } => Some("`evenkeel lab repair` first".to_owned()),
            _ => None,
        }
    }
}

/// `__lab WORD …`: becomes one of the processes of a lab.
pub(crate) fn child(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let word = arguments.next().unwrap_or_default();
    match word.to_str() {
        Some("keep") => first::main(arguments),
        Some("enter") => enter::main(arguments),
        Some("lay") => enter::lay(arguments),
        Some("dns") => names::main(),
        Some("ask" | "await" | "visit") => ask::main(std::iter::once(word).chain(arguments)),
        _ => ExitCode::from(2),
    }
}
