//! What stands in for upstreams and name servers: it answers, and tells what reached it.

pub(crate) mod child;
