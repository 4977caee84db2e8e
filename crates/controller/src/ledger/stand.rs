//! Whether anybody wrote into a journal, without opening it.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// The time of a file is as coarse as the kernel's tick (10 ms at most): what was written longer ago than this is not followed by more
/// with the same time.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// How the files of a journal stand: whoever appends changes one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    file: (SystemTime, u64),
    /// What is not yet in the file itself. Source: <https://www.sqlite.org/walformat.html>
    ahead: Option<(SystemTime, u64)>,
}

impl Stand {
    /// As they stand now; `None` when that cannot be seen.
    pub(super) fn of(journal: &Path) -> Option<Stand> {
        let at = |path: &Path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        };
        let mut ahead = journal.as_os_str().to_owned();
        ahead.push("-wal");
        Some(Stand { file: at(journal)?, ahead: at(Path::new(&ahead)) })
    }

    /// Whether whoever writes next changes it for certain.
    pub(super) fn is_settled(&self) -> bool {
        let last = self.ahead.map_or(self.file.0, |ahead| ahead.0.max(self.file.0));
        last.elapsed().is_ok_and(|since| since > SETTLED_AFTER)
    }
}
