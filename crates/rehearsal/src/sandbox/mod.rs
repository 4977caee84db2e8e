//! The namespaces, mounts and limits in which nginx runs.
//!
//! Three processes: whoever asks (this one), this program executed again (`child`), and its child, the first process of
//! the sandbox (`child::serve`), which does what it is asked over one socket: make sockets, start programs, show another
//! tree. What lives outside (stubs, clients) gets sockets that were made inside; a socket stays in the network that it was
//! made in, whoever holds it.
//!
//! Invariants:
//! * Whatever ends one of the three ends all, and with the first process inside the kernel ends everything else: the
//!   control socket, a pipe between the other two, and the process namespace see to it. No file is written outside.
//! * There is no network but the two of the sandbox, connected with each other and with nothing else.
//! * Every mount is a private, read-only copy, but for one file system in memory with a limit. What speaks with the
//!   machine's services (`/run`, their sockets, devices) is not mirrored: a read-only mount keeps nobody from connecting.
//!   What cannot be found out is a named pipe that a service keeps elsewhere.
//! * A program inside has no capability that reaches beyond nginx's needs, none over the machine, and cannot gain any; it
//!   makes no namespace and no mount, and sees no process but its own.
//! * Where the kernel refuses one of the parts, there is no sandbox. Only `/proc` may be missing, which [`Sandbox::differences`]
//!   says.
//!
//! Linux 5.12 (`mount_setattr`) is the oldest that will do.

pub(crate) mod accounts;
pub(crate) mod child;
mod control;
mod copy;
mod error;
pub(crate) mod hint;
pub(crate) mod identity;
pub(crate) mod launch;
mod nginx;
mod plan;
pub(crate) mod processes;
mod spec;
pub(crate) mod sys;
pub(crate) mod wire;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use evenkeel_model::FileKind;
pub use nix::sys::signal::Signal;
use tokio::net::{TcpStream, UnixStream};

use control::Control;
pub use error::SandboxError;
use identity::Identity;
use launch::First;
pub use spec::{CLIENT_V4, CLIENT_V6, DNS, Directory, Limits, Mode, NoSuchMode, Side, Spec};
use wire::{Order, Raw};

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

/// A running sandbox. Dropping it ends everything in it and waits until it is gone, some milliseconds.
#[derive(Debug)]
pub struct Sandbox {
    // In this order: the control socket is closed first, and everything ends with it.
    control: Control,
    _first: First,
    mode: Mode,
    init_pid: i32,
    differences: Vec<String>,
    limits: Limits,
}

impl Sandbox {
    /// Sets up the namespaces, mounts and limits. Nothing of nginx runs yet.
    ///
    /// # Errors
    /// [`SandboxError`]: the kernel or the distribution refuses, or something of `spec` is not there.
    pub async fn start(spec: Spec) -> Result<Self, SandboxError> {
        let possible = match spec.mode {
            None => Identity::possible(),
            Some(mode) => {
                vec![Identity::of(mode).map_err(|reason| SandboxError::Mode { mode, reason })?]
            }
        };
        let mut refused = SandboxError::Ended { because: None };
        for identity in possible {
            let (plan, pool, mut differences) = plan::draw(&spec, &identity)?;
            match launch::launch(&spec.program, &identity, (&plan, &pool)).await {
                Ok(launched) => {
                    differences.extend(launched.differences);
                    return Ok(Self {
                        control: launched.control,
                        _first: launched.first,
                        mode: identity.mode,
                        init_pid: launched.init_pid,
                        differences,
                        limits: spec.limits,
                    });
                }
                // Another way to map the users may be allowed.
                Err(error) if matches!(&error, SandboxError::Refused { step, .. } if step == launch::MAPS) => {
                    refused = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused)
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
        self.control.ask_for(Order::Listen { world: side == Side::World, at }).await
    }

    /// Makes a listening unix socket inside, in place of one that is there, with the directories above it.
    ///
    /// # Errors
    /// As of `bind` and `listen`, or the sandbox has ended.
    pub async fn listen_unix(&self, path: &Path) -> io::Result<OwnedFd> {
        self.control.ask_for(Order::ListenUnix { path: Raw::from(path) }).await
    }

    /// Makes a bound UDP socket inside; it does not block.
    ///
    /// # Errors
    /// As of `bind`, or the sandbox has ended.
    pub async fn udp(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        self.control.ask_for(Order::Udp { world: side == Side::World, at }).await
    }

    /// Connects as a client in the world, from any address ([`CLIENT_V4`] or [`CLIENT_V6`] by default); to an address of
    /// loopback as a process of the host, whatever `from` says.
    ///
    /// # Errors
    /// As of `connect`, or the sandbox has ended. There is no limit in time: the caller has one.
    pub async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
        let world = !to.ip().is_loopback();
        let usual = if to.is_ipv4() { CLIENT_V4 } else { CLIENT_V6 };
        let from = match world {
            true => Some(from.filter(|from| from.is_ipv4() == to.is_ipv4()).unwrap_or(usual)),
            false => from.filter(IpAddr::is_loopback),
        };
        let socket = self.control.ask_for(Order::Connect { world, from, to }).await?;
        let stream = TcpStream::from_std(std::net::TcpStream::from(socket))?;
        stream.writable().await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Connects to a unix socket inside.
    ///
    /// # Errors
    /// As of `connect`, or the sandbox has ended.
    pub async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        let socket = self.control.ask_for(Order::ConnectUnix { path: Raw::from(path) }).await?;
        UnixStream::from_std(std::os::unix::net::UnixStream::from(socket))
    }

    /// Takes the file of a unix socket away, which an nginx that was killed leaves.
    ///
    /// # Errors
    /// As of `unlink`, or the sandbox has ended.
    pub async fn remove_unix(&self, path: &Path) -> io::Result<()> {
        self.control.ask(Order::RemoveUnix { path: Raw::from(path) }).await.map(drop)
    }

    /// Lets another tree of the specification stand at `config_dir`, from one moment to the next.
    ///
    /// # Errors
    /// There is no such tree, or the sandbox has ended.
    pub async fn exchange(&self, tree: usize) -> io::Result<()> {
        self.control.ask(Order::Exchange { tree }).await.map(drop)
    }

    /// Reads the first `limit` bytes of a file as it is seen inside.
    ///
    /// # Errors
    /// As of `open`; it is not a regular file; or the sandbox has ended.
    pub async fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let file = self.control.ask_for(Order::Open { path: Raw::from(path) }).await?;
        nginx::contents(file, limit)
    }

    /// Says what lies at a path as it is seen inside. What is neither a file nor a directory is unknown.
    pub async fn kind(&self, path: &Path) -> FileKind {
        let found = self.control.ask_for(Order::Open { path: Raw::from(path) }).await;
        match found.and_then(|file| std::fs::File::from(file).metadata()) {
            Ok(found) if found.is_file() => FileKind::File,
            Ok(found) if found.is_dir() => FileKind::Directory,
            Ok(_) => FileKind::Unknown,
            Err(error) if [libc::ENOENT, libc::ENOTDIR].map(Some).contains(&error.raw_os_error()) => {
                FileKind::Absent
            }
            Err(_) => FileKind::Unknown,
        }
    }

    /// Lists the processes inside but the first one, as this machine sees them, with their titles.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let all = processes::descendants(self.init_pid).into_iter();
        all.filter(|pid| !processes::has_ended(*pid)).map(|pid| (pid, processes::title(pid))).collect()
    }

    /// Ends everything inside and waits until it is gone.
    pub async fn stop(self) {
        let _gone = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
