//! A tree that is written again inside, because those inside may not read it where it lies.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::wire::{Entry, Pool, Raw, Source};

/// How many entries a tree may have, and how much they may hold.
const ENTRIES_MAX: usize = 50_000;
const BYTES_MAX: u64 = 64 << 20;
/// What every private key in PEM has in its first line.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// Reads a whole tree but its secrets: what is to be hidden, and whatever is a private key, is an empty file.
pub(super) fn tree(root: &Path, spec: &Spec, pool: &mut Pool) -> io::Result<Source> {
    let (mut entries, mut todo, mut bytes) = (Vec::new(), vec![PathBuf::new()], 0);
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let path = directory.join(entry?.file_name());
            let from = root.join(&path);
            let found = fs::symlink_metadata(&from)?;
            let (kind, mode) = (found.file_type(), found.permissions().mode() & 0o7777);
            let entry = if kind.is_dir() {
                todo.push(path.clone());
                Entry::Directory(mode)
            } else if kind.is_symlink() {
                Entry::Link(Raw::from(fs::read_link(&from)?))
            } else if kind.is_file() {
                bytes += found.len();
                if bytes > BYTES_MAX || entries.len() > ENTRIES_MAX {
                    return Err(io::Error::from_raw_os_error(libc::EFBIG));
                }
                let seen = spec.config_dir.join(&path);
                let hidden = spec.hidden.iter().any(|hidden| seen.starts_with(hidden));
                let contents = if hidden { Vec::new() } else { fs::read(&from)? };
                let is_key = contents.windows(PRIVATE_KEY.len()).any(|part| part == PRIVATE_KEY);
                Entry::File(pool.add(if is_key { b"" } else { &contents }), mode)
            } else if kind.is_fifo() {
                Entry::Pipe
            } else {
                continue;
            };
            entries.push((Raw::from(&path), entry));
        }
    }
    Ok(Source::Copied(fs::metadata(root)?.permissions().mode() & 0o7777, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_outside() {
        let root = tempfile::tempdir().unwrap();
        let key = "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n";
        for (name, text) in [("nginx.conf", "events {}"), ("site.key", key), ("hidden", "secret")] {
            fs::write(root.path().join(name), text).unwrap();
        }
        let mut spec = Spec::new("/etc/nginx", root.path());
        spec.hidden.push(PathBuf::from("/etc/nginx/hidden"));
        let mut pool = Pool::default();
        let Source::Copied(_, entries) = tree(root.path(), &spec, &mut pool).unwrap() else { panic!() };
        let mut found: Vec<(PathBuf, String)> = entries
            .into_iter()
            .map(|(path, entry)| {
                let Entry::File(bytes, _) = entry else { panic!("{entry:?}") };
                (path.path(), String::from_utf8(pool.get(bytes).to_vec()).unwrap())
            })
            .collect();
        found.sort();
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["", "events {}", ""]);
    }
}
