//! Where nginx runs while it is rehearsed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

use evenkeel_model::{Config, FileKind};
use tokio::net::{TcpStream, UnixStream};

use crate::reduced::Reduced;
use crate::rehearse::How;
use crate::sandbox::{Sandbox, SandboxError, Side, Signal, Spec, Started};

/// A sandbox, or what stands in for one where none is possible.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Namespaces of its own.
    Sandbox(Box<Sandbox>),
    /// A private prefix.
    Reduced(Box<Reduced>),
}

impl Stage {
    /// Sets the stage for the trees of `spec`, which mean `configs`.
    pub(crate) async fn set(how: How, spec: Spec, configs: &[&Config]) -> Result<Stage, SandboxError> {
        match how {
            How::Reduced => Reduced::start(&spec, configs).map(Box::new).map(Stage::Reduced),
            _ => Sandbox::start(spec).await.map(Box::new).map(Stage::Sandbox),
        }
    }

    /// Whether addresses are elsewhere than the tree says.
    pub(crate) fn is_reduced(&self) -> bool {
        matches!(self, Stage::Reduced(_))
    }

    /// A `Location` as nginx would send it on its host.
    pub(crate) fn location(&self, location: &str) -> String {
        match self {
            Stage::Sandbox(_) => location.to_owned(),
            Stage::Reduced(it) => it.location(location),
        }
    }

    pub(crate) fn mode(&self) -> String {
        match self {
            Stage::Sandbox(it) => it.mode().to_string(),
            Stage::Reduced(_) => "reduced".to_owned(),
        }
    }

    pub(crate) fn differences(&self) -> &[String] {
        match self {
            Stage::Sandbox(it) => it.differences(),
            Stage::Reduced(it) => it.differences(),
        }
    }

    pub(crate) async fn listen(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.listen(side, at).await,
            Stage::Reduced(it) => it.listen(side, at),
        }
    }

    pub(crate) async fn listen_unix(&self, path: &Path) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.listen_unix(path).await,
            Stage::Reduced(it) => it.listen_unix(path),
        }
    }

    pub(crate) async fn udp(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        match self {
            Stage::Sandbox(it) => it.udp(side, at).await,
            Stage::Reduced(it) => it.udp(at),
        }
    }

    pub(crate) async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        match self {
            Stage::Sandbox(it) => it.connect(from, to).await,
            Stage::Reduced(it) => it.connect(to).await,
        }
    }

    pub(crate) async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        match self {
            Stage::Sandbox(it) => it.connect_unix(path).await,
            Stage::Reduced(it) => it.connect_unix(path).await,
        }
    }

    pub(crate) async fn remove_unix(&self, path: &Path) -> io::Result<()> {
        match self {
            Stage::Sandbox(it) => it.remove_unix(path).await,
            Stage::Reduced(it) => it.remove_unix(path),
        }
    }

    pub(crate) async fn start_nginx(&self, nginx: &Path, args: &[String]) -> Result<Started, SandboxError> {
        match self {
            Stage::Sandbox(it) => it.start_nginx(nginx, args).await,
            Stage::Reduced(it) => it.start_nginx(nginx, args).await,
        }
    }

    pub(crate) async fn stop_nginx(&self) {
        match self {
            Stage::Sandbox(it) => it.stop_nginx().await,
            Stage::Reduced(it) => it.stop_nginx().await,
        }
    }

    pub(crate) async fn signal(&self, pid: i32, signal: Signal) -> io::Result<()> {
        match self {
            Stage::Sandbox(it) => it.signal(pid, signal).await,
            Stage::Reduced(it) => it.signal(pid, signal).await,
        }
    }

    pub(crate) async fn exchange(&self, tree: usize) -> io::Result<()> {
        match self {
            Stage::Sandbox(it) => it.exchange(tree).await,
            Stage::Reduced(it) => it.exchange(tree),
        }
    }

    pub(crate) async fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        match self {
            Stage::Sandbox(it) => it.read(path, limit).await,
            Stage::Reduced(it) => it.read(path, limit),
        }
    }

    pub(crate) async fn kind(&self, path: &Path) -> FileKind {
        match self {
            Stage::Sandbox(it) => it.kind(path).await,
            Stage::Reduced(it) => it.kind(path),
        }
    }

    pub(crate) async fn stop(self) {
        match self {
            Stage::Sandbox(it) => it.stop().await,
            Stage::Reduced(it) => it.stop().await,
        }
    }
}
