//! Evenkeel on a stand: its commands, with the directories of the stand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::stand::{Stand, text};

/// No command of the gallery takes longer.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(60);

/// Where the programs are, and where post-mortems go.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) evenkeel: PathBuf,
    pub(super) nginx: PathBuf,
    pub(super) postmortems: PathBuf,
    /// Whether `before/` is walked through every floor, too. A demonstration has no time for that.
    pub(super) thorough: bool,
}

/// Evenkeel, as it is called on one stand.
pub(super) struct Evenkeel<'a> {
    pub(super) stand: &'a Stand,
    pub(super) place: &'a Place,
}

impl Evenkeel<'_> {
    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.place.evenkeel);
        command.args(arguments).arg("--config").arg(self.stand.path("evenkeel.toml"));
        command.arg("--config-dir").arg(self.stand.path("etc")).arg("--nginx").arg(&self.place.nginx);
        command
            .arg("--pid")
            .arg(self.stand.path("nginx.pid"))
            .arg("--state-dir")
            .arg(self.stand.path("state"));
        run_within(&mut command, COMMAND_MAX).with_context(|| format!("evenkeel {}", arguments.join(" ")))
    }

    /// The same, for a command about a tree that is to live where the live one stands.
    pub(super) fn run_on(&self, command: &str, tree: &Path, more: &[&str]) -> anyhow::Result<Output> {
        let (tree, etc) = (tree.display().to_string(), self.stand.path("etc").display().to_string());
        self.run(&[&[command, tree.as_str(), "--prefix", etc.as_str()], more].concat())
    }
}

/// Holds that a command ended with this code.
pub(super) fn ended(output: &Output, code: i32, what: &str) -> anyhow::Result<()> {
    ensure!(
        output.status.code() == Some(code),
        "{what} ended with {}, not {code}: {}",
        output.status,
        text(output)
    );
    Ok(())
}

/// Runs a command to its end; one that takes too long is asked to stop, and is an error.
pub(super) fn run_within(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
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
