//! Putting back what stood there, from the plan and the staged files alone. It needs no new space and may be
//! called any number of times: every step is decided by what lies where.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use evenkeel_syntax::fileset::Digest;
use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::Steps;
use super::plan::{Action, Planned};
use super::rename::{Name, Way};
use super::spot::{Look, Root, look, same_file};
use super::stage::Staged;

/// What an undo did. Paths are relative to the root of the tree.
#[derive(Debug, Default)]
pub struct Undone {
    /// What was put back, in the order in which it was.
    pub restored: Vec<PathBuf>,
    /// Where something of neither bundle stood (or something had been deleted) since the switch. What stood there
    /// lies beside the tree now: see [`foreign`](super::foreign()).
    pub foreign: Vec<PathBuf>,
    /// Where something of neither bundle stands that the release had not reached. It was left alone.
    pub left: Vec<PathBuf>,
    /// What could not be put back, and why. The old bundle does not stand.
    pub failed: Vec<(PathBuf, io::Error)>,
}

impl Undone {
    /// Says whether anything in the tree was changed.
    pub fn changed(&self) -> bool {
        !self.restored.is_empty()
    }
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The tree, or what was staged beside it, cannot be opened.
    #[error("open {path} to put the old files back", path = path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Puts back what stood before the switch, the last step first. The names in the directories are durable only after
/// [`flush`]: tell nginx first.
///
/// # Errors
/// [`UndoError`] when there is nothing to work with. What fails at one path is in [`Undone::failed`]; the others
/// are put back all the same.
pub fn undo(staged: &Staged, steps: &mut dyn Steps) -> Result<Undone, UndoError> {
    let (tree, dots) = open(staged)?;
    let mut undone = Undone::default();
    let moves = |step: &&Planned| step.action == Action::MoveDirectory;
    let moved: BTreeSet<&[u8]> =
        staged.plan().steps.iter().filter(moves).map(|step| step.path.as_bytes()).collect();
    for (index, step) in staged.plan().steps.iter().enumerate().rev() {
        let path = step.path.as_bytes();
        let shown = || PathBuf::from(OsStr::from_bytes(path));
        let dot = &dots[staged.written.root_of[index] as usize];
        let spot = match tree.spot(path) {
            // Somebody removed the directory of a file that the release took out.
            Err(error) if error.kind() == io::ErrorKind::NotFound && holds_old(dot, index, step.action) => {
                tree.make_above(path).and_then(|()| tree.spot(path))
            }
            spot => spot,
        };
        let spot = match spot {
            Ok(spot) => spot,
            // The directory is not there, so nothing of this step is; if something should be, that fails.
            Err(error) if gone(&error) && creates(step.action) => continue,
            Err(error) => {
                undone.failed.push((shown(), error));
                continue;
            }
        };
        let (s, x) = (format!("s{index}"), format!("x{index}"));
        let (s, x) = (dot.name(s.as_bytes()), dot.name(x.as_bytes()));
        let back = Back { way: staged.way, live: spot.name(), s, x, was_directory: moved.contains(path) };
        match back.go(step.action, &mut |what| steps.reached(what, path)) {
            Ok(Went::Already) => {}
            Ok(Went::Left) => undone.left.push(shown()),
            Ok(Went::Restored) => undone.restored.push(shown()),
            Ok(Went::RestoredOverForeign) => {
                undone.restored.push(shown());
                undone.foreign.push(shown());
            }
            Err(error) => undone.failed.push((shown(), error)),
        }
    }
    Ok(undone)
}

/// Makes durable what [`undo`] did.
///
/// # Errors
/// What the kernel said of the first directory that could not be flushed; the others are flushed all the same.
pub fn flush(staged: &Staged) -> Result<(), UndoError> {
    let (tree, dots) = open(staged)?;
    let failed = |path: PathBuf| move |source| UndoError::Open { path, source };
    let mut done = Ok(());
    let mut directories = BTreeSet::new();
    for step in &staged.plan().steps {
        let path = step.path.as_bytes();
        directories.insert(&path[..path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]);
    }
    for directory in directories {
        match tree.below(directory).and_then(|directory| directory.flush()) {
            // Made for the release, and gone with it.
            Err(error) if gone(&error) => {}
            flushed => {
                let path = staged.config_dir().join(OsStr::from_bytes(directory));
                done = done.and(flushed.map_err(failed(path)));
            }
        }
    }
    for dot in &dots {
        done = done.and(dot.flush().map_err(failed(staged.plan_path().to_owned())));
    }
    done
}

pub(super) fn open(staged: &Staged) -> Result<(Root, Vec<Root>), UndoError> {
    let open = |path: PathBuf| Root::open(&path).map_err(|source| UndoError::Open { path, source });
    let tree = open(staged.config_dir().to_owned())?;
    let dots = staged.written.roots.iter().map(|root| open(staged.directory(root)));
    Ok((tree, dots.collect::<Result<_, _>>()?))
}

/// Whether a directory that a step went through is no longer one.
pub(super) fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn creates(action: Action) -> bool {
    matches!(action, Action::Exchange { from: None, .. } | Action::MakeDirectory)
}

/// Whether what stood at a step's path lies beside the tree.
fn holds_old(dot: &Root, index: usize, action: Action) -> bool {
    let Action::Exchange { from: Some(from), .. } = action else { return false };
    let names = [format!("s{index}"), format!("x{index}")];
    names.iter().any(|name| look(dot.name(name.as_bytes())).is_ok_and(|found| found == Look::Is(from)))
}

enum Went {
    /// It stood already.
    Already,
    Restored,
    RestoredOverForeign,
    /// Something else stands there, and it did before the release came.
    Left,
}

/// One step backwards: the name in the tree, and the two beside it.
struct Back<'n> {
    way: Way,
    live: Name<'n>,
    s: Name<'n>,
    x: Name<'n>,
    /// Whether a directory stood there that another step moves back.
    was_directory: bool,
}

impl<'n> Back<'n> {
    fn go(&self, action: Action, reached: &mut dyn FnMut(&'static str)) -> io::Result<Went> {
        match action {
            Action::Exchange { from: Some(from), to } => self.restore(from, to, reached),
            Action::Exchange { from: None, to } => self.uncreate(to, reached),
            Action::MakeDirectory => {
                reached("remove directory");
                let name = OsStr::from_bytes(self.live.name);
                match unlinkat(self.live.directory, name, UnlinkatFlags::RemoveDir) {
                    Ok(()) => Ok(Went::Restored),
                    // What is there instead of a directory is another step's.
                    Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Went::Already),
                    Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(Went::Left),
                    Err(error) => Err(error.into()),
                }
            }
            Action::MoveDirectory => match (look(self.s)?, look(self.live)?) {
                (Look::Absent, _) => Ok(Went::Already),
                (_, Look::Absent) => {
                    reached("move directory back");
                    self.way.put(self.s, self.live, reached).map(|()| Went::Restored)
                }
                (_, now) => self.swap_back(self.s, now, None, reached),
            },
        }
    }

    /// Brings back the entry that the release exchanged or deleted.
    fn restore(
        &self,
        from: Digest,
        to: Option<Digest>,
        reached: &mut dyn FnMut(&'static str),
    ) -> io::Result<Went> {
        let now = look(self.live)?;
        if now == Look::Is(from) {
            return Ok(Went::Already);
        }
        let (in_s, in_x) = (look(self.s)?, look(self.x)?);
        let holder = match (in_s, in_x) {
            (s, _) if s == Look::Is(from) => self.s,
            (_, x) if x == Look::Is(from) => self.x,
            // What came out was written to through a descriptor that was open before: it is still the file that
            // stood there, and the best there is.
            (s, _) if s != Look::Absent && s != Look::expects(to) && now == Look::expects(to) => {
                let went = self.swap_back(self.s, now, to, reached)?;
                return Ok(if matches!(went, Went::Restored) { Went::RestoredOverForeign } else { went });
            }
            // What the release took out is nowhere: somebody cleaned up beside the tree.
            (s, _) if (to.is_some() && s != Look::expects(to)) || (to.is_none() && now == Look::Absent) => {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "what stood there no longer lies beside the tree",
                ));
            }
            // The release had not come here: what stands was put there before, by somebody else.
            _ => return Ok(Went::Left),
        };
        if now == Look::Absent {
            reached("put back");
            self.way.put(holder, self.live, reached)?;
            let deleted_by_hand = to.is_some() && in_s != Look::expects(to);
            return Ok(if deleted_by_hand { Went::RestoredOverForeign } else { Went::Restored });
        }
        self.swap_back(holder, now, to, reached)
    }

    /// Exchanges what stands with what `holder` holds, and says whether what came out is of neither bundle.
    fn swap_back(
        &self,
        holder: Name<'n>,
        now: Look,
        to: Option<Digest>,
        reached: &mut dyn FnMut(&'static str),
    ) -> io::Result<Went> {
        let free = if holder.name == self.s.name { self.x } else { self.s };
        let out = self.way.exchange(self.live, holder, free, reached)?;
        // Looked at again: it may have been written between the first look and the exchange.
        let foreign = look(out).unwrap_or(now) != Look::expects(to);
        Ok(if foreign { Went::RestoredOverForeign } else { Went::Restored })
    }

    /// Takes out the entry that the release created.
    fn uncreate(&self, to: Option<Digest>, reached: &mut dyn FnMut(&'static str)) -> io::Result<Went> {
        let now = look(self.live)?;
        if now == Look::Absent || (now == Look::Other && self.was_directory) {
            return Ok(Went::Already);
        }
        if look(self.s)? != Look::Absent {
            // On a file system without flags a creation is a second name and then the loss of the first.
            if same_file(self.live, self.s)? {
                reached("take out");
                unlinkat(self.live.directory, OsStr::from_bytes(self.live.name), UnlinkatFlags::NoRemoveDir)?;
                return Ok(Went::Restored);
            }
            return Ok(Went::Left);
        }
        reached("take out");
        self.way.put(self.live, self.s, reached)?;
        let foreign = look(self.s).unwrap_or(now) != Look::expects(to);
        Ok(if foreign { Went::RestoredOverForeign } else { Went::Restored })
    }
}
