//! What a source file may hold, and how long it may be.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{files, shown};

/// A file of logic longer than this usually holds two ideas; one that is longer says why (`tidy: long because …`).
const LOGIC_LINES_MAX: usize = 400;

/// Crates that open nothing, know no time and take no chances.
const PURE: &[&str] = &["syntax", "fleet", "model", "lint", "diagnosis"];

/// Words that a crate may not contain anywhere: what it must not know, it cannot name.
const UNKNOWN_TO: &[(&str, &str)] = &[("fleet", "nginx")];

/// Modules and types that say nothing of what they hold.
const EMPTY_NAMES: &[&str] = &["Manager", "Helper", "Util", "Utils"];
const EMPTY_FILES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "types", "errors"];

/// Every source file that breaks a rule.
pub(super) fn breaches(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let rust = |path: &Path| path.extension() == Some(OsStr::new("rs"));
    let mut sources = files(&root.join("crates"), &rust)?;
    sources.extend(files(&root.join("xtask/src"), &rust)?);
    let mut texts = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        texts.push((path, text));
    }
    let tests: BTreeSet<PathBuf> = texts.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    for (path, text) in texts.iter().filter(|(path, _)| !tests.contains(path)) {
        let name = shown(root, path);
        found.extend(source(&name, text).into_iter().map(|breach| format!("{name}: {breach}")));
    }
    for krate in PURE {
        let lib = format!("crates/{krate}/src/lib.rs");
        let text = std::fs::read_to_string(root.join(&lib)).with_context(|| format!("read {lib}"))?;
        if !text.contains("#![deny(clippy::disallowed_methods)]") {
            found.push(format!("{lib}: a pure crate says #![deny(clippy::disallowed_methods)]"));
        }
    }
    for (krate, word) in UNKNOWN_TO {
        for path in files(&root.join("crates").join(krate), &|_| true)? {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).to_lowercase();
            if let Some(line) = text.lines().position(|line| line.contains(word)) {
                found.push(format!(
                    "{}:{}: {krate} does not know the word {word}",
                    shown(root, &path),
                    line + 1
                ));
            }
        }
    }
    Ok(found)
}

/// The files that hold the modules which a file declares for tests alone.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default();
    let dir = if matches!(stem.to_str(), Some("lib" | "main" | "mod")) {
        path.with_file_name("")
    } else {
        path.with_extension("")
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let (line, _) = rest.split_once('\n')?;
        line.trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
    });
    declared.map(|name| dir.join(name).with_extension("rs")).collect()
}

/// What is wrong with one file, `name` being its path in the workspace.
fn source(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let file = Path::new(name);
    let stem = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let in_src = name.contains("/src/") && !name.contains("/tests/");
    if EMPTY_FILES.contains(&stem) {
        found.push(format!("\"{stem}\" does not say what the file holds"));
    }
    if is_generated(text) {
        return found;
    }
    if in_src && matches!(stem, "lib" | "main") {
        let documentation: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let lines_min = if stem == "lib" { 3 } else { 1 };
        if documentation.len() < lines_min || text.starts_with("//! placeholder") {
            found.push("opens with its purpose and its invariants (//!)".to_owned());
        }
    }
    let may = ["crates/host/", "crates/rehearsal/src/sandbox/", "crates/rehearsal/tests/sandbox/"];
    if !may.iter().any(|place| name.starts_with(place))
        && text.lines().any(|line| {
            ["(unsafe", "    unsafe"].iter().any(|before| line.contains(&format!("{before}{}", "_code")))
        })
    {
        found.push("unsafe code lives in crates/host and in the sandbox of crates/rehearsal only".to_owned());
    }
    if !in_src {
        return found;
    }
    let logic: Vec<(usize, &str)> = logic(text);
    if logic.len() > LOGIC_LINES_MAX && !has_reason(text) {
        let count = logic.len();
        found.push(format!(
            "{count} lines of logic, more than {LOGIC_LINES_MAX}, and no \"// tidy: long because …\""
        ));
    }
    for (number, line) in logic {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code.contains(concat!(".unwrap", "()")) {
            found.push(format!("line {number}: unwrap outside a test; say what holds with expect(\"…\")"));
        }
        let defined = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| code.split_once(kind));
        let word =
            defined.map(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default());
        if let Some(word) = word.filter(|word| EMPTY_NAMES.iter().any(|empty| word.ends_with(empty))) {
            found.push(format!("line {number}: \"{word}\" does not say what it is"));
        }
    }
    found
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains("Written by `cargo xtask"))
}

fn has_reason(text: &str) -> bool {
    let reason = text.lines().find_map(|line| line.split_once("// tidy: long because "));
    reason.is_some_and(|(_, why)| why.trim().len() >= 10)
}

/// The lines of a file that are not in a test module, each with its number.
fn logic(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let opens_tests = line == "#[cfg(test)]"
            && lines.peek().is_some_and(|(_, next)| next.contains("mod ") && next.ends_with('{'));
        if opens_tests {
            while lines.next().is_some_and(|(_, line)| line != "}") {}
        } else if line != "#[test]" {
            kept.push((index + 1, line));
        } else {
            // A test that stands beside what it tests.
            while lines.next().is_some_and(|(_, line)| line != "}") {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_generated_code_are_not_logic() {
        let long = "fn f() {}\n".repeat(LOGIC_LINES_MAX);
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n#[test]\nfn t() {{\n}}\n",
            "    fn g() {}\n".repeat(500)
        );
        assert_eq!(source("crates/a/src/b.rs", &(long.clone() + &tests)), Vec::<String>::new());
        let generated = format!("//! Tables. Written by `cargo xtask codegen` from x.\n{long}{long}");
        assert_eq!(source("crates/a/src/b.rs", &generated), Vec::<String>::new());
    }

    #[test]
    fn a_module_for_tests_is_found_in_its_file() {
        let text = "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod inline {\n}\n";
        assert_eq!(test_files(Path::new("src/b.rs"), text), [PathBuf::from("src/b/tests.rs")]);
        assert_eq!(test_files(Path::new("src/b/mod.rs"), text), [PathBuf::from("src/b/tests.rs")]);
    }

    #[test]
    fn a_long_file_says_why() {
        let long = "fn f() {}\n".repeat(LOGIC_LINES_MAX + 1);
        assert!(source("crates/a/src/b.rs", &long)[0].contains("401 lines of logic"));
        let reason = format!("// tidy: long because it is one table\n{long}");
        assert_eq!(source("crates/a/src/b.rs", &reason), Vec::<String>::new());
        let empty = format!("// tidy: long because \n{long}");
        assert_eq!(source("crates/a/src/b.rs", &empty).len(), 1);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(source("crates/a/src/utils.rs", "").len(), 1);
        assert!(source("crates/a/src/b.rs", "pub struct FileManager;")[0].contains("FileManager"));
        assert_eq!(source("crates/a/src/b.rs", "pub struct Managers;"), Vec::<String>::new());
    }

    #[test]
    fn unwrap_stays_in_tests() {
        assert!(source("crates/a/src/b.rs", "fn f() {\n    x.unwrap();\n}")[0].starts_with("line 2"));
        let in_test = "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap(); }\n}\n";
        assert_eq!(source("crates/a/src/b.rs", in_test), Vec::<String>::new());
        assert_eq!(source("crates/a/tests/b.rs", "fn f() { x.unwrap(); }"), Vec::<String>::new());
    }

    #[test]
    fn unsafe_code_lives_in_host_and_in_the_sandbox() {
        let code = concat!("#![expect(unsafe", "_code, reason = \"x\")]");
        assert_eq!(source("crates/host/src/a.rs", code), Vec::<String>::new());
        assert_eq!(source("crates/rehearsal/src/sandbox/a.rs", code), Vec::<String>::new());
        assert_eq!(source("crates/agent/src/a.rs", code).len(), 1);
        assert_eq!(source("crates/rehearsal/src/a.rs", code).len(), 1);
    }

    #[test]
    fn a_library_opens_with_its_purpose() {
        assert_eq!(source("crates/a/src/lib.rs", "//! placeholder\n").len(), 1);
        assert_eq!(
            source("crates/a/src/lib.rs", "//! What it is.\n//!\n//! Never more.\n"),
            Vec::<String>::new()
        );
    }
}
