//! A copy of a tree: what nginx reads as configuration is written anew, everything else is a link to where it lies.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::sandbox::Directory;

/// How many entries of a tree are linked.
const ENTRIES_MAX: usize = 50_000;
/// How deep a tree may be.
const DEPTH_MAX: usize = 32;

/// Makes a copy of `tree` at `copy`: these files first, then links to the rest.
pub(super) fn copy(tree: &Path, copy: &Path, files: &[(PathBuf, Vec<u8>, u32)]) -> io::Result<()> {
    make_all(copy)?;
    for (below, bytes, mode) in files {
        write(&copy.join(below), bytes, *mode)?;
    }
    let tree = fs::canonicalize(tree)?;
    let mut pending = vec![(PathBuf::new(), 0)];
    let mut count = 0;
    while let Some((below, depth)) = pending.pop() {
        for entry in fs::read_dir(tree.join(&below))? {
            let below = below.join(entry?.file_name());
            let (from, to) = (tree.join(&below), copy.join(&below));
            count += 1;
            if count > ENTRIES_MAX || depth > DEPTH_MAX {
                return Err(io::Error::from_raw_os_error(libc::E2BIG));
            }
            let is_directory = fs::symlink_metadata(&from)?.is_dir();
            // A link to a directory stays one, unless a file of ours lies below it.
            let has_ours = fs::symlink_metadata(&to).is_ok_and(|found| found.is_dir());
            if is_directory || has_ours && from.is_dir() {
                make_all(&to)?;
                pending.push((below, depth + 1));
            } else if fs::symlink_metadata(&to).is_err() {
                symlink(&from, &to)?;
            }
        }
    }
    Ok(())
}

/// Writes a file that is not there yet, with the directories above it.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(above) = path.parent() {
        make_all(above)?;
    }
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match open {
        // Two of the same name: the first one counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        open => open?,
    };
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Makes a directory that everybody may look into, with those above it.
pub(super) fn make_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Makes the directories that are written to below `root`, each as it is on the host; one that the host lacks is
/// lacking here, too.
pub(super) fn written<'w>(
    root: &Path,
    written: impl Iterator<Item = &'w Vec<u8>>,
    wanted: &[Directory],
) -> io::Result<()> {
    for directory in wanted {
        let place = root.join(directory.path.strip_prefix("/").unwrap_or(&directory.path));
        make_all(&place)?;
        own(&place, directory.uid, directory.gid, directory.mode)?;
    }
    for path in written {
        // A name with variables ends where they begin.
        let text = path.split(|&byte| byte == b'$').next().unwrap_or(path);
        let Some(slash) = text.iter().rposition(|&byte| byte == b'/') else { continue };
        let above = Path::new(OsStr::from_bytes(&text[..slash.max(1)]));
        let place = root.join(above.strip_prefix("/").unwrap_or(above));
        let Ok(found) = fs::metadata(above) else { continue };
        if found.is_dir() && !place.exists() {
            make_all(&place)?;
            own(&place, found.uid(), found.gid(), found.mode() & 0o7777)?;
        }
    }
    Ok(())
}

fn own(place: &Path, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    // Root of a user namespace may not know the owner, or may not give things away.
    if geteuid().is_root() && chown(place, Some(uid), Some(gid)).is_ok() {
        return fs::set_permissions(place, fs::Permissions::from_mode(mode));
    }
    // The only user there is must be able to write where the host's could.
    fs::set_permissions(place, fs::Permissions::from_mode(mode | 0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_has_our_files_and_links_to_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let (tree, there) = (directory.path().join("tree"), directory.path().join("copy"));
        for path in ["sites-available/a", "sites-enabled/old", "ssl/a.key"] {
            write(&tree.join(path), b"theirs", 0o640).unwrap();
        }
        symlink("../sites-available/a", tree.join("sites-enabled/a")).unwrap();
        symlink("sites-available", tree.join("linked")).unwrap();
        symlink("sites-available", tree.join("other")).unwrap();
        let ours = |path: &str| (PathBuf::from(path), b"ours".to_vec(), 0o644);
        copy(&tree, &there, &[ours("sites-enabled/a"), ours("linked/a"), ours("new/b")]).unwrap();
        let read = |path: &str| fs::read_to_string(there.join(path)).unwrap();
        for path in ["sites-enabled/a", "linked/a", "new/b"] {
            assert_eq!(read(path), "ours", "{path}");
        }
        for path in ["sites-available/a", "sites-enabled/old", "ssl/a.key", "other/a"] {
            assert_eq!(read(path), "theirs", "{path}");
        }
        assert!(fs::symlink_metadata(there.join("ssl/a.key")).unwrap().is_symlink(), "no key is copied");
        assert_eq!(fs::read_to_string(tree.join("sites-available/a")).unwrap(), "theirs");
    }

    #[test]
    fn directory_that_the_host_lacks_is_lacking_here() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let paths = [b"/tmp/a.log".to_vec(), b"/no/such/directory/a.log".to_vec(), b"/tmp/$host/a".to_vec()];
        written(root, paths.iter(), &[]).unwrap();
        assert!(root.join("tmp").is_dir());
        assert!(!root.join("no").exists());
    }
}
