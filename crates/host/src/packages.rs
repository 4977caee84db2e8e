//! What package managers tell of themselves, and what they leave: dpkg and apt in detail, others by what lies on disk.
//!
//! Nothing here changes a package or a tree. Everything read is bounded: what apt writes into a hook, what dpkg has in its
//! database and its log, what a package unpacks to.

pub mod caller;
pub mod conffile;
pub mod dpkg;
pub mod history;
pub mod hold;
pub mod hooks;
pub mod log;
pub mod protocol;
pub mod stale;
pub mod unpacked;
