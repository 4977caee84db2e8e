//! What was seen of a fleet from outside, and what it adds up to.

pub mod drift;
mod failure;
pub mod judge;
mod sample;
pub mod trial;
mod vantage;
pub mod verdict;

pub use failure::{CertificateFault, DnsFault, Failure, Icmp, Layer, alert_name};
pub use sample::{Answer, ProbeId, Sample, VantageId};
pub use vantage::{BLINK, Fitness, Look, Suspicion, fitness, is_evidence};
