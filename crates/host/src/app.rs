//! The application that a release carries beside its configuration: the steps that bring it forward and back, and the
//! guard that takes it back when nobody else can.
//!
//! What a step runs stands in a file of this host's own ([`crate::trusted`]), an argument vector for a user within a
//! time; a release only names it and says from which version to which. The guard is a small process in a session of its
//! own, started before the application is touched. It works from one file, so that recovery can do the same when the guard
//! has died too.

mod armed;
mod guard;
mod step;

pub use armed::{Armed, ArmedError, Fate, take_back};
pub use guard::{Guard, GuardError, main};
pub use step::{Step, StepError, Versions, is_version};
