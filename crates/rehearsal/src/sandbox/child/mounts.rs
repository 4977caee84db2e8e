//! What the sandbox sees of this machine's files: a mirror that nobody can write to, and room of its own.
//!
//! The room is one file system in memory with one limit. Its directories lie in the *attic*, below what covers `/proc`,
//! and are shown where they are needed. A directory of the mirror into which something new must go is *opened*: shown
//! from the attic, with every entry of the original laid back into it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{fchdir, pivot_root};

use super::paths::{resolve, skeleton};
use super::trees::Held;
use crate::sandbox::sys;
use crate::sandbox::wire::{Failure, Source};

/// What is not mirrored: what speaks with this machine's processes, and what belongs to its people.
const APART: &[&str] = &["dev", "home", "proc", "root", "run", "sys", "tmp"];
/// What nginx and the C library look for in `/sys`.
const PROCESSORS: &str = "/sys/devices/system/cpu";
/// What belongs to other services: their sockets and pipes could be written to even where nothing else can.
const OTHERS: &[&str] = &[
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/evenkeel",
    "/var/lib/kubelet",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/spool",
];
/// Devices without power.
const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];
/// How many entries a directory may have that is opened.
const ENTRIES_MAX: usize = 20_000;

/// The files of a sandbox.
#[derive(Debug)]
pub(crate) struct Mounts {
    pub(crate) attic: OwnedFd,
    /// The number of the file system in memory.
    room: u64,
    pub(crate) shown: u32,
    pub(crate) trees: usize,
    pub(crate) config_dir: PathBuf,
    /// Whether there is a `/proc`.
    pub(crate) has_proc: bool,
}

/// What must be kept hold of before the mirror covers it.
pub(crate) struct Kept<'a> {
    pub(crate) trees: Vec<Held<'a>>,
    pub(crate) nginx: Vec<(PathBuf, OwnedFd, (u64, u64))>,
}

/// Leads from a mount namespace of its own into the mirror. `settle` runs while `/proc` can still be written to.
pub(crate) fn mirror<'a>(
    files_bytes: u64,
    trees: &'a [Source],
    nginx: &[PathBuf],
    settle: impl FnOnce(),
) -> Result<(Mounts, Kept<'a>), Failure> {
    let root = Path::new("/");
    let devices: Vec<_> = DEVICES
        .iter()
        .filter_map(|name| {
            Some((name, sys::clone_mount(AT_FDCWD, &Path::new("/dev").join(name), false).ok()?))
        })
        .collect();
    sys::seal(root).map_err(Failure::at("make a mirror of / read-only"))?;
    let take = |path: &PathBuf| sys::clone_mount(AT_FDCWD, path, true).map_err(Failure::with(path));
    let hold = |source: &'a Source| match source {
        Source::Shown(path) => take(&path.path()).map(Held::Shown),
        Source::Copied(mode, entries) => Ok(Held::Copied(*mode, entries)),
    };
    let kept = Kept {
        trees: trees.iter().map(hold).collect::<Result<_, _>>()?,
        nginx: nginx
            .iter()
            .map(|path| {
                let (place, mount) = (identity(path).map_err(Failure::with(path))?, take(path)?);
                Ok((path.clone(), mount, place))
            })
            .collect::<Result<_, Failure>>()?,
    };
    let base = ["/tmp", "/run", "/mnt", "/var"].into_iter().map(Path::new).find(|path| path.is_dir());
    let base = base.unwrap_or(Path::new("/etc"));
    let options = format!("mode=0755,size={files_bytes},nr_inodes=200000");
    let no_devices = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), base, Some("tmpfs"), no_devices, Some(options.as_str()))
        .map_err(|error| Failure::at("mount a file system in memory")(error.into()))?;
    let new = base.join("root");
    let step = |what: &str| Failure::at(format!("lay out the mirror: {what}"));
    fs::create_dir(&new).map_err(step("a directory"))?;
    let bound = sys::clone_mount(AT_FDCWD, &new, false).map_err(step("its root"))?;
    sys::attach(bound.as_fd(), AT_FDCWD, &new).map_err(step("its root"))?;
    for entry in fs::read_dir(root).map_err(step("/"))? {
        let entry = entry.map_err(step("/"))?;
        let name = entry.file_name();
        match APART.iter().any(|apart| name == *apart) {
            true => fs::create_dir_all(new.join(&name)).map_err(step("a directory of its own"))?,
            // What cannot be mirrored is not there: a mount that does not answer must not hold up everything.
            false => drop(lay_back(&entry, &new.join(&name))),
        }
    }
    APART.iter().try_for_each(|name| fs::create_dir_all(new.join(name))).map_err(step("directories"))?;
    let processors = new.join(&PROCESSORS[1..]);
    fs::create_dir_all(&processors).map_err(step("/sys"))?;
    if let Ok(mount) = sys::clone_mount(AT_FDCWD, Path::new(PROCESSORS), false) {
        sys::attach(mount.as_fd(), AT_FDCWD, &processors).map_err(step("/sys"))?;
    }
    let proc = new.join("proc");
    let path_only = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let attic = open(&proc, path_only, Mode::empty()).map_err(|error| step("/proc")(error.into()))?;
    let flags = no_devices | MsFlags::MS_NOEXEC;
    let proc_with = |more| mount(Some("proc"), &proc, Some("proc"), flags | more, None::<&str>).is_ok();
    let has_whole = proc_with(MsFlags::empty());
    // Within a sandbox the kernel gives none that can be written to (`mount_too_revealing`, fs/namespace.c).
    let has_proc = has_whole || proc_with(MsFlags::MS_RDONLY);
    if has_proc {
        has_whole.then(settle);
        sys::seal(&proc).map_err(step("/proc"))?;
    }
    let entered = open(&new, path_only, Mode::empty()).and_then(|inside| {
        fchdir(&inside)?;
        pivot_root(".", ".")?;
        umount2(".", MntFlags::MNT_DETACH)?;
        nix::unistd::chdir("/")
    });
    entered.map_err(|error| step("enter it")(error.into()))?;
    let room = fs::metadata("/").map_err(step("/"))?.dev();
    let mut mounts = Mounts { attic, room, shown: 0, trees: 0, config_dir: PathBuf::new(), has_proc };
    if !has_proc {
        let empty = mounts.fresh(0o555).map_err(step("/proc"))?;
        sys::attach(empty.as_fd(), AT_FDCWD, Path::new("/proc")).map_err(step("/proc"))?;
    }
    mounts.own_directories(devices).map_err(step("directories of its own"))?;
    Ok((mounts, kept))
}

/// Mirrors one entry of a directory at a new place.
fn lay_back(entry: &fs::DirEntry, to: &Path) -> io::Result<()> {
    let (from, found) = (entry.path(), entry.file_type()?);
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    let mount = sys::clone_mount(AT_FDCWD, &from, false)?;
    lay(&mount, found.is_dir(), to)
}

/// Shows a mount at a place that is not there yet.
fn lay(mount: &OwnedFd, is_dir: bool, to: &Path) -> io::Result<()> {
    match is_dir {
        true => fs::create_dir(to)?,
        false => drop(fs::File::create(to)?),
    }
    sys::attach(mount.as_fd(), AT_FDCWD, to)
}

/// The directories of one that is to be written to, where it is more than a place for logs, pids or a cache: what else
/// lies in nginx's prefix is served.
fn inner_directories(directory: &Path) -> io::Result<Vec<(PathBuf, OwnedFd)>> {
    let mut inner = Vec::new();
    if ["/var", "/run", "/tmp"].iter().any(|own| directory.starts_with(own)) {
        return Ok(inner);
    }
    for entry in fs::read_dir(directory)?.take(ENTRIES_MAX) {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(mount) = sys::clone_mount(AT_FDCWD, &entry.path(), false)
        {
            inner.push((entry.path(), mount));
        }
    }
    Ok(inner)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Mounts {
    fn own_directories(&mut self, devices: Vec<(&&str, OwnedFd)>) -> io::Result<()> {
        for (name, device) in devices {
            lay(&device, false, &Path::new("/dev").join(name))?;
        }
        for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
            match self.has_proc {
                true => symlink(format!("/proc/self/fd{target}"), format!("/dev/{name}"))?,
                // Something to read from and to write to.
                false if !target.is_empty() => {
                    fs::write(format!("/dev/{name}"), "")?;
                    fs::set_permissions(format!("/dev/{name}"), fs::Permissions::from_mode(0o666))?;
                }
                false => {}
            }
        }
        for (path, mode) in [
            ("/dev/shm", 0o1777),
            ("/run/lock", 0o1777),
            ("/tmp", 0o1777),
            ("/root", 0o700),
            ("/home", 0o755),
        ] {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        let others = OTHERS.iter().map(|path| (*path, 0o755, 0));
        let own = [
            ("/var/log", 0o755, 3),
            ("/var/cache", 0o755, 1),
            ("/var/lib/nginx", 0o755, 1),
            ("/var/tmp", 0o1777, 0),
        ];
        for (path, mode, depth) in own.into_iter().chain(others) {
            if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
                self.cover_with_skeleton(Path::new(path), mode, depth)?;
            }
        }
        Ok(())
    }

    /// Shows an empty directory where a full one is, with the directories (not the files) that are in it.
    fn cover_with_skeleton(&mut self, path: &Path, mode: u32, depth: u32) -> io::Result<()> {
        let mut found = Vec::new();
        skeleton(path, depth, &mut found);
        let owner = fs::metadata(path)?;
        let fresh = self.fresh(mode)?;
        sys::attach(fresh.as_fd(), AT_FDCWD, path)?;
        own(path, owner.uid(), owner.gid());
        for (directory, like) in found {
            fs::DirBuilder::new().mode(0o700).create(&directory)?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(like.mode() & 0o7777))?;
            own(&directory, like.uid(), like.gid());
        }
        Ok(())
    }

    /// Makes an empty directory in the attic and gives a mount of it.
    pub(crate) fn fresh(&mut self, mode: u32) -> io::Result<OwnedFd> {
        self.shown += 1;
        let name = PathBuf::from(format!("{}", self.shown));
        nix::sys::stat::mkdirat(&self.attic, &name, Mode::from_bits_truncate(0o700))?;
        let flags = nix::sys::stat::FchmodatFlags::FollowSymlink;
        nix::sys::stat::fchmodat(&self.attic, &name, Mode::from_bits_truncate(mode), flags)?;
        sys::clone_mount(self.attic.as_fd(), &name, false)
    }

    /// Says whether something lies in our own room and can be written to.
    fn is_ours(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::symlink_metadata(path)?.dev() == self.room)
    }

    /// Opens a directory of the mirror: the same entries, and room for more.
    fn open_up(&mut self, directory: &Path) -> io::Result<()> {
        if self.is_ours(directory)? {
            return Ok(());
        }
        let like = fs::metadata(directory)?;
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let found = fs::symlink_metadata(&path)?;
            let link = if found.is_symlink() { Some(fs::read_link(&path)?) } else { None };
            let mount = if link.is_some() { None } else { sys::clone_mount(AT_FDCWD, &path, false).ok() };
            entries.push((path, found.is_dir(), link, mount));
            if entries.len() > ENTRIES_MAX {
                return Err(io::Error::from_raw_os_error(libc::E2BIG));
            }
        }
        let fresh = self.fresh(like.mode() & 0o7777)?;
        sys::attach(fresh.as_fd(), AT_FDCWD, directory)?;
        own(directory, like.uid(), like.gid());
        for (path, is_dir, link, mount) in entries {
            match (link, mount) {
                (Some(target), _) => symlink(target, &path)?,
                (None, Some(mount)) => lay(&mount, is_dir, &path)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Makes the directories of a path that are not there, and gives the path without links.
    pub(crate) fn provide_parents(&mut self, existing: &Path, rest: &[OsString]) -> io::Result<PathBuf> {
        let mut path = existing.to_path_buf();
        if rest.is_empty() {
            return Ok(path);
        }
        if !fs::metadata(&path)?.is_dir() {
            return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
        }
        self.open_up(&path)?;
        for name in rest {
            path.push(name);
            fs::DirBuilder::new().mode(0o755).create(&path)?;
        }
        Ok(path)
    }

    /// Provides an empty directory that can be written to.
    pub(crate) fn directory(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
        let (existing, rest) = resolve(path)?;
        let at = match rest.is_empty() {
            true if self.is_ours(&existing)? => existing,
            true if !fs::metadata(&existing)?.is_dir() => {
                return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
            }
            true => {
                let kept = inner_directories(&existing)?;
                let fresh = self.fresh(mode)?;
                sys::attach(fresh.as_fd(), AT_FDCWD, &existing)?;
                kept.iter().try_for_each(|(path, mount)| lay(mount, true, path))?;
                existing
            }
            false => self.provide_parents(&existing, &rest)?,
        };
        fs::set_permissions(&at, fs::Permissions::from_mode(mode))?;
        own(&at, uid, gid);
        Ok(())
    }

    /// Prepares a place for something new: the directories above it, nothing at it. Gives the path without links.
    pub(crate) fn place(&mut self, path: &Path) -> io::Result<PathBuf> {
        let (existing, rest) = resolve(path)?;
        let Some((name, above)) = rest.split_last() else {
            let above = existing.parent().ok_or(io::ErrorKind::InvalidInput)?.to_path_buf();
            self.open_up(&above)?;
            match umount2(&existing, MntFlags::MNT_DETACH) {
                Ok(()) | Err(nix::Error::EINVAL) => {}
                Err(error) => return Err(error.into()),
            }
            fs::remove_file(&existing)?;
            return Ok(existing);
        };
        let above = self.provide_parents(&existing, above)?;
        self.open_up(&above)?;
        Ok(above.join(name))
    }

    /// Lays a file of our own over what is there, or where nothing is.
    pub(crate) fn file(&mut self, path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
        let (existing, rest) = resolve(path)?;
        if rest.is_empty() && !self.is_ours(&existing)? {
            let held = self.fresh_file(contents, mode)?;
            return sys::attach(held.as_fd(), AT_FDCWD, &existing);
        }
        let at = self.place(path)?;
        fs::write(&at, contents)?;
        fs::set_permissions(&at, fs::Permissions::from_mode(mode))
    }

    pub(crate) fn fresh_file(&mut self, contents: &[u8], mode: u32) -> io::Result<OwnedFd> {
        self.shown += 1;
        let name = PathBuf::from(format!("{}", self.shown));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = openat(&self.attic, &name, flags, Mode::from_bits_truncate(0o600))?;
        let mut file = fs::File::from(file);
        io::Write::write_all(&mut file, contents)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        sys::clone_mount(self.attic.as_fd(), &name, false)
    }

    /// Covers a file or a directory with an empty one that nobody may open.
    pub(crate) fn hide(&mut self, path: &Path) -> io::Result<()> {
        let (existing, rest) = resolve(path)?;
        if !rest.is_empty() {
            return Ok(());
        }
        let cover = match fs::symlink_metadata(&existing)?.is_dir() {
            true => self.fresh(0)?,
            false => self.fresh_file(b"", 0)?,
        };
        sys::attach(cover.as_fd(), AT_FDCWD, &existing)
    }

    /// Shows a program at its own path, if the mirror does not show it.
    pub(crate) fn program(&mut self, path: &Path, mount: &OwnedFd, was: (u64, u64)) -> io::Result<()> {
        if identity(path).is_ok_and(|now| now == was) {
            return Ok(());
        }
        let is_dir = nix::sys::stat::fstat(mount)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        let at = self.place(path)?;
        lay(mount, is_dir, &at)
    }
}

/// Gives something away, where that is possible: with one user there is nobody to give it to.
pub(crate) fn own(path: &Path, uid: u32, gid: u32) {
    let _only_where_possible = std::os::unix::fs::chown(path, Some(uid), Some(gid));
}
