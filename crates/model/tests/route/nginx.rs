//! One nginx with one configuration, on loopback, for as long as the value lives.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_model::Version;

use crate::block::Block;
use crate::watch::Watched;
use crate::{echo, tls};

/// Which nginx is asked.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// What `nginx -V` says.
    pub(crate) build: String,
    pub(crate) version: Version,
}

impl Binary {
    pub(crate) fn at(path: &Path) -> Binary {
        let output = Command::new(path).arg("-V").output().expect("nginx runs");
        let build = String::from_utf8_lossy(&output.stderr).into_owned();
        let words = build.split_once("nginx/").map_or("", |(_, rest)| rest);
        let version =
            words.split_whitespace().next().and_then(Version::parse).expect("nginx says its version");
        Binary { path: path.to_path_buf(), build, version }
    }

    /// Whether it was built with a module. Most are there unless they were left out, some only where they were asked for.
    pub(crate) fn has(&self, module: &str) -> bool {
        const LEFT_OUT: &[&str] =
            &["http_uwsgi_module", "http_scgi_module", "http_grpc_module", "http_memcached_module"];
        if LEFT_OUT.contains(&module) {
            !self.build.contains(&format!("--without-{module}"))
        } else {
            self.build.contains(&format!("--with-{module}"))
        }
    }

    /// Whether it is this release or a later one.
    pub(crate) fn is_since(&self, (major, minor, patch): (u32, u32, u32)) -> bool {
        self.version >= Version { major, minor, patch }
    }
}

/// A directory in which configurations run, one after the other.
#[derive(Debug)]
pub(crate) struct Place {
    watched: Watched,
    /// Its path without links.
    pub(crate) path: PathBuf,
}

/// The name and the password that are good, and what a client sends of them.
pub(crate) const CREDENTIALS: &[u8] = b"Basic dXNlcjpnb29k";
/// The users and their passwords.
const USERS: &str = "user:{PLAIN}good\nother:{PLAIN}other\n";

/// How long an nginx that has crashed may take to be gone.
const ENDS_WITHIN: Duration = Duration::from_millis(200);

/// How many ports a configuration can name: `@P0@` and so on.
pub(crate) const PORTS: usize = 4;

impl Place {
    pub(crate) fn new() -> Place {
        let watched = Watched::new();
        let path = watched.path.clone();
        crate::docroot::make(&path);
        std::fs::create_dir(path.join("tmp")).unwrap();
        let (certificate, key) = tls::identity();
        for (name, text) in [("cert.pem", certificate.as_str()), ("key.pem", key), ("users", USERS)] {
            std::fs::write(path.join(name), text).unwrap();
        }
        Place { watched, path }
    }

    pub(crate) fn main(&self) -> PathBuf {
        self.path.join("nginx.conf")
    }

    /// The text of a configuration in this place, with ports that are free now.
    fn render(&self, config: &Block) -> (String, [u16; PORTS]) {
        let held = [(); PORTS].map(|()| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let mut text = config.text().replace("@DIR@", &self.path.display().to_string());
        for (index, port) in ports.iter().enumerate() {
            text = text.replace(&format!("@P{index}@"), &port.to_string());
        }
        for (index, port) in echo::ports().iter().enumerate() {
            text = text.replace(&format!("@U{index}@"), &port.to_string());
        }
        (text, ports)
    }
}

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Nginx<'p> {
    place: &'p Place,
    child: Child,
    stderr: Option<JoinHandle<()>>,
    pub(crate) ports: [u16; PORTS],
    pub(crate) text: String,
}

/// Why it does not run.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl<'p> Nginx<'p> {
    /// Starts it; comes back when it listens.
    pub(crate) fn start(binary: &Binary, place: &'p Place, config: &Block) -> Result<Nginx<'p>, Refused> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Nginx::start_once(binary, place, config) {
                // Somebody else took the port between our look and nginx's bind.
                Err(Refused(why)) if why.contains("bind() to") && tries < 5 => {}
                other => return other,
            }
        }
    }

    fn start_once(binary: &Binary, place: &'p Place, config: &Block) -> Result<Nginx<'p>, Refused> {
        let (text, ports) = place.render(config);
        std::fs::write(place.main(), &text).unwrap();
        let formats: String = (1..=text.lines().count()).map(format).collect();
        std::fs::write(place.path.join("formats.conf"), formats).unwrap();
        std::fs::write(place.path.join("access.log"), "").unwrap();
        for socket in ["s", "z"] {
            let _ = std::fs::remove_file(place.path.join(socket));
        }
        let mut child = Command::new(&binary.path)
            .args(["-e", "stderr", "-p"])
            .arg(&place.path)
            .arg("-c")
            .arg(place.main())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx starts");
        place.watched.runs(Some(child.id()));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = Vec::new();
            // nginx opens its sockets before it chooses its event method, which it says at the level of notices.
            if stderr.read_until(b'\n', &mut line).unwrap() == 0 {
                child.wait().unwrap();
                place.watched.runs(None);
                return Err(Refused(said));
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains("event method") {
                break;
            }
            said.push_str(&line);
            // nginx would try for some seconds.
            if said.contains("bind() to") {
                child.kill().unwrap();
            }
        }
        let rest = std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stderr.read_to_end(&mut rest);
        });
        Ok(Nginx { place, child, stderr: Some(rest), ports, text })
    }
}

impl Nginx<'_> {
    /// Ends it; whether it had not ended by itself, which a refused connection makes likely. With `lingering_close off`
    /// nginx logs a request before it closes the connection: who has read to the end finds the entry.
    pub(crate) fn stop(mut self, refused: bool) -> bool {
        let patience = Instant::now() + if refused { ENDS_WITHIN } else { Duration::ZERO };
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if Instant::now() >= patience {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// How a request is logged whose block begins in this line.
fn format(line: usize) -> String {
    format!(
        "log_format T{line} '{line} $realip_remote_addr $realip_remote_port $status [$http_x_id] $server_port \
         \"$request_uri\" \"$uri\"';\n"
    )
}

impl Drop for Nginx<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.place.watched.runs(None);
        if let Some(stderr) = self.stderr.take() {
            let _ = stderr.join();
        }
    }
}
