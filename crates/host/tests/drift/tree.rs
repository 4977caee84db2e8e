//! Trees to edit.

use std::fs;

use tempfile::TempDir;

/// A small tree, on the disk where the tests are built: fanotify wants a file system of a kind that servers have.
pub(crate) fn tree() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("conf.d")).unwrap();
    fs::write(root.path().join("nginx.conf"), "events {}\nhttp { include conf.d/*.conf; }\n").unwrap();
    fs::write(root.path().join("mime.types"), "types {}\n").unwrap();
    root
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
