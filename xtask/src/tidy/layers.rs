//! Who may import whom: the table of ARCHITECTURE.md against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// The prefix of our packages; the folder is what stands after it.
const OURS: &str = "evenkeel-";

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// Our crates that it may import; `None`: all that the table knows, but the test-only ones.
    ours: Option<BTreeSet<String>>,
    /// The only outside packages that it may import; `None`: not closed.
    outside: Option<BTreeSet<String>>,
    /// Drawn, not written yet.
    to_come: bool,
    /// Used by tests alone: nobody may import it.
    test_only: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for a normal one.
    kind: Option<String>,
}

/// Every import that the table does not allow, and every crate that the table does not know.
pub(super) fn breaches(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("read ARCHITECTURE.md")?;
    Ok(compare(&table(&text)?, &metadata(root)?))
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("understand cargo metadata")
}

fn compare(table: &BTreeMap<String, Row>, metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for package in &metadata.packages {
        let imports =
            package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        let folder = package.name.strip_prefix(OURS).unwrap_or(&package.name);
        seen.insert(folder);
        let Some(row) = table.get(folder) else {
            found.push(format!("{folder}: is not in the table of ARCHITECTURE.md"));
            continue;
        };
        if row.to_come {
            found.push(format!("{folder}: exists, but the table of ARCHITECTURE.md says \"to come\""));
        }
        for import in imports {
            let name = &import.name;
            match name.strip_prefix(OURS) {
                Some(other) if !may_import(table, row, other) => {
                    found.push(format!(
                        "crates/{folder}: may not import {other}, says the table of ARCHITECTURE.md"
                    ));
                }
                None if row.outside.as_ref().is_some_and(|outside| !outside.contains(name)) => {
                    found.push(format!(
                        "crates/{folder}: may not use {name}, says the table of ARCHITECTURE.md"
                    ));
                }
                _ => {}
            }
        }
    }
    let missing = table.iter().filter(|(name, row)| !row.to_come && !seen.contains(name.as_str()));
    found.extend(
        missing.map(|(name, _)| format!("ARCHITECTURE.md: the table has {name}, which does not exist")),
    );
    found
}

fn may_import(table: &BTreeMap<String, Row>, row: &Row, other: &str) -> bool {
    let known = table.get(other).is_some_and(|row| !row.test_only);
    known && row.ours.as_ref().is_none_or(|ours| ours.contains(other))
}

/// Reads the table whose heading starts with `| crate |`.
fn table(markdown: &str) -> anyhow::Result<BTreeMap<String, Row>> {
    let lines = markdown.lines().skip_while(|line| !line.starts_with("| crate |"));
    let rows: Vec<&str> = lines.skip(2).take_while(|line| line.starts_with('|')).collect();
    ensure!(!rows.is_empty(), "ARCHITECTURE.md has no table that starts with \"| crate |\"");
    rows.into_iter().map(row).collect()
}

fn row(line: &str) -> anyhow::Result<(String, Row)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [first, ours, outside, ..] = cells.as_slice() else {
        bail!("ARCHITECTURE.md: not a row of the table: {line}")
    };
    let name =
        first.split('`').nth(1).with_context(|| format!("ARCHITECTURE.md: no crate is named in: {line}"))?;
    let row = Row {
        ours: if ours.starts_with("all") { None } else { Some(names(ours)) },
        outside: outside.strip_prefix("*only*").map(names),
        to_come: first.contains("to come"),
        test_only: first.contains("test only"),
    };
    Ok((name.to_owned(), row))
}

/// The names of a list, without what stands in parentheses. A dash is an empty list.
fn names(list: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    let mut depth = 0_i32;
    for c in list.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let names = plain.split(',').map(|name| name.trim().trim_matches('`'));
    names.filter(|name| !name.is_empty() && *name != "–").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
text
| crate | may import (ours) | outside parts | never |
|---|---|---|---|
| `low` | – | *only* thiserror, serde (`wire`) | fs |
| `high` | low | tokio | |
| `later` (to come) | low, high | *only* thiserror | |
| `play` (test only) | low | | |
| `top` | all but play | clap | |

| another | table |
";

    fn complaints(packages: serde_json::Value) -> Vec<String> {
        let metadata = serde_json::from_value(serde_json::json!({ "packages": packages })).unwrap();
        compare(&table(TABLE).unwrap(), &metadata)
    }

    fn package(name: &str, imports: &[&str]) -> serde_json::Value {
        let imports: Vec<_> =
            imports.iter().map(|name| serde_json::json!({ "name": name, "kind": null })).collect();
        serde_json::json!({ "name": name, "dependencies": imports })
    }

    #[test]
    fn an_allowed_house_has_no_complaints() {
        let mut low = package("evenkeel-low", &["serde"]);
        low["dependencies"]
            .as_array_mut()
            .unwrap()
            .push(serde_json::json!({ "name": "proptest", "kind": "dev" }));
        let high = package("evenkeel-high", &["evenkeel-low", "anything"]);
        let top = package("evenkeel-top", &["evenkeel-high", "evenkeel-low"]);
        let found =
            complaints(serde_json::json!([low, high, top, package("evenkeel-play", &["evenkeel-low"])]));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_breach_is_named() {
        let found = complaints(serde_json::json!([
            package("evenkeel-low", &["evenkeel-high", "tokio"]),
            package("evenkeel-high", &["evenkeel-play"]),
            package("evenkeel-later", &[]),
            package("evenkeel-stranger", &[]),
            package("evenkeel-play", &[]),
            package("tool", &["evenkeel-low"]),
        ]));
        let says = |text: &str| assert!(found.iter().any(|line| line.contains(text)), "{text}: {found:#?}");
        says("low: may not import high");
        says("low: may not use tokio");
        says("high: may not import play");
        says("later: exists");
        says("stranger: is not in the table");
        says("the table has top, which does not exist");
        says("tool: is not in the table");
        assert_eq!(found.len(), 7, "{found:#?}");
    }
}
