//! What was seen of a fleet from outside, and what it adds up to.

mod sample;

pub use sample::{Answer, CertificateFault, DnsFault, Failure, Icmp, Layer, ProbeId, Sample, VantageId};
