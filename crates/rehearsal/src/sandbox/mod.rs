//! The namespaces, mounts and limits in which nginx runs.

pub(crate) mod child;
