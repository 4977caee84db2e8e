//! What nginx reads is what we wrote: seen through its own eyes, whatever namespace or mount it lives in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use evenkeel_fleet::{Evidence, EvidenceKind};
use evenkeel_host::configdir::{ContentDigest, Entry, FileSet};
use evenkeel_host::nginx::find::Master;
use evenkeel_host::nginx::generation;

use crate::report::count;

/// Compares what changed with what the master would read; the error is what is wrong, or why it cannot be seen.
pub(crate) fn what_is_read(from: &FileSet, to: &FileSet, master: &Master) -> Result<Evidence, String> {
    let (files, links) = changed(from, to);
    let seen = generation::what_is_read(master, files.iter().map(|(path, digest)| (path.as_path(), *digest)));
    let seen = seen.and_then(|wrong| match wrong {
        Some(path) => Ok(Some(path)),
        None => {
            generation::links_read(master, links.iter().map(|(path, to)| (path.as_path(), to.as_slice())))
        }
    });
    match seen {
        Ok(None) => {
            let (what, pid) = (count(files.len() + links.len(), "file"), master.id.pid);
            let summary = format!("nginx reads what was written ({what}), seen through /proc/{pid}/root");
            Ok(Evidence::new(EvidenceKind::WhatIsRead, true, summary))
        }
        Ok(Some(path)) => Err(format!(
            "nginx (process {}) would not read what was written to {}: another mount or namespace stands in its way",
            master.id.pid,
            path.display()
        )),
        Err(error) => Err(format!("what nginx reads cannot be seen: {error}")),
    }
}

type Files = Vec<(PathBuf, [u8; 32])>;
type Links = Vec<(PathBuf, Vec<u8>)>;

/// The files that differ with the digests of their new bytes, and the links with their new targets. What is only taken away
/// leaves nothing to compare, so then the main file stands for the tree.
fn changed(from: &FileSet, to: &FileSet) -> (Files, Links) {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let (mut files, mut links) = (Files::new(), Links::new());
    for change in from.diff(to) {
        let path = path(change.path.as_bytes());
        match change.new {
            Some(Entry::File(bytes)) => files.push((path, ContentDigest::of(bytes).0)),
            Some(Entry::Link(target)) => links.push((path, target.clone())),
            None => {}
        }
    }
    let main = to.iter().find(|(path, _)| path.as_bytes() == b"nginx.conf");
    if let Some((name, Entry::File(bytes))) = main.filter(|_| files.is_empty()) {
        files.push((path(name.as_bytes()), ContentDigest::of(bytes).0));
    }
    (files, links)
}
