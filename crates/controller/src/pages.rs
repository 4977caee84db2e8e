//! Documents made of what the journal says.

pub mod chart;
pub mod error;
pub mod incident;
pub mod postmortem;
