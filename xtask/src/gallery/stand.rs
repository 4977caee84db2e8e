//! A stand: a directory of its own with a tree, a private nginx on loopback ports, small applications behind it, and a
//! keeper that takes all of it away again.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::entry::{Entry, Values, walk};
use super::requests::{Answer, App, Request};
use super::{ask, keeper, tls};

/// Ports are looked for here, below the range that Linux takes for outgoing connections.
const PORTS: std::ops::Range<u16> = 21_000..32_000;

/// How long anything of a stand may take to come up or settle.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that one trial needs. It ends when it is dropped, or with the process.
pub(super) struct Stand {
    pub(super) dir: PathBuf,
    pub(super) values: Values,
    pub(super) requests: Vec<Request>,
    nginx: PathBuf,
    apps: Vec<Child>,
    pids: Vec<(String, String)>,
    keeper: Option<Child>,
}

impl Stand {
    /// Makes the stand and starts nginx on `before/`; `role` tells two stands of an entry apart.
    pub(super) fn start(entry: &Entry, role: &str, nginx: &Path) -> anyhow::Result<Stand> {
        Stand::start_without(&[], entry, role, nginx)
    }

    /// The same; some applications do not run yet. How each is started lies in `apps/NAME.json`.
    pub(super) fn start_without(
        idle: &[String],
        entry: &Entry,
        role: &str,
        nginx: &Path,
    ) -> anyhow::Result<Stand> {
        let name = format!("{}{}-{}-{role}", keeper::MARK, std::process::id(), entry.number());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).with_context(|| format!("make {}", dir.display()))?;
        // Without a keeper nobody would take the directory away.
        let keeper = start_keeper(&dir).inspect_err(|_| drop(std::fs::remove_dir(&dir)))?;
        let mut stand = Stand {
            keeper: Some(keeper),
            values: Values::from([("DIR".to_owned(), dir.display().to_string())]),
            requests: Vec::new(),
            nginx: nginx.to_path_buf(),
            apps: Vec::new(),
            pids: Vec::new(),
            dir,
        };
        // The workers of a master that runs as root are somebody else.
        std::fs::set_permissions(&stand.dir, std::fs::Permissions::from_mode(0o755))?;
        // Settings that say nothing: those of this machine are not for a stand.
        std::fs::write(stand.path("evenkeel.toml"), "")?;
        for part in ["logs", "tmp", "apps"] {
            std::fs::create_dir(stand.path(part))?;
        }
        for name in entry.placeholders()?.into_iter().filter(|name| name != "DIR") {
            stand.values.insert(name, free_port()?.to_string());
        }
        if let Some(script) = entry.script("setup.sh") {
            stand.script(&script)?;
        }
        let requests = entry.requests(&stand.values)?;
        if let Some(name) = &requests.certificate {
            tls::certificate(&stand.path("certificates"), name)?;
        }
        for mut app in requests.app {
            if app.port.is_none() {
                let port = stand.values.get(&format!("PORT_{}", app.name));
                let nobody = || format!("{}: nobody names {{{{PORT_{}}}}}", entry.name, app.name);
                app.port = Some(port.with_context(nobody)?.parse()?);
            }
            std::fs::write(stand.path(&format!("apps/{}.json", app.name)), serde_json::to_vec(&app)?)?;
            if idle.contains(&app.name) {
                continue;
            }
            let child = start_app(&app)?;
            stand.pids.push((format!("PID_{}", app.name), child.id().to_string()));
            stand.apps.push(child);
        }
        stand.requests = requests.request;
        for part in ["www", "app"].into_iter().filter(|part| entry.dir.join(part).is_dir()) {
            entry.write_tree(part, &stand.path(part), &stand.values)?;
        }
        entry.write_tree("before", &stand.path("etc"), &stand.values)?;
        let output = stand.nginx_command().output().context("start nginx")?;
        ensure!(output.status.success(), "nginx does not start on before/: {}", text(&output));
        stand.wait_for_answers(|request| Some(&request.before)).context("with before/")?;
        Ok(stand)
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.join(below)
    }

    /// The nginx of this stand, with its own directory, main file and log.
    pub(super) fn nginx_command(&self) -> Command {
        let mut command = Command::new(&self.nginx);
        command.arg("-p").arg(&self.dir).arg("-c").arg(self.path("etc/nginx.conf"));
        command.arg("-e").arg(self.path("logs/error.log")).stdin(Stdio::null());
        command
    }

    pub(super) fn error_log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path("logs/error.log")).unwrap_or_default()).into_owned()
    }

    /// Asks until every request is answered as expected, for a limited time.
    pub(super) fn wait_for_answers(&self, of: impl Fn(&Request) -> Option<&Answer>) -> anyhow::Result<()> {
        self.wait(|| self.requests.iter().find_map(|request| ask::lacks(request, of(request)?)))
    }

    /// Runs a script of the entry in the directory of the stand. In its environment are `DIR`, every `PORT_X`, `PID_X` of every
    /// application, and `ENTRY`, the directory of the entry.
    pub(super) fn script(&self, script: &Path) -> anyhow::Result<()> {
        let mut command = self.shell(script.parent().unwrap_or(Path::new("/")));
        let output = command.arg(script).output().with_context(|| format!("start {}", script.display()))?;
        ensure!(output.status.success(), "{} failed: {}", script.display(), text(&output));
        Ok(())
    }

    /// `sh -eu`, as a script of the entry in that directory gets it.
    pub(super) fn shell(&self, entry: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg("-eu").current_dir(&self.dir).stdin(Stdio::null()).envs(&self.values);
        command.env("PATH", path_of_root()).envs(self.pids.iter().cloned()).env("ENTRY", entry);
        command
    }

    /// Waits, for a limited time, until nothing is lacking any more.
    pub(super) fn wait(&self, lacking: impl Fn() -> Option<String>) -> anyhow::Result<()> {
        let start = Instant::now();
        while let Some(lack) = lacking() {
            if start.elapsed() > PATIENCE {
                let log = self.error_log();
                let tail: Vec<&str> = log.lines().rev().take(6).collect();
                bail!("{lack}\nlast lines of the error log, newest first:\n  {}", tail.join("\n  "));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What still runs of Evenkeel in this stand.
    pub(super) fn still_at_work(&self) -> Vec<keeper::Process> {
        let mut processes = keeper::belonging_to(&self.dir);
        processes.retain(|process| process.is_ours() && !process.serves());
        processes
    }

    /// Stops everything and says what is left, which should be nothing.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.stop();
        let left: Vec<_> =
            keeper::belonging_to(&self.dir).into_iter().filter(keeper::Process::is_ours).collect();
        ensure!(left.is_empty(), "still running: {left:?}");
        ensure!(!self.dir.exists(), "{} is still there", self.dir.display());
        Ok(())
    }

    fn stop(&mut self) {
        for mut child in self.keeper.take().into_iter().chain(self.apps.drain(..)) {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process that ends when the pipe to it closes; Ctrl-C is not for it.
fn start_part(arguments: &[&str]) -> anyhow::Result<Child> {
    let mut command = Command::new(me());
    command.arg0("xtask").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    command.spawn().with_context(|| format!("start xtask {}", arguments.join(" ")))
}

fn start_keeper(dir: &Path) -> anyhow::Result<Child> {
    start_part(&["keeper", &dir.display().to_string()])
}

fn start_app(app: &App) -> anyhow::Result<Child> {
    let mut child = start_part(&["app", &serde_json::to_string(app)?])?;
    let mut line = String::new();
    let output = child.stdout.take().context("hear from the application")?;
    BufReader::new(output).read_line(&mut line)?;
    ensure!(line.trim() == "ready", "the application {} does not come up", app.name);
    Ok(child)
}

/// This program, even when another has been built in its place since it started.
pub(super) fn me() -> String {
    format!("/proc/{}/exe", std::process::id())
}

/// Where programs are looked for, with the places where root alone looks.
pub(super) fn path_of_root() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A port that nobody listens on, and that this process has not given out yet.
fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in PORTS {
        let width = u32::from(PORTS.end - PORTS.start);
        let offset = (std::process::id() * 97 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % width;
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("there is no free port between {} and {}", PORTS.start, PORTS.end)
}

/// What a command wrote, on both channels.
pub(super) fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

/// Holds that two trees have the same files with the same bytes; what Evenkeel keeps in a dot directory is its own.
pub(super) fn same_tree(wanted: &Path, standing: &Path) -> anyhow::Result<()> {
    let files = |dir: &Path| -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
        let own = |below: &Path| below.starts_with(".evenkeel");
        Ok(walk(dir)?.into_iter().filter(|(below, _)| !own(below)).collect())
    };
    let (wanted, standing) = (files(wanted)?, files(standing)?);
    let names =
        |files: &[(PathBuf, PathBuf)]| files.iter().map(|(below, _)| below.clone()).collect::<Vec<_>>();
    ensure!(
        names(&wanted) == names(&standing),
        "the tree holds {:?}, not {:?}",
        names(&standing),
        names(&wanted)
    );
    for ((below, wanted), (_, standing)) in wanted.iter().zip(&standing) {
        ensure!(
            std::fs::read(wanted)? == std::fs::read(standing)?,
            "{} is not what it should be",
            below.display()
        );
    }
    Ok(())
}
