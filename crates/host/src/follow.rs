//! Follows a log: each line that is written comes once, through rotation, truncation and restarts of this program.
//!
//! * Renamed and made anew: the old file is read to its end, and a while longer, because its writer opens the new one only when
//!   it is told to.
//! * Copied and emptied: what was not read yet is read from the copy. A file that was emptied and has grown since is known by
//!   the bytes before the place: they are no longer there.
//! * A position can be kept and taken up again; when the file was rotated meanwhile, it is found beside its place.
//! * Holes of a sparse file are passed over, not read. A line has a longest length; what is behind it is left out.
//! * What is lost all the same (rotated and packed while nobody followed) is said. Not known: a file that was made, written and
//!   rotated between two looks, and what a writer puts into a renamed file after this program was started anew.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::unistd::{Whence, lseek64};

/// The longest line that is given, in bytes.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// How much one call reads of one file, in bytes.
const READ_BYTES_MAX: u64 = 8 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// How many bytes before a place are remembered to know it again.
const MARK_BYTES: usize = 64;
/// How long after its last change a file that was renamed is still looked at.
const LEAVING_FOR: Duration = Duration::from_secs(60);
/// The most files beside a log that are looked at.
const SIBLINGS_MAX: usize = 10_000;

/// A place in a log, to be kept and taken up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The device of the file.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
    /// Where the first line begins that was not given yet.
    pub offset: u64,
    /// The bytes before it.
    pub mark: Vec<u8>,
}

/// What a call gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Lines given.
    pub lines: u64,
    /// Lines may be missing: a file is gone that was not read to its end.
    pub lost: bool,
    /// More is there than one call reads.
    pub more: bool,
}

/// A log that is followed.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    open: Option<Open>,
    /// Renamed, and perhaps still written.
    leaving: Option<Open>,
    /// Whence to take it up.
    kept: Option<Position>,
    /// A file that is there at first is read from its end.
    from_end: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    device: u64,
    inode: u64,
    offset: u64,
    mark: Vec<u8>,
    /// The rest of a line that is too long is left out.
    in_long_line: bool,
}

impl Follower {
    /// Follows what is written from now on. A log that does not exist yet is read from its first byte.
    pub fn from_end(path: impl Into<PathBuf>) -> Follower {
        let mut follower = Follower::new(path.into(), None, true);
        follower.open = follower.find();
        follower.from_end = false;
        follower
    }

    /// Follows it from its first byte.
    pub fn from_start(path: impl Into<PathBuf>) -> Follower {
        Follower::new(path.into(), None, false)
    }

    /// Takes up where another left off.
    pub fn resume(path: impl Into<PathBuf>, position: Position) -> Follower {
        Follower::new(path.into(), Some(position), false)
    }

    fn new(path: PathBuf, kept: Option<Position>, from_end: bool) -> Follower {
        Follower { path, open: None, leaving: None, kept, from_end }
    }

    /// Where it stands.
    pub fn position(&self) -> Option<Position> {
        let at = |open: &Open| Position {
            device: open.device,
            inode: open.inode,
            offset: open.offset,
            mark: open.mark.clone(),
        };
        self.open.as_ref().map(at).or_else(|| self.kept.clone())
    }

    /// Gives every whole line that was written since the last call, without its end.
    ///
    /// # Errors
    /// When a file that is there cannot be read; the next call tries again.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<Progress> {
        let mut progress = Progress::default();
        if let Some(position) = self.kept.take() {
            self.take_up(position, &mut progress);
        }
        // Another log was copied over it.
        self.leaving.take_if(|leaving| !leaving.is_in_place());
        if let Some(leaving) = &mut self.leaving {
            progress.more |= leaving.read(&mut each, &mut progress.lines)?;
            let quiet = leaving.file.metadata()?.modified().is_ok_and(|at| is_past(at, LEAVING_FOR));
            if quiet && !progress.more {
                leaving.read_rest(&mut each, &mut progress.lines)?;
                self.leaving = None;
            }
        }
        if self.open.as_mut().is_some_and(|open| !open.is_in_place()) {
            self.emptied(&mut each, &mut progress)?;
        }
        if let Some(open) = &mut self.open {
            progress.more |= open.read(&mut each, &mut progress.lines)?;
        }
        if progress.more {
            return Ok(progress);
        }
        let is_another = |open: &Open, found: &Open| (open.device, open.inode) != (found.device, found.inode);
        if let Some(found) = self.find() {
            match &self.open {
                Some(open) if !is_another(open, &found) => {}
                Some(_) => {
                    // A second rotation within a minute: the first file has nothing more to say.
                    if let Some(mut older) = std::mem::replace(&mut self.leaving, self.open.replace(found)) {
                        older.read_rest(&mut each, &mut progress.lines)?;
                    }
                }
                None => self.open = Some(found),
            }
            if let Some(open) = &mut self.open {
                progress.more |= open.read(&mut each, &mut progress.lines)?;
            }
        }
        Ok(progress)
    }

    /// What stands at the path now, when it is a regular file.
    fn find(&self) -> Option<Open> {
        let (file, metadata) = regular(&self.path)?;
        let mut open = Open::new(file, &metadata, 0);
        if self.from_end {
            open.offset = metadata.len();
            open.mark = open.before(open.offset);
        }
        Some(open)
    }

    /// Finds the file of a kept position, at its path or beside it.
    fn take_up(&mut self, position: Position, progress: &mut Progress) {
        let fits = |file: &File, metadata: &Metadata| {
            metadata.len() >= position.offset && reads(file, position.offset, &position.mark)
        };
        let own = |metadata: &Metadata| (metadata.dev(), metadata.ino()) == (position.device, position.inode);
        let here = regular(&self.path).filter(|(file, metadata)| own(metadata) && fits(file, metadata));
        let found = here.or_else(|| {
            self.siblings()
                .find(|(file, metadata)| fits(file, metadata) && (own(metadata) || !position.mark.is_empty()))
        });
        match found {
            Some((file, metadata)) => {
                let mut open = Open::new(file, &metadata, position.offset);
                open.mark = position.mark;
                self.open = Some(open);
            }
            None => progress.lost = position.offset > 0 || !self.path.exists(),
        }
    }

    /// The file was emptied in its place: what was not given yet stands in a copy.
    fn emptied(&mut self, each: &mut impl FnMut(&[u8]), progress: &mut Progress) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let copy = self.siblings().find(|(file, metadata)| {
            metadata.ino() != open.inode
                && metadata.len() >= open.offset
                && reads(file, open.offset, &open.mark)
        });
        match copy.filter(|_| !open.mark.is_empty()) {
            Some((file, metadata)) => {
                let mut copy = Open::new(file, &metadata, open.offset);
                while copy.read(each, &mut progress.lines)? {}
            }
            None => progress.lost = open.offset > 0,
        }
        (open.offset, open.in_long_line) = (0, false);
        open.mark.clear();
        self.open = Some(open);
        Ok(())
    }

    /// The regular files whose names begin with the log's, the newest first.
    fn siblings(&self) -> impl Iterator<Item = (File, Metadata)> {
        let name = self.path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
        let directory =
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().take(SIBLINGS_MAX);
        let mut found: Vec<(SystemTime, PathBuf)> = entries
            .filter(|entry| {
                let other = entry.file_name();
                other.as_encoded_bytes().strip_prefix(name.as_slice()).is_some_and(|rest| !rest.is_empty())
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().filter_map(|(_, path)| regular(&path))
    }
}

impl Open {
    fn new(file: File, metadata: &Metadata, offset: u64) -> Open {
        Open {
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            offset,
            mark: Vec::new(),
            in_long_line: false,
        }
    }

    /// Whether the place is still the one that it was: not emptied, nor emptied and grown.
    fn is_in_place(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.len() >= self.offset)
            && reads(&self.file, self.offset, &self.mark)
    }

    fn before(&self, offset: u64) -> Vec<u8> {
        let length = usize::try_from(offset).unwrap_or(usize::MAX).min(MARK_BYTES);
        let mut mark = vec![0; length];
        let whole = self.file.read_exact_at(&mut mark, offset - length as u64).is_ok();
        if whole { mark } else { Vec::new() }
    }

    /// Gives whole lines; whether there is more than one call reads.
    fn read(&mut self, each: &mut impl FnMut(&[u8]), lines: &mut u64) -> io::Result<bool> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut all = 0;
        loop {
            let length = read_at(&self.file, &mut buffer, self.offset)?;
            let chunk = &buffer[..length];
            let zeros = chunk.iter().take_while(|&&byte| byte == 0).count();
            if zeros > 0 && !self.in_long_line {
                if !self.skip_hole()? {
                    self.advance(zeros);
                }
                continue;
            }
            let Some(last) = chunk.iter().rposition(|&byte| byte == b'\n') else {
                if length > LINE_BYTES_MAX {
                    if !self.in_long_line {
                        each(&chunk[..LINE_BYTES_MAX]);
                        *lines += 1;
                    }
                    self.in_long_line = true;
                    self.advance(length);
                    all += length as u64;
                    if all < READ_BYTES_MAX {
                        continue;
                    }
                }
                return Ok(all >= READ_BYTES_MAX);
            };
            for line in chunk[..last].split(|&byte| byte == b'\n') {
                if !std::mem::take(&mut self.in_long_line) {
                    each(trimmed(line));
                    *lines += 1;
                }
            }
            self.advance(last + 1);
            all += last as u64 + 1;
            if length < buffer.len() {
                return Ok(false);
            }
            if all >= READ_BYTES_MAX {
                return Ok(true);
            }
        }
    }

    /// Gives what is left, also a last line without its end: nobody writes here any more.
    fn read_rest(&mut self, each: &mut impl FnMut(&[u8]), lines: &mut u64) -> io::Result<()> {
        while self.read(each, lines)? {}
        let mut rest = vec![0; LINE_BYTES_MAX];
        let length = read_at(&self.file, &mut rest, self.offset)?;
        if length > 0 && !self.in_long_line {
            each(trimmed(&rest[..length]));
            *lines += 1;
            self.advance(length);
        }
        Ok(())
    }

    fn advance(&mut self, by: usize) {
        self.offset += by as u64;
        self.mark = self.before(self.offset);
    }

    /// Passes over a hole, when the place is in one. What a hole reads as is no line.
    fn skip_hole(&mut self) -> io::Result<bool> {
        let from = i64::try_from(self.offset).map_err(io::Error::other)?;
        let data = match lseek64(&self.file, from, Whence::SeekData) {
            Ok(data) => u64::try_from(data).unwrap_or(self.offset),
            // Nothing but a hole up to the end.
            Err(nix::errno::Errno::ENXIO) => self.file.metadata()?.len(),
            Err(error) => return Err(error.into()),
        };
        let moved = data > self.offset;
        if moved {
            self.offset = data;
            self.mark = self.before(data);
        }
        Ok(moved)
    }
}

/// The last part of a log, as whole lines; for a look at what was said lately.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub fn last_lines(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = regular(path)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is no regular file that can be read"))?;
    let from = metadata.len().saturating_sub(bytes_max);
    let mut bytes = vec![0; usize::try_from(metadata.len() - from).map_err(io::Error::other)?];
    let length = read_at(&file, &mut bytes, from)?;
    bytes.truncate(length);
    if from > 0 {
        let first = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..first);
    }
    Ok(bytes)
}

fn regular(path: &Path) -> Option<(File, Metadata)> {
    // A pipe would wait for its writer.
    std::fs::metadata(path).ok().filter(Metadata::is_file)?;
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    Some((file, metadata))
}

/// Whether these bytes stand before a place.
fn reads(file: &File, offset: u64, mark: &[u8]) -> bool {
    let Some(from) = offset.checked_sub(mark.len() as u64) else { return false };
    let mut bytes = vec![0; mark.len()];
    file.read_exact_at(&mut bytes, from).is_ok() && bytes == mark
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A line without the zeros of a hole before it, bounded.
fn trimmed(line: &[u8]) -> &[u8] {
    let zeros = line.iter().take_while(|&&byte| byte == 0).count();
    &line[zeros..line.len().min(zeros + LINE_BYTES_MAX)]
}

fn is_past(at: SystemTime, long: Duration) -> bool {
    SystemTime::now().duration_since(at).is_ok_and(|ago| ago > long)
}

#[cfg(test)]
mod tests;
