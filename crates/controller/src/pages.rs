//! Documents made of what the journal says.

pub mod postmortem;
