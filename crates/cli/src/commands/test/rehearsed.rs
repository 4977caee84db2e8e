//! The same questions, asked of a real nginx in a sandbox.

use std::time::Instant;

use anyhow::Context as _;
use evenkeel_rehearsal::report::{Origin, Report};
use evenkeel_rehearsal::{How, Question, Settings as Rehearsal, Tree as Rehearsed, rehearse as held};

use super::tested::Tested;
use crate::args::Global;
use crate::commands::rehearse::{binaries, with_hint};
use crate::output::Progress;
use crate::settings::Settings;
use crate::tree::Tree;

/// Whether nginx came up with a tree.
#[derive(Debug)]
pub(super) struct Stands {
    /// What each nginx said that did not come up.
    pub(super) refused: Vec<String>,
    /// In what the sandbox differed from this host.
    pub(super) differences: Vec<String>,
    /// How it was built.
    pub(super) mode: String,
}

/// Asks every nginx, and lets the routes know what came back.
pub(super) fn rehearse(
    tree: &Tree,
    tested: &mut [Tested<'_>],
    global: &Global,
    settings: &Settings,
    progress: &Progress,
) -> anyhow::Result<Stands> {
    // Where a request must end is judged here, on what is known of files where the tree will live.
    let question = |tested: &Tested<'_>| Question { expect: None, ..Question::of(tested.spec, tested.file) };
    let questions: Vec<Question> = tested.iter().map(question).collect();
    let nginx = binaries(global, settings)?;
    let main = tree.place.main.to_string_lossy().into_owned();
    let how = Rehearsal {
        program: "/proc/self/exe".into(),
        nginx,
        config_dir: tree.place.prefix.clone(),
        args: vec!["-c".to_owned(), main],
        how: How::Best,
        // What is asked here is where requests go, not who is up.
        offline: true,
        untrusted: false,
        master: None,
        load: None,
        changes: Vec::new(),
        to_come: Vec::new(),
        began: Instant::now(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("start the rehearsal")?;
    let rehearsed = Rehearsed { directory: &tree.place.directory, config: &tree.config, kept: &[] };
    let mut say = |what: &str| progress.say(&format!("rehearsing: {what}"));
    let report = runtime.block_on(held(&rehearsed, None, &questions, &how, &mut say)).map_err(with_hint)?;
    Ok(told(&report, tested, tree))
}

fn told(report: &Report, tested: &mut [Tested<'_>], tree: &Tree) -> Stands {
    let mut refused = Vec::new();
    for run in &report.runs {
        let name =
            run.version.as_ref().map_or_else(|| run.nginx.clone(), |version| format!("nginx {version}"));
        if let Some(start) = run.start.as_ref().filter(|start| !start.works) {
            refused.push(format!("{name} does not start: {}", start.said.join("; ")));
            continue;
        }
        let routes = run.asked.iter().filter(|asked| asked.origin == Origin::Routes);
        for (tested, asked) in tested.iter_mut().zip(routes) {
            tested.saw(&name, asked, &tree.config);
        }
    }
    Stands { refused, differences: report.differences.clone(), mode: report.mode.clone() }
}
