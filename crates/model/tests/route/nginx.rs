//! One nginx with one configuration, on loopback, for as long as the value lives.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::block::{Block, LINES_MAX};
use crate::echo;

/// Which nginx is asked.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// What `nginx -V` says.
    pub(crate) build: String,
}

impl Binary {
    pub(crate) fn at(path: &Path) -> Binary {
        let output = Command::new(path).arg("-V").output().expect("nginx runs");
        Binary { path: path.to_path_buf(), build: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

/// A directory in which configurations run, one after the other.
#[derive(Debug)]
pub(crate) struct Place {
    directory: tempfile::TempDir,
    /// Its path without links.
    pub(crate) path: PathBuf,
}

/// How long an nginx that has crashed may take to be gone.
const ENDS_WITHIN: Duration = Duration::from_millis(200);

/// How many ports a configuration can name: `@P0@` and so on.
pub(crate) const PORTS: usize = 4;

impl Place {
    pub(crate) fn new() -> Place {
        let directory = tempfile::Builder::new().prefix("evenkeel-route-").tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        crate::docroot::make(&path);
        std::fs::create_dir(path.join("tmp")).unwrap();
        let format = |line| {
            format!(
                "log_format T{line} '{line} $remote_addr $remote_port $status [$http_x_id] $server_port \
                 \"$request_uri\" \"$uri\"';\n"
            )
        };
        let formats: String = (1..LINES_MAX).map(format).collect();
        std::fs::write(path.join("formats.conf"), formats).unwrap();
        Place { directory, path }
    }

    pub(crate) fn main(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("nginx.conf")
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
pub(crate) struct Nginx {
    child: Child,
    stderr: Option<JoinHandle<()>>,
    pub(crate) ports: [u16; PORTS],
    pub(crate) text: String,
}

/// Why it does not run.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl Nginx {
    /// Starts it; comes back when it listens.
    pub(crate) fn start(binary: &Binary, place: &Place, config: &Block) -> Result<Nginx, Refused> {
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

    fn start_once(binary: &Binary, place: &Place, config: &Block) -> Result<Nginx, Refused> {
        let (text, ports) = place.render(config);
        std::fs::write(place.main(), &text).unwrap();
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
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = Vec::new();
            // nginx opens its sockets before it chooses its event method, which it says at the level of notices.
            if stderr.read_until(b'\n', &mut line).unwrap() == 0 {
                child.wait().unwrap();
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
        Ok(Nginx { child, stderr: Some(rest), ports, text })
    }
}

impl Nginx {
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

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(stderr) = self.stderr.take() {
            let _ = stderr.join();
        }
    }
}
