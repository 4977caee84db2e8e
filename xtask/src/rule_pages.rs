//! `cargo xtask codegen [--check]`, second half: the book's pages about the rules, from their own documentation.
//!
//! Writes `docs/rules/<rule>.md` and `docs/rules/README.md`; takes away the page of a rule that is gone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use evenkeel_lint::{Rule, nginx_checks, rules};

use crate::workspace;

const GENERATED: &str = "<!-- Written by `cargo xtask codegen` from the rule's own documentation. -->\n";

/// Writes the pages, or with `check` compares them with the committed ones.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let directory = workspace().join("docs/rules");
    let wanted = pages();
    let found = committed(&directory)?;
    if check {
        if wanted != found {
            let names = wanted.keys().chain(found.keys());
            let stale: Vec<&str> =
                names.filter(|name| wanted.get(*name) != found.get(*name)).map(String::as_str).collect();
            bail!("docs/rules is not what the rules say ({}): run `cargo xtask codegen`", stale.join(", "));
        }
        return Ok(());
    }
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    for name in found.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(directory.join(name)).with_context(|| format!("remove docs/rules/{name}"))?;
    }
    for (name, page) in &wanted {
        fs::write(directory.join(name), page).with_context(|| format!("write docs/rules/{name}"))?;
    }
    Ok(())
}

fn committed(directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    let Ok(entries) = fs::read_dir(directory) else { return Ok(pages) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            pages.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(pages)
}

fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> =
        rules().iter().map(|rule| (format!("{}.md", rule.name), page(rule))).collect();
    pages.insert("README.md".to_owned(), index());
    pages
}

fn page(rule: &Rule) -> String {
    let Rule { name, severity, since, .. } = rule;
    let documentation = rule.documentation();
    let documentation = documentation.trim_end();
    format!(
        "{GENERATED}# {name}\n\nSeverity: **{severity}** · since {since}\n\n{documentation}\n\n\
         ## Allowing it\n```nginx\n# evenkeel:allow({name}) because …\n```\n\
         on the line before the directive or at the end of its line. [All rules](README.md)\n"
    )
}

fn index() -> String {
    let mut text = format!(
        "{GENERATED}# Rules\n\n\
         What `evenkeel check` finds. `evenkeel rules RULE` prints the same pages; `# evenkeel:allow(RULE) because …` \
         before a directive, a block or an `include`, or at the end of its line, allows what was looked at.\n\n\
         | rule | severity | finds |\n|---|---|---|\n"
    );
    let row = |text: &mut String, name: &str, severity: &str, finds: &str| {
        let finds = finds.replace('|', "\\|");
        writeln!(text, "| {name} | {severity} | {finds} |").expect("a string takes it");
    };
    for rule in rules() {
        let name = format!("[{0}]({0}.md)", rule.name);
        row(&mut text, &name, rule.severity.name(), rule.summary().trim_start_matches("Finds "));
    }
    text.push_str(
        "\n## What nginx itself would refuse\n\n\
         Found without nginx, DNS, certificates or root: all of it, where `nginx -t` stops at the first. These names can \
         be allowed too, for a module that is not known here, for example.\n\n| name | severity | finds |\n|---|---|---|\n",
    );
    for check in nginx_checks() {
        row(&mut text, &format!("`{}`", check.name), check.severity.name(), check.summary);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_page_and_a_line_in_the_index() {
        let pages = pages();
        assert_eq!(pages.len(), rules().len() + 1);
        for rule in rules() {
            assert!(pages["README.md"].contains(&format!("]({}.md)", rule.name)), "{}", rule.name);
            assert!(pages[&format!("{}.md", rule.name)].contains(rule.summary()), "{}", rule.name);
        }
    }
}
