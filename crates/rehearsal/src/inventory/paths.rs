//! Directories that nginx writes to, and keys that it reads, as this machine has them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_model::{Config, ListenAddress, Node, RuntimeUse};

/// A directory that stands on this machine and is written to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

/// Looks at a path of this machine.
pub(crate) trait Outside {
    /// The directory that stands at a path, links followed.
    fn directory(&self, path: &Path) -> Option<Directory>;
    /// Whether a file can be read by us.
    fn file(&self, path: &Path) -> Found;
}

/// What is at the path of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file that can be read.
    Readable,
    /// Something that only others may read.
    Closed,
    /// Nothing.
    Nothing,
}

/// This machine itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here;

impl Outside for Here {
    fn directory(&self, path: &Path) -> Option<Directory> {
        use std::os::unix::fs::MetadataExt;
        let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
        let mode = meta.mode() & 0o7777;
        Some(Directory { path: path.to_owned(), uid: meta.uid(), gid: meta.gid(), mode })
    }

    fn file(&self, path: &Path) -> Found {
        match std::fs::File::open(path) {
            Ok(_) => Found::Readable,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Found::Closed,
            Err(_) => Found::Nothing,
        }
    }
}

/// The directories that nginx writes to, and those that must be made although nobody knows whether they are on the
/// host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Directories {
    /// As they stand here.
    pub(crate) here: Vec<Directory>,
    /// Not here, and made because this is not the host.
    pub(crate) made: Vec<PathBuf>,
}

/// Collects the directories that a configuration writes to. What is missing on the host is missing inside;
/// elsewhere nobody knows, and it is made.
pub(crate) fn directories<'c>(
    configs: impl Iterator<Item = &'c Config>,
    outside: &dyn Outside,
    on_host: bool,
) -> Directories {
    let mut wanted = BTreeSet::new();
    for config in configs {
        for runtime in config.runtime_paths() {
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(&runtime.path));
            if path.starts_with("/dev") {
                continue;
            }
            if matches!(runtime.what, RuntimeUse::Temp | RuntimeUse::Cache) {
                wanted.insert(path.clone());
            }
            wanted.extend(path.parent().map(Path::to_owned));
        }
        for listen in config.listens() {
            if let ListenAddress::Unix(path) = listen {
                let path = PathBuf::from(std::ffi::OsStr::from_bytes(&path));
                wanted.extend(path.parent().map(Path::to_owned));
            }
        }
    }
    let mut found = Directories::default();
    for path in wanted {
        match outside.directory(&path) {
            Some(directory) => found.here.push(directory),
            // nginx makes the last part of a temporary or cache directory itself.
            None if on_host => {}
            None => found.made.push(path),
        }
    }
    found
}

/// Files that nginx writes into the tree itself, at its root or in a directory that also holds configuration.
pub(crate) fn written<'c>(configs: impl Iterator<Item = &'c Config>, config_dir: &Path) -> BTreeSet<PathBuf> {
    let mut written = BTreeSet::new();
    for config in configs {
        let path_of = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
        let files: Vec<PathBuf> = config.files().iter().map(|file| path_of(&file.path)).collect();
        let runtime = config.runtime_paths();
        let files_only = runtime.iter().filter(|it| !matches!(it.what, RuntimeUse::Temp | RuntimeUse::Cache));
        written.extend(files_only.map(|it| path_of(&it.path)).filter(|path| {
            let parent = path.parent().filter(|parent| parent.starts_with(config_dir));
            parent.is_some_and(|parent| {
                parent == config_dir || files.iter().any(|file| file.starts_with(parent))
            })
        }));
    }
    written
}

/// A certificate with its key, or another file of TLS, that must be made up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// Certificates, by path.
    pub(crate) certificates: BTreeSet<PathBuf>,
    /// Their keys.
    pub(crate) keys: BTreeSet<PathBuf>,
    /// Authorities that somebody is checked against.
    pub(crate) authorities: BTreeSet<PathBuf>,
    /// Keys of session tickets.
    pub(crate) tickets: BTreeSet<PathBuf>,
    /// Parameters of Diffie-Hellman.
    pub(crate) parameters: BTreeSet<PathBuf>,
}

impl Secrets {
    /// Every path.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        let made = self.certificates.iter().chain(&self.keys).chain(&self.authorities);
        made.chain(&self.tickets).chain(&self.parameters)
    }

    /// Makes up what belongs to a certificate or a key that is made up: they no longer fit what they were issued for.
    pub(crate) fn complete(&mut self, pairs: &[(PathBuf, PathBuf)]) {
        let mut known = 0;
        while known < self.certificates.len() + self.keys.len() {
            known = self.certificates.len() + self.keys.len();
            for (certificate, key) in pairs {
                if self.certificates.contains(certificate) || self.keys.contains(key) {
                    self.certificates.insert(certificate.clone());
                    self.keys.insert(key.clone());
                }
            }
        }
    }
}

/// Pairs of directives: a certificate, and its key beside it.
const PAIRS: [(&str, &str); 4] = [
    ("ssl_certificate", "ssl_certificate_key"),
    ("proxy_ssl_certificate", "proxy_ssl_certificate_key"),
    ("grpc_ssl_certificate", "grpc_ssl_certificate_key"),
    ("uwsgi_ssl_certificate", "uwsgi_ssl_certificate_key"),
];
/// Directives whose file holds authorities.
const AUTHORITIES: [&str; 5] = [
    "ssl_client_certificate",
    "ssl_trusted_certificate",
    "proxy_ssl_trusted_certificate",
    "grpc_ssl_trusted_certificate",
    "uwsgi_ssl_trusted_certificate",
];

/// Collects what must be made up: what is not readable here, and, when the tree is not trusted, everything.
/// `really` says where a path of the host lies on this machine. What is missing on the host stays missing.
pub(crate) fn secrets(
    config: &Config,
    really: &dyn Fn(&Path) -> PathBuf,
    outside: &dyn Outside,
    (on_host, untrusted): (bool, bool),
) -> Secrets {
    let mut secrets = Secrets::default();
    let lacks = |path: &Path| {
        untrusted
            || match outside.file(&really(path)) {
                Found::Readable => false,
                Found::Closed => true,
                Found::Nothing => !on_host,
            }
    };
    for (certificate, key) in pairs(config) {
        if lacks(&certificate) || lacks(&key) {
            secrets.certificates.insert(certificate);
            secrets.keys.insert(key);
        }
    }
    let missing = |name: &'static str| {
        config.named(name).filter_map(|node| path_of(config, node)).filter(|path| lacks(path))
    };
    secrets.authorities = AUTHORITIES.into_iter().flat_map(missing).collect();
    secrets.tickets = missing("ssl_session_ticket_key").collect();
    secrets.parameters = missing("ssl_dhparam").collect();
    secrets
}

/// Every certificate with its key.
pub(crate) fn pairs(config: &Config) -> Vec<(PathBuf, PathBuf)> {
    let mut pairs = Vec::new();
    for (certificate, key) in PAIRS {
        let mut keys: BTreeMap<_, Vec<PathBuf>> = BTreeMap::new();
        for node in config.named(key) {
            let block = node.parent().map(Node::id);
            keys.entry(block).or_default().extend(path_of(config, node));
        }
        let mut nth: BTreeMap<_, usize> = BTreeMap::new();
        for node in config.named(certificate) {
            let block = node.parent().map(Node::id);
            let at = nth.entry(block).or_default();
            let key = keys.get(&block).and_then(|keys| keys.get(*at)).cloned();
            *at += 1;
            let Some(certificate) = path_of(config, node) else { continue };
            let key = key.unwrap_or_else(|| certificate.clone());
            pairs.push((certificate, key));
        }
    }
    pairs
}

/// The absolute path of the first argument, when it is one.
fn path_of(config: &Config, node: Node<'_>) -> Option<PathBuf> {
    const NO_PATH: [&[u8]; 4] = [b"data:", b"engine:", b"store:", b"$"];
    let value = node.arg(0)?;
    if value.contains(&b'$') || NO_PATH.iter().any(|prefix| value.starts_with(prefix)) {
        return None;
    }
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(&config.settings().in_conf_prefix(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    /// A machine with these directories and files.
    struct Machine {
        directories: &'static [&'static str],
        readable: &'static [&'static str],
        closed: &'static [&'static str],
    }

    impl Outside for Machine {
        fn directory(&self, path: &Path) -> Option<Directory> {
            let there = self.directories.iter().any(|known| Path::new(known) == path);
            there.then(|| Directory { path: path.to_owned(), uid: 33, gid: 4, mode: 0o755 })
        }

        fn file(&self, path: &Path) -> Found {
            let is = |list: &[&str]| list.iter().any(|known| Path::new(known) == path);
            if is(self.readable) {
                Found::Readable
            } else if is(self.closed) {
                Found::Closed
            } else {
                Found::Nothing
            }
        }
    }

    const MACHINE: Machine = Machine {
        directories: &["/var/log/nginx", "/var/cache/c"],
        readable: &["/etc/nginx/a.pem", "/etc/nginx/a.key", "/etc/ssl/b.pem"],
        closed: &["/etc/ssl/b.key"],
    };

    #[test]
    fn missing_log_directory_stays_missing_on_the_host_alone() {
        let config = config(
            "events {}\nhttp { access_log /data/x/a.log; proxy_cache_path /var/cache/c keys_zone=a:1m; }",
        );
        let on = directories([&config].into_iter(), &MACHINE, true);
        let paths: Vec<&Path> = on.here.iter().map(|it| it.path.as_path()).collect();
        assert_eq!(paths, [Path::new("/var/cache/c"), Path::new("/var/log/nginx")]);
        assert!(on.made.is_empty());
        let off = directories([&config].into_iter(), &MACHINE, false);
        assert!(off.made.contains(&PathBuf::from("/data/x")), "{off:?}");
    }

    #[test]
    fn closed_key_and_its_certificate_are_made_up_together() {
        let text = "events {}\nhttp {\n server { ssl_certificate a.pem; ssl_certificate_key a.key; }\n \
                    server { ssl_certificate /etc/ssl/b.pem; ssl_certificate_key /etc/ssl/b.key; }\n \
                    server { ssl_certificate gone.pem; ssl_certificate_key gone.key; }\n}";
        let config = config(text);
        let here = |path: &Path| path.to_owned();
        let names = |on_host, untrusted| {
            let secrets = secrets(&config, &here, &MACHINE, (on_host, untrusted));
            let names = secrets.keys.iter().map(|path| path.display().to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(true, false), ["/etc/ssl/b.key"]);
        assert_eq!(names(false, false), ["/etc/nginx/gone.key", "/etc/ssl/b.key"]);
        assert_eq!(names(true, true).len(), 3);
    }

    #[test]
    fn certificate_of_a_made_up_key_is_made_up_too() {
        let text = "events {}\nhttp {\n server { ssl_certificate a.pem; ssl_certificate_key a.key; }\n \
                    server { ssl_certificate gone.pem; ssl_certificate_key a.key; }\n}";
        let config = config(text);
        let mut made_up = secrets(&config, &|path| path.to_owned(), &MACHINE, (false, false));
        assert_eq!(made_up.certificates.len(), 1);
        made_up.complete(&pairs(&config));
        assert!(made_up.certificates.contains(Path::new("/etc/nginx/a.pem")), "{made_up:?}");
    }
}
