//! Where nginx runs while it is rehearsed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

use evenkeel_model::FileKind;
use tokio::net::{TcpStream, UnixStream};

use crate::sandbox::{Sandbox, SandboxError, Side, Signal, Started};

/// A sandbox, or what stands in for one where none is possible.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Namespaces of its own.
    Sandbox(Sandbox),
}

impl Stage {
    pub(crate) fn mode(&self) -> String {
        match self {
            Stage::Sandbox(it) => it.mode().to_string(),
        }
    }

    pub(crate) fn differences(&self) -> &[String] {
        match self {
            Stage::Sandbox(it) => it.differences(),
        }
    }

    pub(crate) async fn listen(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.listen(side, at).await,
        }
    }

    pub(crate) async fn listen_unix(&self, path: &Path) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.listen_unix(path).await,
        }
    }

    pub(crate) async fn udp(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.udp(side, at).await,
        }
    }

    pub(crate) async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        match self {
            Stage::Sandbox(it) => it.connect(from, to).await,
        }
    }

    pub(crate) async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        match self {
            Stage::Sandbox(it) => it.connect_unix(path).await,
        }
    }

    pub(crate) async fn start_nginx(&self, nginx: &Path, args: &[String]) -> Result<Started, SandboxError> {
        match self {
            Stage::Sandbox(it) => it.start_nginx(nginx, args).await,
        }
    }

    pub(crate) async fn stop_nginx(&self) {
        match self {
            Stage::Sandbox(it) => it.stop_nginx().await,
        }
    }

    pub(crate) async fn signal(&self, pid: i32, signal: Signal) -> io::Result<()> {
        match self {
            Stage::Sandbox(it) => it.signal(pid, signal).await,
        }
    }

    pub(crate) async fn exchange(&self, tree: usize) -> io::Result<()> {
        match self {
            Stage::Sandbox(it) => it.exchange(tree).await,
        }
    }

    pub(crate) async fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        match self {
            Stage::Sandbox(it) => it.read(path, limit).await,
        }
    }

    pub(crate) async fn kind(&self, path: &Path) -> FileKind {
        match self {
            Stage::Sandbox(it) => it.kind(path).await,
        }
    }

    pub(crate) async fn stop(self) {
        match self {
            Stage::Sandbox(it) => it.stop().await,
        }
    }
}
