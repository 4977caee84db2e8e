//! Files that decide about safety: they count only where nobody else could have written them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why such a file is not followed.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// It cannot be read.
    #[error("read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is a device, a directory, a pipe.
    #[error("read {path}: it is no file", path = path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else owns it.
    #[error("trust {path}: it belongs to user {owner}, not to root or user {me}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who looks.
        me: u32,
    },
    /// Others may write it.
    #[error("trust {path}: others may write it (mode {mode:o}); chmod go-w {path}", path = path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is too long.
    #[error("read {path}: it is longer than {bytes_max} bytes", path = path.display())]
    Long {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// It is not text.
    #[error("read {path}: it is not UTF-8", path = path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a text that only root, or whoever runs this, can have written.
///
/// # Errors
/// [`TrustedError`] says why it does not count.
pub fn read(path: &Path, bytes_max: u64) -> Result<String, TrustedError> {
    let path_buf = || path.to_path_buf();
    let read = |source| TrustedError::Read { path: path_buf(), source };
    // A pipe without a writer must not hold anybody up.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(read)?;
    let meta = file.metadata().map_err(read)?;
    let me = nix::unistd::geteuid().as_raw();
    if !meta.is_file() {
        return Err(TrustedError::NoFile { path: path_buf() });
    }
    if meta.uid() != 0 && meta.uid() != me {
        return Err(TrustedError::Foreign { path: path_buf(), owner: meta.uid(), me });
    }
    if meta.mode() & 0o022 != 0 {
        return Err(TrustedError::Writable { path: path_buf(), mode: meta.mode() & 0o7777 });
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(read)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(TrustedError::Long { path: path_buf(), bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| TrustedError::NoText { path: path_buf() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn file_of_ones_own_counts_and_one_that_others_may_write_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signers");
        fs::write(&path, "bob").unwrap();
        for (mode, counts) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, 10).is_ok(), counts, "{mode:o}");
        }
    }

    #[test]
    fn what_is_no_short_text_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signers");
        assert!(matches!(read(&path, 10), Err(TrustedError::Read { .. })));
        fs::write(&path, "eleven bytes").unwrap();
        assert!(matches!(read(&path, 10), Err(TrustedError::Long { bytes_max: 10, .. })));
        fs::write(&path, [0xff]).unwrap();
        assert!(matches!(read(&path, 10), Err(TrustedError::NoText { .. })));
        assert!(matches!(read(dir.path(), 10), Err(TrustedError::NoFile { .. })));
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(read(&dir.path().join("pipe"), 10), Err(TrustedError::NoFile { .. })));
    }
}
