//! The one loop over the journal (`input → Fleet::step → append → perform`), and a fleet of one: journal, loop and agent
//! in one process. It is what `apply`, `rollback` and `status` call.
//!
//! Invariants:
//! * Nothing is done before what decided it is durable: effects come out of [`local::Journal::tell`] alone.
//! * It signals nginx never itself; the agent does.
//! * Text side and fleet side meet in [`stages`], where findings become evidence, and nowhere else.
//! * Whatever is stored or shown has been redacted first.

pub mod ask;
pub mod counterfactual;
pub mod diff;
mod endpoint;
mod group;
pub mod ledger;
pub mod local;
pub mod notify;
pub mod outbox;
pub mod pages;
pub mod rates;
pub mod reach;
pub mod ready;
pub mod risk;
pub mod routes;
pub mod source;
pub mod stages;
pub mod watch;
pub mod when;
pub mod why;
