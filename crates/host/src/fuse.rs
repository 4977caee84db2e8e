//! The fuse: a small process of its own that takes a release back when nobody confirms it, whatever becomes of the
//! command that applies.
//!
//! ```text
//! command                                   fuse
//!   slots: Armed, with deadlines
//!   starts ────────────────────────────────▶ own session; opens slots, plan and staged files; validates
//!   waits  ◀──────────────────────── ready ── slots: this is the fuse
//!   guard: compares, exchanges; Switched      waits for: the command's end, a deadline, a signal
//!   guard: Signalled, SIGHUP
//!   proof; guard: Proven                      each time it wakes it reads the slots and asks `decide`
//!   guard: Confirmed                          nothing unconfirmed: ends
//! ```
//!
//! Both act on the tree only under the guard of the slots, and a revert is written there before it begins. So the
//! one that comes second finds out, and does nothing. The fuse kills a command only when that withholds the guard:
//! whoever does not hold it can do no harm, and a command that lives can still tell its user what happened.
//! (`decide` allows the killing whenever the command may live.) The same goes for a `confirm` that was stopped with the
//! guard in its hand.
//!
//! Where the way back that reads nothing is armed ([`Order::parse_free`]), the old master stands by without workers from
//! the switch to the confirmation. The fuse sees to it that it stays so: whoever tells it to reload meanwhile wakes it.
//!
//! After a revert that is not proven nginx may still serve the unconfirmed configuration. The fuse stays then, and tells
//! nginx again with growing pauses, for an hour at most, until the old one is proven or another release begins.

mod again;
mod arm;
mod back;
mod bring_back;
mod hung;
mod launch;
mod rest;
mod revert;
mod run;
mod way_back;

pub use again::prove_again;
pub use arm::{ArmError, Armed, Order, arm};
pub(crate) use back::said;
pub use launch::{Launch, READY_WITHIN_MS};
pub use rest::{finish, new_begun, stand_by};
pub use revert::{Ask, RevertError, confirm, recover, request_revert, revert_within};
pub use run::{FuseArgs, run};
pub use way_back::WayBack;

/// How long somebody else may hold the guard before the fuse takes it for hung, in milliseconds.
const GUARD_GRACE_MS: u64 = 300;
/// How long a process that was killed may take to end, in milliseconds.
const KILL_WITHIN_MS: u64 = 5_000;
/// How long a revert may take before somebody else may try again, in milliseconds.
const REVERT_WITHIN_MS: u64 = 30_000;
