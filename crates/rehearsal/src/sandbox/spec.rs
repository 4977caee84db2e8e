//! What a sandbox is asked for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where the name servers of `/etc/resolv.conf` inside are expected: make it with
/// [`super::Sandbox::udp`] on [`Side::Host`].
pub const DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);
/// From where a client comes that names no address of its own (a range for documentation, RFC 5737).
pub const CLIENT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
/// The same for IPv6 (RFC 3849).
pub const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

/// Everything that a sandbox needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What is executed again as the first process; its `main` calls [`crate::child`]. `/proc/self/exe` by default.
    pub program: PathBuf,
    /// As whom nginx runs. `None`: the most faithful one that is possible here.
    pub mode: Option<Mode>,
    /// Where the tree is seen inside, read-only.
    pub config_dir: PathBuf,
    /// Directories of this machine. The first one is mounted at the start, [`super::Sandbox::exchange`] changes it.
    pub trees: Vec<PathBuf>,
    /// Programs (or directories with programs and modules) that must be visible inside, wherever they lie.
    pub nginx: Vec<PathBuf>,
    /// The addresses of the host. `None`: those of this machine.
    pub addresses: Option<Vec<IpAddr>>,
    /// Names for `/etc/hosts` inside. They come before what this machine's own file says of other names.
    pub hosts: Vec<(String, IpAddr)>,
    /// Directories to be there, empty and writable, whatever lies there on this machine. One below `config_dir` is the same
    /// one in every tree.
    pub directories: Vec<Directory>,
    /// Files below `config_dir` that nginx writes: empty, writable, and the same ones in every tree.
    pub written: Vec<PathBuf>,
    /// Files of our own that cover what lies there, or lies nowhere: path, contents, mode. One below `config_dir` is
    /// laid into every tree.
    pub files: Vec<(PathBuf, Vec<u8>, u32)>,
    /// Files and directories of this machine that nobody may see inside. One below `config_dir` is hidden in every tree.
    pub hidden: Vec<PathBuf>,
    /// Names of users and groups that the tree uses. Those that this machine knows from elsewhere than `/etc/passwd`
    /// and `/etc/group` are looked up and written there.
    pub accounts: Vec<String>,
    /// What it may use up.
    pub limits: Limits,
}

impl Spec {
    /// A sandbox for one tree that is seen at `config_dir`, with this machine's addresses and the usual limits.
    pub fn new(config_dir: impl Into<PathBuf>, tree: impl Into<PathBuf>) -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            mode: None,
            config_dir: config_dir.into(),
            trees: vec![tree.into()],
            nginx: Vec::new(),
            addresses: None,
            hosts: Vec::new(),
            directories: Vec::new(),
            written: Vec::new(),
            files: Vec::new(),
            hidden: Vec::new(),
            accounts: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// A directory to be there and writable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where, absolute.
    pub path: PathBuf,
    /// Whose it is. In [`Mode::Alias`] everything belongs to the one user there is.
    pub uid: u32,
    /// Whose group it has.
    pub gid: u32,
    /// Permission bits, `0o755` for example.
    pub mode: u32,
}

/// As whom nginx runs inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every user is itself, root without its power over this machine. Needs root.
    Ident,
    /// The calling user is root inside, the others are its subordinate users (`/etc/subuid`). Needs `newuidmap`.
    Subid,
    /// The calling user is root inside and every account is another name for it. Needs nothing.
    Alias,
    /// Every user is one that owns nothing on this machine, root too: what is not for everyone cannot be read, keys
    /// least of all. Needs root; for trees that are not trusted. Never chosen by itself.
    Shift,
}

const MODES: [(Mode, &str); 4] =
    [(Mode::Ident, "ident"), (Mode::Subid, "subid"), (Mode::Alias, "alias"), (Mode::Shift, "shift")];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = MODES.iter().find(|(mode, _)| mode == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

/// A word that is no [`Mode`].
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no way to run nginx in a sandbox: it is ident, subid, alias or shift")]
pub struct NoSuchMode(String);

impl FromStr for Mode {
    type Err = NoSuchMode;

    fn from_str(text: &str) -> Result<Self, NoSuchMode> {
        let found = MODES.iter().find(|(_, name)| *name == text);
        found.map(|(mode, _)| *mode).ok_or_else(|| NoSuchMode(text.to_owned()))
    }
}

/// The two networks of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Everything that is not the host. Every address is local there: one listener on `[::]:PORT` is asked for any.
    World,
    /// The host, where nginx runs: loopback and the host's own addresses.
    Host,
}

/// What a sandbox may use up. Beyond `processes`, `memory_bytes` and `wall` it ends as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many processes at a time.
    pub processes: u32,
    /// How much memory of their own the processes may hold together; also of each.
    pub memory_bytes: u64,
    /// How much all files written inside may hold together, shared memory in `/dev/shm` included.
    pub files_bytes: u64,
    /// How long one file may become.
    pub file_bytes: u64,
    /// How many files a process may open, soft and hard, as on the host. `None`: as this process may, and root may
    /// raise it as far as the kernel lets any process.
    pub open_files: Option<(u64, u64)>,
    /// How long a start of nginx may take.
    pub start: Duration,
    /// How long the sandbox lives at most.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            processes: 2048,
            memory_bytes: 2 << 30,
            files_bytes: 256 << 20,
            file_bytes: 128 << 20,
            open_files: None,
            start: Duration::from_secs(20),
            wall: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_shown() {
        for (mode, name) in MODES {
            assert_eq!(mode.to_string(), name);
            assert_eq!(name.parse::<Mode>().unwrap(), mode);
        }
        assert!("root".parse::<Mode>().is_err());
    }
}
