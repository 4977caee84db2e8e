//! Asks from this machine, outside any sandbox, whether the upstreams accept connections.
