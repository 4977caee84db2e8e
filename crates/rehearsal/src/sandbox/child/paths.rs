//! Where a path leads inside, link by link: nothing is created on the way, and nothing outside is met.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// How many links a path may hold, as in the kernel (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// Follows the links of an absolute path as far as it exists: what is there, and the names that are not.
pub(crate) fn resolve(path: &Path) -> io::Result<(PathBuf, Vec<OsString>)> {
    let mut todo: Vec<OsString> = names(path);
    todo.reverse();
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(name) = todo.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(io::Error::from_raw_os_error(libc::ELOOP));
                }
                let target = fs::read_link(&next)?;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                todo.extend(names(&target).into_iter().rev());
            }
            Ok(_) => at = next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut rest = vec![name];
                rest.extend(todo.into_iter().rev());
                if rest.iter().any(|name| name == "..") {
                    return Err(error);
                }
                return Ok((at, rest));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((at, Vec::new()))
}

fn names(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    parts.collect()
}

/// Lists the directories below one, those above before those below.
pub(crate) fn skeleton(directory: &Path, depth: u32, found: &mut Vec<(PathBuf, fs::Metadata)>) {
    const DIRECTORIES_MAX: usize = 1000;
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if metadata.is_dir() && found.len() < DIRECTORIES_MAX {
            found.push((entry.path(), metadata));
            skeleton(&entry.path(), depth - 1, found);
        }
    }
}
