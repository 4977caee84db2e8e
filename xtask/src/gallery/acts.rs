//! `acts.toml`: an outage from end to end. Each act is played on a stand of its own: what people type, what they are told, and
//! what users get.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::evenkeel::{COMMAND_MAX, Place, ended, run_within};
use super::stand::{Stand, me, path_of_root, text};
use super::visitor::{Seen, Visitor};
use super::world;

/// How long a step that is tried again may take until it ends as it should.
const AGAIN_MAX: Duration = Duration::from_secs(20);

/// `acts.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acts {
    act: Vec<Act>,
}

/// One telling of the outage: without Evenkeel, or with it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    name: String,
    /// It is played in a root of its own, where packages can be changed: `/usr/bin/evenkeel` is Evenkeel there.
    #[serde(default)]
    private_root: bool,
    /// The applications of `requests.toml` that do not run yet.
    #[serde(default)]
    idle: Vec<String>,
    /// The moments of `requests.toml` that are as good for users as `before`.
    #[serde(default)]
    good: Vec<String>,
    /// What is done before the first visitor comes.
    #[serde(default)]
    furnish: String,
    step: Vec<Step>,
}

/// What somebody does, by `sh -eu`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// What it is, in plain words.
    what: String,
    run: String,
    /// The exit status that it ends with.
    #[serde(default)]
    exit: i32,
    /// Each of these is told.
    #[serde(default)]
    says: Vec<String>,
    /// It is tried again until it ends and says so.
    #[serde(default)]
    again: bool,
    /// What users get then: the name of a moment of `requests.toml`.
    users: Option<String>,
}

/// How an act went.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Played {
    pub(super) name: String,
    /// Why it was not played.
    pub(super) skipped: Option<String>,
    pub(super) took: Duration,
    /// What was done, and the line that matters of what was told.
    pub(super) told: Vec<(String, String)>,
    pub(super) seen: Seen,
}

/// Plays every act of an entry. One that this machine, or this user, cannot play says why.
pub(super) fn play(entry: &Entry, place: &Place) -> anyhow::Result<Vec<Played>> {
    let acts = read(entry)?.act;
    ensure!(acts.is_empty() || !entry.has_own_world(), "an entry with a setup.sh has no acts");
    let played = acts.iter().enumerate().map(|(index, act)| {
        let played = match (act.private_root, world::private_root_is_possible()) {
            (false, _) => on_a_stand(entry, act, index, place),
            (true, Ok(())) => world::in_private_root(entry, &format!("act {index}"), place),
            (true, Err(why)) => Ok(Played::not(&act.name, &format!("{why:#}"))),
        };
        played.with_context(|| format!("the act \"{}\"", act.name))
    });
    played.collect()
}

/// Plays one act, here.
pub(super) fn play_one(entry: &Entry, index: &str, place: &Place) -> anyhow::Result<Played> {
    let index: usize = index.parse().context("the number of an act")?;
    let acts = read(entry)?.act;
    on_a_stand(entry, acts.get(index).context("no such act")?, index, place)
}

/// Holds that `acts.toml` can be read, and that every moment that it names is one.
pub(super) fn read_well(entry: &Entry, moments: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    for act in read(entry)?.act {
        ensure!(!act.step.is_empty(), "the act \"{}\" has no step", act.name);
        for moment in act.step.iter().filter_map(|step| step.users.as_ref()).chain(&act.good) {
            ensure!(moments(moment), "the act \"{}\": nobody knows the moment \"{moment}\"", act.name);
        }
    }
    Ok(())
}

fn read(entry: &Entry) -> anyhow::Result<Acts> {
    let Some(file) = entry.script("acts.toml") else { return Ok(Acts::default()) };
    toml::from_str(&std::fs::read_to_string(file)?).with_context(|| format!("{}/acts.toml", entry.name))
}

impl Step {
    /// What a command's end and words lack of what the step promises.
    fn lacks(&self, code: Option<i32>, said: &str) -> Option<String> {
        if code != Some(self.exit) {
            let ended = code.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
            return Some(format!("it ended {ended}, not with {}", self.exit));
        }
        let unsaid = self.says.iter().find(|says| !said.contains(says.as_str()))?;
        Some(format!("it does not say \"{unsaid}\""))
    }
}

impl Played {
    fn not(name: &str, why: &str) -> Played {
        Played {
            name: name.to_owned(),
            skipped: Some(why.to_owned()),
            took: Duration::ZERO,
            told: Vec::new(),
            seen: Seen::default(),
        }
    }
}

fn on_a_stand(entry: &Entry, act: &Act, index: usize, place: &Place) -> anyhow::Result<Played> {
    let begin = Instant::now();
    let stand = Stand::start_without(&act.idle, entry, &format!("act{index}"), &place.nginx)?;
    read_well(entry, |moment| stand.requests.iter().any(|request| request.at(moment).is_some()))?;
    furnish(&stand, entry, place)?;
    let output = run_within(shell(&stand, entry).arg("-c").arg(&act.furnish), COMMAND_MAX)?;
    ended(&output, 0, "what comes before")?;
    let visitor = Visitor::start(stand.requests.clone(), &act.good);
    let mut told = Vec::new();
    for step in &act.step {
        let line = take(&stand, entry, step).with_context(|| format!("\"{}\"", step.what))?;
        told.push((step.what.clone(), line));
    }
    let seen = visitor.stop()?;
    stand.wait(|| {
        let left = stand.still_at_work();
        (!left.is_empty()).then(|| format!("evenkeel still runs: {left:?}"))
    })?;
    stand.end()?;
    Ok(Played { name: act.name.clone(), skipped: None, took: begin.elapsed(), told, seen })
}

/// Lays what the steps of an act find: `new/`, which is `after/`, settings that name this host, and the commands `evenkeel`,
/// `nginx` and `app NAME`.
fn furnish(stand: &Stand, entry: &Entry, place: &Place) -> anyhow::Result<()> {
    entry.write_tree("after", &stand.path("new"), &stand.values)?;
    let dir = stand.dir.display();
    let settings = format!(
        "[host]\nconfig-dir = \"{dir}/etc\"\nnginx = \"{}\"\npid = \"{dir}/nginx.pid\"\nstate-dir = \"{dir}/state\"\n\
         apps-dir = \"{dir}/app/apps.d\"\n",
        place.nginx.display()
    );
    std::fs::write(stand.path("evenkeel.toml"), settings)?;
    std::fs::create_dir(stand.path("bin"))?;
    symlink(me(), stand.path("bin/xtask"))?;
    let evenkeel = place.evenkeel.display();
    let nginx = place.nginx.display();
    for (name, command) in [
        ("evenkeel", format!("{evenkeel} \"$@\" --config {dir}/evenkeel.toml")),
        ("nginx", format!("{nginx} -p {dir} -c {dir}/etc/nginx.conf -e {dir}/logs/error.log \"$@\"")),
        ("app", format!("{dir}/bin/xtask app \"@{dir}/apps/$1.json\"")),
    ] {
        let script = stand.path(&format!("bin/{name}"));
        std::fs::write(&script, format!("#!/bin/sh\nexec {command}\n"))?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A shell that finds the commands of the stand.
fn shell(stand: &Stand, entry: &Entry) -> Command {
    let mut command = stand.shell(&entry.dir);
    command.env("PATH", format!("{}:{}", stand.path("bin").display(), path_of_root()));
    command
}

/// Does a step and holds what it promises. Returns the line of what was told that matters.
fn take(stand: &Stand, entry: &Entry, step: &Step) -> anyhow::Result<String> {
    let begin = Instant::now();
    let said = loop {
        let output = run_within(shell(stand, entry).arg("-c").arg(&step.run), COMMAND_MAX)?;
        let said = text(&output);
        match step.lacks(output.status.code(), &said) {
            None => break said,
            Some(_) if step.again && begin.elapsed() < AGAIN_MAX => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Some(lack) => bail!("{lack}: {said}"),
        }
    };
    if let Some(moment) = &step.users {
        stand.wait_for_answers(|request| request.at(moment)).with_context(|| format!("{moment}; {said}"))?;
    }
    let line = step.says.first().and_then(|says| said.lines().find(|line| line.contains(says.as_str())));
    Ok(line.unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn act_fails_when_a_step_ends_otherwise_or_says_something_else() {
        let step: Step =
            toml::from_str("what = \"rollback\"\nrun = \"x\"\nexit = 1\nsays = [\"last known good\"]")
                .unwrap();
        assert_eq!(step.lacks(Some(1), "last known good: …"), None);
        assert!(step.lacks(Some(0), "last known good: …").unwrap().contains("ended with 0, not with 1"));
        assert!(step.lacks(None, "last known good: …").unwrap().contains("signal"));
        assert!(step.lacks(Some(1), "rolled back").unwrap().contains("does not say"));
    }
}
