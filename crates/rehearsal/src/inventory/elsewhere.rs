//! What a configuration reads where the mirror of this machine shows nothing: a web root below `/home`, a certificate
//! below `/run`.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_model::Config;

use super::paths::{Found, Outside};

/// The places that are not mirrored, and those whose directories are shown empty.
const NOT_SHOWN: [&str; 15] = [
    "/home",
    "/root",
    "/run",
    "/tmp",
    "/var/cache",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/lib/nginx",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];
/// How many such places are shown.
const SHOWN_MAX: usize = 500;

/// Collects the files and directories that configurations name or include and that are there, but would not be seen.
/// Nothing of the tree itself, nothing that nginx writes to, and no directory above one of these: `written` are the
/// directories that it writes to.
pub(crate) fn elsewhere<'c>(
    configs: impl Iterator<Item = &'c Config>,
    config_dir: &Path,
    written: &[PathBuf],
    outside: &dyn Outside,
) -> Vec<PathBuf> {
    let path = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    let mut named = BTreeSet::new();
    for config in configs {
        named.extend(config.files().iter().map(|file| path(&file.path)));
        let arguments = config.nodes().flat_map(|node| node.args().collect::<Vec<_>>());
        named.extend(arguments.filter(|it| it.starts_with(b"/") && !it.contains(&b'$')).map(path));
        for runtime in config.runtime_paths() {
            named.remove(&path(&runtime.path));
        }
    }
    let not_shown =
        |path: &Path| NOT_SHOWN.iter().any(|place| path.starts_with(place) && path != Path::new(place));
    let is_ours = |path: &Path| path.starts_with(config_dir) || config_dir.starts_with(path);
    let is_written = |path: &Path| written.iter().any(|place| place.starts_with(path));
    let is_there = |path: &Path| outside.directory(path).is_some() || outside.file(path) == Found::Readable;
    let shown = named
        .into_iter()
        .filter(|path| not_shown(path) && !is_ours(path) && !is_written(path) && is_there(path));
    shown.take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::paths::Directory;
    use super::*;
    use crate::testing::config;

    /// A machine that has whatever it is asked for.
    struct Everything;

    impl Outside for Everything {
        fn directory(&self, path: &Path) -> Option<Directory> {
            Some(Directory { path: path.to_owned(), uid: 0, gid: 0, mode: 0o755 })
        }

        fn file(&self, _: &Path) -> Found {
            Found::Readable
        }
    }

    #[test]
    fn web_roots_and_keys_that_the_mirror_lacks_are_shown_and_nothing_that_is_written() {
        let config = config(
            "error_log /tmp/x/logs/error.log;\nevents {}\nhttp {\n access_log /home/u/site/logs/a.log;\n server {\n  \
             root /home/u/site/www;\n  ssl_certificate /run/keys/a.pem;\n  ssl_certificate_key /etc/ssl/a.key;\n  \
             location /x/ { alias /home/u/$name/; }\n  location /y/ { alias /tmp/; }\n  location /z/ { root /home/u/site; }\n \
             }\n}",
        );
        let written = [PathBuf::from("/home/u/site/logs"), PathBuf::from("/tmp/x/logs")];
        let shown = elsewhere([&config].into_iter(), Path::new("/etc/nginx"), &written, &Everything);
        assert_eq!(shown, [PathBuf::from("/home/u/site/www"), PathBuf::from("/run/keys/a.pem")]);
    }
}
