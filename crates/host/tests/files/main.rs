//! Trees, bundles, slots and the install, on real files.

#[path = "../common/mod.rs"]
mod common;
mod configdir;
mod install;
mod slots;
