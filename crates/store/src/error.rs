//! Why a journal could not be read or written.

use std::path::{Path, PathBuf};

use evenkeel_fleet::{Digest, Sequence};

/// Why a journal could not be read or written. Whatever it is, nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An event is not what was appended, or the file is no journal any more.
    #[error("read the journal {}: it is corrupt{}: {what}", path.display(), at(*sequence))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first event that is wrong, when it can be told.
        sequence: Option<Sequence>,
        /// What is wrong with it.
        what: String,
    },
    /// A blob is not what was kept.
    #[error("read {digest} from {}: its bytes are not what was kept", path.display())]
    CorruptBlob {
        /// The file.
        path: PathBuf,
        /// The digest it was kept under.
        digest: Digest,
    },
    /// A newer version of this program wrote the journal.
    #[error(
        "read the journal {}: a newer version wrote it (format {found}, this one understands {understood})",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format that this version understands.
        understood: i64,
    },
    /// Another program held the journal for too long.
    #[error("get hold of the journal {}: another program is writing to it", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// There is no space left.
    #[error("write to the journal {}: the disk is full", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// This user may not do that.
    #[error("open the journal {}: not permitted", path.display())]
    NotPermitted {
        /// The file.
        path: PathBuf,
    },
    /// There is no journal to read.
    #[error("find a journal at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else appended first: replay, and decide again.
    #[error("append after event {expected}: the journal is at {found}")]
    Conflict {
        /// The sequence that the append expected.
        expected: Sequence,
        /// The sequence that the journal has.
        found: Sequence,
    },
    /// The blob is larger than [`BLOB_BYTES_MAX`](crate::BLOB_BYTES_MAX).
    #[error("keep a blob of {bytes} bytes: the limit is {}", crate::BLOB_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The database failed in a way that has no name here.
    #[error("use the journal {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The operating system failed in a way that has no name here.
    #[error("use the journal {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// `SQLITE_IOERR_SHMSIZE`
const SHARED_MEMORY_SIZE: u32 = 10 | (19 << 8);

fn at(sequence: Option<Sequence>) -> String {
    sequence.map_or_else(String::new, |sequence| format!(" at event {sequence}"))
}

impl StoreError {
    /// Gives a database error at `path` its name. Source: <https://www.sqlite.org/rescode.html>
    pub(crate) fn database(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        let code = source.as_database_error().and_then(|error| error.code());
        let code = code.and_then(|code| code.parse::<u32>().ok());
        // No room for what the log is shared by, beside the journal, has a code of its own.
        let primary = if code == Some(SHARED_MEMORY_SIZE) { Some(13) } else { code.map(|code| code & 0xff) };
        let what =
            || source.as_database_error().map_or_else(|| source.to_string(), |e| e.message().to_owned());
        match primary {
            Some(3 | 8 | 23) => Self::NotPermitted { path },
            Some(5 | 6) => Self::Locked { path },
            Some(11 | 26) => Self::Corrupt { what: what(), path, sequence: None },
            Some(13) => Self::DiskFull { path },
            _ => Self::Database { path, source },
        }
    }

    /// Gives an operating system error at `path` its name.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotPermitted { path }
            }
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, source },
        }
    }
}
