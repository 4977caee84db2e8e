//! `cargo xtask gallery`: real outages, as a tree before and after, against a real nginx. Each is shown twice: what nginx
//! makes of the change when it is alone, and what `evenkeel apply` makes of it.

mod alone;
pub(crate) mod app;
mod entry;
pub(crate) mod keeper;
mod report;
mod stand;
mod trial;
mod visitor;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::workspace;
use entry::Entry;
use trial::{Place, Trial};

const USAGE: &str =
    "usage: cargo xtask gallery [--demo | --alone] [--only NN] [--evenkeel FILE] [--nginx FILE]";

struct Options {
    demo: bool,
    /// Only what nginx does without Evenkeel.
    alone: bool,
    only: Option<String>,
    evenkeel: PathBuf,
    nginx: PathBuf,
}

/// Runs every entry, or those that `--only` names, and fails if one of them does not end as it says.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let mut entries = Entry::all(&workspace().join("gallery"))?;
    entries.retain(|entry| options.only.as_ref().is_none_or(|only| entry.name.starts_with(only.as_str())));
    ensure!(!entries.is_empty(), "no outage of the gallery has this number; {USAGE}");
    if options.alone {
        for entry in &entries {
            alone::hold(entry, &options.nginx).with_context(|| entry.name.clone())?;
            println!("{}: {}", entry.name, entry.expect.alone.then);
        }
        return Ok(());
    }
    ensure!(options.evenkeel.is_file(), "{} is not built yet", options.evenkeel.display());
    let version = nginx_version(&options.nginx)?;
    let part = if options.demo { "target/demo" } else { "target/gallery" };
    let place =
        Place { evenkeel: options.evenkeel, nginx: options.nginx, postmortems: workspace().join(part) };

    if options.demo {
        report::opening(&version);
    }
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for entry in &entries {
        if options.demo {
            report::announce(entry);
        }
        match both(entry, &place) {
            Ok(trial) => {
                if options.demo {
                    report::story(entry, &trial);
                }
                rows.push((entry, trial));
            }
            Err(error) => {
                println!("{}: {error:#}\n", entry.name);
                failures.push(entry.name.as_str());
            }
        }
    }
    report::table(&rows);
    ensure!(
        failures.is_empty(),
        "{} of {} did not end as expected: {}",
        failures.len(),
        entries.len(),
        failures.join(", ")
    );
    println!("\nNothing is left running.");
    Ok(())
}

/// nginx alone and with Evenkeel, at the same time on two stands.
fn both(entry: &Entry, place: &Place) -> anyhow::Result<Trial> {
    std::thread::scope(|scope| {
        let alone = scope.spawn(|| alone::hold(entry, &place.nginx));
        let trial = trial::run(entry, place);
        alone
            .join()
            .map_err(|_| anyhow::anyhow!("the trial without Evenkeel died"))?
            .context("nginx alone")?;
        trial
    })
}

fn options(arguments: &[&str]) -> anyhow::Result<Options> {
    let nginx = Path::new("/usr/sbin/nginx");
    let mut options = Options {
        demo: false,
        alone: false,
        only: None,
        evenkeel: workspace().join("target/debug/evenkeel"),
        nginx: if nginx.is_file() { nginx.to_path_buf() } else { on_path("nginx")? },
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{argument} wants a value; {USAGE}"));
        match *argument {
            "--demo" => options.demo = true,
            "--alone" => options.alone = true,
            "--only" => options.only = Some((*value()?).to_owned()),
            "--evenkeel" => options.evenkeel = std::path::absolute(value()?)?,
            "--nginx" => options.nginx = std::path::absolute(value()?)?,
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

fn on_path(program: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file());
    found.with_context(|| format!("there is no {program} on this machine; scripts/setup.sh installs it"))
}

fn nginx_version(nginx: &Path) -> anyhow::Result<String> {
    let output =
        Command::new(nginx).arg("-v").output().with_context(|| format!("start {}", nginx.display()))?;
    let said = stand::text(&output);
    Ok(said.rsplit('/').next().unwrap_or("of unknown version").to_owned())
}
