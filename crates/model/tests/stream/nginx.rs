//! One nginx with one configuration, on loopback, for as long as the value lives.

use std::fs::File;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::watch::Watched;
use crate::{echo, tls};

/// How many ports a configuration can name: `@P0@` and so on; the last two follow one another.
pub(crate) const PORTS: usize = 5;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which nginx is asked.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    path: PathBuf,
    /// What `nginx -V` says.
    pub(crate) build: String,
    /// The line that loads the stream module, where it is no part of the binary.
    pub(crate) load: String,
    /// Whether names choose servers, and `pass` is there.
    pub(crate) has_names: bool,
}

impl Binary {
    /// None that runs: for what is only written down.
    pub(crate) fn imagined() -> Binary {
        Binary { path: PathBuf::new(), build: String::new(), load: String::new(), has_names: true }
    }

    /// The nginx of this path; `None`: it cannot do stream.
    pub(crate) fn at(path: &Path) -> Option<Binary> {
        const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
        let output = Command::new(path).arg("-V").output().expect("nginx runs");
        let build = String::from_utf8_lossy(&output.stderr).into_owned();
        let load = match build.contains("--with-stream=dynamic") {
            true if Path::new(MODULE).exists() => format!("load_module {MODULE};"),
            false if build.contains("--with-stream") => String::new(),
            _ => return None,
        };
        let has_names = !["nginx/1.22", "nginx/1.24", "nginx/1.18"].iter().any(|old| build.contains(old));
        Some(Binary { path: path.to_path_buf(), build, load, has_names })
    }
}

/// A directory in which configurations run, one after the other.
pub(crate) struct Place {
    watched: Watched,
}

impl Place {
    pub(crate) fn new() -> Place {
        let watched = Watched::new();
        let (certificate, key) = tls::identity();
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            std::fs::write(watched.path.join(name), text).unwrap();
        }
        std::fs::create_dir(watched.path.join("tmp")).unwrap();
        Place { watched }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.watched.path
    }

    pub(crate) fn main(&self) -> PathBuf {
        self.path().join("nginx.conf")
    }

    /// The text of a configuration in this place, with ports that are free now.
    fn render(&self, text: &str) -> (String, [u16; PORTS]) {
        let bind = |port: u16| TcpListener::bind(("0.0.0.0", port));
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let held = [(); PORTS - 2].map(|()| bind(0).unwrap());
        let pair = loop {
            let first = bind(0).unwrap();
            if let Some(Ok(second)) = port(&first).checked_add(1).map(bind) {
                break [first, second];
            }
        };
        let ports: Vec<u16> = held.iter().chain(&pair).map(port).collect();
        let mut text = text.replace("@DIR@", &self.path().display().to_string());
        for (index, port) in ports.iter().enumerate() {
            text = text.replace(&format!("@P{index}@"), &port.to_string());
        }
        for (index, port) in echo::ports().iter().enumerate() {
            text = text.replace(&format!("@U{index}@"), &port.to_string());
        }
        (text, ports.try_into().unwrap())
    }
}

/// A running nginx.
pub(crate) struct Nginx<'p> {
    place: &'p Place,
    child: Child,
    access: File,
    errors: File,
    pub(crate) ports: [u16; PORTS],
    pub(crate) text: String,
}

impl<'p> Nginx<'p> {
    /// Starts it; comes back when it listens, or with what it says against the configuration.
    pub(crate) fn start(binary: &Binary, place: &'p Place, text: &str) -> Result<Nginx<'p>, String> {
        for _ in 0..5 {
            match Nginx::start_once(binary, place, text) {
                // Somebody else took the port between our look and nginx's bind.
                Err(said) if said.contains("bind() to") => {}
                other => return other,
            }
        }
        Err(String::from("every port is taken"))
    }

    fn start_once(binary: &Binary, place: &'p Place, text: &str) -> Result<Nginx<'p>, String> {
        let (text, ports) = place.render(text);
        let path = |name: &str| place.path().join(name);
        std::fs::write(place.main(), &text).unwrap();
        for entry in std::fs::read_dir(place.path()).unwrap().flatten() {
            if entry.file_type().unwrap().is_socket() {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        let [access, mut errors] = ["access.log", "error.log"].map(|name| {
            File::create(path(name)).unwrap();
            File::open(path(name)).unwrap()
        });
        let mut child = Command::new(&binary.path)
            .args(["-e", "error.log", "-p"])
            .arg(place.path())
            .arg("-c")
            .arg(place.main())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        place.watched.runs(Some(child.id()));
        let (mut said, until) = (String::new(), Instant::now() + PATIENCE);
        loop {
            errors.read_to_string(&mut said).unwrap();
            // nginx opens its sockets before it chooses its event method, which it says at the level of notices.
            if said.contains("event method") {
                return Ok(Nginx { place, child, access, errors, ports, text });
            }
            // nginx would try to bind for some seconds.
            if said.contains("bind() to") || Instant::now() > until {
                child.kill().unwrap();
            }
            if child.try_wait().unwrap().is_some() {
                place.watched.runs(None);
                errors.read_to_string(&mut said).unwrap();
                return Err(said);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// The next entry of the access log: nginx writes it when the session has ended.
    pub(crate) fn entry(&mut self) -> Option<String> {
        let (mut entry, until) = (String::new(), Instant::now() + PATIENCE);
        while !entry.ends_with('\n') {
            if self.access.read_to_string(&mut entry).unwrap() == 0 {
                if Instant::now() > until {
                    return None;
                }
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        Some(entry)
    }

    /// What the error log says since the last time this was asked.
    pub(crate) fn said(&mut self) -> String {
        let mut said = Vec::new();
        self.errors.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Nginx<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.place.watched.runs(None);
    }
}
