//! A stand with a network of its own, and a file system that it may cover: for real ports, a firewall, a hosts file.
//!
//! The runner starts itself again by `unshare`, one process a stand. As root the namespaces are root's own; an ordinary user
//! keeps the own number and gets the capabilities over a user namespace, which ends with its last process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use nix::unistd::Uid;
use serde::de::DeserializeOwned;

use super::entry::Entry;
use super::evenkeel::Place;
use super::stand::{me, path_of_root};
use super::{acts, alone, trial};
use crate::workspace;

/// Whether this machine gives us such a network; else why not.
pub(super) fn is_possible() -> anyhow::Result<()> {
    let output = unshare().arg("true").output().context("start unshare (of util-linux)")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]);
    if !Uid::effective().is_root() {
        command.args(["--map-current-user", "--keep-caps"]);
    }
    command.arg("--");
    command
}

/// Whether an act can be played in a private root (`scripts/private-root.sh`); else why not.
pub(super) fn private_root_is_possible() -> anyhow::Result<()> {
    ensure!(Uid::effective().is_root(), "a private root, in which packages are changed, takes root");
    let missing = ["dpkg", "apt-get"].into_iter().find(|it| !Path::new("/usr/bin").join(it).exists());
    ensure!(missing.is_none(), "there is no {} on this machine", missing.unwrap_or_default());
    Ok(())
}

/// Runs one part of an entry, `alone` or `trial`, in a world of its own.
pub(super) fn apart<T: DeserializeOwned>(entry: &Entry, part: &str, place: &Place) -> anyhow::Result<T> {
    let mut command = unshare();
    command.arg(me()).args(["stand", part]).arg(&entry.dir).arg(serde_json::to_string(place)?);
    told(command)
}

/// Runs one part of an entry in a root of its own, with the nginx of its packages.
pub(super) fn in_private_root<T: DeserializeOwned>(
    entry: &Entry,
    part: &str,
    place: &Place,
) -> anyhow::Result<T> {
    let there = Place {
        evenkeel: PathBuf::from("/usr/bin/evenkeel"),
        nginx: PathBuf::from("/usr/sbin/nginx"),
        postmortems: PathBuf::from("/tmp"),
        thorough: place.thorough,
    };
    let dir = format!("/gallery/{}", entry.name);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "sh"]);
    command.arg(workspace().join("scripts/private-root.sh"));
    for (from, to) in [
        (std::env::current_exe()?.as_path(), "/usr/bin/xtask"),
        (&place.evenkeel, "/usr/bin/evenkeel"),
        (&entry.dir, &dir),
    ] {
        command.arg(format!("{}:{to}", from.display()));
    }
    // What is temporary elsewhere is a part of this root, so that a package can own it.
    command.args(["--", "env", "TMPDIR=/opt", "/usr/bin/xtask", "stand", part, &dir]);
    command.arg(serde_json::to_string(&there)?);
    told(command)
}

/// Runs the other side to its end, and hears what it tells.
fn told<T: DeserializeOwned>(mut command: Command) -> anyhow::Result<T> {
    // Its input ends when we do, however we do.
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.context("start unshare (of util-linux)")?;
    let input = child.stdin.take();
    let output = child.wait_with_output()?;
    drop(input);
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim().trim_start_matches("xtask: "));
    serde_json::from_slice(&output.stdout).context("understand what the stand tells")
}

/// `xtask stand PART DIR PLACE`: the other side of [`apart`] and of [`in_private_root`].
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let [part, dir, place] = arguments else { bail!("usage: xtask stand alone|trial|'act N' DIR PLACE") };
    end_with_the_runner();
    let mut link = Command::new("ip");
    link.args(["link", "set", "lo", "up"]).env("PATH", path_of_root());
    let link = link.output().context("start ip (of iproute2)")?;
    ensure!(link.status.success(), "set lo up: {}", String::from_utf8_lossy(&link.stderr).trim());
    if !Uid::effective().is_root() {
        // Of this network alone. Capabilities do not reach into the namespaces that Evenkeel makes in turn.
        let setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        std::fs::write(setting, "0").with_context(|| format!("write {setting}"))?;
    }
    let entry = Entry::read(Path::new(dir))?;
    let place: Place = serde_json::from_str(place)?;
    let told = match part.split_once(' ') {
        Some(("act", index)) => serde_json::to_string(&acts::play_one(&entry, index, &place)?)?,
        _ if *part == "alone" => serde_json::to_string(&alone::hold(&entry, &place.nginx)?)?,
        _ => serde_json::to_string(&trial::run(&entry, &place)?)?,
    };
    println!("{told}");
    Ok(())
}

/// The keeper of the stand does the rest.
fn end_with_the_runner() {
    std::thread::spawn(|| {
        let mut ignored = [0; 64];
        while std::io::Read::read(&mut std::io::stdin(), &mut ignored).is_ok_and(|read| read > 0) {}
        std::process::exit(2);
    });
}
