//! Child processes with a time and an output limit.
