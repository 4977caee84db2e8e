//! The namespaces, mounts and limits in which nginx runs.
//!
//! One program, executed again, makes two networks and a view of this machine's files that nobody can write to, and
//! starts nginx in it as the host would. What lives outside (stubs, clients) gets sockets that were made inside.

pub(crate) mod child;
mod error;
mod spec;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use evenkeel_model::FileKind;
pub use nix::sys::signal::Signal;
use tokio::net::{TcpStream, UnixStream};

pub use error::SandboxError;
pub use spec::{CLIENT_V4, CLIENT_V6, DNS, Directory, Limits, Mode, NoSuchMode, Side, Spec};

/// What came of a start of nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// It runs and has its sockets open.
    Running {
        /// Its master (or only) process, as this machine sees it.
        pid: i32,
        /// What it wrote to standard output and standard error so far.
        output: Vec<u8>,
    },
    /// It ended.
    Refused {
        /// With which exit code; 128 and the number of the signal when one killed it.
        status: i32,
        /// What it wrote to standard output and standard error.
        output: Vec<u8>,
    },
    /// It neither ran nor ended in time, and was killed.
    Hangs {
        /// How long it was waited for.
        after: Duration,
        /// What it wrote to standard output and standard error.
        output: Vec<u8>,
    },
}

/// A running sandbox. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Sandbox {
    mode: Mode,
    init_pid: i32,
    differences: Vec<String>,
}

impl Sandbox {
    /// Sets up the namespaces, mounts and limits. Nothing of nginx runs yet.
    ///
    /// # Errors
    /// [`SandboxError`]: the kernel or the distribution refuses, or something of `spec` is not there.
    pub async fn start(spec: Spec) -> Result<Self, SandboxError> {
        let _ = spec;
        Err(SandboxError::Ended { because: None })
    }

    /// As whom nginx runs.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The first process of the sandbox, as this machine sees it.
    pub fn init_pid(&self) -> i32 {
        self.init_pid
    }

    /// What is not as on the host, one sentence each, for the report.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// Makes a listening TCP socket inside; it does not block.
    ///
    /// # Errors
    /// As of `bind` and `listen`, or the sandbox has ended.
    pub async fn listen(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        let _ = (side, at);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a listening unix socket inside, in place of one that is there, with the directories above it.
    ///
    /// # Errors
    /// As of `bind` and `listen`, or the sandbox has ended.
    pub async fn listen_unix(&self, path: &Path) -> io::Result<OwnedFd> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a bound UDP socket inside; it does not block.
    ///
    /// # Errors
    /// As of `bind`, or the sandbox has ended.
    pub async fn udp(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        let _ = (side, at);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Connects as a client in the world, from any address; to an address of loopback as a process of the host.
    ///
    /// # Errors
    /// As of `connect`, or the sandbox has ended. There is no limit in time: the caller has one.
    pub async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        let _ = (from, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Connects to a unix socket inside.
    ///
    /// # Errors
    /// As of `connect`, or the sandbox has ended.
    pub async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts nginx as on the host: these arguments and no others, in `/`, with a small environment.
    ///
    /// # Errors
    /// [`SandboxError::Ended`], or the program could not be executed. An nginx that refuses is an answer.
    pub async fn start_nginx(&self, nginx: &Path, args: &[String]) -> Result<Started, SandboxError> {
        let _ = (nginx, args);
        Err(SandboxError::Ended { because: None })
    }

    /// Ends every process that was started inside: asks for a moment, then kills.
    pub async fn stop_nginx(&self) {}

    /// Signals a process of the sandbox.
    ///
    /// # Errors
    /// It is none of the sandbox's, or has ended.
    pub async fn signal(&self, pid: i32, signal: Signal) -> io::Result<()> {
        let _ = (pid, signal);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Lets another tree of the specification stand at `config_dir`, from one moment to the next.
    ///
    /// # Errors
    /// There is no such tree, or the sandbox has ended.
    pub async fn exchange(&self, tree: usize) -> io::Result<()> {
        let _ = tree;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads the first `limit` bytes of a file as it is seen inside.
    ///
    /// # Errors
    /// As of `open`; it is not a regular file; or the sandbox has ended.
    pub async fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let _ = (path, limit);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Says what lies at a path as it is seen inside.
    pub async fn kind(&self, path: &Path) -> FileKind {
        let _ = path;
        FileKind::Unknown
    }

    /// Lists the processes inside but the first one, as this machine sees them, with their titles.
    pub fn processes(&self) -> Vec<(i32, String)> {
        Vec::new()
    }

    /// Ends everything inside and waits until it is gone.
    pub async fn stop(self) {}
}
