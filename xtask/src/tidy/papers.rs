//! Links, decisions and words of the documents.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use anyhow::Context as _;

use super::{files, shown};

/// The parts that a decision has, in this order.
const DECISION_PARTS: &[&str] = &["Context", "Decision", "Instead of", "Costs"];

/// Every broken link, ill-formed decision and word that the glossary has another word for.
pub(super) fn breaches(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let glossary = std::fs::read_to_string(root.join("docs/glossary.md")).context("read docs/glossary.md")?;
    let words = other_words(&glossary);
    let markdown = |path: &Path| path.extension() == Some(OsStr::new("md"));
    let mut decisions = Vec::new();
    for path in files(root, &markdown)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let name = shown(root, &path);
        let dir = path.parent().unwrap_or(root);
        let broken = links(&text).into_iter().filter(|link| !dir.join(link).exists());
        found.extend(broken.map(|link| format!("{name}: the link to {link} leads nowhere")));
        if !name.ends_with("glossary.md") {
            found.extend(words_in(&name, &text, &words));
        }
        if let Some(file) = name.strip_prefix("docs/adr/") {
            decisions.push(file.to_owned());
            found.extend(decision(file, &text).map(|breach| format!("{name}: {breach}")));
        }
    }
    for (index, file) in decisions.iter().enumerate() {
        if !file.starts_with(&format!("{:04}-", index + 1)) {
            found.push(format!(
                "docs/adr/{file}: decisions are numbered without a gap; this would be {:04}",
                index + 1
            ));
        }
    }
    let rust = |path: &Path| path.extension() == Some(OsStr::new("rs"));
    for path in files(&root.join("crates"), &rust)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let comments: Vec<&str> =
            text.lines().map(|line| line.split_once("//").map_or("", |(_, why)| why)).collect();
        found.extend(words_in(&shown(root, &path), &comments.join("\n"), &words));
    }
    Ok(found)
}

/// The targets of a document's relative links, without their anchors.
fn links(markdown: &str) -> Vec<&str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = targets.map(|target| target.split('#').next().unwrap_or_default());
    paths.filter(|path| !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:")).collect()
}

/// What is wrong with the form of a decision: `# 0007 Title        2026-11-21, accepted`, then its parts.
fn decision(file: &str, text: &str) -> Option<String> {
    let heading = text.lines().next().unwrap_or_default();
    let number = file.split('-').next().unwrap_or_default();
    if !heading.starts_with(&format!("# {number} ")) {
        return Some(format!("opens with \"# {number} Title   DATE, STATUS\""));
    }
    let status = heading.rsplit("  ").next().unwrap_or_default();
    let (date, state) = status.split_once(", ").unwrap_or_default();
    let is_date = date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_date || !(state == "accepted" || state.starts_with("superseded by ")) {
        return Some(format!("\"{status}\" is not a date and \"accepted\" or \"superseded by NNNN\""));
    }
    let mut rest = text;
    for part in DECISION_PARTS {
        match rest.split_once(&format!("\n{part}")) {
            Some((_, after)) => rest = after,
            None => return Some(format!("has no part \"{part}\" in its place")),
        }
    }
    None
}

/// The third column of the glossary: the words that we do not use, each with the one that we do.
fn other_words(glossary: &str) -> BTreeMap<String, String> {
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut words = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [word, _, others] = cells.as_slice() else { continue };
        for other in others.split(',').map(str::trim).filter(|other| !other.is_empty()) {
            words.insert(other.to_lowercase(), (*word).to_owned());
        }
    }
    words
}

/// Every use of a word that the glossary has another word for; names of types and things in backticks are left alone.
fn words_in(name: &str, text: &str, words: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
        for word in prose.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_') {
            if let Some(ours) = words.get(word.strip_suffix('s').unwrap_or(word)).or_else(|| words.get(word))
            {
                found.push(format!("{name}:{}: we say {ours}, not {word} (docs/glossary.md)", index + 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_found_and_others_left_alone() {
        let text = "[a](docs/a.md#part) [b](https://x.test/b) [c](#here) ![d](d.svg)";
        assert_eq!(links(text), ["docs/a.md", "d.svg"]);
    }

    #[test]
    fn a_decision_has_its_form() {
        let good =
            "# 0007 Title  2026-11-21, accepted\nContext   a\nDecision  b\nInstead of  c\nCosts     d\n";
        assert_eq!(decision("0007-title.md", good), None);
        assert!(decision("0008-title.md", good).is_some());
        assert!(decision("0007-title.md", &good.replace("accepted", "maybe")).unwrap().contains("maybe"));
        assert!(decision("0007-title.md", &good.replace("Costs", "Price")).unwrap().contains("Costs"));
    }

    #[test]
    fn a_word_of_the_third_column_is_found_in_prose_only() {
        let glossary =
            "| word | meaning | not |\n|---|---|---|\n| release | x | rollout, push-out |\n| tree | y | |\n";
        let words = other_words(glossary);
        assert_eq!(words.len(), 2);
        assert_eq!(words_in("a", "the Rollouts and `rollout`\nrolloutish", &words).len(), 1);
        assert_eq!(words_in("a", "a push-out", &words).len(), 1);
    }
}
