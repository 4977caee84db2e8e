//! The host's half of a release, and what the fuse and recovery decide: a pure machine over plain numbers
//! that a preallocated slot on the disk can hold. How a slot is written is the host's business.
//!
//! Whoever kills the command must read the slot again before it acts: the command may have proven or
//! confirmed with its last breath.

mod decide;
mod stage;
#[cfg(test)]
mod tests;

pub use decide::{Alarm, Decision, Standing, decide};
pub use stage::{
    Accept, Applying, Boottime, IllegalStep, RevertWhy, Stage, UnknownRevertWhy, UnknownWay, Way,
};
