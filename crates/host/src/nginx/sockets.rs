//! Which sockets a process listens on, as the kernel says.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::identity::ProcessId;

/// An address that a configuration listens on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listen {
    /// `listen 80`, `listen [::1]:80`.
    Tcp(SocketAddr),
    /// `listen 53 udp`, `listen 443 quic`.
    Udp(SocketAddr),
    /// `listen unix:/run/x.sock`; an abstract name begins with `@`.
    Unix(PathBuf),
}

/// Gives those of `expected` that the process does not listen on. A wildcard of the same family and port stands
/// for a single address: nginx binds only the wildcard where a configuration has both.
///
/// # Errors
/// When `/proc` does not tell: the process has ended, or belongs to somebody else.
pub fn missing(process: ProcessId, expected: &[Listen]) -> io::Result<Vec<Listen>> {
    let _ = (process, expected);
    unimplemented!()
}
