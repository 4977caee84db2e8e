//! Tests of rules are nginx text; what a rule shall say stands in nginx's own comments, under what it is about:
//!
//! ```nginx
//! location /img { alias /srv/img/; }
//!               # ^^^^^ reaches files outside
//! ```
//!
//! `#- PATH` starts a file. Text without one is the inside of `http { }`. Nothing is known of `/elsewhere`.

use std::collections::BTreeMap;

use evenkeel_model::{Answer, Catalog, Config, Files, Settings, Want, load, validate};

use crate::check::{Input, Report, check};
use crate::finding::Finding;
use crate::rule::Rule;

/// A tree's files by their path relative to `/etc/nginx`.
pub(crate) type Fixture = BTreeMap<String, Vec<u8>>;

/// Checks that `rule` says of the tree exactly what its comments say.
#[track_caller]
pub(crate) fn check_rule(rule: &Rule, text: &str) {
    let fixture = fixture(text);
    compare(rule, &fixture, &report(&fixture, None));
}

/// Checks that `rule` says of the tree exactly what its comments say, for an nginx of this version.
#[track_caller]
pub(crate) fn check_rule_on(rule: &Rule, version: &str, text: &str) {
    let fixture = fixture(text);
    let config = config_on(&fixture, Some(version));
    let problems = validate(&config, &Catalog::for_version(config.settings().version));
    let settings = crate::Settings::default();
    let input = Input { config: &config, problems: &problems, live: None, settings: &settings };
    compare(rule, &fixture, &check(&input));
}

/// Checks that `rule` says of the way from `live` to `new` exactly what the comments of `new` say.
#[track_caller]
pub(crate) fn check_change(rule: &Rule, live: &str, new: &str) {
    let new = fixture(new);
    compare(rule, &new, &report(&new, Some(&config(&fixture(live)))));
}

/// Checks a tree with every rule at its own level.
pub(crate) fn report(fixture: &Fixture, live: Option<&Config>) -> Report {
    let config = config(fixture);
    let problems = validate(&config, &Catalog::for_version(None));
    check(&Input { config: &config, problems: &problems, live, settings: &crate::Settings::default() })
}

/// Reads a tree.
pub(crate) fn config(fixture: &Fixture) -> Config {
    config_on(fixture, None)
}

fn config_on(fixture: &Fixture, version: Option<&str>) -> Config {
    let mut settings = Settings::new(b"/etc/nginx/nginx.conf".to_vec());
    settings.version = version.and_then(evenkeel_model::Version::parse);
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(wants) => {
                for want in wants.0 {
                    let answer = answer(fixture, &want);
                    files.supply(want, answer);
                }
            }
        }
    }
}

/// Reads a fixture into files.
pub(crate) fn fixture(text: &str) -> Fixture {
    let mut files = Fixture::new();
    if !text.trim_start().starts_with("#- ") {
        files.insert("nginx.conf".into(), "events { }\nhttp { include http.conf; }\n".into());
        files.insert("http.conf".into(), text.into());
        return files;
    }
    for part in text.trim_start().split("#- ").skip(1) {
        let (path, text) = part.split_once('\n').expect("a file's name ends its line");
        files.insert(path.trim().into(), text.into());
    }
    files
}

fn answer(fixture: &Fixture, want: &Want) -> Answer {
    if let Want::Bytes(path) | Want::Directory(path) = want
        && path.starts_with(b"/elsewhere")
    {
        return Answer::Unknown;
    }
    let relative = |path: &[u8]| {
        let path = std::str::from_utf8(path).expect("fixtures have plain names");
        path.strip_prefix("/etc/nginx").map(|path| path.trim_start_matches('/').to_owned())
    };
    match want {
        Want::Bytes(path) => match relative(path).and_then(|path| fixture.get(&path)) {
            Some(text) => Answer::Bytes(text.as_slice().into()),
            None => Answer::Absent,
        },
        Want::Directory(path) => {
            let Some(directory) = relative(path) else { return Answer::Absent };
            let prefix = if directory.is_empty() { directory } else { format!("{directory}/") };
            let mut names: Vec<Vec<u8>> = fixture
                .keys()
                .filter_map(|path| path.strip_prefix(&prefix))
                .map(|rest| rest.split('/').next().unwrap_or_default().as_bytes().to_vec())
                .collect();
            names.dedup();
            if names.is_empty() { Answer::Absent } else { Answer::Directory(names) }
        }
        Want::Presence(_) => Answer::Unknown,
    }
}

/// What a comment asks for, or a rule said.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    file: String,
    line: usize,
    columns: (usize, usize),
    message: String,
}

#[track_caller]
fn compare(rule: &Rule, fixture: &Fixture, report: &Report) {
    let mut expected: Vec<Said> =
        fixture.iter().flat_map(|(path, text)| annotations(path, &String::from_utf8_lossy(text))).collect();
    let of_rule = report.findings.iter().filter(|finding| finding.rule == rule.name);
    let mut surprises = Vec::new();
    for said in of_rule.map(|finding| said(fixture, finding)) {
        let matching = expected.iter().position(|expected| {
            (&expected.file, expected.line, expected.columns) == (&said.file, said.line, said.columns)
                && said.message.contains(&expected.message)
        });
        match matching {
            Some(index) => drop(expected.remove(index)),
            None => surprises.push(said),
        }
    }
    assert!(
        expected.is_empty() && surprises.is_empty(),
        "not said: {expected:#?}\nnot expected: {surprises:#?}"
    );
}

/// Reads `# ^^^^ message` comments; each is about the nearest line above that is none.
fn annotations(path: &str, text: &str) -> Vec<Said> {
    let mut said = Vec::new();
    let mut about = 0;
    for (index, line) in text.lines().enumerate() {
        let carets = line.trim_start().strip_prefix('#').map(str::trim_start);
        let Some(carets) = carets.filter(|rest| rest.starts_with('^')) else {
            about = index + 1;
            continue;
        };
        let message = carets.trim_start_matches('^');
        let (start, width) = (line.len() - carets.len() + 1, carets.len() - message.len());
        said.push(Said {
            file: path.to_owned(),
            line: about,
            columns: (start, start + width),
            message: message.trim().to_owned(),
        });
    }
    said
}

fn said(fixture: &Fixture, finding: &Finding) -> Said {
    let text = std::str::from_utf8(&fixture[&finding.file]).expect("fixtures of rules are text");
    let before = &text[..finding.span.start];
    let start = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    Said {
        file: finding.file.clone(),
        line: before.matches('\n').count() + 1,
        columns: (start, start + finding.span.len()),
        message: finding.message.clone(),
    }
}
