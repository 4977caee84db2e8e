//! Incidents: opened by evidence, merged when they are one, taken care of, and over when the evidence is gone.

mod said;

pub use said::{held, kind_said, said};
