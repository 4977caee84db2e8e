//! Load balancers, asked and told over their own sockets.

pub mod haproxy;
pub mod sessions;
