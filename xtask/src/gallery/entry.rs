//! One outage of the gallery, as it lies on disk. `gallery/README.md` describes the format.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::expect::Expect;
use super::requests::Requests;

/// A tree of the gallery is small; anything beyond this is a mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// An outage, or a good change to compare with.
#[derive(Debug)]
pub(super) struct Entry {
    /// `NN-slug`.
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) expect: Expect,
    requests: String,
}

/// What stands for a placeholder: `DIR`, `PORT_HTTP`, …
pub(super) type Values = BTreeMap<String, String>;

impl Entry {
    /// Reads every entry below `gallery`, by number.
    pub(super) fn all(gallery: &Path) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in std::fs::read_dir(gallery).with_context(|| format!("read {}", gallery.display()))? {
            let found = found?;
            if found.file_type()?.is_dir() {
                entries.push(Entry::read(&found.path())?);
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        ensure!(!entries.is_empty(), "{} holds no outage", gallery.display());
        Ok(entries)
    }

    pub(super) fn read(dir: &Path) -> anyhow::Result<Entry> {
        let name =
            dir.file_name().and_then(|name| name.to_str()).context("an entry has a plain name")?.to_owned();
        let text = |file: &str| {
            std::fs::read_to_string(dir.join(file)).with_context(|| format!("read {name}/{file}"))
        };
        for part in ["before/nginx.conf", "after/nginx.conf", "before/routes.toml", "README.md"] {
            ensure!(dir.join(part).is_file(), "{name} has no {part}");
        }
        let expect: Expect =
            toml::from_str(&text("expect.toml")?).with_context(|| format!("{name}/expect.toml"))?;
        let confirmed = expect.outcome == "confirmed";
        ensure!(
            confirmed == expect.caught_by.is_empty(),
            "{name}/expect.toml: what is not confirmed says who catches it; what is, does not"
        );
        let good = expect.outage.is_none();
        ensure!(
            !good || (confirmed && expect.floors.is_empty()),
            "{name}/expect.toml: nobody catches a good change"
        );
        let nobody = confirmed && expect.floors.is_empty() && expect.alone.check_accepts;
        ensure!(
            good || !nobody || !expect.to_come.is_empty(),
            "{name}/expect.toml: nobody catches it, and nobody will"
        );
        let sourced = expect.outage.as_ref().is_none_or(|outage| !outage.source.is_empty());
        ensure!(sourced, "{name}/expect.toml: an outage says where one can read about it");
        Ok(Entry { requests: text("requests.toml")?, dir: dir.to_path_buf(), expect, name })
    }

    /// The number in front of the name.
    pub(super) fn number(&self) -> &str {
        self.name.split('-').next().unwrap_or(&self.name)
    }

    /// Whether it must be confirmed, and nobody may say a word.
    pub(super) fn is_good(&self) -> bool {
        self.expect.outage.is_none()
    }

    /// Whether it is one of the outages that Evenkeel is measured against, A to E.
    pub(super) fn has_letter(&self) -> bool {
        self.expect.outage.as_ref().is_some_and(|outage| outage.name.len() == 1)
    }

    /// Whether its stands have a network of their own, which `setup.sh` furnishes.
    pub(super) fn has_own_world(&self) -> bool {
        self.script("setup.sh").is_some()
    }

    /// A file of the entry that it may have: `setup.sh`, `later.sh`, `change.sh` or `acts.toml`.
    pub(super) fn script(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.join(name)).filter(|script| script.is_file())
    }

    /// Every placeholder that the entry uses.
    pub(super) fn placeholders(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut names = placeholders(&self.requests);
        for (_, path) in walk(&self.dir)? {
            if !path.is_symlink() {
                names.extend(placeholders(&read(&path)?));
            }
        }
        let unknown = names.iter().find(|name| *name != "DIR" && !name.starts_with("PORT_"));
        match unknown {
            Some(name) => bail!("{}: {{{{{name}}}}} is not a placeholder", self.name),
            None => Ok(names),
        }
    }

    pub(super) fn requests(&self, values: &Values) -> anyhow::Result<Requests> {
        toml::from_str(&fill(&self.requests, values)).with_context(|| format!("{}/requests.toml", self.name))
    }

    /// Writes `before/`, `after/` or another directory of the entry to `to`, placeholders filled in and links kept as links.
    pub(super) fn write_tree(&self, part: &str, to: &Path, values: &Values) -> anyhow::Result<()> {
        for (below, path) in walk(&self.dir.join(part))? {
            let target = to.join(&below);
            std::fs::create_dir_all(target.parent().unwrap_or(to))?;
            if path.is_symlink() {
                symlink(std::fs::read_link(&path)?, &target)?;
            } else {
                std::fs::write(&target, fill(&read(&path)?, values))?;
                std::fs::set_permissions(&target, std::fs::metadata(&path)?.permissions())?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    ensure!(
        std::fs::metadata(path)?.len() <= FILE_BYTES_MAX,
        "{} is too large for the gallery",
        path.display()
    );
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// Every file and link below a directory, with its path below it, sorted.
pub(super) fn walk(dir: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(dir)?.to_path_buf(), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn placeholders(text: &str) -> BTreeSet<String> {
    let names = text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    names.map(str::to_owned).collect()
}

fn fill(text: &str, values: &Values) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_gallery_can_be_read() {
        for entry in Entry::all(&crate::workspace().join("gallery")).unwrap() {
            let names = entry.placeholders().unwrap();
            assert!(names.contains("DIR"), "{}", entry.name);
            let values = names.into_iter().map(|name| (name, "1".to_owned())).collect();
            let requests = entry.requests(&values).unwrap().request;
            assert!(!requests.is_empty(), "{}", entry.name);
            let known = |moment: &str| requests.iter().any(|request| request.at(moment).is_some());
            super::super::acts::read_well(&entry, known).unwrap();
            let changed = walk(&entry.dir.join("after")).unwrap().iter().any(|(below, path)| {
                std::fs::read(path).unwrap()
                    != std::fs::read(entry.dir.join("before").join(below)).unwrap_or_default()
            });
            assert!(changed, "{}: after/ is the same as before/", entry.name);
        }
    }

    #[test]
    fn placeholders_are_filled_in() {
        let values = Values::from([("DIR".into(), "/d".into()), ("PORT_A".into(), "81".into())]);
        assert_eq!(fill("root {{DIR}}/www; listen {{PORT_A}};", &values), "root /d/www; listen 81;");
        assert_eq!(placeholders("{{A}} {{B}} {{A}} {{"), BTreeSet::from(["A".to_owned(), "B".to_owned()]));
    }
}
