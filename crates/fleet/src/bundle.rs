//! What a bundle holds, as far as a fleet must know it: paths, digests, kinds.

use std::collections::BTreeMap;
use std::fmt;

use crate::Digest;

/// What an entry of a manifest is, and with that whether a rollback can restore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A file of the tree; the digest is of its bytes.
    File,
    /// A symbolic link of the tree; the digest is of its target.
    Link,
    /// A key, password file or the like inside the tree: never staged, linked or moved.
    Kept,
    /// A file outside the tree that the configuration opens. A rollback cannot restore it.
    Outside,
}

impl EntryKind {
    /// Whether going back to the bundle brings this entry back.
    pub fn restorable(self) -> bool {
        matches!(self, Self::File | Self::Link)
    }
}

/// One file, link or outside file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// What stands at the path.
    pub kind: EntryKind,
    /// The digest of its content.
    pub digest: Digest,
}

/// What a bundle holds, by path. Paths are text: the caller escapes bytes that are not UTF-8, each path in
/// one way only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    entries: BTreeMap<String, ManifestEntry>,
}

impl Manifest {
    /// A manifest of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an entry at `path`; returns what stood there.
    pub fn insert(
        &mut self,
        path: impl Into<String>,
        kind: EntryKind,
        digest: Digest,
    ) -> Option<ManifestEntry> {
        self.entries.insert(path.into(), ManifestEntry { kind, digest })
    }

    /// The entry at `path`.
    pub fn get(&self, path: &str) -> Option<&ManifestEntry> {
        self.entries.get(path)
    }

    /// Every entry, by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &ManifestEntry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// What differs from here to `to`, by path.
    pub fn changes(&self, to: &Self) -> Vec<FileChange> {
        let mut changes = BTreeMap::new();
        for (path, entry) in &self.entries {
            if to.entries.get(path) != Some(entry) {
                changes.insert(path, (Some(entry.digest), to.entries.get(path).map(|e| e.digest)));
            }
        }
        for (path, entry) in &to.entries {
            if !self.entries.contains_key(path) {
                changes.insert(path, (None, Some(entry.digest)));
            }
        }
        changes.into_iter().map(|(path, (old, new))| FileChange { path: path.clone(), old, new }).collect()
    }
}

impl FromIterator<(String, ManifestEntry)> for Manifest {
    fn from_iter<I: IntoIterator<Item = (String, ManifestEntry)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

/// One path whose content differs between two bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path inside the tree.
    pub path: String,
    /// The digest before; `None` when it was not there.
    pub old: Option<Digest>,
    /// The digest after; `None` when it is gone.
    pub new: Option<Digest>,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (self.old, self.new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        write!(f, "{verb} {}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(entries: &[(&str, u8)]) -> Manifest {
        let mut manifest = Manifest::new();
        for (path, byte) in entries {
            manifest.insert(*path, EntryKind::File, Digest([*byte; 32]));
        }
        manifest
    }

    #[test]
    fn changes_name_what_was_added_changed_and_removed() {
        let old = manifest(&[("a", 1), ("b", 1), ("c", 1)]);
        let new = manifest(&[("b", 2), ("c", 1), ("d", 1)]);
        let shown: Vec<String> = old.changes(&new).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["removed a", "changed b", "added d"]);
        assert!(old.changes(&old).is_empty());
    }

    #[test]
    fn a_file_that_became_a_link_is_a_change() {
        let old = manifest(&[("a", 1)]);
        let mut new = Manifest::new();
        new.insert("a", EntryKind::Link, Digest([1; 32]));
        assert_eq!(old.changes(&new).len(), 1);
    }

    #[test]
    fn what_lies_outside_or_is_kept_cannot_be_restored() {
        let restorable = [EntryKind::File, EntryKind::Link, EntryKind::Kept, EntryKind::Outside]
            .map(EntryKind::restorable);
        assert_eq!(restorable, [true, true, false, false]);
    }
}
