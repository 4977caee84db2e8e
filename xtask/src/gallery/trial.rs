//! What happens with Evenkeel: every floor is asked, then `after/` is applied and must end as `expect.toml` says.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::acts::Played;
use super::entry::Entry;
use super::evenkeel::{Evenkeel, Place, ended};
use super::floors::{self, Floors};
use super::stand::{Stand, same_tree, text};
use super::visitor::{Seen, Visitor};

/// How long a release is watched here. Long enough for several rounds of live routes, short enough for a demonstration.
const BAKE: &str = "1s";

/// What a trial brought.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) floors: Floors,
    pub(super) answer: Answer,
    /// From the start of `evenkeel apply` to its end.
    pub(super) took: Duration,
    pub(super) seen: Seen,
    pub(super) postmortem: Option<PathBuf>,
    /// The outage from end to end, where the entry tells it.
    pub(super) acts: Vec<Played>,
}

/// The part of `evenkeel apply --json` that the gallery looks at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) release: Option<String>,
    pub(super) outcome: String,
    #[serde(default)]
    pub(super) caught_by: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// Runs one entry and holds everything that it promises.
pub(super) fn run(entry: &Entry, place: &Place) -> anyhow::Result<Trial> {
    let stand = Stand::start(entry, "trial", &place.nginx)?;
    let host = Evenkeel { stand: &stand, place };
    let confirmed = entry.expect.outcome == "confirmed";
    let etc = stand.path("etc");
    if place.thorough {
        host.is_silent_about(&etc)?;
    }
    ended(&host.run(&["adopt", "--message", "what stands here today"])?, 0, "adopt")?;
    let before = stand.path("good");
    entry.write_tree("before", &before, &stand.values)?;
    let mut good = None;
    if entry.has_letter() {
        // A release that changes nothing that anybody could notice: a comment.
        look_over(&before)?;
        let output = host.apply(&before, "a comment", &[])?;
        ended(&output, 0, "apply of a good change")?;
        good = serde_json::from_slice::<Answer>(&output.stdout)?.release;
    }

    let proposed = stand.path("proposed");
    entry.write_tree("after", &proposed, &stand.values)?;
    if entry.has_letter() {
        look_over(&proposed)?;
    }
    let mut floors = host.floors(entry, &proposed)?;
    let good_answers: &[String] = if entry.is_good() { &["after".to_owned()] } else { &[] };
    let visitor = Visitor::start(stand.requests.clone(), good_answers);
    let begin = Instant::now();
    let output = host.apply(&proposed, &entry.expect.changed, &entry.expect.apply)?;
    let took = begin.elapsed();
    stand
        .wait_for_answers(|request| Some(if confirmed { &request.after } else { &request.before }))
        .with_context(|| format!("after evenkeel apply: {}", text(&output)))?;
    let seen = visitor.stop()?;
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("understand apply --json: {}", text(&output)))?;
    hold_answer(entry, &output, &answer)?;

    let standing = if confirmed { &proposed } else { &before };
    same_tree(standing, &etc)?;
    ended(&host.run(&["status", "--json"])?, 0, "status")?;
    if let Some(script) = entry.script("change.sh") {
        stand.script(&script)?;
        floors.insert("status".to_owned(), floors::heard(&host.run(&["status"])?).context("status")?);
        let good = good.context("a change that nobody released is taken back to what was released before")?;
        ended(&host.run(&["rollback", "--to", &good])?, 0, "rollback")?;
        same_tree(&before, &etc).context("after evenkeel rollback")?;
        ended(&host.run(&["status"])?, 0, "status after evenkeel rollback")?;
        stand.wait_for_answers(|request| Some(&request.before)).context("after evenkeel rollback")?;
    }
    floors::hold(entry, &floors)?;
    let left = stand.still_at_work();
    ensure!(left.is_empty(), "evenkeel still runs: {left:?}");
    let postmortem = match &answer.release {
        Some(release) if !confirmed => Some(host.postmortem(entry, release)?),
        _ => None,
    };
    stand.end()?;
    Ok(Trial { floors, answer, took, seen, postmortem, acts: Vec::new() })
}

impl Evenkeel<'_> {
    fn apply(&self, tree: &Path, message: &str, more: &[String]) -> anyhow::Result<Output> {
        let tree = tree.display().to_string();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        self.run(
            &[&["apply", &tree, "--json", "--bake", BAKE, "--message", message], more.as_slice()].concat(),
        )
    }

    fn postmortem(&self, entry: &Entry, release: &str) -> anyhow::Result<PathBuf> {
        let output = self.run(&["postmortem", release])?;
        ended(&output, 0, "postmortem")?;
        let written = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            written.contains(&entry.expect.reason),
            "the post-mortem does not say \"{}\":\n{written}",
            entry.expect.reason
        );
        std::fs::create_dir_all(&self.place.postmortems)?;
        let path = self.place.postmortems.join(format!("{}.md", entry.name));
        std::fs::write(&path, written).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

/// Adds the comment that is the good change.
fn look_over(tree: &Path) -> anyhow::Result<()> {
    let main = tree.join("nginx.conf");
    let text = std::fs::read_to_string(&main)? + "\n# Looked over, and good.\n";
    std::fs::write(&main, text).with_context(|| format!("write {}", main.display()))
}

fn hold_answer(entry: &Entry, output: &Output, answer: &Answer) -> anyhow::Result<()> {
    let expect = &entry.expect;
    let about = || format!("evenkeel apply said: {}", text(output));
    ensure!(
        answer.outcome == expect.outcome,
        "ended {}, not {}; {}",
        answer.outcome,
        expect.outcome,
        about()
    );
    ensure!(answer.release.is_some(), "no release is named; {}", about());
    let confirmed = expect.outcome == "confirmed";
    ended(output, i32::from(!confirmed), "apply")?;
    if confirmed {
        return Ok(());
    }
    let caught_by = answer.caught_by.as_deref().unwrap_or_default();
    ensure!(expect.caught_by.iter().any(|by| by == caught_by), "caught by \"{caught_by}\"; {}", about());
    let reason = answer.reason.as_deref().unwrap_or_default();
    ensure!(!expect.reason.is_empty(), "expect.toml: no reason is named");
    ensure!(reason.contains(&expect.reason), "the reason does not say \"{}\"; {}", expect.reason, about());
    Ok(())
}
