//! A tree that a command was given: where it lies, where it will live, and what it means.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use evenkeel_controller::local::SAYS_WITHIN;
use evenkeel_controller::source::{FILE_BYTES_MAX, Root, Source};
use evenkeel_controller::stages;
use evenkeel_host::nginx::compiled::compiled;
use evenkeel_model::{Config, Version};

use crate::settings::{Settings, absolute};

/// Where a tree lies, and where it will live.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where it lies.
    pub(crate) directory: PathBuf,
    /// Its main file, as nginx will see it.
    pub(crate) main: PathBuf,
    /// Where it will live.
    pub(crate) prefix: PathBuf,
    /// Whether it lies where it will live: what is not there is absent, not unknown.
    pub(crate) on_host: bool,
}

/// A tree that was read.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Where.
    pub(crate) place: Place,
    /// What it means.
    pub(crate) config: Config,
}

impl Tree {
    /// Reads a tree. `prefix`: where it will live, the live tree's place by default. `version`: the nginx version to read it
    /// for, that of the host's binary by default.
    pub(crate) fn read(
        tree: &Path,
        prefix: Option<&Path>,
        version: Option<&str>,
        settings: &Settings,
    ) -> anyhow::Result<Tree> {
        let prefix = match prefix {
            Some(prefix) => absolute(prefix.to_path_buf())?,
            None => settings.config_dir.clone(),
        };
        let place = locate(tree, &prefix)?;
        let built = built(version, settings)?;
        let mut source = Source::new(Root::Directory(&place.directory), &place.prefix, place.on_host);
        let config = source.load(&model_settings(&place, &built));
        Ok(Tree { place, config })
    }
}

/// Takes a directory with nginx.conf, or the main file itself.
pub(crate) fn locate(tree: &Path, prefix: &Path) -> anyhow::Result<Place> {
    let tree = absolute(tree.to_path_buf())?;
    let meta = std::fs::metadata(&tree).with_context(|| format!("read {}", tree.display()))?;
    let (directory, main) = if meta.is_dir() {
        (tree.clone(), PathBuf::from("nginx.conf"))
    } else if meta.is_file() {
        let (Some(directory), Some(name)) = (tree.parent(), tree.file_name()) else {
            bail!("read {}: it is no file of a tree", tree.display());
        };
        (directory.to_path_buf(), PathBuf::from(name))
    } else {
        bail!("read {}: it is neither a directory nor a file", tree.display());
    };
    std::fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
    let main_file = directory.join(&main);
    match std::fs::metadata(&main_file) {
        Ok(meta) if !meta.is_file() => bail!("read {}: it is not a regular file", main_file.display()),
        Ok(meta) if meta.len() > FILE_BYTES_MAX => {
            bail!("read {}: it is larger than {} MiB", main_file.display(), FILE_BYTES_MAX >> 20)
        }
        Ok(_) => std::fs::File::open(&main_file)
            .map(drop)
            .with_context(|| format!("read {}", main_file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "find nginx.conf in {}: name a directory that has it, or the main file itself",
            directory.display()
        ),
        Err(error) => return Err(anyhow!(error).context(format!("read {}", main_file.display()))),
    }
    // A tree that lies where it will live is this host's own: what is not there is absent, not unknown.
    let same = |a: &Path, b: &Path| {
        a == b || std::fs::canonicalize(a).ok().is_some_and(|a| Some(a) == std::fs::canonicalize(b).ok())
    };
    let on_host = same(&directory, prefix);
    Ok(Place { main: prefix.join(main), prefix: prefix.to_path_buf(), directory, on_host })
}

/// What `nginx -V` says, or a version that was asked for.
pub(crate) fn built(version: Option<&str>, settings: &Settings) -> anyhow::Result<Option<String>> {
    if let Some(version) = version {
        if Version::parse(version).is_none() {
            bail!("read \"{version}\" as an nginx version; write for example 1.22.1");
        }
        return Ok(Some(format!("nginx/{version}")));
    }
    if !settings.nginx.exists() {
        return Ok(None);
    }
    // A binary that is no nginx says nothing; the newest known release stands in for it.
    let compiled = compiled(&settings.nginx, SAYS_WITHIN).ok();
    Ok(compiled.map(|compiled| format!("nginx/{} {}", compiled.version, compiled.arguments.join(" "))))
}

/// What the model must know to load a tree.
pub(crate) fn model_settings(place: &Place, built: &Option<String>) -> evenkeel_model::Settings {
    stages::settings(&place.main, built.as_deref(), None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_file_and_its_directory_name_the_same_tree() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("nginx.conf"), "events {}\n").unwrap();
        let prefix = Path::new("/etc/nginx");
        let by_directory = locate(tree.path(), prefix).unwrap();
        let by_file = locate(&tree.path().join("nginx.conf"), prefix).unwrap();
        assert_eq!(by_directory.main, Path::new("/etc/nginx/nginx.conf"));
        assert_eq!((by_directory.directory, by_directory.main), (by_file.directory, by_file.main));
        assert!(!by_directory.on_host);
        assert!(locate(tree.path(), tree.path()).unwrap().on_host);
    }

    #[test]
    fn tree_without_a_main_file_is_named() {
        let tree = tempfile::tempdir().unwrap();
        let error = locate(tree.path(), Path::new("/etc/nginx")).err().unwrap().to_string();
        assert!(error.contains("find nginx.conf in"), "{error}");
    }
}
