//! `cargo xtask tidy`: holds what the compiler cannot hold of the rules of the house.
//!
//! * [`layers`]: who may import whom, as the table of ARCHITECTURE.md says. The table is the rule, not a copy of it.
//! * [`sources`]: what a source file may hold, and how long it may be.
//! * [`papers`]: links, decisions and words of the documents.

mod layers;
mod papers;
mod sources;

use std::path::Path;

use anyhow::bail;

use crate::workspace;

/// Prints every breach of the rules, and fails if there is one.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask tidy");
    }
    let breaches = breaches(&workspace())?;
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => Ok(()),
        count => bail!("{count} breaches of the rules of the house"),
    }
}

fn breaches(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = layers::breaches(root)?;
    found.extend(sources::breaches(root)?);
    found.extend(papers::breaches(root)?);
    found.sort();
    Ok(found)
}

/// Every file below `dir` that `wanted` takes, sorted; build directories are left out.
fn files(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && entry.file_name() != "target" {
                open.push(path);
            } else if kind.is_file() && wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A path as it is printed: relative to the workspace.
fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn house_is_tidy() {
        let found = super::breaches(&crate::workspace()).unwrap();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
