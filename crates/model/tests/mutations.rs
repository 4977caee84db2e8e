//! What `validate` says against what `nginx -t` says, on thousands of small damages done to valid configurations.
//!
//! Needs an nginx on this machine (`EVENKEEL_NGINX` names another than the one in the path); without one the test fails.
//! `EVENKEEL_MUTATIONS=20000` plays more of them, `EVENKEEL_SEED` others; `--nocapture` shows the table.
#![expect(clippy::disallowed_methods, reason = "a test asks the real file system and a real nginx")]

mod support;

#[path = "mutations/grid.rs"]
mod grid;
#[path = "mutations/mutate.rs"]
mod mutate;
#[path = "mutations/oracle.rs"]
mod oracle;
#[path = "mutations/trees.rs"]
mod trees;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_model::{Catalog, Problem, validate};
use mutate::{Kind, Mutant};
use oracle::Verdict;

const MUTANTS: usize = 2_600;
const WORKERS: usize = 2;
/// Of nginx's refusals so many must be found at nginx's own line.
const FOUND_PERCENT_MIN: f64 = 97.0;

fn configurations() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations/configs");
    let mut found: Vec<(String, String)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// A directory with one configuration and the files that all of them include.
fn place(directory: &Path) {
    let fragments = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations/fragments");
    for entry in std::fs::read_dir(fragments).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
}

/// What we say: everything but what nginx only warns of.
fn problems(main: &Path) -> Vec<(String, Problem)> {
    let config = support::load(main, main.parent().unwrap(), Some(oracle::build()));
    let catalog = Catalog::for_version(Some(oracle::version()));
    let problems =
        validate(&config, &catalog).into_iter().filter(|problem| problem.code != "duplicate-server-name");
    problems
        .map(|problem| (String::from_utf8(config.file(problem.file).path.clone()).unwrap(), problem))
        .collect()
}

/// What became of one mutant.
struct Outcome {
    mutant: Mutant,
    verdict: Verdict,
    ours: Vec<(String, Problem)>,
}

impl Outcome {
    fn found(&self) -> bool {
        match &self.verdict {
            Verdict::Refused { file: Some(file), line, .. } => {
                self.ours.iter().any(|(path, problem)| path == file && problem.line == *line)
            }
            Verdict::Refused { .. } => !self.ours.is_empty(),
            _ => false,
        }
    }

    fn show(&self) -> String {
        let ours: Vec<String> = self
            .ours
            .iter()
            .map(|(_, problem)| format!("    {}: {} ({})", problem.line, problem.message, problem.code))
            .collect();
        let Mutant { config, kind, what, .. } = &self.mutant;
        format!("{config} [{kind:?}] {what}\n  nginx: {:?}\n  ours:\n{}", self.verdict, ours.join("\n"))
    }
}

fn play(mutants: &[Mutant]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let directory = tempfile::tempdir().unwrap();
        place(directory.path());
        let main: PathBuf = directory.path().join("nginx.conf");
        let mut outcomes = Vec::new();
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::fs::write(&main, &mutant.text).unwrap();
            let verdict = oracle::ask(&main);
            outcomes.push(Outcome { mutant: mutant.clone(), verdict, ours: problems(&main) });
        }
        outcomes
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn every_configuration_is_valid_for_both() {
    let valid: Vec<Mutant> = configurations()
        .into_iter()
        .map(|(config, text)| Mutant {
            config,
            kind: Kind::None,
            what: String::new(),
            text: text.into_bytes(),
        })
        .collect();
    assert!(valid.len() >= 40, "{} configurations", valid.len());
    for outcome in play(&valid) {
        assert!(matches!(outcome.verdict, Verdict::Accepted), "{}", outcome.show());
        assert!(outcome.ours.is_empty(), "{}", outcome.show());
    }
}

#[test]
fn mutants_are_judged_as_nginx_judges_them() {
    let mutants =
        mutate::mutants(&configurations(), number("EVENKEEL_MUTATIONS", MUTANTS), number("EVENKEEL_SEED", 1));
    let outcomes = play(&mutants);
    let mut kinds: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let mut classes: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let (mut missed, mut wrong) = (Vec::new(), Vec::new());
    for outcome in &outcomes {
        let column = match &outcome.verdict {
            Verdict::Environment => 3,
            Verdict::Accepted if outcome.ours.is_empty() => 2,
            Verdict::Accepted => {
                wrong.push(outcome.show());
                2
            }
            Verdict::Refused { .. } if outcome.found() => 0,
            Verdict::Refused { .. } => {
                missed.push(outcome.show());
                1
            }
        };
        kinds.entry(format!("{:?}", outcome.mutant.kind)).or_default()[column] += 1;
        classes.entry(outcome.verdict.class()).or_default()[column] += 1;
    }
    for (title, table) in [("mutation", &kinds), ("nginx's answer", &classes)] {
        println!("{title:<28}  found missed accepted not ours");
        for (name, [found, missed, accepted, environment]) in table {
            println!("{name:<28} {found:>6} {missed:>6} {accepted:>8} {environment:>8}");
        }
    }
    let sum = |column: usize| kinds.values().map(|row| row[column]).sum::<usize>();
    let (found, lost) = (sum(0), sum(1));
    let percent = 100.0 * found as f64 / (found + lost) as f64;
    println!("{} mutants: {found} of {} refusals found ({percent:.2} %)", outcomes.len(), found + lost);
    println!("false errors: {} of {} accepted", wrong.len(), sum(2));
    missed.iter().for_each(|show| println!("MISSED {show}"));
    assert!(wrong.is_empty(), "{} false errors:\n{}", wrong.len(), wrong.join("\n"));
    assert!(percent >= FOUND_PERCENT_MIN, "{percent:.2} % found");
    assert!(found + lost >= MUTANTS / 2, "too few refusals to say anything");
}
