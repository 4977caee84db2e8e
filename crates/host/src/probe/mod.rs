//! Questions asked of a host from outside its nginx.

pub mod http;
