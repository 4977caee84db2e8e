//! A private nginx on loopback in a directory of its own, for the tests of this crate. Whatever is started is
//! stopped by its number.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::find::{Master, find};
use evenkeel_host::place::Place;
use nix::sys::signal::Signal;

/// The nginx that the tests use.
pub(crate) const NGINX: &str = "/usr/sbin/nginx";
/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a tree (`conf`), logs, a pid file and temporary directories, and the nginx started on it.
pub(crate) struct Nginx {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) place: Place,
    pub(crate) program: PathBuf,
    started: Vec<ProcessId>,
}

impl Nginx {
    /// Makes the directories and a main file that includes `conf.d/*.conf` by its absolute path.
    pub(crate) fn new() -> Self {
        Self::of(Path::new(NGINX))
    }

    /// The same, with another nginx.
    pub(crate) fn of(program: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("evenkeel-nginx-").tempdir().unwrap();
        for name in ["conf/conf.d", "logs", "run", "temp", "state"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let mut place = Place::new(dir.path().join("conf"), dir.path().join("state"));
        place.pid = dir.path().join("run/nginx.pid");
        place.nginx = program.into();
        let nginx = Self { dir, place, program: program.into(), started: Vec::new() };
        nginx.write("nginx.conf", &nginx.main(""));
        nginx
    }

    /// Gives the text of a main file with something more at its top level.
    pub(crate) fn main(&self, more: &str) -> String {
        let dir = self.dir.path().display();
        let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
        let workers = if more.contains("worker_processes") { "" } else { "worker_processes 2;" };
        let log = if more.contains("error_log") {
            String::new()
        } else {
            format!("error_log {dir}/logs/error.log notice;")
        };
        format!(
            "{user}\n{workers}\n{log}\n{more}\npid {dir}/run/nginx.pid;\nevents {{ worker_connections 64; }}\n\
             http {{\n    access_log off;\n    client_body_temp_path {dir}/temp/body;\n    proxy_temp_path {dir}/temp/proxy;\n\
             \x20   fastcgi_temp_path {dir}/temp/fastcgi;\n    uwsgi_temp_path {dir}/temp/uwsgi;\n    scgi_temp_path {dir}/temp/scgi;\n\
             \x20   include {dir}/conf/conf.d/*.conf;\n}}\n"
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn error_log(&self) -> PathBuf {
        self.path("logs/error.log")
    }

    /// Writes a file of the tree.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join("conf").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a server that answers every request with this text.
    pub(crate) fn serve(&self, listen: &str, answer: &str) {
        self.write("conf.d/site.conf", &format!("server {{ listen {listen}; return 200 \"{answer}\"; }}\n"));
    }

    /// Starts nginx on the tree, with further arguments, and waits until its pid file and its workers are there.
    pub(crate) fn start_with(&mut self, more: &[&str]) -> Master {
        let before = fs::read_to_string(&self.place.pid).unwrap_or_default();
        let status = self.command().args(more).status().unwrap();
        assert!(status.success(), "nginx does not start: {}", self.log());
        let pid: i32 = wait_for("the pid file", || {
            let text = fs::read_to_string(&self.place.pid).ok().filter(|text| *text != before)?;
            text.trim().parse().ok()
        });
        let id = ProcessId::of(pid).expect("nginx has just written its number");
        self.started.push(id);
        wait_for("the workers", || (workers(pid).len() >= 2).then_some(()));
        find(&self.place).unwrap()
    }

    pub(crate) fn start(&mut self) -> Master {
        self.start_with(&[])
    }

    /// Gives the command that starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(self.dir.path()).arg("-c").arg(&self.place.main);
        command.arg("-e").arg(self.path("logs/start.log"));
        command
    }

    /// Stops these processes, too, at the end.
    pub(crate) fn also_stop(&mut self, id: ProcessId) {
        self.started.push(id);
    }

    /// Gives all that nginx has written into its error log.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        read("logs/start.log") + &read("logs/error.log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        for id in self.started.iter().rev() {
            let mut workers: Vec<ProcessId> = children(id.pid);
            signal(*id, Signal::SIGTERM);
            if !ended(*id, PATIENCE) {
                workers.extend(children(id.pid));
                signal(*id, Signal::SIGKILL);
                eprintln!("nginx {} did not end by itself", id.pid);
            }
            for worker in workers {
                signal(worker, Signal::SIGKILL);
            }
        }
    }
}

/// Sends a signal to exactly this process, if it still runs.
pub(crate) fn signal(id: ProcessId, signal: Signal) {
    if let Ok(Some(handle)) = id.open() {
        let _may_have_ended = handle.signal(signal);
    }
}

fn ended(id: ProcessId, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while id.lives() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Waits for the end of a process.
pub(crate) fn wait_for_end(id: ProcessId) {
    assert!(ended(id, PATIENCE), "process {} does not end", id.pid);
}

/// Gives the children of a process.
pub(crate) fn children(pid: i32) -> Vec<ProcessId> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| ProcessId::of(word.parse().ok()?)).collect()
}

/// Gives the children of a process that call themselves workers.
pub(crate) fn workers(pid: i32) -> Vec<ProcessId> {
    let mut workers = children(pid);
    workers.retain(|worker| {
        let title = fs::read(format!("/proc/{}/cmdline", worker.pid)).unwrap_or_default();
        title.starts_with(b"nginx: worker process\0")
    });
    workers
}

/// Waits until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Gives a loopback port that nobody listens on, and no other test of this process has been given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

/// Asks for `/` on a loopback port and gives the whole answer, or `None` when there is none.
pub(crate) fn get(port: u16) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Gives the names in a directory and below, sorted.
pub(crate) fn listing(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let entry = entry.unwrap();
            names.push(entry.path().strip_prefix(dir).unwrap().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            }
        }
    }
    names.sort();
    names
}
