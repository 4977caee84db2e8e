//! What this crate asks of nginx, asked of real ones.

#[path = "../common/mod.rs"]
mod common;
mod find;
