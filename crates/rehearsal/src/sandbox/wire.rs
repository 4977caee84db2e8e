//! What a sandbox and whoever started it say to each other: one JSON document a packet, descriptors beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::sys;

/// The longest packet.
pub(crate) const PACKET_BYTES_MAX: usize = 64 << 10;
/// How often, and how long in between, it is tried again while too many descriptors are under way.
const ATTEMPTS_MAX: u32 = 500;
const PAUSE: Duration = Duration::from_millis(2);
/// How many descriptors come with one packet at most.
const DESCRIPTORS_MAX: usize = 4;

/// A path as the bytes it is.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Raw(Vec<u8>);

impl Raw {
    pub(crate) fn path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        PathBuf::from(std::ffi::OsString::from_vec(self.0.clone()))
    }
}

impl<T: AsRef<std::ffi::OsStr>> From<T> for Raw {
    fn from(path: T) -> Self {
        use std::os::unix::ffi::OsStrExt;
        Self(path.as_ref().as_bytes().to_vec())
    }
}

/// What the sandbox is to be; read once, at its start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Lines for its own maps, or `None` when somebody outside writes them.
    pub(crate) own_maps: Option<(String, String)>,
    pub(crate) config_dir: Raw,
    /// Whether this process is nobody inside until it becomes root there.
    pub(crate) becomes_root: bool,
    pub(crate) trees: Vec<Source>,
    pub(crate) nginx: Vec<Raw>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Names and contents of files below `/etc`.
    pub(crate) etc: Vec<(String, Vec<u8>)>,
    pub(crate) directories: Vec<(Raw, u32, u32, u32)>,
    /// Files in the tree that are written.
    pub(crate) written: Vec<Raw>,
    pub(crate) files: Vec<(Raw, Bytes, u32)>,
    pub(crate) hidden: Vec<Raw>,
    /// Settings below `/proc/sys/net` that are not the kernel's own.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) processes: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) files_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) open_files: (u64, u64),
    pub(crate) wall_ms: u64,
}

/// Where a tree comes from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Source {
    /// It is shown from where it lies.
    Shown(Raw),
    /// It is written again, below a directory with this mode: those inside could not read it where it lies.
    Copied(u32, Vec<(Raw, Entry)>),
}

/// What lies at a path of a tree that is copied; those above come before those below.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Entry {
    Directory(u32),
    File(Bytes, u32),
    Link(Raw),
    Pipe,
}

/// Contents that lie behind the plan, in the same file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Bytes {
    at: usize,
    length: usize,
}

/// What the contents of a plan are gathered in, and found in again.
#[derive(Debug, Default)]
pub(crate) struct Pool(Vec<u8>);

impl Pool {
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Bytes {
        let at = self.0.len();
        self.0.extend(bytes);
        Bytes { at, length: bytes.len() }
    }

    pub(crate) fn get(&self, bytes: Bytes) -> &[u8] {
        self.0.get(bytes.at..bytes.at.saturating_add(bytes.length)).unwrap_or_default()
    }

    /// Writes a plan and its contents, for [`Self::read`].
    pub(crate) fn write(&self, plan: &Plan, mut to: impl io::Write) -> io::Result<()> {
        let plan = serde_json::to_vec(plan)?;
        to.write_all(&plan.len().to_ne_bytes())?;
        to.write_all(&plan)?;
        to.write_all(&self.0)
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(mut from: impl io::Read) -> io::Result<(Plan, Self)> {
        let mut length = [0; size_of::<usize>()];
        from.read_exact(&mut length)?;
        let mut plan = vec![0; usize::from_ne_bytes(length)];
        from.read_exact(&mut plan)?;
        let mut pool = Vec::new();
        from.read_to_end(&mut pool)?;
        Ok((serde_json::from_slice(&plan)?, Self(pool)))
    }
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) number: u64,
    pub(crate) order: Order,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The maps are written.
    Mapped,
    /// A listening socket; in the world or on the host.
    Listen {
        world: bool,
        at: SocketAddr,
    },
    ListenUnix {
        path: Raw,
    },
    Udp {
        world: bool,
        at: SocketAddr,
    },
    /// A socket that connects.
    Connect {
        world: bool,
        from: Option<IpAddr>,
        to: SocketAddr,
    },
    ConnectUnix {
        path: Raw,
    },
    /// Takes the file of a unix socket away.
    RemoveUnix {
        path: Raw,
    },
    /// A program; its handle and its output come back.
    Start {
        program: Raw,
        arguments: Vec<String>,
    },
    /// With which status a started program ended.
    Status {
        pid: i32,
    },
    /// Kills everything but itself.
    KillAll,
    Exchange {
        tree: usize,
    },
    /// A handle on what lies at a path, opened for reading only if it is a regular file.
    Open {
        path: Raw,
    },
}

/// What is answered; number 0 is said unasked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) says: Says,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Says {
    /// The user namespace waits for its maps.
    MapMe,
    /// Everything stands. The handle of the first process lies beside.
    Up {
        differences: Vec<String>,
    },
    /// It does not stand.
    Down(Failure),
    Done,
    Started {
        pid: i32,
    },
    Status {
        status: Option<i32>,
    },
    Failed {
        errno: i32,
    },
    /// It ends, because of a limit.
    Ends {
        because: String,
    },
}

/// What failed while a sandbox was set up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The end of "failed to …".
    pub(crate) step: String,
    pub(crate) path: Option<Raw>,
    pub(crate) errno: i32,
}

impl Failure {
    /// For `map_err`: says what was tried.
    pub(crate) fn at(step: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |error| Self { step: step.into(), path: None, errno: errno(&error) }
    }

    /// For `map_err`: names the file of the specification that it was about.
    pub(crate) fn with(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = Some(Raw::from(path));
        |error| Self { step: String::new(), path, errno: errno(&error) }
    }
}

/// Gives the number of an error, `EIO` when it has none.
pub(crate) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::InvalidInput => libc::EINVAL,
        io::ErrorKind::NotFound => libc::ENOENT,
        _ => libc::EIO,
    })
}

/// Sends one packet.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    packet: &impl Serialize,
    beside: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(packet)?;
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let numbers: Vec<RawFd> = beside.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_NOSIGNAL;
    for attempt in 0.. {
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], control, flags, None) {
            Ok(_) => break,
            // The kernel counts all descriptors that this user has under way, in whatever process, for a moment.
            Err(nix::Error::ETOOMANYREFS) if attempt < ATTEMPTS_MAX => std::thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives one packet; `None` when the other end is gone.
pub(crate) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; PACKET_BYTES_MAX];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let mut into = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut into, Some(&mut space), flags)?;
    let mut beside = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            beside.extend(numbers.into_iter().map(sys::received));
        }
    }
    let length = message.bytes;
    if length == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes[..length])?, beside)))
}
