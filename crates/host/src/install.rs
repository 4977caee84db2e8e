//! The journaled install: from the files that stand to the files that should, one exchange at a time, each of
//! which can be taken back from the plan and the staged files alone.
//!
//! ```text
//! plan     which paths differ, and how            pure
//! stage    new contents beside the tree           needs space; nothing in the tree changes
//! switch   compare and swap, path by path         needs none; under the guard of the slots
//! undo     puts back what stood there             needs none; may be called any number of times
//! ```
//!
//! Every step has a path in the tree and a name in the dot directory, and is an exchange of the two, either of
//! which may hold nothing. So a step says of itself how far it came: by what lies where. What lies there and is
//! of neither bundle was put there by somebody else; it is never let go of.

mod fits;
mod foreign;
mod meta;
mod mounts;
mod plan;
mod rename;
mod rescue;
mod spot;
mod stage;
mod switch;
mod undo;

pub use foreign::{ForeignError, foreign, foreign_snapshot, strays, sweep};
pub use plan::{Action, Plan, PlanError, Planned, plan};
pub use rescue::{RescueError, Rescued, rescue};
pub use stage::{StageError, Staged, stage};
pub use switch::{SwitchError, switch};
pub use undo::{UndoError, Undone, flush, undo};

/// Told before each system call of a switch or an undo that changes something. A test ends the process there.
pub trait Steps {
    /// `what` is about to be done at `path`.
    fn reached(&mut self, what: &'static str, path: &[u8]);
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Steps for Unobserved {
    fn reached(&mut self, _: &'static str, _: &[u8]) {}
}

impl<F: FnMut(&'static str, &[u8])> Steps for F {
    fn reached(&mut self, what: &'static str, path: &[u8]) {
        self(what, path);
    }
}
