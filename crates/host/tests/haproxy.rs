//! What HAProxy tells and does over its socket, with the real one: no port of this machine is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_host::balancer::haproxy::{Haproxy, HaproxyError, Server, ServerState, Wanted};

const LIMIT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// An HAProxy of its own, in a directory of its own.
struct Running {
    dir: tempfile::TempDir,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Running {
    fn start(level: &str) -> Running {
        let program = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let program = program.expect("haproxy is installed: scripts/setup.sh test");
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        // Port 1 of loopback: nobody listens there.
        let text = format!(
            "global\n stats socket {at}/admin.sock level {level}\n\
             defaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n\
             frontend f\n bind unix@{at}/front.sock\n default_backend shop\n\
             backend shop\n option httpchk GET /health\n\
             server here unix@{at}/here.sock check inter 20ms fall 1 rise 1 weight 10\n\
             server away 127.0.0.1:1 check inter 20ms fall 1 rise 1 weight 20\n\
             server spare 127.0.0.1:1 backup\n"
        );
        std::fs::write(dir.path().join("haproxy.cfg"), text).unwrap();
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(dir.path().join("haproxy.cfg"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = Running { dir, child };
        let begin = Instant::now();
        while std::os::unix::net::UnixStream::connect(running.socket()).is_err() {
            assert!(begin.elapsed() < PATIENCE, "HAProxy does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("admin.sock")
    }

    fn haproxy(&self) -> Haproxy {
        Haproxy::at(self.socket(), LIMIT)
    }
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}

/// The server, once it is so.
async fn until(haproxy: &Haproxy, name: &str, is: impl Fn(&Server) -> bool) -> Server {
    let begin = Instant::now();
    loop {
        let server = haproxy.server("shop", name).await.unwrap();
        if is(&server) {
            return server;
        }
        assert!(begin.elapsed() < PATIENCE, "{server:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn servers_are_told_with_what_the_checks_saw() {
    let running = Running::start("admin");
    let haproxy = running.haproxy();
    wait(async {
        let away = until(&haproxy, "away", |server| server.state == ServerState::Down).await;
        let check = away.check.unwrap();
        assert_eq!((away.backend.as_str(), away.address.as_str(), away.weight), ("shop", "127.0.0.1:1", 20));
        assert_eq!((check.class.as_str(), check.code), ("L4CON", 0), "{check:?}");
        assert!(!away.is_backup);
        let spare = haproxy.server("shop", "spare").await.unwrap();
        assert_eq!((spare.state, spare.check, spare.is_backup), (ServerState::Unchecked, None, true));
        let names: Vec<String> = haproxy.servers().await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["here", "away", "spare"]);
    });
}

#[test]
fn server_is_drained_taken_out_and_given_back() {
    let running = Running::start("admin");
    let haproxy = running.haproxy();
    let listener = std::os::unix::net::UnixListener::bind(running.dir.path().join("here.sock")).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _asked = io::Read::read(&mut stream, &mut [0; 1024]);
            let _told = io::Write::write_all(&mut stream, b"HTTP/1.0 200 OK\r\n\r\n");
        }
    });
    wait(async {
        let up = until(&haproxy, "here", |server| server.state == ServerState::Up).await;
        assert_eq!(up.check.map(|check| (check.class, check.code)), Some(("L7OK".to_owned(), 200)));
        for (wanted, state) in [
            (Wanted::Drain, ServerState::Drain),
            (Wanted::Maintenance, ServerState::Maintenance),
            (Wanted::Ready, ServerState::Up),
        ] {
            haproxy.set("shop", "here", wanted).await.unwrap();
            until(&haproxy, "here", |server| server.state == state).await;
        }
        haproxy.set_weight("shop", "here", 3).await.unwrap();
        assert_eq!(haproxy.server("shop", "here").await.unwrap().weight, 3);
    });
}

#[test]
fn what_haproxy_refuses_is_an_error_in_its_words() {
    let running = Running::start("operator");
    let haproxy = running.haproxy();
    wait(async {
        let refused = |error: HaproxyError| match error {
            HaproxyError::Refused { said, .. } => said,
            other => panic!("{other}"),
        };
        haproxy.servers().await.unwrap();
        let said = refused(haproxy.set("shop", "away", Wanted::Maintenance).await.unwrap_err());
        assert!(said.contains("Permission denied"), "{said}");
        assert_eq!(haproxy.server("shop", "away").await.unwrap().weight, 20);
    });
    let running = Running::start("admin");
    let haproxy = running.haproxy();
    wait(async {
        let missing = haproxy.set("shop", "nobody", Wanted::Ready).await.unwrap_err();
        assert!(missing.to_string().contains("No such server"), "{missing}");
        let heavy = haproxy.set_weight("shop", "away", 1000).await.unwrap_err();
        assert!(matches!(heavy, HaproxyError::Refused { .. }), "{heavy}");
    });
}

#[test]
fn haproxy_that_hangs_or_is_gone_costs_no_more_than_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("admin.sock");
    let haproxy = Haproxy::at(&socket, Duration::from_millis(100));
    wait(async {
        let gone = haproxy.servers().await.unwrap_err();
        assert!(matches!(gone, HaproxyError::Speak { .. }), "{gone}");
        let _accepts_and_says_nothing = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let begin = Instant::now();
        let hangs = haproxy.servers().await.unwrap_err();
        assert!(matches!(hangs, HaproxyError::TimedOut { limit_ms: 100, .. }), "{hangs}");
        assert!(begin.elapsed() < Duration::from_secs(1));
    });
}
