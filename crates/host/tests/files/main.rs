//! Trees, bundles, slots and the install, on real files.

mod chance;
#[path = "../common/mod.rs"]
mod common;
mod configdir;
mod install;
mod slots;
