//! Documents made of what the journal says.

pub mod chart;
pub mod incident;
pub mod postmortem;
