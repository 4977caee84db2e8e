//! As whom nginx may run here, and how the users of a sandbox are mapped to those of this machine.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::unistd::{User, getegid, geteuid};

use super::spec::Mode;
use super::sys;

/// The last ordinary number of a user; every account that nginx may be told to use lies below.
const LAST_USER: u32 = 65_534;
/// Where the numbers begin that nobody uses: above those of accounts, of containers and of subordinate users.
const NOBODYS: u32 = 4_000_000_000;

/// How the users of a sandbox become users of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) mode: Mode,
    /// Extents: inside, outside, how many.
    users: Vec<(u32, u32, u32)>,
    groups: Vec<(u32, u32, u32)>,
}

impl Identity {
    /// Lists what is possible here, the most faithful one first. Never empty.
    pub(crate) fn possible() -> Vec<Self> {
        [Self::ident(), Self::subid(), Ok(Self::alias())].into_iter().flatten().collect()
    }

    /// Prepares one mode, or says why it is not possible.
    pub(crate) fn of(mode: Mode) -> Result<Self, String> {
        match mode {
            Mode::Ident => Self::ident(),
            Mode::Subid => Self::subid(),
            Mode::Alias => Ok(Self::alias()),
            Mode::Shift => Self::shift(),
        }
    }

    /// Everyone is itself, as far as this process itself knows them: it may be in a namespace already.
    fn ident() -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("it needs root".to_owned());
        }
        if fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "deny") {
            return Err("the namespace that this process is in may not set groups".to_owned());
        }
        let (users, groups) = (own_extents("uid_map"), own_extents("gid_map"));
        let covers = |extents: &[(u32, u32, u32)]| {
            [0, LAST_USER]
                .iter()
                .all(|id| extents.iter().any(|(first, _, count)| id >= first && id - first < *count))
        };
        if !covers(&users) || !covers(&groups) {
            return Err("the namespace that this process is in knows too few users".to_owned());
        }
        Ok(Self { mode: Mode::Ident, users, groups })
    }

    fn shift() -> Result<Self, String> {
        Self::ident()?;
        let both = vec![(0, NOBODYS, LAST_USER + 1)];
        Ok(Self { mode: Mode::Shift, users: both.clone(), groups: both })
    }

    fn subid() -> Result<Self, String> {
        let uid = geteuid();
        if uid.is_root() {
            return Err("it is for ordinary users".to_owned());
        }
        for helper in ["newuidmap", "newgidmap"] {
            find(helper)
                .ok_or_else(|| format!("{helper} is not installed (package uidmap or shadow-utils)"))?;
        }
        let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
        let name = name.ok_or("newuidmap needs an account with a name")?;
        let range = |file: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            subordinate(&text, &name, uid.as_raw())
                .ok_or_else(|| format!("{file} has no range of {LAST_USER} numbers for {name}"))
        };
        let (users, groups) = (range("/etc/subuid")?, range("/etc/subgid")?);
        Ok(Self {
            mode: Mode::Subid,
            users: vec![(0, uid.as_raw(), 1), (1, users.0, users.1)],
            groups: vec![(0, getegid().as_raw(), 1), (1, groups.0, groups.1)],
        })
    }

    fn alias() -> Self {
        let (users, groups) = (vec![(0, geteuid().as_raw(), 1)], vec![(0, getegid().as_raw(), 1)]);
        Self { mode: Mode::Alias, users, groups }
    }

    /// Gives the maps that the sandbox can write itself; the others need somebody outside.
    pub(crate) fn own_maps(&self) -> Option<(String, String)> {
        (self.mode == Mode::Alias).then(|| (lines(&self.users), lines(&self.groups)))
    }

    /// Writes the maps of a process that waits for them.
    pub(crate) fn map(&self, pid: u32) -> io::Result<()> {
        if self.mode != Mode::Subid {
            let proc = writable_proc();
            write(proc.as_ref(), &format!("{pid}/uid_map"), &lines(&self.users))?;
            return write(proc.as_ref(), &format!("{pid}/gid_map"), &lines(&self.groups));
        }
        let start = |helper: &str, extents: &[(u32, u32, u32)]| {
            let numbers = extents.iter().flat_map(|(inside, outside, count)| [*inside, *outside, *count]);
            let path = find(helper).ok_or(io::ErrorKind::NotFound)?;
            let mut command = Command::new(path);
            command.arg(pid.to_string()).args(numbers.map(|number| number.to_string()));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
        };
        // Both at a time: each of them takes some milliseconds.
        let both = [start("newuidmap", &self.users)?, start("newgidmap", &self.groups)?];
        for child in both {
            let ended = child.wait_with_output()?;
            if !ended.status.success() {
                let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, said));
            }
        }
        Ok(())
    }
}

/// A `/proc` to write to, where the one that is seen is read-only: in a sandbox within a sandbox.
pub(crate) fn writable_proc() -> Option<OwnedFd> {
    let flags = nix::sys::statvfs::statvfs("/proc").ok()?.flags();
    if flags.contains(nix::sys::statvfs::FsFlags::ST_RDONLY) { sys::own_proc().ok() } else { None }
}

/// Writes a file of a process: of this `/proc`, or of the one that is seen.
pub(crate) fn write(proc: Option<&OwnedFd>, path: &str, text: &str) -> io::Result<()> {
    let Some(proc) = proc else { return fs::write(Path::new("/proc").join(path), text) };
    let how = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let file = nix::fcntl::openat(proc, path, how, nix::sys::stat::Mode::empty())?;
    fs::File::from(file).write_all(text.as_bytes())
}

fn lines(extents: &[(u32, u32, u32)]) -> String {
    extents.iter().map(|(inside, outside, count)| format!("{inside} {outside} {count}\n")).collect()
}

/// Reads which numbers this process knows, and maps each to itself.
fn own_extents(file: &str) -> Vec<(u32, u32, u32)> {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let extent = |line: &str| {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse().ok());
        let (inside, _outside, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some((inside, inside, count))
    };
    text.lines().filter_map(extent).collect()
}

/// Finds the first range of `/etc/subuid` that is long enough: where it begins, and how much of it is used.
fn subordinate(text: &str, name: &str, uid: u32) -> Option<(u32, u32)> {
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let whose = fields.next()?;
        let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let is_ours = whose == name || whose == uid.to_string();
        (is_ours && count >= LAST_USER).then_some((first, count.min(LAST_USER + 1)))
    };
    text.lines().find_map(range)
}

fn find(program: &str) -> Option<PathBuf> {
    let places = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"].into_iter().map(PathBuf::from);
    places.map(|place| place.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_range_that_is_long_enough_is_taken() {
        let text = "# people\nanna:100000:65536\nbert:165536:1000\nbert:200000:65536\n1005:300000:70000\n";
        assert_eq!(subordinate(text, "anna", 1000), Some((100_000, 65_535)));
        assert_eq!(subordinate(text, "bert", 1001), Some((200_000, 65_535)));
        assert_eq!(subordinate(text, "nobody-of-these", 1005), Some((300_000, 65_535)));
        assert_eq!(subordinate(text, "zoe", 1006), None);
    }

    #[test]
    fn everybody_may_be_an_alias() {
        assert_eq!(Identity::possible().last().map(|one| one.mode), Some(Mode::Alias));
    }

    #[test]
    fn this_process_knows_itself() {
        let uid = geteuid().as_raw();
        assert!(own_extents("uid_map").iter().any(|(first, _, count)| uid >= *first && uid - first < *count));
    }
}
