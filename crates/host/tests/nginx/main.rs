//! What this crate asks of nginx, asked of real ones.

mod check;
mod find;
mod private;
mod proof;
mod view;
