//! Which paths differ between two bundles, in the order in which they are exchanged, and that written down.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use evenkeel_syntax::fileset::{Digest, FileSet, RelPath};

use crate::codec::{Garbled, Reader, Writer};
use crate::configdir::Keep;

const MAGIC: &[u8; 8] = b"EVKPLAN\n";
/// The version of the layout that this program writes.
const VERSION: u32 = 1;
/// How many steps a plan may have: every path of two trees, and their directories.
const STEPS_MAX: usize = 1_000_000;

/// What happens at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// What stands there is exchanged. `None` is nothing at all, so a creation has no `from` and a deletion no
    /// `to`.
    Exchange {
        /// The digest of the entry that must stand there.
        from: Option<Digest>,
        /// The digest of the entry that shall.
        to: Option<Digest>,
    },
    /// A directory is made.
    MakeDirectory,
    /// A directory whose files are all gone is moved aside: a file takes its place.
    MoveDirectory,
}

/// One path and what happens there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The path in the tree.
    pub path: RelPath,
    /// What happens there.
    pub action: Action,
}

/// The steps from one bundle to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The bundle that must stand.
    pub from: Digest,
    /// The bundle that shall.
    pub to: Digest,
    /// What happens, in this order; backwards in the other.
    pub steps: Vec<Planned>,
}

/// Gives the steps from one bundle to another: deletions, directories out of the way, new directories, then
/// exchanges and creations.
pub fn plan(from: &FileSet, to: &FileSet) -> Plan {
    let (above_from, above_to) = (directories(from), directories(to));
    let (mut deletions, mut others) = (Vec::new(), Vec::new());
    for change in from.diff(to) {
        let (old, new) = (change.old.map(|entry| entry.digest()), change.new.map(|entry| entry.digest()));
        let step = Planned { path: change.path.clone(), action: Action::Exchange { from: old, to: new } };
        if new.is_none() { deletions.push(step) } else { others.push(step) }
    }
    let moved = others.iter().filter(|step| above_from.contains(step.path.as_bytes()));
    let moved: Vec<_> =
        moved.map(|step| Planned { path: step.path.clone(), action: Action::MoveDirectory }).collect();
    let made = above_to.difference(&above_from).map(|path| Planned {
        path: RelPath::new(path.clone()).expect("a directory above a relative path is one"),
        action: Action::MakeDirectory,
    });
    let steps = deletions.into_iter().chain(moved).chain(made).chain(others).collect();
    Plan { from: from.digest(), to: to.digest(), steps }
}

/// Every directory above a path of the set, parents before children.
fn directories(files: &FileSet) -> BTreeSet<Vec<u8>> {
    let mut directories = BTreeSet::new();
    for (path, _) in files.iter() {
        let mut path = path.as_bytes();
        while let Some(slash) = path.iter().rposition(|&byte| byte == b'/') {
            path = &path[..slash];
            if !directories.insert(path.to_vec()) {
                break;
            }
        }
    }
    directories
}

/// Why a plan on the disk is not followed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It could not be read.
    #[error("read the plan {path}", path = path.display())]
    Io {
        /// The plan's file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Its bytes are not those that were written.
    #[error("trust the plan {path}: its bytes are not those that were written", path = path.display())]
    Changed {
        /// The plan's file.
        path: PathBuf,
    },
    /// Its bytes say nothing, or a newer Evenkeel wrote them.
    #[error("understand the plan {path}", path = path.display())]
    Garbled {
        /// The plan's file.
        path: PathBuf,
    },
}

/// All that a plan's file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) config_dir: PathBuf,
    /// The directories of the tree that have a dot directory of their own: the root, and inner mount points.
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) plan: Plan,
    /// For each step the index of its root.
    pub(super) root_of: Vec<u32>,
    pub(super) keep: Keep,
    pub(super) extra: Vec<u8>,
}

impl Written {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.array(MAGIC);
        to.u32(VERSION);
        to.bytes(self.config_dir.as_os_str().as_bytes());
        list(&mut to, &self.roots);
        to.array(&self.plan.from.0);
        to.array(&self.plan.to.0);
        to.u32(count(self.plan.steps.len()));
        for (step, root) in self.plan.steps.iter().zip(&self.root_of) {
            to.u32(*root);
            to.bytes(step.path.as_bytes());
            match step.action {
                Action::Exchange { from, to: new } => {
                    to.u8(0);
                    to.option(from, |to, digest| to.array(&digest.0));
                    to.option(new, |to, digest| to.array(&digest.0));
                }
                Action::MakeDirectory => to.u8(1),
                Action::MoveDirectory => to.u8(2),
            }
        }
        let (lines, exact, sniffs) = self.keep.parts();
        list(&mut to, lines);
        list(&mut to, exact);
        to.u8(u8::from(sniffs));
        to.bytes(&self.extra);
        to.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let from = &mut Reader(bytes);
        if &from.array::<8>()? != MAGIC || from.u32()? != VERSION {
            return Err(Garbled);
        }
        let config_dir = PathBuf::from(OsStr::from_bytes(from.bytes()?));
        let roots = read_list(from)?;
        let (old, new) = (Digest(from.array()?), Digest(from.array()?));
        let steps = usize::try_from(from.u32()?).ok().filter(|&steps| steps <= STEPS_MAX).ok_or(Garbled)?;
        let mut plan = Plan { from: old, to: new, steps: Vec::new() };
        let mut root_of = Vec::new();
        for _ in 0..steps {
            let root = from.u32()?;
            if usize::try_from(root).map_or(true, |root| root >= roots.len()) {
                return Err(Garbled);
            }
            let path = RelPath::new(from.bytes()?.to_vec()).map_err(|_| Garbled)?;
            let action = match from.u8()? {
                0 => Action::Exchange { from: from.option(digest)?, to: from.option(digest)? },
                1 => Action::MakeDirectory,
                2 => Action::MoveDirectory,
                _ => return Err(Garbled),
            };
            plan.steps.push(Planned { path, action });
            root_of.push(root);
        }
        let keep = Keep::from_parts(read_list(from)?, read_list(from)?, from.u8()? == 1);
        let extra = from.bytes()?.to_vec();
        if from.0.is_empty() {
            Ok(Self { config_dir, roots, plan, root_of, keep, extra })
        } else {
            Err(Garbled)
        }
    }
}

fn digest(from: &mut Reader<'_>) -> Result<Digest, Garbled> {
    from.array().map(Digest)
}

fn list(to: &mut Writer, items: &[Vec<u8>]) {
    to.u32(count(items.len()));
    for item in items {
        to.bytes(item);
    }
}

fn read_list(from: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Garbled> {
    let mut items = Vec::new();
    for _ in 0..from.u32()? {
        items.push(from.bytes()?.to_vec());
    }
    Ok(items)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("the limits of a tree are far below 4 billion")
}
