//! What the tests of the install and of the fuse share: trees on the disk, and slots that say what they should.
#![allow(dead_code, reason = "every test file uses another part of it")]
#![allow(unreachable_pub, reason = "the test files are roots of their own")]

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
pub struct Seen {
    pub kind: char,
    pub content: Vec<u8>,
    pub mode: u32,
    pub owner: (u32, u32),
    pub modified: (i64, i64),
}

/// Looks at everything below a directory.
pub fn see(root: &Path) -> BTreeMap<PathBuf, Seen> {
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
pub fn write(root: &Path, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, make): (&str, Box<dyn Fn(&Path)>) = if let Some((path, target)) = line.split_once(" -> ") {
            (path, Box::new(move |path| std::os::unix::fs::symlink(target, path).unwrap()))
        } else if let Some((path, text)) = line.split_once(" = ") {
            (path, Box::new(move |path| fs::write(path, text).unwrap()))
        } else {
            (line, Box::new(|path| fs::create_dir_all(path).unwrap()))
        };
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
    }
}

/// A host with a tree, a state directory, and what is proposed.
pub struct Host {
    pub dir: tempfile::TempDir,
    pub place: Place,
    pub keep: Keep,
    pub from: FileSet,
    pub to: FileSet,
}

impl Host {
    pub fn new(old: &str, new: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), old, new)
    }

    pub fn within(dir: tempfile::TempDir, old: &str, new: &str) -> Self {
        let root = dir.path().canonicalize().unwrap();
        let (live, proposed, state) = (root.join("nginx"), root.join("proposed"), root.join("state"));
        for path in [&live, &proposed, &state] {
            fs::create_dir_all(path).unwrap();
        }
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        write(&live, old);
        write(&proposed, new);
        let keep = Keep::default();
        let (from, to) = (read_any(&live, &keep).unwrap().files, read_any(&proposed, &keep).unwrap().files);
        Self { dir, place: Place::new(live, state), keep, from, to }
    }

    pub fn live(&self) -> &Path {
        &self.place.config_dir
    }

    pub fn stage(&self) -> Staged {
        self.try_stage().unwrap()
    }

    pub fn try_stage(&self) -> Result<Staged, install::StageError> {
        let plan = install::plan(&self.from, &self.to);
        install::stage(&self.place, &self.keep, &plan, &self.to, "r1", b"")
    }

    pub fn read(&self) -> FileSet {
        read_any(self.live(), &self.keep).unwrap().files
    }

    /// Writes slots that say that this is armed, with this process as its own fuse.
    pub fn arm(&self, staged: &Staged) -> Slots {
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

    pub fn switch(&self, staged: &Staged, steps: &mut dyn Steps) -> Result<(), SwitchError> {
        let mut slots = self.arm(staged);
        let mut guard = slots.lock(1_000).unwrap();
        install::switch(staged, &self.from, &mut guard, steps)
    }
}
