//! `bench`: how soon a rehearsal has its first answer, and how many requests `route --batch` answers in a second.
//!
//! The peer of the rehearsal is a bare start of the same nginx with the same tree (`nginx -t`), in the same run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{Settings, make_tree, one};
use crate::workspace;

/// How many requests `route --batch` is given.
const REQUESTS: u32 = 100_000;
/// How often a rehearsal is held.
const REHEARSALS: usize = 20;

/// Prints both tables.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    println!(
        "\n| tree | mode | first answer ms (median of {REHEARSALS}) | whole rehearsal ms | nginx -t ms |"
    );
    println!("|---|---|---:|---:|---:|");
    for (name, sites) in [("small", None), ("200 sites", Some(200))] {
        let tree = match sites {
            None => small()?,
            Some(sites) => make_tree(sites)?,
        };
        let tree = tree.to_str().context("a tree whose path is text")?;
        let modes: &[&str] = if nix::unistd::geteuid().is_root() { &["ident"] } else { &["subid", "alias"] };
        for mode in modes {
            let mut first = Vec::new();
            let mut whole = Vec::new();
            let mut bare = Vec::new();
            for _ in 0..REHEARSALS {
                let report = rehearse(settings, tree, mode)?;
                let timings = &report["timings"];
                first.push(timings["first_answer_ms"].as_f64().context("a first answer")?);
                whole.push(timings["total_ms"].as_f64().context("an end")?);
                let (nginx, main) = (settings.nginx.to_string_lossy(), format!("{tree}/nginx.conf"));
                bare.push(one(&[&*nginx, "-t", "-q", "-p", tree, "-c", &main], &[0])?.wall_ms);
            }
            let [first, whole, bare] = [first, whole, bare].map(median);
            println!("| {name} | {mode} | {first:.0} | {whole:.0} | {bare:.0} |");
        }
    }
    println!("\n| tree | requests | `route --batch` s | requests a second |");
    println!("|---|---:|---:|---:|");
    let tree = make_tree(200)?;
    let took = batch(settings, &tree)?;
    println!("| 200 sites | {REQUESTS} | {took:.2} | {:.0} |", f64::from(REQUESTS) / took);
    Ok(())
}

/// A tree of one server, below `target/bench`.
fn small() -> anyhow::Result<std::path::PathBuf> {
    let tree = workspace().join("target/bench/small");
    std::fs::create_dir_all(&tree).with_context(|| format!("make {}", tree.display()))?;
    let at = tree.display();
    let text = format!(
        "pid {at}/nginx.pid;\nerror_log {at}/error.log;\nevents {{ }}\nhttp {{\n    access_log off;\n    server {{\n        \
         listen 127.0.0.1:18080;\n        location / {{ return 200 ok; }}\n    }}\n}}\n"
    );
    std::fs::write(tree.join("nginx.conf"), text).context("write the small tree")?;
    Ok(tree)
}

fn rehearse(settings: &Settings, tree: &str, mode: &str) -> anyhow::Result<Value> {
    let nginx = settings.nginx.to_string_lossy();
    let arguments =
        ["rehearse", tree, "--prefix", tree, "--nginx", &nginx, "--offline", "--mode", mode, "--json"];
    let output =
        Command::new(&settings.evenkeel).args(arguments).output().context("start evenkeel rehearse")?;
    if output.status.code() == Some(2) {
        bail!("evenkeel rehearse: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("understand evenkeel rehearse")
}

/// How long many requests take, in seconds.
fn batch(settings: &Settings, tree: &Path) -> anyhow::Result<f64> {
    let mut requests = String::new();
    for number in 0..REQUESTS {
        let site = number % 200;
        requests.push_str(&format!("GET http://site{site:05}.example.com/a/{number}?x=1\n"));
    }
    let began = Instant::now();
    let mut child = Command::new(&settings.evenkeel)
        .arg("route")
        .arg(tree)
        .arg("--prefix")
        .arg(tree)
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start evenkeel route")?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().context("wait for evenkeel route")?;
    let took = began.elapsed().as_secs_f64();
    writer.join().map_err(|_| anyhow::anyhow!("write the requests"))?.context("write the requests")?;
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    if lines != REQUESTS as usize {
        bail!("evenkeel route answered {lines} of {REQUESTS} requests");
    }
    Ok(took)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
