//! The files that have package managers, service managers and their helpers call Evenkeel.
//!
//! They lie in `packaging/`. Each carries a line that says who put it there; a file without that line is somebody else's and
//! is left alone, or, `policy-rc.d`, asked first.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What tells our files from others.
const MARK: &str = "Put here by `evenkeel package install`";

struct Hook {
    /// Where it goes, below the root.
    path: &'static str,
    /// It is only of use where this exists.
    where_is: &'static str,
    text: &'static str,
    mode: u32,
    what: &'static str,
}

macro_rules! hooks {
    ($($file:literal => $path:literal if $where_is:literal, $mode:literal, $what:literal;)*) => {
        &[$(Hook {
            path: $path,
            where_is: $where_is,
            text: include_str!(concat!("../../../../packaging/", $file)),
            mode: $mode,
            what: $what,
        },)*]
    };
}

const HOOKS: &[Hook] = hooks! {
    "apt/80evenkeel" => "etc/apt/apt.conf.d/80evenkeel" if "etc/apt", 0o644, "apt asks before, and tells afterwards";
    "dpkg/evenkeel" => "etc/dpkg/dpkg.cfg.d/evenkeel" if "etc/dpkg", 0o644, "so does dpkg";
    "policy-rc.d/policy-rc.d" => "usr/sbin/policy-rc.d" if "etc/dpkg", 0o755, "packages ask before they restart nginx";
    "needrestart/evenkeel.conf" => "etc/needrestart/conf.d/evenkeel.conf" if "etc/dpkg", 0o644, "needrestart leaves nginx alone while restarts are held";
    "systemd/evenkeel.conf" => "etc/systemd/system/nginx.service.d/evenkeel.conf" if "etc/systemd", 0o644, "every start and reload goes into the journal";
    "systemd/evenkeel-recover.service" => "etc/systemd/system/evenkeel-recover.service" if "etc/systemd", 0o644, "before nginx starts an interrupted release goes back";
    "systemd/evenkeel-recover.timer" => "etc/systemd/system/evenkeel-recover.timer" if "etc/systemd", 0o644, "so it does within a minute of the end of a command and its fuse";
    "rpm/evenkeel.actions" => "etc/dnf/libdnf5-plugins/actions.d/evenkeel.actions" if "etc/dnf", 0o644, "dnf 5 asks before, and tells afterwards";
};

/// Where an earlier policy-rc.d is moved to.
const BEFORE: &str = "usr/sbin/policy-rc.d.before-evenkeel";
const POLICY: &str = "usr/sbin/policy-rc.d";

/// What is written into the files.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The program, absolute.
    pub program: PathBuf,
    /// Flags that every call carries: `--config FILE`.
    pub flags: Vec<String>,
    /// The state directory, in which a hold lies.
    pub state_dir: PathBuf,
}

/// One file, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// Where, below the root.
    pub path: PathBuf,
    /// What it is for.
    pub what: &'static str,
    /// How it stands.
    pub how: How,
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is ours, as this program writes it.
    Here,
    /// It is ours, with other contents: an older version, or other flags.
    Other,
    /// Somebody else's file is in its place.
    Foreign,
    /// It is not there.
    Missing,
    /// This system has no use for it.
    NotHere,
}

/// Why a file could not be put in place or taken away.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// A path or a flag would have to be quoted, and each of these files quotes differently.
    #[error("write \"{word}\" into a hook: only letters, digits and /._+=@:- are taken")]
    Quoting {
        /// The word.
        word: String,
    },
    /// It could not be written or removed.
    #[error("change {path}", path = path.display())]
    Change {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Calls {
    fn filled(&self, text: &str) -> Result<String, HookError> {
        let program = self.program.display().to_string();
        let hold = super::hold::path(&self.state_dir).display().to_string();
        let words: Vec<&str> =
            std::iter::once(program.as_str()).chain(self.flags.iter().map(String::as_str)).collect();
        let plain =
            |word: &str| word.bytes().all(|it| it.is_ascii_alphanumeric() || b"/._+=@:-".contains(&it));
        if let Some(word) = words.iter().copied().chain([hold.as_str()]).find(|word| !plain(word)) {
            return Err(HookError::Quoting { word: word.to_owned() });
        }
        Ok(text
            .replace("@COMMAND@", &words.join(" "))
            .replace("@PROGRAM@", &program)
            .replace("@HOLD@", &hold)
            .replace("@STATE@", &self.state_dir.display().to_string()))
    }
}

/// Says how each of the files stands below a root.
///
/// # Errors
/// [`HookError::Quoting`]
pub fn status(root: &Path, calls: &Calls) -> Result<Vec<Stands>, HookError> {
    HOOKS
        .iter()
        .map(|hook| {
            let text = calls.filled(hook.text)?;
            Ok(Stands { path: hook.path.into(), what: hook.what, how: how(root, hook, &text) })
        })
        .collect()
}

fn how(root: &Path, hook: &Hook, text: &str) -> How {
    match fs::read(root.join(hook.path)) {
        Ok(bytes) if bytes == text.as_bytes() => How::Here,
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains(MARK) => How::Other,
        Ok(_) => How::Foreign,
        Err(_) if fs::symlink_metadata(root.join(hook.path)).is_ok() => How::Foreign,
        Err(_) if !root.join(hook.where_is).is_dir() => How::NotHere,
        Err(_) => How::Missing,
    }
}

/// Puts the files in place that this system has a use for, and says how all stand afterwards. A policy-rc.d that stood there is
/// moved aside and asked first; another file that is not ours stays.
///
/// # Errors
/// [`HookError`]; what was written before it stays.
pub fn install(root: &Path, calls: &Calls) -> Result<Vec<Stands>, HookError> {
    for hook in HOOKS {
        let (text, path) = (calls.filled(hook.text)?, root.join(hook.path));
        let failed = |source| HookError::Change { path: path.clone(), source };
        match how(root, hook, &text) {
            How::Here | How::NotHere => continue,
            How::Foreign if hook.path == POLICY => {
                fs::rename(&path, root.join(BEFORE)).map_err(failed)?;
            }
            How::Foreign => continue,
            How::Other | How::Missing => {}
        }
        write(&path, &text, hook.mode).map_err(failed)?;
    }
    status(root, calls)
}

/// Takes our files away, and puts back the policy-rc.d that stood there. Gives the paths that are gone.
///
/// # Errors
/// [`HookError::Change`]
pub fn remove(root: &Path) -> Result<Vec<PathBuf>, HookError> {
    let mut gone = Vec::new();
    for hook in HOOKS {
        let path = root.join(hook.path);
        let ours = fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(MARK));
        if !ours {
            continue;
        }
        let failed = |source| HookError::Change { path: path.clone(), source };
        let before = root.join(BEFORE);
        if hook.path == POLICY && fs::symlink_metadata(&before).is_ok() {
            fs::rename(&before, &path).map_err(failed)?;
        } else {
            fs::remove_file(&path).map_err(failed)?;
            if hook.path.contains(".service.d/") {
                // Ours was the only reason for it, unless something else is in it.
                let _others = path.parent().map(fs::remove_dir);
            }
        }
        gone.push(hook.path.into());
    }
    Ok(gone)
}

/// Under another name first: dpkg and apt may read it at any moment. A file that begins with a dot or ends like this is read
/// by neither.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename));
    };
    fs::create_dir_all(directory)?;
    let new = directory.join(format!(".{}.evenkeel-new", name.display()));
    let _leftover = fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Calls {
        Calls {
            program: "/usr/bin/evenkeel".into(),
            flags: Vec::new(),
            state_dir: "/var/lib/evenkeel".into(),
        }
    }

    fn root(directories: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for directory in directories {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        root
    }

    #[test]
    fn what_is_installed_is_removed_without_a_trace() {
        let root = root(&["etc/apt/apt.conf.d", "etc/dpkg/dpkg.cfg.d", "etc/systemd/system", "usr/sbin"]);
        let stands = install(root.path(), &calls()).unwrap();
        let count = |wanted| stands.iter().filter(|it| it.how == wanted).count();
        assert_eq!((count(How::Here), count(How::NotHere)), (HOOKS.len() - 1, 1), "all but the one for dnf");
        let conf = fs::read_to_string(root.path().join("etc/apt/apt.conf.d/80evenkeel")).unwrap();
        assert!(conf.contains("{ \"/usr/bin/evenkeel package pre ||") && !conf.contains('@'), "{conf}");
        let mode = fs::metadata(root.path().join(POLICY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(remove(root.path()).unwrap().len(), HOOKS.len() - 1);
        assert!(status(root.path(), &calls()).unwrap().iter().all(|it| it.how != How::Here));
        assert!(!root.path().join("etc/systemd/system/nginx.service.d").exists());
        assert!(!root.path().join(POLICY).exists());
    }

    #[test]
    fn policy_of_somebody_else_is_moved_aside_and_comes_back() {
        let root = root(&["etc/dpkg", "usr/sbin"]);
        let path = root.path().join(POLICY);
        fs::write(&path, "#!/bin/sh\nexit 101\n").unwrap();
        for _twice in 0..2 {
            install(root.path(), &calls()).unwrap();
        }
        assert_eq!(fs::read_to_string(root.path().join(BEFORE)).unwrap(), "#!/bin/sh\nexit 101\n");
        remove(root.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "#!/bin/sh\nexit 101\n");
        assert!(!root.path().join(BEFORE).exists());
        assert!(remove(root.path()).unwrap().is_empty());
    }

    #[test]
    fn other_file_of_somebody_else_stays() {
        let root = root(&["etc/apt/apt.conf.d"]);
        let path = root.path().join("etc/apt/apt.conf.d/80evenkeel");
        fs::write(&path, "mine").unwrap();
        let stands = install(root.path(), &calls()).unwrap();
        assert_eq!(stands[0].how, How::Foreign);
        assert!(remove(root.path()).unwrap().is_empty());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn word_that_would_need_quotes_is_refused_before_anything_is_written() {
        let root = root(&["etc/apt/apt.conf.d"]);
        for word in ["a b", "a\"; rm", "$(x)"] {
            let calls = Calls { flags: vec![word.to_owned()], ..calls() };
            assert!(matches!(install(root.path(), &calls), Err(HookError::Quoting { .. })), "{word}");
        }
        assert_eq!(fs::read_dir(root.path().join("etc/apt/apt.conf.d")).unwrap().count(), 0);
    }
}
