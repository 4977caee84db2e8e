//! Asks nginx in the sandbox, over sockets that were made inside.
