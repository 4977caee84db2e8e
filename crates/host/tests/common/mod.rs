//! What the tests of the install and of the fuse share: trees on the disk, and slots that say what they should.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use evenkeel_fleet::apply::{Applying, Boottime};
use evenkeel_fleet::{BundleId, Generation, ReleaseId, Span};
use evenkeel_host::clock;
use evenkeel_host::configdir::{Keep, read_any};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::install::{self, Staged, Steps, SwitchError};
use evenkeel_host::place::Place;
use evenkeel_host::slots::{Record, Slots};
use evenkeel_syntax::fileset::FileSet;

/// What one path of a tree looks like from outside, but for its inode number and the time that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: char,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) modified: (i64, i64),
}

/// Looks at everything below a directory.
pub(crate) fn see(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    see_into(root, root, &mut seen);
    seen
}

fn see_into(root: &Path, directory: &Path, seen: &mut BTreeMap<PathBuf, Seen>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let (kind, content) = if meta.is_dir() {
            ('d', Vec::new())
        } else if meta.is_symlink() {
            ('l', fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
        } else {
            ('f', fs::read(&path).unwrap())
        };
        // Files come and go in a directory; its own time is no part of the configuration.
        let modified = if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
        let (mode, owner) = (meta.mode() & 0o7777, (meta.uid(), meta.gid()));
        let relative = path.strip_prefix(root).unwrap().to_owned();
        seen.insert(relative, Seen { kind, content, mode, owner, modified });
        if meta.is_dir() {
            see_into(root, &path, seen);
        }
    }
}

/// Writes files (`path = text`), links (`path -> target`) and directories (`path/`), one a line.
pub(crate) fn write(root: &Path, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let part = |separator| line.split_once(separator).map(|(path, rest)| (root.join(path), rest));
        let directory = |path: &Path| fs::create_dir_all(path).unwrap();
        if let Some((path, target)) = part(" -> ") {
            directory(path.parent().unwrap());
            std::os::unix::fs::symlink(target, path).unwrap();
        } else if let Some((path, text)) = part(" = ") {
            directory(path.parent().unwrap());
            fs::write(path, text).unwrap();
        } else {
            directory(&root.join(line));
        }
    }
}

/// A host with a tree, a state directory, and what is proposed.
pub(crate) struct Host {
    pub(crate) dir: PathBuf,
    guard: Option<tempfile::TempDir>,
    pub(crate) place: Place,
    pub(crate) keep: Keep,
    pub(crate) from: FileSet,
    pub(crate) to: FileSet,
}

impl Host {
    pub(crate) fn new(old: &str, new: &str) -> Self {
        Self::guarded(tempfile::tempdir().unwrap(), old, new)
    }

    pub(crate) fn guarded(guard: tempfile::TempDir, old: &str, new: &str) -> Self {
        let mut host = Self::within(guard.path(), old, new);
        host.guard = Some(guard);
        host
    }

    /// Makes the host in a directory that somebody else takes away.
    pub(crate) fn within(dir: &Path, old: &str, new: &str) -> Self {
        for name in ["conf", "proposed", "state"] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        fs::set_permissions(dir.join("state"), fs::Permissions::from_mode(0o700)).unwrap();
        write(&dir.join("conf"), old);
        write(&dir.join("proposed"), new);
        Self::open(dir)
    }

    /// Finds the host that stands in a directory.
    pub(crate) fn open(dir: &Path) -> Self {
        let dir = dir.canonicalize().unwrap();
        let keep = Keep::default();
        let (live, proposed) = (dir.join("conf"), dir.join("proposed"));
        let (from, to) = (read_any(&live, &keep).unwrap().files, read_any(&proposed, &keep).unwrap().files);
        let mut place = Place::new(live, dir.join("state"));
        place.pid = dir.join("run/nginx.pid");
        Self { dir, guard: None, place, keep, from, to }
    }

    pub(crate) fn live(&self) -> &Path {
        &self.place.config_dir
    }

    pub(crate) fn stage(&self) -> Staged {
        self.try_stage().unwrap()
    }

    pub(crate) fn try_stage(&self) -> Result<Staged, install::StageError> {
        let plan = install::plan(&self.from, &self.to);
        install::stage(&self.place, &self.keep, &plan, &self.to, "r1", b"")
    }

    pub(crate) fn read(&self) -> FileSet {
        read_any(self.live(), &self.keep).unwrap().files
    }

    /// Writes slots that say that this is armed, with this process as its own fuse.
    pub(crate) fn arm(&self, staged: &Staged) -> Slots {
        let mut slots = Slots::create(&self.place.state_dir).unwrap();
        let (from, to) = (BundleId(self.from.digest().0), BundleId(self.to.digest().0));
        let applying = Applying::IDLE.stage(Generation(1), ReleaseId(1), from, to).unwrap();
        let (boot, now) = (clock::boot_id().unwrap().0, Boottime(clock::boottime_ms()));
        let applying = applying.arm(boot, now, Span::from_secs(60), Span::from_secs(120)).unwrap();
        let record = Record {
            applying,
            plan: staged.plan_path().to_owned(),
            plan_digest: staged.plan_digest(),
            command: Some(ProcessId::me()),
            fuse: Some(ProcessId::me()),
            ..Record::idle(self.live())
        };
        slots.lock(1_000).unwrap().write(record).unwrap();
        slots
    }

    pub(crate) fn switch(&self, staged: &Staged, steps: &mut dyn Steps) -> Result<(), SwitchError> {
        let mut slots = self.arm(staged);
        let mut guard = slots.lock(1_000).unwrap();
        install::switch(staged, &self.from, &mut guard, steps)
    }
}
