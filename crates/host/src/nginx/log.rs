//! What nginx wrote into its error logs since a moment.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::view::{FileId, View};
use crate::identity::ProcessId;

pub use super::log_line::{Level, LogLine, Meaning};

/// Stands for standard error in a list of error logs.
pub const STDERR: &str = "stderr";

/// How much of one log is read at once, in bytes: its last part when there is more.
const READ_BYTES_MAX: u64 = 1 << 20;

/// Where a set of error logs ended at a moment. Holds them open, so that rotation loses nothing.
#[derive(Debug)]
pub struct Offsets {
    logs: Vec<Log>,
}

impl Offsets {
    /// Notes where these logs end now. A log that does not exist yet counts from its first byte. Paths are as
    /// the master sees them; [`STDERR`] is whatever stands behind its descriptor 2.
    pub fn take<P: Into<PathBuf>>(master: ProcessId, paths: impl IntoIterator<Item = P>) -> Self {
        let mut logs: Vec<Log> = Vec::new();
        for path in paths.into_iter().map(Into::into) {
            if logs.iter().all(|log| log.path != path) {
                logs.push(Log::at_its_end(master, path));
            }
        }
        Self { logs }
    }

    /// Gives the lines written since the last call, or since [`Self::take`]; of each log the last mebibyte at
    /// most. A line without its end is left for the next call.
    pub fn new_lines(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for log in &mut self.logs {
            log.read_new(&mut lines);
        }
        lines
    }

    /// Gives the logs that can be read: regular files. Not so `syslog:`, a pipe, `/dev/null`.
    pub fn readable(&self) -> impl Iterator<Item = &Path> {
        self.logs.iter().filter(|log| log.open.is_some()).map(|log| log.path.as_path())
    }

    /// Gives the logs that cannot be read, or do not exist.
    pub fn unreadable(&self) -> impl Iterator<Item = &Path> {
        self.logs.iter().filter(|log| log.open.is_none()).map(|log| log.path.as_path())
    }
}

/// One log, followed.
#[derive(Debug)]
struct Log {
    master: ProcessId,
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    id: FileId,
    offset: u64,
}

impl Log {
    fn at_its_end(master: ProcessId, path: PathBuf) -> Self {
        let mut log = Self { master, path, open: None };
        log.open = log.find().map(|(file, metadata)| Open {
            file,
            id: FileId::of(&metadata),
            offset: metadata.len(),
        });
        log
    }

    /// Opens what stands at the path now, when it is a regular file.
    fn find(&self) -> Option<(File, Metadata)> {
        let is_stderr =
            [STDERR, "/dev/stderr", "/proc/self/fd/2"].iter().any(|name| self.path == Path::new(name));
        let file = if is_stderr {
            // Behind a pipe nothing could be read without taking it from its reader.
            let link = format!("/proc/{}/fd/2", self.master.pid);
            std::fs::metadata(&link).ok().filter(Metadata::is_file)?;
            File::open(link).ok()?
        } else if self.path.is_absolute() {
            View::of(self.master.pid).and_then(|view| view.open(&self.path)).ok()?
        } else {
            return None;
        };
        let metadata = file.metadata().ok().filter(Metadata::is_file)?;
        Some((file, metadata))
    }

    fn read_new(&mut self, lines: &mut Vec<LogLine>) {
        if let Some(open) = &mut self.open {
            open.read_new(&self.path, lines);
        }
        // Rotated, or made only now.
        let Some((file, metadata)) = self.find() else { return };
        let id = FileId::of(&metadata);
        if self.open.as_ref().is_none_or(|open| open.id != id) {
            let mut open = Open { file, id, offset: 0 };
            open.read_new(&self.path, lines);
            self.open = Some(open);
        }
    }
}

impl Open {
    fn read_new(&mut self, path: &Path, lines: &mut Vec<LogLine>) {
        let Ok(size) = self.file.metadata().map(|metadata| metadata.len()) else { return };
        if size < self.offset {
            // Somebody emptied it in its place.
            self.offset = 0;
        }
        let skipped = size.saturating_sub(self.offset) > READ_BYTES_MAX;
        if skipped {
            self.offset = size - READ_BYTES_MAX;
        }
        let Ok(bytes) = read_range(&self.file, self.offset, size) else { return };
        let Some(last) = bytes.iter().rposition(|&byte| byte == b'\n') else { return };
        self.offset += last as u64 + 1;
        // In the middle of a line nothing counts as its beginning.
        let first = if skipped { bytes.iter().position(|&byte| byte == b'\n').unwrap_or(0) + 1 } else { 0 };
        let whole = bytes.get(first..last).unwrap_or_default();
        lines.extend(whole.split(|&byte| byte == b'\n').filter_map(|line| LogLine::parse(line, path)));
    }
}

fn read_range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn path(&self) -> PathBuf {
            self.0.path().join("error.log")
        }

        fn append(&self, text: &str) {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
    }

    fn line(message: &str) -> String {
        format!("2026/11/21 10:00:00 [notice] 12#13: {message}\n")
    }

    fn messages(offsets: &mut Offsets) -> Vec<String> {
        offsets.new_lines().into_iter().map(|line| line.message).collect()
    }

    fn dir() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    #[test]
    fn only_whole_new_lines_come() {
        let dir = dir();
        dir.append(&line("old"));
        let mut offsets = Offsets::take(ProcessId::me(), [dir.path(), dir.path()]);
        assert_eq!(offsets.readable().count(), 1);
        dir.append(&line("first"));
        dir.append("2026/11/21 10:00:00 [notice] 12#13: sec");
        assert_eq!(messages(&mut offsets), ["first"]);
        dir.append("ond\n");
        assert_eq!(messages(&mut offsets), ["second"]);
        assert_eq!(messages(&mut offsets), [""; 0]);
    }

    #[test]
    fn log_that_appears_later_counts_from_its_first_byte() {
        let dir = dir();
        let mut offsets = Offsets::take(ProcessId::me(), [dir.path()]);
        assert_eq!(offsets.unreadable().count(), 1);
        dir.append(&line("first"));
        assert_eq!(messages(&mut offsets), ["first"]);
        assert_eq!(offsets.readable().count(), 1);
    }

    #[test]
    fn rotation_loses_nothing() {
        let dir = dir();
        dir.append(&line("old"));
        let mut offsets = Offsets::take(ProcessId::me(), [dir.path()]);
        dir.append(&line("before"));
        fs::rename(dir.path(), dir.0.path().join("error.log.1")).unwrap();
        dir.append(&line("after"));
        assert_eq!(messages(&mut offsets), ["before", "after"]);
    }

    #[test]
    fn log_emptied_in_its_place_is_read_from_its_beginning() {
        let dir = dir();
        dir.append(&line("a long line that was there before"));
        let mut offsets = Offsets::take(ProcessId::me(), [dir.path()]);
        fs::write(dir.path(), line("new")).unwrap();
        assert_eq!(messages(&mut offsets), ["new"]);
    }

    #[test]
    fn only_the_last_mebibyte_of_a_flood_is_read() {
        let dir = dir();
        let mut offsets = Offsets::take(ProcessId::me(), [dir.path()]);
        dir.append(&line("lost").repeat(40_000));
        dir.append(&line("last"));
        let messages = messages(&mut offsets);
        assert_eq!(messages.last().unwrap(), "last");
        assert!(messages.len() < 30_000 && messages.len() > 20_000);
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        let mut offsets = Offsets::take(ProcessId::me(), ["/dev/null", "syslog:server=unix:/dev/log", "/"]);
        assert_eq!(offsets.unreadable().count(), 3);
        assert!(offsets.new_lines().is_empty());
    }
}
