//! A hold on automatic restarts: a file that says why. `policy-rc.d` and needrestart are asked before a maintainer script or
//! an upgrade restarts a service; they look here.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How much of the reason is kept, in bytes.
const REASON_BYTES_MAX: usize = 4 << 10;

/// The file.
#[must_use]
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("restarts-held")
}

/// Holds automatic restarts back from now on, across reboots.
///
/// # Errors
/// When that cannot be written down.
pub fn hold(state_dir: &Path, reason: &str) -> io::Result<()> {
    let (path, new) = (path(state_dir), state_dir.join("restarts-held.new"));
    let _leftover = fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    file.write_all(&reason.as_bytes()[..end])?;
    file.sync_all()?;
    fs::rename(&new, &path)
}

/// Why they are held back, if they are.
#[must_use]
pub fn held(state_dir: &Path) -> Option<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path(state_dir)).ok()?;
    let mut bytes = Vec::new();
    // What cannot be read holds all the same.
    let _unread = file.take(REASON_BYTES_MAX as u64).read_to_end(&mut bytes);
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Allows them again; says whether they were held.
///
/// # Errors
/// When the file cannot be taken away.
pub fn lift(state_dir: &Path) -> io::Result<bool> {
    match fs::remove_file(path(state_dir)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_stands_with_its_newest_reason_until_it_is_lifted() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(held(dir.path()), None);
        assert!(!lift(dir.path()).unwrap());
        hold(dir.path(), "first").unwrap();
        hold(dir.path(), "nginx refuses it").unwrap();
        assert_eq!(held(dir.path()).as_deref(), Some("nginx refuses it"));
        assert!(lift(dir.path()).unwrap());
        assert_eq!(held(dir.path()), None);
    }
}
