//! Compare and swap, path by path. Synchronous, one thread, no new space: every system call of it may be the last.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use evenkeel_fleet::apply::Stage;
use evenkeel_syntax::fileset::{FileSet, RelPath};

use super::Steps;
use super::plan::Action;
use super::rename::Name;
use super::spot::{Look, Root, look};
use super::stage::Staged;
use super::undo::gone;
use crate::configdir::{ReadError, read_any};
use crate::identity::ProcessId;
use crate::slots::{AdvanceError, Guard};

/// Why a switch was not made, or not finished. Whatever was exchanged by then is put back by
/// [`undo`](super::undo()), which the fuse calls: see [`request_revert`](crate::fuse::request_revert).
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Somebody changed the tree after the release was staged.
    #[error("switch: somebody changed the tree meanwhile ({})", listed(paths))]
    Conflict {
        /// What is not as it was, relative to the root.
        paths: Vec<PathBuf>,
    },
    /// The slots do not say that this release may be switched now, or nobody lives who would take it back.
    #[error("switch: this release is not armed, or its fuse has ended")]
    NotArmed,
    /// It is too late, or the slots could not be written.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// The live tree could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system refused.
    #[error("{what} at {path}", path = path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let mut text =
        paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        text += &format!(" and {} more", paths.len() - SHOWN);
    }
    text
}

/// Exchanges what differs, after the whole tree was found to be `from` still, and writes `Switched` to the slots
/// when all of it is durable. Nobody else can act on the tree meanwhile: the caller holds the guard.
///
/// # Errors
/// [`SwitchError`]. Before the first exchange a conflict leaves everything untouched; in every other case ask for
/// a revert.
pub fn switch(
    staged: &Staged,
    from: &FileSet,
    guard: &mut Guard<'_>,
    steps: &mut dyn Steps,
) -> Result<(), SwitchError> {
    let armed = guard.record().is_some_and(|record| {
        record.stage() == Stage::Armed
            && record.asked.is_none()
            && record.plan_digest == staged.plan_digest()
            && record.fuse.is_some_and(ProcessId::lives)
    });
    if !armed || from.digest() != staged.plan().from {
        return Err(SwitchError::NotArmed);
    }
    let live = read_any(staged.config_dir(), staged.keep())?.files;
    let paths: Vec<_> = from.diff(&live).iter().map(|change| path_of(change.path)).collect();
    if !paths.is_empty() {
        return Err(SwitchError::Conflict { paths });
    }
    exchange_all(staged, steps)?;
    guard.advance(Stage::Switched)?;
    Ok(())
}

/// The exchanges alone, for [`switch`] and for tests that need no slots.
pub(super) fn exchange_all(staged: &Staged, steps: &mut dyn Steps) -> Result<(), SwitchError> {
    let at = |what, path: &[u8]| {
        let path = PathBuf::from(OsStr::from_bytes(path));
        move |source| SwitchError::Io { what, path, source }
    };
    let tree = Root::open(staged.config_dir()).map_err(at("open", b""))?;
    let mut dots = Vec::new();
    for root in &staged.written.roots {
        dots.push(Root::open(&staged.directory(root)).map_err(at("open", root))?);
    }
    let mut touched = BTreeSet::new();
    for (index, step) in staged.plan().steps.iter().enumerate() {
        let path = step.path.as_bytes();
        let dot = &dots[staged.written.root_of[index] as usize];
        let spot = tree.spot(path).map_err(at("look", path))?;
        let (s, x) = (format!("s{index}"), format!("x{index}"));
        let one =
            One { way: staged.way, live: spot.name(), s: dot.name(s.as_bytes()), x: dot.name(x.as_bytes()) };
        let mut reached = |what| steps.reached(what, path);
        match one.go(step.action, &mut reached) {
            Ok(true) => {}
            Ok(false) => return Err(SwitchError::Conflict { paths: vec![path_of(&step.path)] }),
            Err(source) => return Err(at("exchange", path)(source)),
        }
        touched.insert(&path[..path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]);
    }
    for directory in touched {
        steps.reached("flush", directory);
        match tree.below(directory).and_then(|directory| directory.flush()) {
            // Moved away since; its names are flushed with the directory that it lies in now.
            Err(error) if gone(&error) => {}
            flushed => flushed.map_err(at("flush", directory))?,
        }
    }
    for dot in &dots {
        steps.reached("flush", b".evenkeel");
        dot.flush().map_err(at("flush", b".evenkeel"))?;
    }
    Ok(())
}

fn path_of(path: &RelPath) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(path.as_bytes()))
}

/// One step: the name in the tree, and the two beside it.
struct One<'n> {
    way: super::rename::Way,
    live: Name<'n>,
    s: Name<'n>,
    x: Name<'n>,
}

impl One<'_> {
    /// Does the step; `Ok(false)` when what came out is not what was expected, and everything is put back.
    fn go(&self, action: Action, reached: &mut dyn FnMut(&'static str)) -> io::Result<bool> {
        let Self { way, live, s, x } = *self;
        match action {
            Action::Exchange { from: Some(from), to: Some(_) } => {
                let out = match way.exchange(live, s, x, reached) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    out => out?,
                };
                if look(out)? == Look::Is(from) {
                    return Ok(true);
                }
                // Somebody wrote there after the comparison: theirs goes back, ours out again.
                let free = if out.name == s.name { x } else { s };
                way.exchange(live, out, free, reached)?;
                Ok(false)
            }
            Action::Exchange { from: None, .. } => {
                reached("create");
                taken(way.put(s, live, reached))
            }
            Action::Exchange { from: Some(from), to: None } => {
                reached("delete");
                match way.put(live, s, reached) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    put => put?,
                }
                if look(s)? == Look::Is(from) {
                    return Ok(true);
                }
                way.put(s, live, reached)?;
                Ok(false)
            }
            Action::MakeDirectory => {
                reached("make directory");
                taken(live.make_directory())
            }
            Action::MoveDirectory => {
                reached("move directory");
                match way.put(live, s, reached) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    put => put?,
                }
                if only_directories(s, 0)? {
                    return Ok(true);
                }
                way.put(s, live, reached)?;
                Ok(false)
            }
        }
    }
}

fn taken(put: io::Result<()>) -> io::Result<bool> {
    match put {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        put => put.map(|()| true),
    }
}

/// Whether a directory holds no file, in it or below it.
fn only_directories(name: Name<'_>, depth: u32) -> io::Result<bool> {
    /// As deep as a tree may be read.
    const DEPTH_MAX: u32 = 64;
    let directory = Root::within(name)?;
    for item in directory.names()? {
        let inner = directory.name(&item);
        match look(inner)? {
            Look::Absent => {}
            Look::Is(_) => return Ok(false),
            Look::Other if depth < DEPTH_MAX => match only_directories(inner, depth + 1) {
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
                Ok(true) => {}
                other => return other,
            },
            Look::Other => return Ok(false),
        }
    }
    Ok(true)
}
