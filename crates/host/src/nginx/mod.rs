//! Asking and telling the nginx of this host: which process it is, what it would say of a tree, and whether it
//! really serves one.
//!
//! Everything here is synchronous and bounded. Nothing connects to a listener of that nginx: a bare connection
//! reaches the applications behind `stream` servers.

pub mod check;
pub mod compiled;
pub mod control;
mod enter;
pub mod find;
pub mod generation;
pub mod log;
mod log_line;
mod proc;
pub mod sockets;
mod title;
pub mod upgrade;
mod view;
pub mod workers;
