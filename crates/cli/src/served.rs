//! What lies where nginx would look for a file to serve.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use evenkeel_model::{Config, FileKind, FileSystem};

use crate::tree::{Place, Tree};

/// Directories whose permissions are remembered; more than that are asked for again.
const REMEMBERED_MAX: usize = 10_000;

/// The files that a tree may serve: those of the tree from where it lies, all others from this machine. What a tree's
/// own machine does not have is absent; what another one lacks is unknown. On its own machine, a file that the workers
/// may not read is unknown, too: nginx will not serve it, and how it says so depends on where it stumbles.
#[derive(Debug)]
pub(crate) struct Served<'p> {
    place: &'p Place,
    reader: Reader,
    /// Directories, and whether the workers may go through them.
    open: RefCell<HashMap<PathBuf, bool>>,
}

impl<'p> Served<'p> {
    pub(crate) fn new(tree: &'p Tree) -> Served<'p> {
        Served { place: &tree.place, reader: Reader::of(&tree.config), open: RefCell::default() }
    }

    fn is_open(&self, directory: &Path) -> bool {
        if let Some(&open) = self.open.borrow().get(directory) {
            return open;
        }
        let here = std::fs::metadata(directory).is_ok_and(|meta| self.reader.may(&meta, 0o1));
        let open = here && directory.parent().is_none_or(|parent| self.is_open(parent));
        let mut remembered = self.open.borrow_mut();
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(directory.to_path_buf(), open);
        }
        open
    }

    fn may_serve(&self, path: &Path, meta: &Metadata) -> bool {
        let bit = if meta.is_dir() { 0o1 } else { 0o4 };
        self.reader.may(meta, bit) && path.parent().is_none_or(|parent| self.is_open(parent))
    }
}

impl FileSystem for Served<'_> {
    fn kind(&self, path: &[u8]) -> FileKind {
        let path = Path::new(OsStr::from_bytes(path));
        let inside = path.strip_prefix(&self.place.prefix).ok();
        let here = inside.map_or_else(|| path.to_path_buf(), |inside| self.place.directory.join(inside));
        match std::fs::metadata(&here) {
            Ok(meta) if self.place.on_host && !self.may_serve(&here, &meta) => FileKind::Unknown,
            Ok(meta) if meta.is_dir() => FileKind::Directory,
            Ok(meta) if meta.is_file() => FileKind::File,
            Err(error) if is_absent(&error) && (inside.is_some() || self.place.on_host) => FileKind::Absent,
            _ => FileKind::Unknown,
        }
    }
}

/// A directory that stands for the whole file system: what is not in it is nowhere.
#[derive(Debug)]
pub(crate) struct Image(PathBuf);

impl Image {
    /// The image in a directory.
    pub(crate) fn at(directory: &Path) -> anyhow::Result<Image> {
        std::fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
        Ok(Image(directory.to_path_buf()))
    }
}

impl FileSystem for Image {
    fn kind(&self, path: &[u8]) -> FileKind {
        let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
        let inside = &path[slashes..];
        // What leads above the image is no part of it.
        if inside.split(|&byte| byte == b'/').any(|part| part == b"..") {
            return FileKind::Unknown;
        }
        match std::fs::metadata(self.0.join(OsStr::from_bytes(inside))) {
            Ok(meta) if meta.is_dir() => FileKind::Directory,
            Ok(meta) if meta.is_file() => FileKind::File,
            Err(error) if is_absent(&error) => FileKind::Absent,
            _ => FileKind::Unknown,
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput)
}

/// As whom the workers read, as far as that is known.
#[derive(Debug, Default)]
struct Reader {
    /// `None`: somebody of whom nothing is known.
    user: Option<u32>,
    groups: Vec<u32>,
}

impl Reader {
    /// The `user` of the configuration, else that of the build.
    fn of(config: &Config) -> Reader {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let said = config.root().find("user").next();
        let built = |name: &str| {
            let arguments = config.settings().configure.as_deref().unwrap_or_default();
            arguments.split_whitespace().find_map(|argument| argument.strip_prefix(name)).map(str::to_owned)
        };
        let name = said.and_then(|node| node.arg(0)).map(text).or_else(|| built("--user="));
        let group = said.and_then(|node| node.arg(1)).map(text).or_else(|| built("--group="));
        let name = name.unwrap_or_else(|| "nobody".to_owned());
        Reader::named(&name, group.as_deref(), &read("/etc/passwd"), &read("/etc/group"))
    }

    fn named(name: &str, group: Option<&str>, users: &str, groups: &str) -> Reader {
        let user = entry(users, name);
        let Some(id) = user.as_ref().and_then(|fields| fields.get(2)?.parse().ok()) else {
            return Reader::default();
        };
        let number =
            |fields: &Vec<&str>, at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok());
        let main = match group {
            Some(group) => entry(groups, group).and_then(|fields| number(&fields, 2)),
            None => user.and_then(|fields| number(&fields, 3)),
        };
        let others = groups.lines().filter_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let member = fields.get(3)?.split(',').any(|member| member == name);
            member.then(|| number(&fields, 2)).flatten()
        });
        Reader { user: Some(id), groups: main.into_iter().chain(others).collect() }
    }

    /// Whether the permissions let it: 4 to read, 1 to go through.
    fn may(&self, meta: &Metadata, bit: u32) -> bool {
        let shift = match self.user {
            Some(0) => return true,
            Some(user) if user == meta.uid() => 6,
            _ if self.groups.contains(&meta.gid()) => 3,
            _ => 0,
        };
        meta.mode() >> shift & bit == bit
    }
}

fn read(path: &str) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn entry<'t>(table: &'t str, name: &str) -> Option<Vec<&'t str>> {
    table.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_read_as_their_user_and_in_all_its_groups() {
        let users = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n";
        let groups = "www-data:x:33:\nshop:x:1001:www-data,ann\nann:x:1002:ann\nsites:x:7:\n";
        let reader = Reader::named("www-data", None, users, groups);
        assert_eq!((reader.user, reader.groups), (Some(33), vec![33, 1001]));
        let reader = Reader::named("www-data", Some("sites"), users, groups);
        assert_eq!((reader.user, reader.groups), (Some(33), vec![7, 1001]));
        assert_eq!(Reader::named("gone", None, users, groups).user, None);
    }
}
