//! Failures brought about on real parts: nginx (the installed one and the newest), HAProxy, nftables in networks of their own,
//! applications, certificates, files. `why` itself gathers what is to be known of them, and the first cause must be the true one.
//!
//! [`table`] holds which rows of the table of causes are proven so, and how large their share is.

#[macro_use]
mod case;
mod app;
mod balancer;
mod content;
mod double;
mod healthy;
mod network;
mod own;
mod stage;
mod start;
mod table;
mod tls;
mod upstream;
