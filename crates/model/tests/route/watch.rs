//! Clears up behind a test that is gone: what it ran, and the directory that it ran in.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Reads process ids until nobody is left who writes them; then ends the last one and removes the directory.
const SCRIPT: &str = r#"pid=
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
rm -rf -- "$0""#;

/// A directory that goes when the value does, and also when the test is killed, with the process that runs in it.
#[derive(Debug)]
pub(crate) struct Watched {
    watcher: Child,
    pub(crate) path: PathBuf,
}

impl Watched {
    /// Makes a directory, and somebody who outlives the test and removes it.
    pub(crate) fn new() -> Watched {
        let path = tempfile::Builder::new().prefix("evenkeel-route-").tempdir().unwrap().keep();
        let path = path.canonicalize().unwrap();
        let watcher = Command::new("/bin/sh")
            .args([Path::new("-c"), Path::new(SCRIPT), &path])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends the test's group does not end it.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Watched { watcher, path }
    }

    /// Says which process runs in the directory; `None`: none.
    pub(crate) fn runs(&self, pid: Option<u32>) {
        let mut pipe = self.watcher.stdin.as_ref().expect("it is piped");
        let line = pid.map_or_else(String::new, |pid| pid.to_string());
        writeln!(pipe, "{line}").expect("the watcher lives");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

#[test]
fn what_runs_in_a_watched_directory_ends_with_it() {
    let watched = Watched::new();
    let path = watched.path.clone();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    watched.runs(Some(child.id()));
    drop(watched);
    assert!(!child.wait().unwrap().success(), "it was killed");
    assert!(!path.exists());
}
