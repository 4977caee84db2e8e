//! Simulated controllers, hosts, network and disks: one seed, one history, and every promise of a release checked on it.
//!
//! The decisions are the real ones: [`Fleet`](evenkeel_fleet::Fleet) and [`fleet::apply`](evenkeel_fleet::apply) run as they
//! are shipped. What carries them out (the command, the fuse, recovery, the controller, the slots) is written here once
//! more over a disk, a server and a clock that can do everything that real ones do, at the worst moment. What holds:
//!
//! * **Equal seed, equal history.** There is one thread, no clock and no chance but the seed's.
//! * **A history is a list of things** that happen, so one that fails is made smaller by leaving things out.
//! * **Checkers see what was done**, not what the parties believe. Each is tripped by a planted fault ([`Plant`]).
//! * **Nothing of this ships.**

mod agent;
mod back;
mod checkers;
mod command;
mod controller;
mod deeds;
mod disk;
mod exec;
mod facts;
mod fuse;
mod guard;
mod intime;
mod network;
mod plan;
mod plant;
mod run;
mod server;
mod world;

pub use plant::Plant;
pub use run::{Broken, Played, explain, play};

/// The names of all promises that are checked.
pub fn promises() -> impl Iterator<Item = &'static str> {
    checkers::CHECKERS.iter().map(|(name, _)| *name)
}
