//! What this crate asks of nginx, asked of real ones.

mod find;
mod private;
mod proof;
