//! Where the paths of a tree lie in a private directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The places of one rehearsal.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// Where the tree lives on its host.
    pub(super) config_dir: PathBuf,
    /// Where the tree stands here: a link to one of the copies.
    pub(super) conf: PathBuf,
    /// What is written lies below, at the path that it has on the host.
    pub(super) root: PathBuf,
    /// Files of ours, by the path that they have on the host.
    pub(super) laid: BTreeSet<PathBuf>,
}

/// Where a copy holds the files that its tree includes from elsewhere.
const OUTSIDE: &str = ".outside";

impl Paths {
    /// Where a file that nginx reads as configuration lies, relative to a copy of the tree.
    pub(super) fn in_copy(&self, path: &Path) -> PathBuf {
        let path = plain(path);
        match path.strip_prefix(&self.config_dir) {
            Ok(below) => below.to_owned(),
            Err(_) => Path::new(OUTSIDE).join(path.strip_prefix("/").unwrap_or(&path)),
        }
    }

    /// Where something lies that nginx reads as configuration, as the copy's files say it.
    pub(super) fn included(&self, path: &[u8]) -> Vec<u8> {
        bytes(&self.conf.join(self.in_copy(as_path(path))))
    }

    /// Where something lies that nginx writes.
    pub(super) fn written(&self, path: &[u8]) -> Vec<u8> {
        [self.root.as_os_str().as_bytes(), path].concat()
    }

    /// Where something lies that nginx reads, when that is not its own place.
    pub(super) fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        let as_given = as_path(path);
        if let Ok(below) = as_given.strip_prefix(&self.config_dir) {
            return Some(match below.as_os_str().is_empty() {
                true => bytes(&self.conf),
                false => {
                    [self.conf.as_os_str().as_bytes(), &path[self.config_dir.as_os_str().len()..]].concat()
                }
            });
        }
        self.laid.contains(as_given).then(|| self.written(path))
    }

    /// Where something of ours lies that is not part of the tree.
    pub(super) fn here_if_written(&self, path: &Path) -> PathBuf {
        as_path(&self.written(path.as_os_str().as_bytes())).to_owned()
    }

    /// Where a path of the host lies here, whoever asks.
    pub(super) fn here(&self, path: &Path) -> PathBuf {
        let written = self.here_if_written(path);
        match self.read(path.as_os_str().as_bytes()) {
            Some(path) => as_path(&path).to_owned(),
            None if written.exists() => written,
            None => path.to_owned(),
        }
    }

    /// What stands for what, as text: here, and on the host.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let outside = text(&self.conf.join(OUTSIDE));
        vec![
            (outside, String::new()),
            (text(&self.conf), text(&self.config_dir)),
            (text(&self.root), String::new()),
        ]
    }
}

/// Takes `.` and `..` out, as far as the text tells.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

pub(super) fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_by_what_is_done_with_them() {
        let paths = Paths {
            config_dir: "/etc/nginx".into(),
            conf: "/tmp/e/conf".into(),
            root: "/tmp/e/root".into(),
            laid: ["/etc/ssl/a.pem".into()].into(),
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text(paths.included(b"/etc/nginx/conf.d/*.conf")), "/tmp/e/conf/conf.d/*.conf");
        assert_eq!(text(paths.included(b"/etc/nginx/../x/a.conf")), "/tmp/e/conf/.outside/etc/x/a.conf");
        assert_eq!(text(paths.written(b"/var/log/nginx/a.log")), "/tmp/e/root/var/log/nginx/a.log");
        let read = |path: &[u8]| paths.read(path).map(text);
        assert_eq!(read(b"/etc/nginx/ssl/a.pem").as_deref(), Some("/tmp/e/conf/ssl/a.pem"));
        assert_eq!(read(b"/etc/nginx/").as_deref(), Some("/tmp/e/conf"));
        assert_eq!(read(b"/etc/nginx-other/a"), None);
        assert_eq!(read(b"/etc/ssl/a.pem").as_deref(), Some("/tmp/e/root/etc/ssl/a.pem"));
        assert_eq!(read(b"/srv/www"), None);
    }
}
