//! The verdict on a firewall against the kernel's own.

mod generate;
mod hostile;
mod play;
mod sets;
mod world;
