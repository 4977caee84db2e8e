//! `bench drift`: a full pass over 10,000 files beside AIDE's check of the same, and how long an edit takes into the journal.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Settings;
use crate::workspace;

/// How many files the tree has, in directories of so many.
const FILES: usize = 10_000;
const A_DIRECTORY: usize = 20;
/// How often a pass is made.
const PASSES: usize = 11;
/// How many edits are made, and how long it is quiet between two of them.
const EDITS: usize = 200;
const QUIET: Duration = Duration::from_millis(200);

/// Prints both tables.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let dir = workspace().join("target/bench/drift");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    let tree = dir.join("tree");
    make(&tree)?;
    println!("| {FILES} files, 10 MB | warm, median of {PASSES} ms | worst ms |");
    println!("|---|---:|---:|");
    let example = settings.evenkeel.with_file_name("examples").join("pass");
    if !example.exists() {
        bail!(
            "find {}: build with `cargo build --release -p evenkeel-host --example pass`",
            example.display()
        );
    }
    let output =
        Command::new(&example).arg(&tree).arg((PASSES + 1).to_string()).output().context("start it")?;
    let text = String::from_utf8(output.stdout)?;
    // The first one reads from the disk.
    let mut own: Vec<f64> = Vec::new();
    for line in text.lines().skip(1) {
        let (files, ms) = line.split_once(' ').context("read what it said")?;
        ensure!(files.parse::<usize>()? == FILES + 1, "it saw {files} files");
        own.push(ms.parse()?);
    }
    println!("{}", row("evenkeel, full pass (read and BLAKE3)", &mut own)?);
    match aide(&dir, &tree) {
        Ok(mut times) => println!("{}", row("AIDE, --check with sha256", &mut times)?),
        Err(why) => println!("| AIDE | not measured: {why:#} | |"),
    }
    println!("\n| from the close of a file to its event in the journal, {EDITS} edits | ms |\n|---|---:|");
    let mut times = edits(settings, &dir)?;
    times.sort_by(f64::total_cmp);
    for (name, at) in [("p50", EDITS / 2), ("p99", EDITS * 99 / 100), ("worst", EDITS - 1)] {
        println!("| {name} | {:.1} |", times[at]);
    }
    Ok(())
}

fn make(tree: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(tree)?;
    std::fs::write(tree.join("nginx.conf"), "events {}\nhttp {}\n")?;
    for n in 0..FILES {
        let directory = tree.join(format!("sites/{}", n / A_DIRECTORY));
        if n % A_DIRECTORY == 0 {
            std::fs::create_dir_all(&directory)?;
        }
        std::fs::write(directory.join(format!("{n}.conf")), format!("# site {n}\n").repeat(80))?;
    }
    Ok(())
}

fn row(name: &str, times: &mut [f64]) -> anyhow::Result<String> {
    times.sort_by(f64::total_cmp);
    let worst = times.last().context("there is no figure")?;
    Ok(format!("| {name} | {:.0} | {worst:.0} |", times[times.len() / 2]))
}

/// AIDE as Debian has it: in the PATH, or named in `AIDE`.
fn aide(dir: &Path, tree: &Path) -> anyhow::Result<Vec<f64>> {
    let program = std::env::var_os("AIDE").map_or_else(|| PathBuf::from("aide"), PathBuf::from);
    let config = dir.join("aide.conf");
    let (database, tree) = (dir.join("aide.db"), tree.display());
    let database = database.display();
    let text = format!(
        "database_in=file:{database}\ndatabase_out=file:{database}\ngzip_dbout=no\nreport_url=stdout\n\
         Rule = p+i+n+u+g+s+m+c+sha256\n{tree} Rule\n"
    );
    std::fs::write(&config, text)?;
    let run = |what: &str| -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut command = Command::new(&program);
        command.args([what, "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().with_context(|| format!("start {}", program.display()))?;
        ensure!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(started.elapsed().as_secs_f64() * 1_000.0)
    };
    run("--init")?;
    run("--check")?;
    (0..PASSES).map(|_| run("--check")).collect()
}

/// Edits one file again and again while `evenkeel drift --follow` writes down what it sees.
fn edits(settings: &Settings, dir: &Path) -> anyhow::Result<Vec<f64>> {
    let (etc, state) = (dir.join("etc"), dir.join("state"));
    std::fs::create_dir_all(&etc)?;
    std::fs::write(etc.join("nginx.conf"), "events {}\nhttp {}\n")?;
    let evenkeel = |arguments: &[&str]| {
        let mut command = Command::new(&settings.evenkeel);
        command.args(arguments).args(["--config", "/dev/null", "--config-dir"]).arg(&etc);
        command.arg("--state-dir").arg(&state).arg("--nginx").arg(&settings.nginx);
        command.arg("--pid").arg(dir.join("no.pid"));
        command
    };
    let adopted = evenkeel(&["adopt"]).output().context("start evenkeel")?;
    ensure!(adopted.status.success(), "adopt: {}", String::from_utf8_lossy(&adopted.stderr));
    let mut child =
        evenkeel(&["drift", "--follow", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut begun = String::new();
    BufReader::new(child.stderr.take().context("it is piped")?).read_line(&mut begun)?;
    println!("| {} | |", begun.trim());
    let mut out = BufReader::new(child.stdout.take().context("it is piped")?);
    let mut times = Vec::with_capacity(EDITS);
    for n in 0..EDITS {
        std::fs::write(etc.join("edit.conf"), format!("# {n}\n"))?;
        let closed = Instant::now();
        let mut line = String::new();
        // What it means comes in a line of its own, when it was quiet.
        while line.is_empty() || line.contains("\"changes\":[]") {
            line.clear();
            ensure!(out.read_line(&mut line)? > 0, "it ended");
        }
        times.push(closed.elapsed().as_secs_f64() * 1_000.0);
        std::thread::sleep(QUIET);
    }
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
    child.wait()?;
    Ok(times)
}
