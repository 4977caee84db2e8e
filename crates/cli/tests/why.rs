//! `evenkeel why` about a real nginx that serves a tree of its own on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

const NGINX: &str = "/usr/sbin/nginx";
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a tree, and the nginx that serves it.
struct Host {
    directory: tempfile::TempDir,
    site: SocketAddr,
    app: SocketAddr,
    nginx: Option<Child>,
}

/// Two ports that nobody has.
fn free() -> [SocketAddr; 2] {
    let two = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    two.map(|listener| listener.local_addr().unwrap())
}

impl Host {
    fn new(server: &str) -> Host {
        let directory = tempfile::tempdir().unwrap();
        let [site, app] = free();
        let dir = directory.path().display();
        let server = server.replace("{APP}", &app.to_string()).replace("{DIR}", &dir.to_string());
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {dir}/{name};"))
            .concat();
        let text = format!(
            "events {{}}\npid {dir}/nginx.pid;\nerror_log {dir}/error.log;\nhttp {{\naccess_log off;\n{temp}\nroot {dir}/www;\n\
             server {{\nlisten {site};\nserver_name shop.test;\n{server}\n}}\n}}\n"
        );
        std::fs::create_dir(directory.path().join("www")).unwrap();
        std::fs::write(directory.path().join("nginx.conf"), text).unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let host = Host { directory, site, app, nginx: None };
        host.written(Duration::from_hours(1));
        host
    }

    /// Makes the configuration look as if it was written so long ago.
    fn written(&self, ago: Duration) {
        let file =
            std::fs::File::options().write(true).open(self.directory.path().join("nginx.conf")).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    fn start(mut self) -> Host {
        let path = self.directory.path();
        let nginx = Command::new(NGINX)
            .arg("-p")
            .arg(path)
            .arg("-c")
            .arg(path.join("nginx.conf"))
            .arg("-e")
            .arg(path.join("error.log"))
            .args(["-g", "daemon off;"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.nginx = Some(nginx);
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.site).is_err() {
            assert!(Instant::now() < until, "nginx does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// What `why` says of `/cart`, and its exit code.
    fn why(&self) -> (Value, i32) {
        let path = self.directory.path();
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(["why", &format!("http://shop.test:{}/cart", self.site.port())])
            .args([
                "--address",
                "127.0.0.1",
                "--json",
                "--config",
                "/dev/null",
                "--nginx",
                NGINX,
                "--config-dir",
            ])
            .arg(path)
            .arg("--pid")
            .arg(path.join("nginx.pid"))
            .arg("--state-dir")
            .arg(path.join("state"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let document = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no document: {text}{said}"));
        (document, output.status.code().unwrap())
    }

    /// Expects this cause first.
    fn is(&self, cause: &str) -> Value {
        let (document, code) = self.why();
        assert_eq!((document["causes"][0]["id"].as_str(), code), (Some(cause), 1), "{document:#}");
        document
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut nginx) = self.nginx.take() {
            drop(Command::new("kill").args(["-TERM", &nginx.id().to_string()]).status());
            drop(nginx.wait());
        }
    }
}

/// Has `/cart` and no other path, until the process of the test ends.
fn application(at: SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let status = if request.starts_with(b"GET /cart ") { "200 OK" } else { "404 Not Found" };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nshop");
            let _ = stream.write_all(head.as_bytes());
        }
    });
}

#[test]
fn application_that_is_down_is_named() {
    let host = Host::new("location / { proxy_pass http://{APP}; }").start();
    let document = host.is("application-down");
    let fact = document["causes"][0]["rests_on"][0].as_str().unwrap();
    assert!(fact.contains("connect() failed (111: Connection refused)"), "{document:#}");
}

#[test]
fn upstream_of_the_last_edit_where_nobody_listens_is_blamed_on_the_edit() {
    let host = Host::new("location / { proxy_pass http://{APP}; }");
    host.written(Duration::from_secs(60));
    let document = host.start().is("upstream-address-changed");
    let change = document["causes"][0]["change"].as_str().unwrap();
    assert!(change.contains("nginx.conf was written"), "{document:#}");
}

#[test]
fn route_that_only_the_application_has_is_named() {
    let host = Host::new("location /shop/ { proxy_pass http://{APP}; }").start();
    application(host.app);
    host.is("no-location-for-route");
}

#[test]
fn nginx_that_does_not_run_is_named() {
    let host = Host::new("location / { proxy_pass http://{APP}; }");
    host.is("nginx-not-running");
}

#[test]
fn denied_client_is_named() {
    let host = Host::new("deny all;").start();
    host.is("forbidden-by-rule");
}

#[test]
fn file_that_is_missing_is_named() {
    let host = Host::new("").start();
    host.is("file-missing");
}

#[test]
fn health_is_exit_zero_and_no_cause() {
    let host = Host::new("location / { proxy_pass http://{APP}; }").start();
    application(host.app);
    let (document, code) = host.why();
    assert_eq!((document["causes"].as_array().map(Vec::len), code), (Some(0), 0), "{document:#}");
}

#[test]
fn url_that_is_none_could_not_be_looked_at() {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
        .args(["why", "shop.test", "--config", "/dev/null", "--config-dir", "/nonexistent"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
