//! What changed between two trees, for people and for the journal: files by digest, and a text diff without secrets.

use std::fmt::Write as _;

use evenkeel_fleet::{Digest, FileChange};
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};
use evenkeel_syntax::secret::redact_str;
use similar::TextDiff;

/// A file longer than this is named, not compared line by line.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// What the diffs of all files together may take.
const DIFF_BYTES_MAX: usize = 256 << 10;
/// How long the comparison of one file may take before it becomes coarse.
const COMPARE_WITHIN: std::time::Duration = std::time::Duration::from_millis(500);

/// The files that differ, by digest.
#[must_use]
pub fn changes(old: &FileSet, new: &FileSet) -> Vec<FileChange> {
    let id = |entry: Option<&Entry>| entry.map(|entry| Digest(entry.digest().0));
    let change = |change: evenkeel_syntax::fileset::FileChange<'_>| FileChange {
        path: shown(change.path),
        old: id(change.old),
        new: id(change.new),
    };
    old.diff(new).into_iter().map(change).collect()
}

/// The unified diff of two trees, secrets redacted, bounded in size.
#[must_use]
pub fn text(old: &FileSet, new: &FileSet) -> String {
    let mut out = String::new();
    let changes = old.diff(new);
    for (index, change) in changes.iter().enumerate() {
        if out.len() > DIFF_BYTES_MAX {
            let _ = writeln!(out, "… and {} more files", changes.len() - index);
            break;
        }
        one(&mut out, &shown(change.path), change.old, change.new);
    }
    out
}

fn one(out: &mut String, path: &str, old: Option<&Entry>, new: Option<&Entry>) {
    let header = |side: &str, entry: Option<&Entry>| match entry {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (from, to) = (header("a", old), header("b", new));
    let (Some(before), Some(after)) = (lines(old), lines(new)) else {
        let _ = writeln!(
            out,
            "--- {from}\n+++ {to}\n(not compared line by line: not text, or longer than 1 MiB)"
        );
        return;
    };
    // Redacted before they are compared: a changed secret shows as no change of text, never as itself.
    let (before, after) = (redact_str(&before), redact_str(&after));
    if before == after {
        let _ = writeln!(out, "--- {from}\n+++ {to}\n(only what looks like a secret changed)");
        return;
    }
    let diff = TextDiff::configure().timeout(COMPARE_WITHIN).diff_lines(before.as_ref(), after.as_ref());
    let mut unified = diff.unified_diff();
    let _ = write!(out, "{}", unified.context_radius(3).header(&from, &to));
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

fn lines(entry: Option<&Entry>) -> Option<String> {
    match entry {
        None => Some(String::new()),
        Some(Entry::Link(target)) => Some(format!("symbolic link to {}\n", String::from_utf8_lossy(target))),
        Some(Entry::File(bytes)) if bytes.len() > TEXT_BYTES_MAX || bytes.contains(&0) => None,
        Some(Entry::File(bytes)) => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// A path of a tree as text: one way of writing for each path, also where it is not UTF-8.
#[must_use]
pub fn shown(path: &RelPath) -> String {
    match std::str::from_utf8(path.as_bytes()) {
        Ok(text) if !text.contains(|c: char| c.is_control()) => text.to_owned(),
        _ => path.as_bytes().escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> FileSet {
        let mut set = FileSet::default();
        for (path, text) in files {
            let path = RelPath::new(path.as_bytes().to_vec()).unwrap();
            set.insert(path, Entry::File(text.as_bytes().to_vec().into()));
        }
        set
    }

    #[test]
    fn a_diff_names_added_changed_and_removed_files() {
        let old = tree(&[("a.conf", "one\n"), ("b.conf", "two\n")]);
        let new = tree(&[("a.conf", "one\nmore\n"), ("c.conf", "three\n")]);
        let diff = text(&old, &new);
        for line in ["--- a/a.conf", "+more", "+++ /dev/null", "-two", "--- /dev/null", "+three"] {
            assert!(diff.contains(line), "{line} in\n{diff}");
        }
        assert_eq!(changes(&old, &new).len(), 3);
    }

    #[test]
    fn a_planted_secret_is_in_no_diff() {
        let line = |token: &str| format!("proxy_set_header Authorization \"Bearer {token}\";\n");
        let old = tree(&[("a.conf", &line("c2VjcmV0LW9uZS1zZWNyZXQtb25l"))]);
        let new = tree(&[("a.conf", &line("c2VjcmV0LXR3by1zZWNyZXQtdHdv"))]);
        let diff = text(&old, &new);
        assert!(!diff.contains("c2VjcmV0"), "{diff}");
        assert!(diff.contains("a.conf"));
    }

    #[test]
    fn binary_files_and_odd_names_are_named_only() {
        let mut new = FileSet::default();
        let path = RelPath::new(b"x\xff\n.conf".to_vec()).unwrap();
        new.insert(path, Entry::File(vec![0, 1, 2].into()));
        let diff = text(&FileSet::default(), &new);
        assert!(diff.contains(r"x\xff\n.conf") && diff.contains("not text"), "{diff}");
    }
}
