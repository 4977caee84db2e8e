//! What a sandbox is for: a tree under a real nginx, asked over sockets that were made inside.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use evenkeel_rehearsal::sandbox::{Directory, Mode, Sandbox, SandboxError, Side, Signal, Spec, Started};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Test, block_on};

pub(crate) const TESTS: &[Test] = &[
    (
        "client_reaches_nginx_and_nginx_its_upstreams_in_every_mode",
        client_reaches_nginx_and_nginx_its_upstreams,
    ),
    ("reload_serves_the_other_tree_and_goes_back", reload_serves_the_other_tree_and_goes_back),
    (
        "reload_that_cannot_bind_leaves_the_old_tree_serving",
        reload_that_cannot_bind_leaves_the_old_tree_serving,
    ),
    ("nginx_that_refuses_says_why", nginx_that_refuses_says_why),
    ("nginx_in_the_foreground_runs", nginx_in_the_foreground_runs),
    ("nginx_without_a_master_runs", nginx_without_a_master_runs),
    ("five_hundred_listeners_answer", five_hundred_listeners_answer),
    ("unix_sockets_are_made_where_they_are_wanted", unix_sockets_are_made_where_they_are_wanted),
    ("stopped_nginx_starts_again", stopped_nginx_starts_again),
    ("missing_working_directory_is_seen_as_on_the_host", missing_working_directory_is_seen_as_on_the_host),
    ("tree_may_stand_anywhere", tree_may_stand_anywhere),
    ("files_of_our_own_cover_those_of_the_machine", files_of_our_own_cover_those_of_the_machine),
    ("upstream_on_the_hosts_loopback_is_asked_there", upstream_on_the_hosts_loopback_is_asked_there),
    (
        "connections_from_addresses_of_clients_get_no_answer",
        connections_from_addresses_of_clients_get_no_answer,
    ),
];

pub(crate) const NGINX: &str = "/usr/sbin/nginx";
pub(crate) const HOST: &str = "203.0.113.10:80";

/// A directory with one file, `nginx.conf`.
pub(crate) fn tree(conf: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join("nginx.conf"), conf).unwrap();
    directory
}

/// A whole `nginx.conf` around the inside of `http`.
pub(crate) fn http(inside: &str) -> String {
    format!(
        "user www-data; pid /run/nginx.pid; error_log /var/log/nginx/error.log;\nevents {{}}\n\
         http {{ access_log /var/log/nginx/access.log;\n{inside}\n}}\n"
    )
}

pub(crate) fn spec(tree: &Path) -> Spec {
    let mut spec = Spec::new("/etc/nginx", tree);
    spec.nginx = vec![PathBuf::from(NGINX)];
    spec.addresses = Some(vec!["203.0.113.10".parse().unwrap()]);
    spec.directories = vec![Directory { path: PathBuf::from("/var/log/nginx"), uid: 0, gid: 0, mode: 0o755 }];
    spec
}

/// Sends a request and gives the whole answer.
pub(crate) async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.0\r\nHost: a.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Asks the host for a path.
pub(crate) async fn get(sandbox: &Sandbox, from: Option<&str>, to: &str, path: &str) -> String {
    let from = from.map(|from| from.parse().unwrap());
    ask(sandbox.connect(from, to.parse().unwrap()).await.unwrap(), path).await
}

/// Answers one connection and says which address was asked, and from where.
async fn answer_once(listener: OwnedFd) -> (SocketAddr, SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener.into()).unwrap();
    let (stream, from) = listener.accept().await.unwrap();
    let asked = stream.local_addr().unwrap();
    answer(stream).await;
    (asked, from)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfrom the stub").await.unwrap();
}

#[track_caller]
pub(crate) fn running(started: Started) -> i32 {
    match started {
        Started::Running { pid, .. } => pid,
        Started::Refused { status, output } => {
            panic!("refused with {status}: {}", String::from_utf8_lossy(&output))
        }
        Started::Hangs { output, .. } => panic!("hangs: {}", String::from_utf8_lossy(&output)),
    }
}

pub(crate) async fn start(sandbox: &Sandbox) -> Started {
    sandbox.start_nginx(Path::new(NGINX), &[]).await.unwrap()
}

pub(crate) async fn error_log(sandbox: &Sandbox) -> String {
    let bytes = sandbox.read(Path::new("/var/log/nginx/error.log"), 64 << 10).await.unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

/// Waits for something that is bound to come.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F, what: &str) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds().await {
        assert!(std::time::Instant::now() < limit, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// Runs in every mode that this user may use here, and says which ones it may not.
pub(crate) fn in_every_mode(test: impl AsyncFn(Mode)) {
    let mut ran = 0;
    for mode in [Mode::Ident, Mode::Subid, Mode::Alias, Mode::Shift] {
        let tree = tree(&http(""));
        let mut spec = spec(tree.path());
        spec.mode = Some(mode);
        match block_on(Sandbox::start(spec)) {
            Err(SandboxError::Mode { mode, reason }) => println!("  not run in mode {mode}: {reason}"),
            Err(error) => panic!("{error}: {error:?}"),
            Ok(sandbox) => {
                assert_eq!(sandbox.mode(), mode);
                block_on(test(mode));
                ran += 1;
            }
        }
    }
    assert!(ran > 0);
}

fn client_reaches_nginx_and_nginx_its_upstreams() {
    let tree = tree(&http(
        "server { listen 80; listen [::]:80;
         location / { return 200 hello-$remote_addr; }
         location /four { proxy_pass http://10.0.0.5:8080; }
         location /six { proxy_pass http://[2001:db8::50]:8080; } }",
    ));
    in_every_mode(async |mode| {
        let mut spec = spec(tree.path());
        spec.mode = Some(mode);
        spec.addresses = Some(vec!["203.0.113.10".parse().unwrap(), "2001:db8:1::1".parse().unwrap()]);
        let sandbox = Sandbox::start(spec).await.unwrap();
        running(start(&sandbox).await);
        let answer = get(&sandbox, Some("198.51.100.77"), HOST, "/").await;
        assert!(answer.ends_with("hello-198.51.100.77"), "{answer}");
        let answer = get(&sandbox, Some("2001:db8:7::8"), "[2001:db8:1::1]:80", "/").await;
        assert!(answer.ends_with("hello-2001:db8:7::8"), "{answer}");
        for (path, upstream, host) in [
            ("/four", "[::ffff:10.0.0.5]:8080", "203.0.113.10"),
            ("/six", "[2001:db8::50]:8080", "2001:db8:1::1"),
        ] {
            let stub = sandbox.listen(Side::World, "[::]:8080".parse().unwrap()).await.unwrap();
            let (answer, (asked, from)) = tokio::join!(get(&sandbox, None, HOST, path), answer_once(stub));
            assert!(answer.ends_with("from the stub"), "{answer}");
            assert_eq!(asked, upstream.parse().unwrap());
            assert!(from.to_string().contains(host), "{from}");
        }
        let log = sandbox.read(Path::new("/var/log/nginx/access.log"), 4096).await.unwrap();
        assert!(String::from_utf8(log).unwrap().contains("198.51.100.77"));
        let master = sandbox.processes().into_iter().find(|(_, title)| title.starts_with("nginx: master"));
        assert!(master.is_some(), "{:?}", sandbox.processes());
        sandbox.stop().await;
    });
}

fn reload_serves_the_other_tree_and_goes_back() {
    let old = tree(&http("server { listen 80; return 200 old; }"));
    let new = tree(&http("server { listen 80; return 200 new; }"));
    in_every_mode(async |mode| {
        let mut spec = spec(old.path());
        spec.mode = Some(mode);
        spec.trees.push(new.path().to_owned());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let pid = running(start(&sandbox).await);
        for (tree, says) in [(1, "new"), (0, "old"), (1, "new")] {
            sandbox.exchange(tree).await.unwrap();
            sandbox.signal(pid, Signal::SIGHUP).await.unwrap();
            let serves = async || get(&sandbox, None, HOST, "/").await.ends_with(says);
            eventually(serves, says).await;
        }
        assert!(sandbox.exchange(2).await.is_err());
        assert!(sandbox.signal(1, Signal::SIGHUP).await.is_err());
        assert!(sandbox.signal(std::process::id().cast_signed(), Signal::SIGHUP).await.is_err());
    });
}

fn reload_that_cannot_bind_leaves_the_old_tree_serving() {
    let old = tree(&http("server { listen 203.0.113.10:80; return 200 old; }"));
    let new = tree(&http("server { listen 80; return 200 new; }"));
    block_on(async {
        let mut spec = spec(old.path());
        spec.trees.push(new.path().to_owned());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let pid = running(start(&sandbox).await);
        sandbox.exchange(1).await.unwrap();
        sandbox.signal(pid, Signal::SIGHUP).await.unwrap();
        let refused = async || error_log(&sandbox).await.contains("still could not bind()");
        eventually(refused, "nginx gives up").await;
        assert!(get(&sandbox, None, HOST, "/").await.ends_with("old"));
    });
}

fn nginx_that_refuses_says_why() {
    for (conf, says) in [
        ("server { listen 80; nonsense; }", "unknown directive \"nonsense\""),
        ("server { listen 203.0.113.99:81; }", "bind() to 203.0.113.99:81 failed (99: Cannot assign"),
        ("server { listen 80; access_log /nowhere/a.log; }", "open() \"/nowhere/a.log\" failed (2:"),
    ] {
        let tree = tree(&http(conf));
        block_on(async {
            let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
            match start(&sandbox).await {
                Started::Refused { status, output } => {
                    assert_eq!(status, 1);
                    let output = String::from_utf8(output).unwrap();
                    assert!(output.contains(says), "{output}");
                }
                other => panic!("{other:?}"),
            }
        });
    }
    let tree = tree(&format!("user nobody-has-this-name;{}", &http("")["user www-data;".len()..]));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let started = start(&sandbox).await;
        assert!(
            matches!(&started, Started::Refused { output, .. }
                if String::from_utf8_lossy(output).contains("getpwnam(\"nobody-has-this-name\") failed")),
            "{started:?}"
        );
    });
}

fn nginx_in_the_foreground_runs() {
    let tree = tree(&format!("daemon off;{}", http("server { listen 80; return 200 here; }")));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        running(start(&sandbox).await);
        assert!(get(&sandbox, None, HOST, "/").await.ends_with("here"));
    });
}

fn nginx_without_a_master_runs() {
    for daemon in ["on", "off"] {
        let conf = format!(
            "master_process off; daemon {daemon};{}",
            http("server { listen 80; return 200 alone; }")
        );
        let tree = tree(&conf);
        block_on(async {
            let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
            running(start(&sandbox).await);
            assert!(get(&sandbox, None, HOST, "/").await.ends_with("alone"));
            assert_eq!(sandbox.processes().len(), 1);
        });
    }
}

fn five_hundred_listeners_answer() {
    let listens: String = (0..500).map(|n| format!("listen {};", 10_000 + n)).collect();
    let tree = tree(&http(&format!("server {{ {listens} return 200 $server_port; }}")));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let mut stubs = Vec::new();
        for port in 20_000..20_500 {
            stubs.push(sandbox.listen(Side::World, SocketAddr::from(([0; 16], port))).await.unwrap());
        }
        match start(&sandbox).await {
            // Every listener wants a connection of the 512 that a worker has.
            Started::Running { .. } => {
                assert!(get(&sandbox, None, "203.0.113.10:10499", "/").await.ends_with("10499"));
            }
            other => panic!("{other:?}"),
        }
    });
}

fn unix_sockets_are_made_where_they_are_wanted() {
    let tree = tree(&http(
        "server { listen 80; listen unix:/run/front.sock; location / { return 200 front; }
         location /app { proxy_pass http://unix:/srv/app/run/app.sock:/; } }",
    ));
    in_every_mode(async |mode| {
        let mut spec = spec(tree.path());
        spec.mode = Some(mode);
        let sandbox = Sandbox::start(spec).await.unwrap();
        let path = Path::new("/srv/app/run/app.sock");
        drop(sandbox.listen_unix(path).await.unwrap());
        let stub = sandbox.listen_unix(path).await.unwrap();
        running(start(&sandbox).await);
        let listener =
            tokio::net::UnixListener::from_std(std::os::unix::net::UnixListener::from(stub)).unwrap();
        let stub = async { answer(listener.accept().await.unwrap().0).await };
        let (said, ()) = tokio::join!(get(&sandbox, None, HOST, "/app"), stub);
        assert!(said.ends_with("from the stub"), "{said}");
        let front = sandbox.connect_unix(Path::new("/run/front.sock")).await.unwrap();
        assert!(ask(front, "/").await.ends_with("front"));
    });
}

fn stopped_nginx_starts_again() {
    let tree = tree(&http("server { listen 80; listen unix:/run/front.sock; return 200 again; }"));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        for _ in 0..3 {
            running(start(&sandbox).await);
            assert!(get(&sandbox, None, HOST, "/").await.ends_with("again"));
            sandbox.stop_nginx().await;
            assert_eq!(sandbox.processes(), []);
            let refused = sandbox.connect(None, HOST.parse().unwrap()).await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        }
    });
}

fn missing_working_directory_is_seen_as_on_the_host() {
    let old = tree(&http("server { listen 80; return 200 old; }"));
    let new = tree(&format!("working_directory /nowhere;{}", http("server { listen 80; return 200 new; }")));
    block_on(async {
        let mut spec = spec(old.path());
        spec.trees.push(new.path().to_owned());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let pid = running(start(&sandbox).await);
        sandbox.exchange(1).await.unwrap();
        sandbox.signal(pid, Signal::SIGHUP).await.unwrap();
        let dead = async || error_log(&sandbox).await.contains("chdir(\"/nowhere\") failed");
        eventually(dead, "workers die").await;
    });
}

fn tree_may_stand_anywhere() {
    let tree = tree("# replaced below");
    for config_dir in [
        "/opt/not/there/yet/conf",
        "/home/someone/nginx",
        "/usr/share/nginx",
        "/etc/nginx/deep/in",
        "/var/run/conf",
        "/bin/conf",
    ] {
        let conf = http("server { listen 80; include sites/*; }");
        std::fs::create_dir_all(tree.path().join("sites")).unwrap();
        std::fs::write(tree.path().join("nginx.conf"), conf).unwrap();
        std::fs::write(tree.path().join("sites/a"), format!("return 200 {config_dir};")).unwrap();
        block_on(async {
            let mut spec = spec(tree.path());
            spec.config_dir = PathBuf::from(config_dir);
            let sandbox = Sandbox::start(spec).await.unwrap();
            let args = ["-c".to_owned(), format!("{config_dir}/nginx.conf")];
            running(sandbox.start_nginx(Path::new(NGINX), &args).await.unwrap());
            assert!(get(&sandbox, None, HOST, "/").await.ends_with(config_dir));
        });
    }
}

fn files_of_our_own_cover_those_of_the_machine() {
    let tree = tree(&http("server { listen 80; }"));
    std::fs::write(tree.path().join("secret.key"), "the real key").unwrap();
    block_on(async {
        let mut spec = spec(tree.path());
        let file = |path: &str| (PathBuf::from(path), b"ours".to_vec(), 0o600);
        let ours = [
            "/etc/ssl/new/deep/cert.pem",
            "/etc/hostname",
            "/etc/nginx/made/cert.pem",
            "/etc/nginx/nginx.conf",
        ];
        spec.files = ours.map(file).to_vec();
        spec.hidden = ["/etc/nginx/secret.key", "/usr/share/doc", "/not/there"].map(PathBuf::from).to_vec();
        spec.hosts = vec![("app.internal".to_owned(), "10.0.0.5".parse().unwrap())];
        let sandbox = Sandbox::start(spec).await.unwrap();
        let read = async |path: &str| {
            let bytes = sandbox.read(Path::new(path), 64 << 10).await;
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        for path in ours {
            assert_eq!(read(path).await.unwrap(), "ours", "{path}");
        }
        assert_ne!(read("/etc/nginx/secret.key").await.unwrap_or_default(), "the real key");
        assert!(read("/etc/hosts").await.unwrap().starts_with("10.0.0.5 app.internal\n"));
        assert!(read("/etc/resolv.conf").await.unwrap().starts_with("nameserver 127.0.0.53\n"));
        assert!(read("/etc/passwd").await.unwrap().contains("www-data:"));
        // What stood beside is still there.
        use evenkeel_model::FileKind::{Absent, Directory, File};
        for (path, kind) in [
            ("/etc/ssl", Directory),
            ("/etc/ssl/openssl.cnf", File),
            ("/usr/share/doc/nginx", Absent),
            ("/not/there", Absent),
            ("/run/nginx.pid", Absent),
        ] {
            assert_eq!(sandbox.kind(Path::new(path)).await, kind, "{path}");
        }
    });
    assert_eq!(std::fs::read_to_string(tree.path().join("secret.key")).unwrap(), "the real key");
    assert!(!tree.path().join("made").exists());
}

fn upstream_on_the_hosts_loopback_is_asked_there() {
    let tree = tree(&http(
        "server { listen 127.0.0.1:81; return 200 inner; }
         server { listen 80; location / { proxy_pass http://127.0.0.1:9100; } }",
    ));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let stub = sandbox.listen(Side::Host, "127.0.0.1:9100".parse().unwrap()).await.unwrap();
        running(start(&sandbox).await);
        let (said, (asked, _)) = tokio::join!(get(&sandbox, None, HOST, "/"), answer_once(stub));
        assert!(said.ends_with("from the stub"), "{said}");
        assert_eq!(asked, "127.0.0.1:9100".parse().unwrap());
        assert!(get(&sandbox, Some("198.51.100.9"), "127.0.0.1:81", "/").await.ends_with("inner"));
        let taken = sandbox.listen(Side::Host, HOST.parse().unwrap()).await.unwrap_err();
        assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    });
}

fn connections_from_addresses_of_clients_get_no_answer() {
    let tree = tree(&http(
        "server { listen 80; proxy_connect_timeout 200ms; proxy_bind $remote_addr transparent;
         location / { proxy_pass http://10.0.0.5:8080; } }",
    ));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let _stub = sandbox.listen(Side::World, "[::]:8080".parse().unwrap()).await.unwrap();
        running(start(&sandbox).await);
        let answer = get(&sandbox, None, HOST, "/").await;
        assert!(answer.starts_with("HTTP/1.1 504"), "{answer} {}", error_log(&sandbox).await);
        assert!(sandbox.differences().iter().any(|one| one.contains("transparent")));
    });
}

/// Prints how long it takes from nothing to the first answer, and back to nothing.
pub(crate) fn measure() -> ExitCode {
    const TIMES: usize = 30;
    let tree = tree(&http("server { listen 80; return 200 here; }"));
    for mode in [Mode::Ident, Mode::Subid, Mode::Alias, Mode::Shift] {
        let mut rows: Vec<[Duration; 4]> = Vec::new();
        for _ in 0..TIMES {
            let mut spec = spec(tree.path());
            spec.mode = Some(mode);
            let began = Instant::now();
            let Ok(sandbox) = block_on(Sandbox::start(spec)) else { break };
            let stands = began.elapsed();
            drop(sandbox);
            let mut spec = self::spec(tree.path());
            spec.mode = Some(mode);
            let began = Instant::now();
            let (runs, answers, ends) = block_on(async move {
                let sandbox = Sandbox::start(spec).await.unwrap();
                running(start(&sandbox).await);
                let runs = began.elapsed();
                assert!(get(&sandbox, None, HOST, "/").await.ends_with("here"));
                let answers = began.elapsed();
                sandbox.stop().await;
                (runs, answers, began.elapsed() - answers)
            });
            rows.push([stands, runs, answers, ends]);
        }
        if rows.is_empty() {
            continue;
        }
        let median = |column: usize| {
            let mut all: Vec<Duration> = rows.iter().map(|row| row[column]).collect();
            all.sort_unstable();
            format!("{:.1}/{:.1}/{:.1} ms", ms(all[0]), ms(all[all.len() / 2]), ms(all[all.len() - 1]))
        };
        println!(
            "{mode}: stands {}, runs {}, answers {}, is gone after {} (least/median/most of {TIMES})",
            median(0),
            median(1),
            median(2),
            median(3)
        );
    }
    ExitCode::SUCCESS
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
