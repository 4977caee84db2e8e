//! The re-executed process: takes orders on its standard input, and ends when nobody gives any more.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::task::{AbortHandle, JoinSet};

use super::speak::{Exchange, Served};
use super::wire::{Command, Order, Reply, Says, Wire};
use super::{Behaviour, Seen, StubId, StubKind, confine, datagram, speak};

/// How many requests are remembered until somebody asks for them.
const SEEN_MAX: usize = 10_000;

/// How many descriptors it asks for at most, so how many connections it holds.
const DESCRIPTORS_MAX: u64 = 16_384;

/// How much memory it may have, in bytes.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// How long accepting rests when the process has no descriptor left and nothing to let go of.
const REST: Duration = Duration::from_millis(10);

pub(crate) fn main(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads what it would print: its end is the message.
        Err(_) => ExitCode::from(2),
    }
}

fn run() -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    limits()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    confine::confine()?;
    runtime.block_on(serve(socket))
}

fn limits() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(DESCRIPTORS_MAX), hard)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_DATA, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX)?;
    // The first to go when memory is short. Where /proc is not there it is like any other process.
    let _like_others = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

/// What reached the stubs, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<VecDeque<Seen>>);

impl Record {
    pub(super) fn push(&self, seen: Seen) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == SEEN_MAX {
            all.pop_front();
        }
        all.push_back(seen);
    }

    fn take(&self) -> VecDeque<Seen> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(socket: OwnedFd) -> io::Result<()> {
    let wire = Wire::new(socket)?;
    let record = Arc::new(Record::default());
    let mut stubs: HashMap<StubId, (Arc<Served>, AbortHandle)> = HashMap::new();
    let mut serving = JoinSet::new();
    while let Some((Command { number, order }, descriptor)) = wire.receive::<Command>().await? {
        let mut says = Says::Done;
        match order {
            Order::Serve { stub, name, kind } => match started(stub, name, kind, descriptor, &record) {
                Ok((served, socket)) => {
                    let task = serving.spawn(accept(socket, served.clone()));
                    stubs.insert(stub, (served, task));
                }
                Err(error) => says = Says::Refused { what: format!("serve a socket: {error}") },
            },
            Order::Close { stub } => match stubs.remove(&stub) {
                Some((_, task)) => {
                    task.abort();
                    // The socket is closed when its task is gone, and only then is the next connection refused.
                    while !task.is_finished() {
                        tokio::task::yield_now().await;
                    }
                }
                None => says = no_stub(),
            },
            Order::Behave { stub, behaviour } => match stubs.get(&stub) {
                Some((served, _)) => served.behave(behaviour),
                None => says = no_stub(),
            },
            Order::Seen => {
                for seen in record.take() {
                    wire.send(&Reply { number, says: Says::Seen(Box::new(seen)) }, None).await?;
                }
            }
        }
        while serving.try_join_next().is_some() {}
        wire.send(&Reply { number, says }, None).await?;
    }
    Ok(())
}

fn no_stub() -> Says {
    Says::Refused { what: "no such stub".to_owned() }
}

/// A socket that a stub serves.
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
    Udp(UdpSocket),
}

fn started(
    stub: StubId,
    name: String,
    kind: StubKind,
    descriptor: Option<OwnedFd>,
    record: &Arc<Record>,
) -> io::Result<(Arc<Served>, Socket)> {
    let descriptor = descriptor.ok_or_else(|| io::Error::other("there is none"))?;
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    let datagrams = sockopt::socket_type(&descriptor)? == SocketType::DGRAM;
    let socket = match sockopt::socket_domain(&descriptor)? {
        AddressFamily::UNIX if !datagrams => Socket::Unix(UnixListener::from_std(descriptor.into())?),
        AddressFamily::INET | AddressFamily::INET6 if datagrams => {
            Socket::Udp(UdpSocket::from_std(descriptor.into())?)
        }
        AddressFamily::INET | AddressFamily::INET6 => Socket::Tcp(TcpListener::from_std(descriptor.into())?),
        _ => return Err(io::Error::other("it is neither TCP, UDP nor a unix stream")),
    };
    if datagrams != matches!(kind, StubKind::Udp) && !matches!(kind, StubKind::Dns(_)) {
        return Err(io::Error::other("its type does not fit what it shall speak"));
    }
    let served = Served::new(stub, name, kind, record.clone()).map_err(io::Error::other)?;
    Ok((Arc::new(served), socket))
}

/// Accepts until it is aborted, and with it everything that it accepted.
async fn accept(socket: Socket, served: Arc<Served>) {
    let mut open = Open::default();
    match socket {
        Socket::Udp(socket) => datagram::serve(&socket, &served).await,
        Socket::Tcp(listener) => loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // An answer is one write; it must not wait for the acknowledgement of an earlier one.
                    let _only_slower = stream.set_nodelay(true);
                    let local = stream.local_addr().map_or_else(|_| String::new(), shown);
                    open.add(speak::connection(stream, Exchange::new(served.clone(), local)));
                }
                Err(error) => open.after(&error).await,
            }
        },
        Socket::Unix(listener) => {
            let local = listener.local_addr().ok();
            let path = local.as_ref().and_then(|local| local.as_pathname());
            let local = path.map_or_else(|| "unix:".to_owned(), |path| format!("unix:{}", path.display()));
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        open.add(speak::connection(stream, Exchange::new(served.clone(), local.clone())));
                    }
                    Err(error) => open.after(&error).await,
                }
            }
        }
    }
}

/// An address without the mapping of IPv4 into IPv6.
pub(super) fn shown(address: std::net::SocketAddr) -> String {
    std::net::SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

/// The connections of one stub, the oldest first.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    oldest: VecDeque<AbortHandle>,
}

impl Open {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        while self.oldest.front().is_some_and(AbortHandle::is_finished) {
            self.oldest.pop_front();
        }
        self.oldest.push_back(self.tasks.spawn(connection));
    }

    /// Goes on after a failed accept: without a descriptor left, the oldest connection makes room.
    async fn after(&mut self, error: &io::Error) {
        let full =
            matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM));
        if !full {
            return;
        }
        self.oldest.retain(|task| !task.is_finished());
        match self.oldest.pop_front() {
            Some(task) => {
                task.abort();
                tokio::task::yield_now().await;
            }
            None => tokio::time::sleep(REST).await,
        }
    }
}

impl Served {
    /// Says what it does from now on.
    fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}
