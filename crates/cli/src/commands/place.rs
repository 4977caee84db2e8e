//! Writes a file whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

/// Whether something has this name, a link that leads nowhere too.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether something that is no ordinary file has this name: a device (`--config /dev/null`), a directory.
pub(super) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a file. Only with `over` takes it the place of another one. A reader sees the old file or the new one.
pub(super) fn write(path: &Path, text: &str, over: bool) -> anyhow::Result<()> {
    let about = || format!("write {}", path.display());
    if is_special(path) {
        return Err(anyhow!("it is no ordinary file").context(about()));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(about)?;
    }
    let unfinished = Unfinished(unfinished(path));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&unfinished.0).with_context(about)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(about)?;
    if over {
        fs::rename(&unfinished.0, path).with_context(about)?;
    } else {
        fs::hard_link(&unfinished.0, path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                anyhow!("it is there already; --force writes over it").context(about())
            }
            _ => anyhow!(error).context(about()),
        })?;
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).with_context(about)
}

/// The name under which a file is written before it has its own.
fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.evenkeel", std::process::id()))
}

/// Gone when dropped, if it is still there.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _renamed = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_over_only_where_that_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made/routes.toml");
        write(&path, "one", false).unwrap();
        let error = format!("{:#}", write(&path, "two", false).unwrap_err());
        assert!(error.contains("it is there already"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "two", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn what_is_no_ordinary_file_is_never_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _held = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for path in [path.as_path(), directory.path()] {
            let error = format!("{:#}", write(path, "one", true).unwrap_err());
            assert!(error.contains("no ordinary file"), "{error}");
        }
        assert!(is_special(&path));
    }
}
