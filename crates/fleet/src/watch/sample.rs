//! One answer to one probe: it went well, or it failed in a way that has a name and evidence.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::Failure;
use crate::{HostId, Span, Timestamp};

/// The name of a probe, as the settings give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub String);

/// The name of a place from which probes are sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VantageId(pub String);

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VantageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProbeId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for VantageId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// One answer to one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When it was sent.
    pub at: Timestamp,
    /// Which probe.
    pub probe: ProbeId,
    /// The host that was asked.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// From the first packet to the last byte, or to the failure.
    pub took: Span,
    /// How it went.
    pub answer: Answer,
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As expected.
    Up,
    /// Not as expected.
    Down(Failure),
}
