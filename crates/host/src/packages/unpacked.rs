//! New packages, unpacked beside the system to be looked at: their configuration files, and the system as it would be with
//! their programs and modules in place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::identity::ProcessId;
use crate::process::{Output, Request, RunError, run};

/// How long one package may take to unpack.
const LIMIT: Duration = Duration::from_secs(20);
/// How much of what dpkg-deb says is kept, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// What our directories begin with; the number of their process follows.
const NAME: &str = ".unpacked.";
/// The directories of a package that are laid over the system's.
const LAID_OVER: &[&str] = &["usr", "opt"];

/// Why a package could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// dpkg-deb could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// dpkg-deb did not want to.
    #[error("unpack {archive}: {said}", archive = archive.display())]
    Refused {
        /// The package.
        archive: PathBuf,
        /// Its words.
        said: String,
    },
    /// There is no room to unpack.
    #[error("unpack at {path}", path = path.display())]
    Directory {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Some packages, unpacked in directories of their own; gone when dropped.
#[derive(Debug)]
pub struct Unpacked {
    root: PathBuf,
    directories: Vec<PathBuf>,
}

impl Unpacked {
    /// Makes room below a directory that only we may write.
    ///
    /// # Errors
    /// [`UnpackError::Directory`]
    pub fn below(state_dir: &Path) -> Result<Self, UnpackError> {
        sweep(state_dir);
        let root = state_dir.join(format!("{NAME}{}", std::process::id()));
        let _leftover = fs::remove_dir_all(&root);
        let failed = |source| UnpackError::Directory { path: root.clone(), source };
        fs::create_dir(&root).map_err(failed)?;
        Ok(Self { root, directories: Vec::new() })
    }

    /// Unpacks one package and says where; none of its scripts is run.
    ///
    /// # Errors
    /// [`UnpackError`]
    pub fn add(&mut self, archive: &Path) -> Result<&Path, UnpackError> {
        let into = self.root.join(self.directories.len().to_string());
        dpkg_deb("--extract", archive, Some(&into))?;
        self.directories.push(into);
        Ok(self.directories.last().expect("one was just added"))
    }

    /// Runs something, in a thread and a view of the file system of its own, where these packages lie over the system.
    ///
    /// # Errors
    /// What the kernel said when there is no such view: no permission, no overlayfs.
    pub fn laid_over<T: Send>(&self, look: impl FnOnce() -> T + Send) -> io::Result<T> {
        let over = || -> io::Result<()> {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none = None::<&Path>;
            mount(none, Path::new("/"), none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none)?;
            for top in LAID_OVER {
                let target = Path::new("/").join(top);
                let brings = |directory: &&PathBuf| directory.join(top).is_dir();
                let mut layers: Vec<PathBuf> =
                    self.directories.iter().rev().filter(brings).map(|it| it.join(top)).collect();
                if layers.is_empty() {
                    continue;
                }
                if !target.is_dir() {
                    continue;
                }
                layers.push(target.clone());
                let text: Vec<&str> = layers.iter().filter_map(|layer| layer.to_str()).collect();
                if text.len() != layers.len() || text.iter().any(|it| it.contains([':', ',', '\\'])) {
                    return Err(io::Error::from(io::ErrorKind::InvalidFilename));
                }
                let options = format!("lowerdir={}", text.join(":"));
                let kind = Some(Path::new("overlay"));
                mount(kind, &target, kind, MsFlags::MS_RDONLY, Some(Path::new(&options)))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let looked = scope.spawn(move || over().map(|()| look())).join();
            looked.unwrap_or_else(|_| Err(io::Error::other("the look panicked")))
        })
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _leftover = fs::remove_dir_all(&self.root);
    }
}

/// Takes away what a process left that was killed while it looked.
fn sweep(state_dir: &Path) {
    for entry in fs::read_dir(state_dir).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse().ok());
        if pid.is_some_and(|pid| ProcessId::of(pid).is_none()) {
            let _leftover = fs::remove_dir_all(entry.path());
        }
    }
}

/// The configuration files that an archive declares, by its own word.
///
/// # Errors
/// [`UnpackError`]; an archive without any is no error.
pub fn declared_conffiles(archive: &Path) -> Result<Vec<PathBuf>, UnpackError> {
    let said = match dpkg_deb("--info", archive, Some(Path::new("conffiles"))) {
        Ok(output) => output.stdout,
        // "'DEBIAN/conffiles' not found" is what it says of most packages; one that cannot be read fails at `--extract`.
        Err(UnpackError::Refused { said, .. }) if said.contains("conffiles") => Vec::new(),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&said);
    // Since dpkg 1.20 a line may begin with a flag, `remove-on-upgrade /etc/x`: that file is no longer brought.
    Ok(text.lines().filter(|line| line.starts_with('/')).map(|line| line.trim_end().into()).collect())
}

/// Name and version of an archive, by its own word.
///
/// # Errors
/// [`UnpackError`]
pub fn name_and_version(archive: &Path) -> Result<(String, String), UnpackError> {
    let output = dpkg_deb_args(
        &["--show".as_ref(), "--showformat=${Package} ${Version}".as_ref(), archive.as_os_str()],
        archive,
    )?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = || UnpackError::Refused { archive: archive.to_owned(), said: text.trim().to_owned() };
    let (name, version) = text.trim().split_once(' ').ok_or_else(said)?;
    if super::protocol::is_name(name) && super::protocol::is_version(version) {
        Ok((name.to_owned(), version.to_owned()))
    } else {
        Err(said())
    }
}

fn dpkg_deb(option: &str, archive: &Path, last: Option<&Path>) -> Result<Output, UnpackError> {
    let mut args = vec![option.as_ref(), archive.as_os_str()];
    args.extend(last.map(Path::as_os_str));
    dpkg_deb_args(&args, archive)
}

fn dpkg_deb_args(args: &[&std::ffi::OsStr], archive: &Path) -> Result<Output, UnpackError> {
    let output = run(&Request {
        program: "/usr/bin/dpkg-deb".into(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()), ("LC_ALL".into(), "C".into())],
        cwd: Some("/".into()),
        limit: LIMIT,
        output_bytes_max: OUTPUT_BYTES_MAX,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(UnpackError::Refused { archive: archive.to_owned(), said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_look_left_is_taken_away_by_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let (dead, alive, other) = (".unpacked.999999999", ".unpacked.1", ".unpacked.x");
        for name in [dead, alive, other] {
            fs::create_dir_all(dir.path().join(name).join("0/usr")).unwrap();
        }
        let unpacked = Unpacked::below(dir.path()).unwrap();
        assert!(!dir.path().join(dead).exists());
        assert!(dir.path().join(alive).exists() && dir.path().join(other).exists());
        let root = unpacked.root.clone();
        assert!(root.is_dir());
        drop(unpacked);
        assert!(!root.exists());
    }

    #[test]
    fn what_is_no_package_is_an_error_in_its_own_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.deb");
        fs::write(&path, "not an archive").unwrap();
        assert!(declared_conffiles(&path).is_err() && name_and_version(&path).is_err());
        let mut unpacked = Unpacked::below(dir.path()).unwrap();
        assert!(unpacked.add(&path).is_err() && unpacked.add(Path::new("/nonexistent.deb")).is_err());
    }
}
