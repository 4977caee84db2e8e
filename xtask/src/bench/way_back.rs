//! `bench way-back`: how soon the last wrong answer comes after the decision to go back, under load, by both ways; how many
//! requests fail meanwhile; and how long an `apply` takes from the command to its proof.
//!
//! Every request has a connection of its own. The moment of the decision is the one in the journal.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::Settings;
use crate::workspace;

/// How many clients ask at the same time.
const CLIENTS: usize = 4;
/// How long the load goes on before and after a rollback.
const AROUND: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(300);
const PORT: u16 = 18_090;

/// What one rollback cost, in milliseconds after the decision.
struct Cost {
    last_wrong: f64,
    first_right: f64,
    requests: usize,
    failed: usize,
}

/// Prints both tables.
pub(super) fn run(settings: &Settings, sites: &[u32]) -> anyhow::Result<()> {
    println!(
        "| sites | way back | rollbacks | last wrong answer ms, median | worst | first right answer ms, median | requests | failed |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|---:|");
    for &count in sites {
        for way in ["reload", "parse-free"] {
            let host = Host::start(settings, count)?;
            let costs: Vec<Cost> =
                (0..settings.runs).map(|_| host.there_and_back(way)).collect::<anyhow::Result<_>>()?;
            let of = |figure: fn(&Cost) -> f64| sorted(costs.iter().map(figure));
            let (wrong, right) = (of(|cost| cost.last_wrong), of(|cost| cost.first_right));
            let requests: usize = costs.iter().map(|cost| cost.requests).sum();
            let failed: usize = costs.iter().map(|cost| cost.failed).sum();
            println!(
                "| {count} | {way} | {} | {:.0} | {:.0} | {:.0} | {requests} | {failed} |",
                costs.len(),
                wrong[wrong.len() / 2],
                wrong[wrong.len() - 1],
                right[right.len() / 2],
            );
        }
    }
    println!("\n| sites | `apply`, command to proof, rehearsed, no bake: ms, median | worst |");
    println!("|---:|---:|---:|");
    for &count in sites {
        let host = Host::start(settings, count)?;
        let took: Vec<f64> = (0..settings.runs).map(|_| host.applied()).collect::<anyhow::Result<_>>()?;
        let took = sorted(took.into_iter());
        println!("| {count} | {:.0} | {:.0} |", took[took.len() / 2], took[took.len() - 1]);
    }
    Ok(())
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// A host below `target/bench` with a running nginx.
struct Host {
    dir: PathBuf,
    evenkeel: PathBuf,
    nginx: PathBuf,
}

impl Host {
    fn start(settings: &Settings, sites: u32) -> anyhow::Result<Self> {
        let dir = workspace().join("target/bench/way-back");
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        let host = Self {
            dir: std::path::absolute(&dir)?,
            evenkeel: std::path::absolute(&settings.evenkeel)?,
            nginx: std::path::absolute(&settings.nginx)?,
        };
        std::fs::create_dir_all(host.dir.join("logs"))?;
        for tree in ["etc", "new"] {
            host.write_tree(tree, sites)?;
        }
        host.write_version("etc", "one")?;
        let started = host.nginx().status().context("start nginx")?;
        ensure!(started.success(), "nginx does not start: {}", host.log());
        host.wait("nginx answers", || ask() == Some("one".to_owned()))?;
        host.run(&["adopt"])?;
        Ok(host)
    }

    fn write_tree(&self, tree: &str, sites: u32) -> anyhow::Result<()> {
        let dir = self.dir.display();
        std::fs::create_dir_all(self.dir.join(tree).join("sites"))?;
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {dir}/temp-{name};"));
        let main = format!(
            "worker_processes 2;\npid {dir}/nginx.pid;\nerror_log {dir}/logs/error.log notice;\nevents {{ worker_connections 1024; }}\n\
             http {{\n    access_log off;\n    {}\n    server_names_hash_max_size 8192;\n    include {dir}/etc/sites/*.conf;\n}}\n",
            temporary.join(" ")
        );
        std::fs::write(self.dir.join(tree).join("nginx.conf"), main)?;
        for site in 1..sites {
            let text = format!(
                "server {{\n    listen 127.0.0.1:{PORT};\n    server_name site{site}.test;\n    location / {{ return 200 site; }}\n    \
                 location ~ ^/app{site}/(.+)$ {{ return 204; }}\n}}\n"
            );
            std::fs::write(self.dir.join(tree).join(format!("sites/site{site:05}.conf")), text)?;
        }
        Ok(())
    }

    fn write_version(&self, tree: &str, version: &str) -> anyhow::Result<()> {
        let text = format!(
            "server {{\n    listen 127.0.0.1:{PORT};\n    server_name shop.test;\n    location / {{ return 200 {version}; }}\n}}\n"
        );
        Ok(std::fs::write(self.dir.join(tree).join("sites/shop.conf"), text)?)
    }

    fn nginx(&self) -> Command {
        let mut command = Command::new(&self.nginx);
        command.arg("-p").arg(&self.dir).arg("-c").arg(self.dir.join("etc/nginx.conf"));
        command.arg("-e").arg(self.dir.join("logs/error.log")).stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("logs/error.log")).unwrap_or_default()
    }

    fn evenkeel(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.evenkeel);
        let (name, more) = arguments.split_at(1);
        command.args(name).args(["--config", "/dev/null", "--json"]);
        command.arg("--config-dir").arg(self.dir.join("etc")).arg("--nginx").arg(&self.nginx);
        command.arg("--pid").arg(self.dir.join("nginx.pid")).arg("--state-dir").arg(self.dir.join("state"));
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.evenkeel(arguments).output().context("start evenkeel")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "evenkeel {arguments:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(&said).with_context(|| format!("understand evenkeel {arguments:?}: {said}"))
    }

    fn apply<'a>(&self, tree: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["apply", tree][..], more].concat()
    }

    /// One release that is taken back under load.
    fn there_and_back(&self, way: &str) -> anyhow::Result<Cost> {
        self.write_version("new", "two")?;
        let new = self.dir.join("new");
        let new = new.to_str().context("a path that is text")?;
        let hold = ["--hold", "--bake", "0s", "--confirm-within", "60s", "--no-rehearsal", "--way-back", way];
        let applying = self.evenkeel(&self.apply(new, &hold)).spawn().context("start evenkeel apply")?;
        let mut applying = Ended(applying);
        self.wait("the new configuration", || ask() == Some("two".to_owned()))?;
        self.wait("the release waits", || {
            let status = self.evenkeel(&["status"]).output();
            status.is_ok_and(|status| String::from_utf8_lossy(&status.stdout).contains("\"proven\""))
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let load: Vec<_> = (0..CLIENTS).map(|_| client(&stop)).collect();
        std::thread::sleep(AROUND);
        let ended = self.run(&["rollback"])?;
        std::thread::sleep(AROUND);
        stop.store(true, Ordering::Relaxed);
        let mut seen = Vec::new();
        for client in load {
            seen.extend(client.join().map_err(|_| anyhow::anyhow!("hear from a client"))?);
        }
        applying.0.wait()?;
        ensure!(ended["way"] == way, "went back by another way: {ended}");
        let release = ended["release"].as_str().context("a release")?.to_owned();
        let decided = self.decided(&release)?;
        let after = |at: f64| at - decided;
        let wrong = seen.iter().filter(|(_, _, said)| said.as_deref() == Some("two"));
        let right =
            seen.iter().filter(|(began, _, said)| after(*began) > 0.0 && said.as_deref() == Some("one"));
        Ok(Cost {
            last_wrong: wrong.map(|(_, at, _)| after(*at)).fold(0.0, f64::max),
            first_right: right.map(|(_, at, _)| after(*at)).fold(f64::INFINITY, f64::min),
            requests: seen.len(),
            failed: seen.iter().filter(|(.., said)| said.is_none()).count(),
        })
    }

    /// When it was decided to go back, by the journal: milliseconds of the day.
    fn decided(&self, release: &str) -> anyhow::Result<f64> {
        let shown = self.run(&["show", release])?;
        let events = shown["events"].as_array().context("events")?;
        let is_it =
            |event: &&Value| event["what"].as_str().is_some_and(|what| what.starts_with("going back"));
        let at = events.iter().find(is_it).and_then(|event| event["at"].as_str()).context("a decision")?;
        let time = at.split('T').nth(1).context("a time")?.trim_end_matches('Z');
        let mut parts = time.split(':').map(|part| part.parse::<f64>().unwrap_or(0.0));
        let mut next = || parts.next().unwrap_or(0.0);
        let (hours, minutes, seconds) = (next(), next(), next());
        Ok(((hours * 60.0 + minutes) * 60.0 + seconds) * 1_000.0)
    }

    /// One release from the command to its proof, in milliseconds. The next one goes the other way.
    fn applied(&self) -> anyhow::Result<f64> {
        let version = if ask().as_deref() == Some("one") { "two" } else { "one" };
        self.write_version("new", version)?;
        let new = self.dir.join("new");
        let new = new.to_str().context("a path that is text")?;
        let began = Instant::now();
        self.run(&self.apply(new, &["--bake", "0s"]))?;
        Ok(began.elapsed().as_secs_f64() * 1_000.0)
    }

    fn wait(&self, what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !holds() {
            if began.elapsed() > PATIENCE {
                bail!("waited too long until {what}: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.dir.join("nginx.pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _may_have_ended = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            let began = Instant::now();
            while Path::new(&format!("/proc/{pid}")).exists() && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A command that does not outlive the benchmark.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// When a request began, when it was answered, and what the answer was.
type Seen = (f64, f64, Option<String>);

fn client(stop: &Arc<AtomicBool>) -> JoinHandle<Vec<Seen>> {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = of_day();
            let said = ask();
            seen.push((began, of_day(), said));
        }
        seen
    })
}

/// Milliseconds of the day, as the journal counts.
fn of_day() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_secs_f64() * 1_000.0) % 86_400_000.0
}

/// The body that the shop answers with, on a connection of its own.
fn ask() -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
