//! What `nginx -t` would make, write to or give to somebody else on the live host, covered or taken away again.
//!
//! It opens every log, makes temporary and cache directories and gives them to `user`, leaves an empty pid file,
//! and writes what it refuses into the error log of the running nginx.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Question;
use super::layout::c_path;
use crate::nginx::compiled::{self, Compiled};
use crate::nginx::view::View;

/// Covers for what is there, and a list of what was not.
#[derive(Debug)]
pub(super) struct Covers {
    pub(super) files: Vec<CString>,
    pub(super) directories: Vec<CString>,
    /// Paths of ours, the longest last.
    absent: Vec<PathBuf>,
}

impl Covers {
    /// Looks at what is there now.
    pub(super) fn over(question: &Question<'_>) -> Self {
        let mut paths = question.written.to_vec();
        paths.extend(built_in(question));
        paths.retain(|path| path.is_absolute());
        paths.sort();
        paths.dedup();
        let view =
            question.master.filter(|master| master.own_view).and_then(|master| View::of(master.id.pid).ok());
        let mut covers = Self { files: Vec::new(), directories: Vec::new(), absent: Vec::new() };
        for path in paths {
            let ours = view.as_ref().map_or_else(|| path.clone(), |view| view.outside(&path));
            covers.add(&path, ours);
        }
        covers
    }

    fn add(&mut self, path: &Path, ours: PathBuf) {
        let Ok(name) = c_path(path) else { return };
        match fs::metadata(&ours) {
            Ok(metadata) if metadata.is_dir() => self.directories.push(name),
            // One that we may not write must go on being refused.
            Ok(metadata) if metadata.is_file() && is_writable(&ours) => self.files.push(name),
            Ok(_) => {}
            Err(_) if fs::symlink_metadata(&ours).is_ok() => {}
            Err(_) => self.absent.push(ours),
        }
    }

    /// Removes what was not there before, as long as it is empty.
    pub(super) fn take_away(&self) {
        for path in self.absent.iter().rev() {
            let Ok(metadata) = fs::symlink_metadata(path) else { continue };
            // Whoever has written into it meanwhile needs it, and whatever else is wrong with it is not ours.
            let _may_stay = match () {
                () if metadata.is_file() && metadata.len() == 0 => fs::remove_file(path),
                () if metadata.is_dir() => fs::remove_dir(path),
                () => Ok(()),
            };
        }
    }
}

fn is_writable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok()
}

/// Gives what this nginx writes wherever its configuration says nothing else.
fn built_in(question: &Question<'_>) -> Vec<PathBuf> {
    let compiled = match question.master {
        Some(master) => master.compiled(),
        None => compiled::compiled(&question.place.nginx, question.limit.min(compiled::LIMIT)),
    };
    let Ok(Compiled { prefix, error_log_path, pid_path, written_paths, .. }) = compiled else {
        return Vec::new();
    };
    let args = question.master.map(|master| (&master.args, &master.cwd));
    let prefix = match args {
        Some((args, cwd)) => cwd.join(args.prefix.as_ref().unwrap_or(&prefix)),
        None => prefix,
    };
    let error_log = args.and_then(|(args, _)| args.error_log.clone()).unwrap_or(error_log_path);
    let mut paths = written_paths;
    paths.push(pid_path);
    if error_log != Path::new(crate::nginx::log::STDERR) {
        paths.push(error_log);
    }
    paths.into_iter().map(|path| prefix.join(path)).collect()
}
