//! What Evenkeel does to, or asks of, one machine.
//!
//! The only crate that runs or signals the host's own nginx, exchanges the files of its tree, sends a probe or
//! reads the clock. It returns bytes and facts; what they mean is said elsewhere.
//!
//! Invariants:
//! * There is no database here. What must survive a crash of everything is in two preallocated slots
//!   ([`slots`]) and in the files staged beside the tree ([`install`]).
//! * Nothing of a tree is overwritten or removed unseen: a file is exchanged, the one that came out is looked at,
//!   and only what was expected is let go of.
//! * [`clock`], [`place`], [`configdir`], [`install`], [`slots`], [`lock`] and [`fuse`] are synchronous: a release
//!   step is one thread and a list of system calls, so that it can be killed at each of them in a test.

pub mod app;
pub mod balancer;
pub mod clock;
mod codec;
pub mod configdir;
pub mod drift;
pub mod firewall;
pub mod follow;
pub mod fuse;
pub mod identity;
pub mod install;
pub mod listeners;
pub mod lock;
pub mod nginx;
pub mod packages;
pub mod place;
pub mod probe;
pub mod process;
pub mod slots;
mod sys;
pub mod trusted;
