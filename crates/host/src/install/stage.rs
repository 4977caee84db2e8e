//! Writing the new contents beside the tree. Whatever can fail for want of space, rights or a fitting file
//! system fails here, while nothing in the tree has changed.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use evenkeel_fleet as fleet;
use evenkeel_syntax::fileset::{Entry, FileSet};

use super::mounts;
use super::plan::{Action, Plan, PlanError, Written};
use super::rename::Way;
use super::{fits, meta};
use crate::configdir::{Keep, flush_file_system, read_entry};
use crate::place::{DOT_DIR, Place};

/// How many releases of the same name may lie staged beside a tree.
const NAMES_MAX: usize = 1_000;
/// From so many files on, one flush of the file system is quicker than one a file.
const FLUSH_ONE_BY_ONE_MAX: usize = 32;

/// Why nothing was staged. The tree is as it was and nothing is left beside it.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The tree could not be looked at.
    #[error("look at {path}", path = path.display())]
    Look {
        /// What was looked at.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file of the release is itself a mount point, and what is mounted cannot be exchanged.
    #[error("exchange {path}: something is mounted exactly there; mount its directory instead", path = path.display())]
    MountPoint {
        /// The path.
        path: PathBuf,
    },
    /// What stands at a path is of no bundle: kept, or a device, or a directory that is not empty.
    #[error("put a file at {path}: something stands there that is kept or is no file; move it away, or leave the path out of the release", path = path.display())]
    InTheWay {
        /// What stands there.
        path: PathBuf,
    },
    /// A directory of the tree lies on a file system that cannot be reached by renaming.
    #[error("exchange files in {path}: it lies on another file system than the directory above it (a subvolume?)", path = path.display())]
    OtherFileSystem {
        /// The directory.
        path: PathBuf,
    },
    /// A directory of the tree may not be changed.
    #[error("exchange files in {path}", path = path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// What stands where Evenkeel stages is not its own.
    #[error("stage in {path}: it is not a directory that only this user may change", path = path.display())]
    DotDirectory {
        /// The dot directory.
        path: PathBuf,
    },
    /// A new file could not be written.
    #[error("write {path} beside the tree", path = path.display())]
    Write {
        /// The path in the tree, or the directory that stages.
        path: PathBuf,
        /// What the kernel said: full, read-only, over quota.
        source: io::Error,
    },
    /// A new file could not get what the one that stands has.
    #[error("give the new {path} the {attribute} of the one that stands", path = path.display())]
    Attribute {
        /// The path in the tree.
        path: PathBuf,
        /// Owner, mode, or the name of an extended attribute.
        attribute: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The bundle does not hold what the plan asks for.
    #[error("stage {path}: the plan was made for another bundle", path = path.display())]
    OtherBundle {
        /// The path in the tree.
        path: PathBuf,
    },
}

/// A release that lies beside the tree, whole and durable, with its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    pub(super) written: Written,
    /// The name of its directory in every dot directory.
    pub(super) name: String,
    pub(super) way: Way,
    plan_path: PathBuf,
    plan_digest: fleet::Digest,
}

impl Staged {
    /// Gives where the plan is written down.
    pub fn plan_path(&self) -> &Path {
        &self.plan_path
    }

    /// Gives the digest of the plan's bytes.
    pub fn plan_digest(&self) -> fleet::Digest {
        self.plan_digest
    }

    /// Gives the plan, without the directories that stood already.
    pub fn plan(&self) -> &Plan {
        &self.written.plan
    }

    /// Gives the root of the tree, without symbolic links in it.
    pub fn config_dir(&self) -> &Path {
        &self.written.config_dir
    }

    /// Gives what is kept in the tree.
    pub fn keep(&self) -> &Keep {
        &self.written.keep
    }

    /// Gives what the caller wanted to be written down with the plan.
    pub fn extra(&self) -> &[u8] {
        &self.written.extra
    }

    /// Opens what was staged, from its plan alone.
    ///
    /// # Errors
    /// [`PlanError::Changed`] when the plan's bytes are not those that `digest` names.
    pub fn open(plan_path: &Path, digest: fleet::Digest) -> Result<Self, PlanError> {
        let bytes =
            fs::read(plan_path).map_err(|source| PlanError::Io { path: plan_path.to_owned(), source })?;
        if blake3::hash(&bytes).as_bytes() != &digest.0 {
            return Err(PlanError::Changed { path: plan_path.to_owned() });
        }
        Self::from_bytes(&bytes, plan_path)
    }

    pub(super) fn from_bytes(bytes: &[u8], plan_path: &Path) -> Result<Self, PlanError> {
        let garbled = || PlanError::Garbled { path: plan_path.to_owned() };
        let written = Written::decode(bytes).map_err(|_| garbled())?;
        let name =
            plan_path.parent().and_then(Path::file_name).and_then(OsStr::to_str).ok_or_else(garbled)?;
        Ok(Self {
            written,
            name: name.to_owned(),
            way: Way::default(),
            plan_path: plan_path.to_owned(),
            plan_digest: fleet::Digest(*blake3::hash(bytes).as_bytes()),
        })
    }

    /// Looks at every staged file and says whether all of them are what the plan says.
    ///
    /// # Errors
    /// [`PlanError::Changed`] names the first that is not.
    pub fn verify(&self) -> Result<(), PlanError> {
        for (index, step) in self.written.plan.steps.iter().enumerate() {
            let Action::Exchange { to: Some(to), .. } = step.action else { continue };
            let root = &self.written.roots[self.written.root_of[index] as usize];
            let path = self.directory(root).join(format!("s{index}"));
            let entry = read_entry(&path).map_err(|source| PlanError::Io { path: path.clone(), source })?;
            if entry.is_none_or(|entry| entry.digest() != to) {
                return Err(PlanError::Changed { path });
            }
        }
        Ok(())
    }

    /// Behaves as on a file system that cannot exchange two names, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn without_rename_flags(self) -> Self {
        Self { way: Way::Plain, ..self }
    }

    /// Gives the directory that holds the staged files of one root.
    pub(super) fn directory(&self, root: &[u8]) -> PathBuf {
        dot(&self.written.config_dir, root).join(&self.name)
    }
}

/// Writes the new contents of a plan beside the tree and returns when they are durable. `name` names the release;
/// `extra` is written down with the plan.
///
/// # Errors
/// [`StageError`]; nothing is left behind.
pub fn stage(
    place: &Place,
    keep: &Keep,
    plan: &Plan,
    to: &FileSet,
    name: &str,
    extra: &[u8],
) -> Result<Staged, StageError> {
    let look = |source| StageError::Look { path: place.config_dir.clone(), source };
    let config_dir = fs::canonicalize(&place.config_dir).map_err(look)?;
    let mounts = mounts::inside(&config_dir).map_err(look)?;
    let fitted = fits::fit(&config_dir, plan, &mounts)?;
    let name = free_name(&config_dir, &fitted.roots, name)?;
    let written = Written {
        config_dir,
        roots: fitted.roots,
        plan: Plan { steps: fitted.steps, ..plan.clone() },
        root_of: fitted.root_of,
        keep: keep.clone(),
        extra: extra.to_vec(),
    };
    let made = fill(&written, &name, to);
    if made.is_err() {
        remove(&written, &name);
    }
    made
}

/// Takes away what was staged.
pub(super) fn remove(written: &Written, name: &str) {
    for root in &written.roots {
        let dot = dot(&written.config_dir, root);
        let _best_effort = fs::remove_dir_all(dot.join(name));
        // Only when no other release lies there.
        let _best_effort = fs::remove_dir(&dot);
    }
}

fn dot(config_dir: &Path, root: &[u8]) -> PathBuf {
    config_dir.join(OsStr::from_bytes(root)).join(DOT_DIR)
}

fn free_name(config_dir: &Path, roots: &[Vec<u8>], name: &str) -> Result<String, StageError> {
    let taken =
        |name: &str| roots.iter().any(|root| dot(config_dir, root).join(name).symlink_metadata().is_ok());
    let names = (0..NAMES_MAX).map(|n| if n == 0 { name.to_owned() } else { format!("{name}.{n}") });
    names.into_iter().find(|name| !taken(name)).ok_or_else(|| StageError::Write {
        path: dot(config_dir, b"").join(name),
        source: io::ErrorKind::AlreadyExists.into(),
    })
}

fn fill(written: &Written, name: &str, to: &FileSet) -> Result<Staged, StageError> {
    let config_dir = &written.config_dir;
    for root in &written.roots {
        dot_directory(&dot(config_dir, root), name)?;
    }
    let new = |action: Action| matches!(action, Action::Exchange { to: Some(_), .. });
    let one_by_one =
        written.plan.steps.iter().filter(|step| new(step.action)).count() <= FLUSH_ONE_BY_ONE_MAX;
    for (index, step) in written.plan.steps.iter().enumerate() {
        let Action::Exchange { from, to: Some(digest) } = step.action else { continue };
        let shown = || PathBuf::from(OsStr::from_bytes(step.path.as_bytes()));
        let entry = to.get(&step.path).filter(|entry| entry.digest() == digest);
        let entry = entry.ok_or_else(|| StageError::OtherBundle { path: shown() })?;
        let root = &written.roots[written.root_of[index] as usize];
        let staged = dot(config_dir, root).join(name).join(format!("s{index}"));
        let standing = from.map(|_| config_dir.join(shown()));
        write_entry(&staged, entry, standing.as_deref(), one_by_one).map_err(|error| error.at(shown()))?;
    }
    let bytes = written.encode();
    let plan_path = dot(config_dir, b"").join(name).join("plan");
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| StageError::Write { path, source }
    };
    // The plan is written last: a directory without one holds nothing that anybody may need.
    write_file(&plan_path, &bytes, 0o600).and_then(|file| file.sync_all()).map_err(at(&plan_path))?;
    for root in &written.roots {
        let dot = dot(config_dir, root);
        let mut directories = vec![dot.join(name), dot.clone(), config_dir.join(OsStr::from_bytes(root))];
        if !one_by_one {
            flush_file_system(&dot).map_err(at(&dot))?;
        }
        directories.drain(..).try_for_each(|path| File::open(&path)?.sync_all()).map_err(at(&dot))?;
    }
    Staged::from_bytes(&bytes, &plan_path)
        .map_err(|error| StageError::Write { path: plan_path.clone(), source: io::Error::other(error) })
}

/// Makes `<dot>/<name>`, and refuses a dot directory that others could reach into.
fn dot_directory(dot: &Path, name: &str) -> Result<(), StageError> {
    let write = |source| StageError::Write { path: dot.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(dot) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(write(error)),
        _ => {}
    }
    let meta = fs::symlink_metadata(dot).map_err(write)?;
    let me = nix::unistd::geteuid().as_raw();
    if !meta.is_dir() || meta.uid() != me || meta.mode() & 0o022 != 0 {
        return Err(StageError::DotDirectory { path: dot.to_owned() });
    }
    DirBuilder::new().mode(0o700).create(dot.join(name)).map_err(write)
}

enum EntryError {
    Io(io::Error),
    Attribute(meta::NotTaken),
}

impl EntryError {
    fn at(self, path: PathBuf) -> StageError {
        match self {
            Self::Io(source) => StageError::Write { path, source },
            Self::Attribute(meta::NotTaken { what, source }) => {
                StageError::Attribute { path, attribute: what, source }
            }
        }
    }
}

impl From<io::Error> for EntryError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn write_entry(staged: &Path, entry: &Entry, standing: Option<&Path>, flush: bool) -> Result<(), EntryError> {
    let bytes = match entry {
        Entry::File(bytes) => bytes,
        Entry::Link(target) => {
            std::os::unix::fs::symlink(OsStr::from_bytes(target), staged)?;
            let old =
                standing.and_then(|path| fs::symlink_metadata(path).ok()).filter(fs::Metadata::is_symlink);
            let made = fs::symlink_metadata(staged)?;
            if let Some(old) = old.filter(|old| (old.uid(), old.gid()) != (made.uid(), made.gid())) {
                std::os::unix::fs::lchown(staged, Some(old.uid()), Some(old.gid()))?;
            }
            return Ok(());
        }
    };
    let file = write_file(staged, bytes, 0o600)?;
    let open =
        |path| OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    match standing.map(open) {
        Some(Ok(old)) if old.metadata()?.is_file() => meta::take_over(&old, &file),
        // A link stands there, or what stood there is gone: the compare and swap will say so.
        _ => meta::default_mode(&file),
    }
    .map_err(EntryError::Attribute)?;
    if flush {
        file.sync_all()?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).read(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}
