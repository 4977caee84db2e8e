//! Releases, confirmations and post-mortems as deterministic machines.
//!
//! To this crate a configuration is a digest: it knows hosts, releases and time, and nothing of what a
//! configuration says or of the server that reads it. Its invariants:
//!
//! * **Nothing comes in by itself.** No file, clock, chance, thread or log: the caller passes time and facts
//!   in and performs the effects. Equal state, time and input give an equal [`Turn`].
//! * **State is a fold over the journal.** [`Fleet::step`] decides, records [`Event`]s and applies them
//!   through the same function that [`Fleet::replay`] uses. A crash is a replay.
//! * **Append, then act.** A [`Turn`] shows its events; its effects are handed out only against a
//!   [`Receipt`], which only a durable append makes.
//! * **A host can refuse.** Every order carries a [`Generation`]; a host refuses a lower one, and confirms
//!   nothing after its deadline ([`apply`]).
//! * **No claim without evidence.** A [`Postmortem`] says "not enough evidence" where the journal has none.
//!
//! Only [`journal`] promises a format; no other module serializes.
#![deny(clippy::disallowed_methods)]
#![deny(missing_docs)]

pub mod apply;
pub mod approval;
mod bundle;
mod evidence;
mod fleet;
mod ids;
pub mod incident;
pub mod journal;
mod policy;
pub mod postmortem;
mod release;
#[cfg(test)]
mod testing;
mod time;
mod turn;
pub mod watch;

pub use bundle::{EntryKind, FileChange, Manifest, ManifestEntry};
pub use evidence::{Evidence, EvidenceKind, UnknownEvidenceKind};
pub use fleet::{Fleet, Freeze, Host, Input, OpenDrift, Proposal, Report, Silence};
pub use ids::{Actor, AlertId, BadId, BundleId, Digest, Generation, HostId, IncidentId, ReleaseId, Sequence};
pub use journal::{Event, What};
pub use policy::{Policy, PolicyError};
pub use postmortem::{Postmortem, postmortem, since};
pub use release::{Outcome, Release, Stage};
pub use time::{Span, Timestamp};
pub use turn::{Command, Effect, Receipt, Refusal, Turn};
