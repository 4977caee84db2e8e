//! A tree as a value: paths, bytes and link targets, and the digest that names them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The digest of an entry or of a whole tree: BLAKE3, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a digest of 64 hexadecimal digits")]
pub struct NoDigest(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The first twelve digits: enough for people to tell bundles apart.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Digest, NoDigest> {
        let no_digest = || NoDigest(text.chars().take(80).collect());
        if text.len() != 64 || !text.is_ascii() {
            return Err(no_digest());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| no_digest())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| no_digest())?;
        }
        Ok(Digest(digest))
    }
}

/// A path inside a tree, in bytes: relative, without empty, `.` or `..` components and without NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Vec<u8>);

/// Bytes that are no path inside a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("take {0:?} as a path inside a tree")]
pub struct NoPath(String);

impl RelPath {
    /// Takes `sites-enabled/shop.conf`.
    ///
    /// # Errors
    /// [`NoPath`] when it is empty, absolute, or leaves or does not normally name a place in the tree.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<RelPath, NoPath> {
        let path = path.into();
        let odd = |part: &[u8]| matches!(part, b"" | b"." | b"..");
        if path.contains(&0) || path.split(|byte| *byte == b'/').any(odd) {
            return Err(NoPath(String::from_utf8_lossy(&path).into_owned()));
        }
        Ok(RelPath(path))
    }

    /// The path's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What stands at a path of a tree.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file and its bytes.
    File(Arc<[u8]>),
    /// A symbolic link and its target.
    Link(Vec<u8>),
}

impl Entry {
    /// The digest of the kind and the content: a link is never the same as a file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let (kind, bytes): (&[u8], &[u8]) = match self {
            Entry::File(bytes) => (b"file\0", bytes),
            Entry::Link(target) => (b"link\0", target),
        };
        hasher.update(kind).update(bytes);
        Digest(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Entry::Link(target) => write!(f, "Link({})", String::from_utf8_lossy(target)),
        }
    }
}

/// One path whose entry differs between two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileChange<'a> {
    /// The path.
    pub path: &'a RelPath,
    /// What stood there.
    pub old: Option<&'a Entry>,
    /// What stands there now.
    pub new: Option<&'a Entry>,
}

/// A tree: every file and link by its path. Directories are where their files are; owners and modes belong to the
/// machine, not to the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileSet {
    entries: BTreeMap<RelPath, Entry>,
}

impl FileSet {
    /// The tree of nothing.
    #[must_use]
    pub fn new() -> FileSet {
        FileSet::default()
    }

    /// What stands at a path.
    #[must_use]
    pub fn get(&self, path: &RelPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Puts an entry at a path; returns what stood there.
    pub fn insert(&mut self, path: RelPath, entry: Entry) -> Option<Entry> {
        self.entries.insert(path, entry)
    }

    /// Takes an entry away.
    pub fn remove(&mut self, path: &RelPath) -> Option<Entry> {
        self.entries.remove(path)
    }

    /// Every entry, in the order of the paths' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&RelPath, &Entry)> {
        self.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of the whole tree: of every path and its entry's digest, in order. Equal trees, equal digests, on every
    /// machine.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"evenkeel tree 1\0");
        for (path, entry) in &self.entries {
            hasher.update(&(path.0.len() as u64).to_le_bytes()).update(&path.0).update(&entry.digest().0);
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// The digest of the entry at a path.
    #[must_use]
    pub fn entry_digest(&self, path: &RelPath) -> Option<Digest> {
        self.get(path).map(Entry::digest)
    }

    /// The paths that differ from here to `new`, in order.
    #[must_use]
    pub fn diff<'a>(&'a self, new: &'a FileSet) -> Vec<FileChange<'a>> {
        let mut changes: Vec<FileChange<'a>> = Vec::new();
        for (path, entry) in &self.entries {
            let other = new.get(path);
            if other != Some(entry) {
                changes.push(FileChange { path, old: Some(entry), new: other });
            }
        }
        let added = new.entries.iter().filter(|(path, _)| !self.entries.contains_key(path));
        changes.extend(added.map(|(path, entry)| FileChange { path, old: None, new: Some(entry) }));
        changes.sort_by(|a, b| a.path.cmp(b.path));
        changes
    }
}

impl FromIterator<(RelPath, Entry)> for FileSet {
    fn from_iter<I: IntoIterator<Item = (RelPath, Entry)>>(entries: I) -> FileSet {
        FileSet { entries: entries.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn file(text: &str) -> Entry {
        Entry::File(text.as_bytes().to_vec().into())
    }

    #[test]
    fn only_paths_inside_the_tree_are_paths() {
        for good in ["nginx.conf", "a/b.c", "..a", "a/.b", "\u{e9}"] {
            assert!(RelPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a//b", "../a", "a/..", "a/./b", "a/", "a\0b"] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digest_tells_content_kind_and_place_apart() {
        let of = |entries: &[(&str, Entry)]| {
            entries.iter().map(|(p, e)| (path(p), e.clone())).collect::<FileSet>().digest()
        };
        let base = of(&[("a", file("x"))]);
        assert_eq!(base, of(&[("a", file("x"))]));
        let others = [
            of(&[]),
            of(&[("b", file("x"))]),
            of(&[("a", file("y"))]),
            of(&[("a", Entry::Link(b"x".to_vec()))]),
        ];
        assert!(others.iter().all(|other| *other != base));
        assert_eq!(base.to_string().parse(), Ok(base));
        assert!("12".parse::<Digest>().is_err() && "+".repeat(64).parse::<Digest>().is_err());
    }

    #[test]
    fn diff_names_every_path_that_differs_in_order() {
        let old: FileSet =
            [(path("b"), file("1")), (path("c"), file("1")), (path("d"), file("1"))].into_iter().collect();
        let new: FileSet =
            [(path("a"), file("1")), (path("c"), file("2")), (path("d"), file("1"))].into_iter().collect();
        let names: Vec<String> = old.diff(&new).iter().map(|change| change.path.to_string()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(old.diff(&old).is_empty());
    }
}
