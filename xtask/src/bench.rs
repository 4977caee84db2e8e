//! `cargo run --release -p xtask -- bench`: `evenkeel check` against `nginx -t` on the same synthetic trees,
//! and after it rehearsals, then what the model itself takes: choices among many rules, routes, comparisons of trees and logs
//! (`bench choice`, `bench route`, `bench diff`: these alone), ways back (`bench way-back`), probes (`bench probes`),
//! logs (`bench logs`) and drift (`bench drift`).
//!
//! The trees come from `bench/make-tree.py`. Both commands take turns on the same tree, so that a busy machine hurts
//! both; medians are printed as a Markdown table. Each command runs under a process of ours of its own, whose children
//! are that one command: that makes the kernel's figures for "all children" the figures of the command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::workspace;

mod choice;
mod diff;
mod drift;
mod logs;
mod probes;
mod rehearse;
mod route;
mod way_back;

const USAGE: &str = "usage: cargo run --release -p xtask -- bench [--sites 1000,10000] [--runs 5] [--nginx PATH] [--evenkeel PATH]";

/// This very program, even when a build has put another in its place.
const MYSELF: &str = "/proc/self/exe";

/// The trees that are taken back.
const WAY_BACK_SITES: [u32; 2] = [1, 500];

/// How many times a command runs to warm the page cache, unmeasured.
const WARM_UP_RUNS: usize = 1;

struct Settings {
    sites: Vec<u32>,
    runs: usize,
    nginx: PathBuf,
    evenkeel: PathBuf,
}

/// What one run cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cost {
    status: Option<i32>,
    wall_ms: f64,
    user_ms: f64,
    system_ms: f64,
    peak_rss_mb: f64,
    stderr: String,
}

/// Runs the benchmark, or (`bench measure COMMAND…`, what it calls itself) one command.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if let ["measure", command @ ..] = arguments {
        println!("{}", serde_json::to_string(&measure(command)?)?);
        return Ok(());
    }
    if let ["route"] = arguments {
        return route::run();
    }
    if let ["probing", rest @ ..] = arguments {
        return probes::probing(rest);
    }
    if let ["probes", rest @ ..] = arguments {
        return probes::run(&Settings::read(rest)?);
    }
    if let ["logs"] = arguments {
        return logs::run();
    }
    if let ["choice"] = arguments {
        return choice::run();
    }
    if let ["diff", rest @ ..] = arguments {
        return diff::run(&Settings::read(rest)?);
    }
    if let ["drift", rest @ ..] = arguments {
        return drift::run(&Settings::read(rest)?);
    }
    if let ["way-back", rest @ ..] = arguments {
        let settings = Settings::read(rest)?;
        let sites = if rest.contains(&"--sites") { settings.sites.clone() } else { WAY_BACK_SITES.to_vec() };
        return way_back::run(&settings, &sites);
    }
    let settings = Settings::read(arguments)?;
    for command in [&settings.nginx, &settings.evenkeel] {
        if !command.exists() {
            bail!(
                "find {}: install nginx, and build with `cargo build --release -p evenkeel-cli`",
                command.display()
            );
        }
    }
    println!("| sites | command | wall ms | user ms | system ms | peak RSS MB | share of nginx -t |");
    println!("|---:|---|---:|---:|---:|---:|---:|");
    for &sites in &settings.sites {
        let tree = make_tree(sites)?;
        let [nginx, evenkeel] = take_turns(&settings, &tree)?;
        let share = evenkeel.wall_ms / nginx.wall_ms;
        println!("{}", row(sites, "nginx -t", &nginx, "1"));
        println!("{}", row(sites, "evenkeel check", &evenkeel, &format!("{share:.2}")));
    }
    rehearse::run(&settings)?;
    choice::run()?;
    route::run()?;
    diff::run(&settings)?;
    println!();
    way_back::run(&settings, &WAY_BACK_SITES)?;
    println!();
    probes::run(&settings)?;
    println!();
    logs::run()?;
    println!();
    drift::run(&settings)
}

impl Settings {
    fn read(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut settings = Self {
            sites: vec![1_000, 10_000],
            runs: 5,
            nginx: PathBuf::from("/usr/sbin/nginx"),
            evenkeel: workspace().join("target/release/evenkeel"),
        };
        let (pairs, []) = arguments.as_chunks::<2>() else { bail!("{USAGE}") };
        for [option, value] in pairs {
            match *option {
                "--sites" => {
                    settings.sites =
                        value.split(',').map(str::parse).collect::<Result<_, _>>().context(USAGE)?;
                }
                "--runs" => settings.runs = value.parse().context(USAGE)?,
                "--nginx" => settings.nginx = PathBuf::from(value),
                "--evenkeel" => settings.evenkeel = PathBuf::from(value),
                _ => bail!("{USAGE}"),
            }
        }
        if settings.runs == 0 {
            bail!("{USAGE}");
        }
        Ok(settings)
    }
}

/// Writes a tree of so many sites below `target/bench`, anew.
fn make_tree(sites: u32) -> anyhow::Result<PathBuf> {
    let tree = workspace().join(format!("target/bench/{sites}"));
    if tree.exists() {
        std::fs::remove_dir_all(&tree).with_context(|| format!("remove {}", tree.display()))?;
    }
    let script = workspace().join("bench/make-tree.py");
    let made = Command::new("python3").arg(script).arg(sites.to_string()).arg(&tree).status();
    if !made.context("start python3")?.success() {
        bail!("make a tree of {sites} sites");
    }
    Ok(tree)
}

fn take_turns(settings: &Settings, tree: &Path) -> anyhow::Result<[Cost; 2]> {
    let tree = tree.to_str().context("a tree whose path is text")?;
    let main = format!("{tree}/nginx.conf");
    let (nginx, evenkeel) = (settings.nginx.to_string_lossy(), settings.evenkeel.to_string_lossy());
    let nginx: Vec<&str> = vec![&nginx, "-t", "-q", "-p", tree, "-c", &main];
    let evenkeel: Vec<&str> = vec![&evenkeel, "check", tree, "--prefix", tree];
    let (mut of_nginx, mut of_evenkeel) = (Vec::new(), Vec::new());
    for turn in 0..settings.runs + WARM_UP_RUNS {
        let costs = [one(&nginx, &[0])?, one(&evenkeel, &[0, 1])?];
        if turn >= WARM_UP_RUNS {
            let [cost_of_nginx, cost_of_evenkeel] = costs;
            of_nginx.push(cost_of_nginx);
            of_evenkeel.push(cost_of_evenkeel);
        }
    }
    Ok([median(of_nginx), median(of_evenkeel)])
}

/// Has a process of its own run and measure one command; `good` are the exit statuses that count.
fn one(command: &[&str], good: &[i32]) -> anyhow::Result<Cost> {
    let output =
        Command::new(MYSELF).args(["bench", "measure"]).args(command).output().context("start myself")?;
    let cost: Cost = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("measure {}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr))
    })?;
    if !cost.status.is_some_and(|status| good.contains(&status)) {
        bail!("{} ended with {:?}: {}", command.join(" "), cost.status, cost.stderr.trim());
    }
    Ok(cost)
}

fn measure(command: &[&str]) -> anyhow::Result<Cost> {
    let [program, arguments @ ..] = command else { bail!("{USAGE}") };
    let start = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).output();
    let wall_ms = start.elapsed().as_secs_f64() * 1_000.0;
    let output = output.with_context(|| format!("start {program}"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("read what it used")?;
    let milliseconds = |time: nix::sys::time::TimeVal| {
        f64::from(u32::try_from(time.tv_sec()).unwrap_or(u32::MAX)) * 1_000.0
            + f64::from(u32::try_from(time.tv_usec()).unwrap_or(0)) / 1_000.0
    };
    Ok(Cost {
        status: output.status.code(),
        wall_ms,
        user_ms: milliseconds(usage.user_time()),
        system_ms: milliseconds(usage.system_time()),
        peak_rss_mb: f64::from(u32::try_from(usage.max_rss()).unwrap_or(u32::MAX)) / 1_024.0,
        stderr: String::from_utf8_lossy(&output.stderr).chars().take(2_000).collect(),
    })
}

/// The median of each figure.
fn median(costs: Vec<Cost>) -> Cost {
    let of = |figure: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = costs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Cost {
        status: None,
        wall_ms: of(|cost| cost.wall_ms),
        user_ms: of(|cost| cost.user_ms),
        system_ms: of(|cost| cost.system_ms),
        peak_rss_mb: of(|cost| cost.peak_rss_mb),
        stderr: String::new(),
    }
}

fn row(sites: u32, command: &str, cost: &Cost, share: &str) -> String {
    let Cost { wall_ms, user_ms, system_ms, peak_rss_mb, .. } = cost;
    format!(
        "| {sites} | `{command}` | {wall_ms:.0} | {user_ms:.0} | {system_ms:.0} | {peak_rss_mb:.0} | {share} |"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_s_own_time_and_memory_are_measured() {
        let cost = measure(&["sh", "-c", "echo seen >&2; exit 3"]).unwrap();
        assert_eq!(cost.status, Some(3));
        assert_eq!(cost.stderr, "seen\n");
        assert!(cost.wall_ms > 0.0 && cost.peak_rss_mb > 0.1);
    }

    #[test]
    fn the_median_of_each_figure_is_its_own() {
        let cost = |wall_ms, user_ms| Cost {
            status: Some(0),
            wall_ms,
            user_ms,
            system_ms: 0.0,
            peak_rss_mb: 1.0,
            stderr: String::new(),
        };
        let median = median(vec![cost(1.0, 30.0), cost(3.0, 10.0), cost(2.0, 20.0)]);
        assert_eq!((median.wall_ms, median.user_ms), (2.0, 20.0));
    }

    #[test]
    fn options_come_in_pairs_and_unknown_ones_are_refused() {
        let settings = Settings::read(&["--sites", "10,20", "--runs", "3"]).unwrap();
        assert_eq!((settings.sites, settings.runs), (vec![10, 20], 3));
        assert!(Settings::read(&["--sites"]).is_err());
        assert!(Settings::read(&["--runs", "0"]).is_err());
        assert!(Settings::read(&["--colour", "red"]).is_err());
    }
}
