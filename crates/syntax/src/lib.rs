//! nginx configuration text and its lossless tree.
#![deny(clippy::disallowed_methods)]

pub mod fileset;
