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
/// How often each kind of edit is made, and how long it is quiet between two of them.
const ROUNDS: usize = 25;
const QUIET: Duration = Duration::from_millis(200);
/// How long one may take at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// The kinds of edits, in an order in which each finds what it needs: `{f}` is the file, `{o}` a finished one elsewhere.
const KINDS: &[&str] = &[
    "cp {o} {f}",
    "sh -c 'echo more >> {f}'",
    "sed -i s/more/less/ {f}",
    "chmod 600 {f}",
    "sh -c 'echo other > {f}'",
    "mv {o} {f}",
    "rm {f}",
    "touch {f}",
];

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
    edits(settings, &dir)
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

/// What came of one kind of edit.
#[derive(Default)]
struct Edits {
    times: Vec<f64>,
    named: usize,
}

/// Edits one file again and again while `evenkeel drift --follow` writes down what it sees, and prints how long that took.
fn edits(settings: &Settings, dir: &Path) -> anyhow::Result<()> {
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
    let out = BufReader::new(child.stdout.take().context("it is piped")?);
    let (told, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        out.lines().map_while(Result::ok).try_for_each(|line| told.send((Instant::now(), line)))
    });
    let (file, other) = (etc.join("edit.conf"), dir.join("other.conf"));
    let mut kinds: Vec<Edits> = KINDS.iter().map(|_| Edits::default()).collect();
    for round in 0..ROUNDS {
        for (kind, edits) in KINDS.iter().zip(&mut kinds) {
            std::fs::write(&other, format!("# {round} {kind}\n"))?;
            let path = |path: &Path| path.to_str().map(str::to_owned).context("it is text");
            let line = kind.replace("{f}", &path(&file)?).replace("{o}", &path(&other)?);
            let (words, script) = line.split_once('\'').unwrap_or((&line, ""));
            let mut words: Vec<&str> = words.split_whitespace().collect();
            words.extend(script.strip_suffix('\''));
            let ran = Command::new(words[0]).args(&words[1..]).status().context("run an edit")?;
            ensure!(ran.success(), "{line}");
            let ended = Instant::now();
            loop {
                let (at, line) = lines.recv_timeout(PATIENCE).with_context(|| format!("hear of {kind}"))?;
                let event: serde_json::Value = serde_json::from_str(&line)?;
                let change = event["changes"]
                    .as_array()
                    .and_then(|changes| changes.iter().find(|change| change["path"] == "edit.conf"));
                // What it means comes in a line of its own, when it was quiet.
                let Some(change) = change else { continue };
                edits.times.push(at.saturating_duration_since(ended).as_secs_f64() * 1_000.0);
                let command = change["author"]["command"].as_str().unwrap_or_default();
                edits.named += usize::from(command.contains(words[0]));
                break;
            }
            std::thread::sleep(QUIET);
            while lines.try_recv().is_ok() {}
        }
    }
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
    child.wait()?;
    println!("\n{}", begun.trim());
    println!(
        "\n| from the end of a command to its event in the journal | edits | named | p50 ms | p99 ms | worst ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let all = Edits {
        times: kinds.iter().flat_map(|it| it.times.clone()).collect(),
        named: kinds.iter().map(|it| it.named).sum(),
    };
    let names = KINDS.iter().map(|kind| format!("`{}`", kind.replace("{f}", "FILE").replace("{o}", "OTHER")));
    for (name, mut it) in names.zip(kinds).chain([("all".to_owned(), all)]) {
        it.times.sort_by(f64::total_cmp);
        let count = it.times.len();
        let [p50, p99, worst] = [count / 2, count * 99 / 100, count - 1].map(|at| it.times[at]);
        println!("| {name} | {count} | {} | {p50:.1} | {p99:.1} | {worst:.1} |", it.named);
    }
    Ok(())
}
