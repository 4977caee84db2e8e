//! What happens with Evenkeel: a good change is confirmed, then `after/` is applied and must end as `expect.toml` says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use super::entry::{Entry, walk};
use super::stand::{Stand, text};
use super::visitor::{Seen, Visitor};

/// No command of the gallery takes longer.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// How long a release is watched here. Long enough for several rounds of live routes, short enough for a demonstration.
const BAKE: &str = "1s";

/// What a trial brought.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) answer: Answer,
    /// From the start of `evenkeel apply` to its end.
    pub(super) took: Duration,
    pub(super) seen: Seen,
    pub(super) postmortem: Option<PathBuf>,
}

/// The part of `evenkeel apply --json` that the gallery looks at.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) release: Option<String>,
    pub(super) outcome: String,
    #[serde(default)]
    pub(super) caught_by: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// Where the programs are, and where post-mortems go.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) evenkeel: PathBuf,
    pub(super) nginx: PathBuf,
    pub(super) postmortems: PathBuf,
}

/// Runs one entry and holds everything that it promises.
pub(super) fn run(entry: &Entry, place: &Place) -> anyhow::Result<Trial> {
    let stand = Stand::start(entry, "trial", &place.nginx)?;
    let host = Host { stand: &stand, place };
    ended(&host.run(&["adopt", "--message", "what stands here today"])?, 0, "adopt")?;
    if !entry.is_good() {
        host.good_change(entry)?;
    }

    let proposed = stand.path("proposed");
    entry.write_tree("after", &proposed, &stand.values)?;
    if !entry.is_good() {
        look_over(&proposed)?;
    }
    let visitor = Visitor::start(stand.requests.clone(), entry.is_good());
    let begin = Instant::now();
    let output = host.apply(&proposed, &entry.expect.changed)?;
    let took = begin.elapsed();
    if !entry.is_good() {
        stand
            .wait_for_answers(|request| &request.before)
            .context("after evenkeel apply, the old configuration")?;
    }
    let seen = visitor.stop()?;
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("understand apply --json: {}", text(&output)))?;
    hold_answer(entry, &output, &answer)?;

    let standing = if entry.is_good() { &proposed } else { &stand.path("good") };
    same_tree(standing, &stand.path("etc"))?;
    ended(&host.run(&["status", "--json"])?, 0, "status")?;
    let left = stand.still_at_work();
    ensure!(left.is_empty(), "evenkeel still runs: {left:?}");
    let postmortem = match &answer.release {
        Some(release) if !entry.is_good() => Some(host.postmortem(entry, release)?),
        _ => None,
    };
    stand.end()?;
    Ok(Trial { answer, took, seen, postmortem })
}

struct Host<'a> {
    stand: &'a Stand,
    place: &'a Place,
}

impl Host<'_> {
    fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.place.evenkeel);
        command.args(arguments).args(["--config", "/dev/null"]);
        command.arg("--config-dir").arg(self.stand.path("etc")).arg("--nginx").arg(&self.place.nginx);
        command
            .arg("--pid")
            .arg(self.stand.path("nginx.pid"))
            .arg("--state-dir")
            .arg(self.stand.path("state"));
        run_within(&mut command, COMMAND_MAX).with_context(|| format!("evenkeel {}", arguments.join(" ")))
    }

    fn apply(&self, tree: &Path, message: &str) -> anyhow::Result<Output> {
        let tree = tree.display().to_string();
        self.run(&["apply", &tree, "--json", "--bake", BAKE, "--message", message])
    }

    /// A release that changes nothing that anybody could notice: a comment.
    fn good_change(&self, entry: &Entry) -> anyhow::Result<()> {
        let good = self.stand.path("good");
        entry.write_tree("before", &good, &self.stand.values)?;
        look_over(&good)?;
        ended(&self.apply(&good, "a comment")?, 0, "apply of a good change")
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
    ended(output, i32::from(!entry.is_good()), "apply")?;
    if entry.is_good() {
        return Ok(());
    }
    let caught_by = answer.caught_by.as_deref().unwrap_or_default();
    ensure!(expect.caught_by.iter().any(|by| by == caught_by), "caught by \"{caught_by}\"; {}", about());
    let reason = answer.reason.as_deref().unwrap_or_default();
    ensure!(reason.contains(&expect.reason), "the reason does not say \"{}\"; {}", expect.reason, about());
    Ok(())
}

fn ended(output: &Output, code: i32, what: &str) -> anyhow::Result<()> {
    ensure!(
        output.status.code() == Some(code),
        "{what} ended with {}, not {code}: {}",
        output.status,
        text(output)
    );
    Ok(())
}

/// Holds that two trees have the same files with the same bytes; what Evenkeel keeps in a dot directory is its own.
fn same_tree(wanted: &Path, standing: &Path) -> anyhow::Result<()> {
    let files = |dir: &Path| -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
        let own = |below: &Path| below.starts_with(".evenkeel");
        Ok(walk(dir)?.into_iter().filter(|(below, _)| !own(below)).collect())
    };
    let (wanted, standing) = (files(wanted)?, files(standing)?);
    let names =
        |files: &[(PathBuf, PathBuf)]| files.iter().map(|(below, _)| below.clone()).collect::<Vec<_>>();
    ensure!(
        names(&wanted) == names(&standing),
        "the tree holds {:?}, not {:?}",
        names(&standing),
        names(&wanted)
    );
    for ((below, wanted), (_, standing)) in wanted.iter().zip(&standing) {
        ensure!(
            std::fs::read(wanted)? == std::fs::read(standing)?,
            "{} is not what it should be",
            below.display()
        );
    }
    Ok(())
}

/// Runs a command to its end; one that takes too long is asked to stop, and is an error.
fn run_within(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env("NO_COLOR", "1");
    let child = command.spawn().context("start it")?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    match hear.recv_timeout(limit) {
        Ok(output) => Ok(output?),
        Err(_) => {
            let _ = kill(pid, Signal::SIGTERM);
            bail!("took longer than {} s", limit.as_secs())
        }
    }
}
