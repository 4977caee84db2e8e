//! `cargo xtask gallery`: real outages, as a tree before and after, against a real nginx. Each is shown twice: what nginx
//! makes of the change when it is alone, and what `evenkeel apply` makes of it.

mod acts;
mod alone;
pub(crate) mod app;
mod ask;
mod entry;
mod evenkeel;
mod expect;
mod floors;
pub(crate) mod keeper;
mod report;
mod requests;
mod stand;
mod tls;
mod trial;
mod visitor;
pub(crate) mod world;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc;

use anyhow::{Context as _, bail, ensure};

use crate::workspace;
use entry::Entry;
use evenkeel::Place;
use trial::Trial;

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
    if options.demo {
        entries.retain(|entry| entry.is_good() || entry.has_letter());
        entries.sort_by_key(|entry| entry.expect.outage.as_ref().map(|outage| outage.name.clone()));
    }
    ensure!(options.alone || options.evenkeel.is_file(), "{} is not built yet", options.evenkeel.display());
    let part = if options.demo { "target/demo" } else { "target/gallery" };
    let place = Place {
        evenkeel: options.evenkeel,
        nginx: options.nginx,
        postmortems: workspace().join(part),
        thorough: !options.demo,
    };
    if options.alone {
        for entry in &entries {
            alone(entry, &place).with_context(|| entry.name.clone())?;
            println!("{}: {}", entry.name, entry.expect.alone.then);
        }
        return Ok(());
    }
    if options.demo {
        report::opening(&nginx_version(&place.nginx)?);
        if let Err(error) = world::is_possible() {
            for entry in entries.extract_if(.., |entry| entry.has_own_world()) {
                report::announce(&entry);
                println!("  not shown here     it needs a network of its own: {error:#}\n");
            }
        }
    }
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    in_order(
        &entries,
        |entry| both(entry, &place),
        |entry, result| match result {
            None if options.demo => report::announce(entry),
            None => {}
            Some(Ok(trial)) => {
                if options.demo {
                    report::story(entry, &trial);
                }
                rows.push((entry, trial));
            }
            Some(Err(error)) => {
                println!("{}: {error:#}\n", entry.name);
                failures.push(entry.name.as_str());
            }
        },
    );
    report::table(&rows);
    report::summary(&rows);
    report::acts(&rows);
    if options.only.is_some() {
        report::words(&rows);
    }
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

/// How many entries run at the same time. They wait more than they work.
const AT_ONCE: usize = 3;

/// Does something for every entry, several at a time, and tells in order: `None` before the wait for one, then its result.
fn in_order<'e, T: Send>(
    entries: &'e [Entry],
    work: impl Fn(&Entry) -> anyhow::Result<T> + Sync,
    mut tell: impl FnMut(&'e Entry, Option<anyhow::Result<T>>),
) {
    let (senders, receivers): (Vec<_>, Vec<_>) = entries.iter().map(|_| mpsc::sync_channel(1)).unzip();
    let open = Mutex::new(entries.iter().zip(senders));
    let next = || open.lock().ok().and_then(|mut open| open.next());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((entry, sender)) = next() {
                    let _ = sender.send(work(entry));
                }
            });
        }
        for (entry, result) in entries.iter().zip(receivers) {
            tell(entry, None);
            let died = || Err(anyhow::anyhow!("whoever ran it died"));
            tell(entry, Some(result.recv().unwrap_or_else(|_| died())));
        }
    });
}

/// nginx alone and with Evenkeel, on two stands; then the outage from end to end, where the entry tells it.
fn both(entry: &Entry, place: &Place) -> anyhow::Result<Trial> {
    alone(entry, place).context("nginx alone")?;
    if entry.has_own_world() {
        return world::apart(entry, "trial", place);
    }
    let mut trial = trial::run(entry, place)?;
    trial.acts = acts::play(entry, place)?;
    Ok(trial)
}

fn alone(entry: &Entry, place: &Place) -> anyhow::Result<()> {
    if entry.has_own_world() {
        return world::apart(entry, "alone", place);
    }
    alone::hold(entry, &place.nginx)
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
