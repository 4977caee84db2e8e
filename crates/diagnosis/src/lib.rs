//! What evidence says about the cause of a failure.
//!
//! [`Evidence`] goes in: what probes saw, what error and access logs say, what listens, what the firewall decides, what changed.
//! A [`Diagnosis`] comes out: causes, the best first, each with what it rests on, what speaks against it, what to check first and
//! how to mend it; what was ruled out; and what would settle the rest.
//!
//! Invariants:
//! * Pure: no files, no clock, no chance. Equal evidence gives an equal diagnosis.
//! * What is known of causes is a table ([`analyzers`]): a row names the facts that show a cause, those that settle it and those
//!   that exclude it. The engine knows no cause.
//! * A cause is confident only when a fact settles it. A change before the onset makes a cause likelier, never confident.
//! * Where nobody looked, a fact is unknown, not false: it is named under what would settle it.
//! * Healthy evidence has no cause.

#![deny(clippy::disallowed_methods)]

pub mod analyzers;
mod diagnosis;
mod engine;
pub mod evidence;
mod fact;
mod finding;
mod gather;
mod row;
#[cfg(test)]
mod tests;

pub use diagnosis::{Cause, Confidence, Diagnosis, RuledOut};
pub use engine::diagnose;
pub use evidence::Evidence;
pub use fact::Fact;
pub use finding::Finding;
pub use row::{Row, Shape};
