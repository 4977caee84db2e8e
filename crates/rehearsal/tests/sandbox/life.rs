//! What a sandbox is for: a tree under a real nginx, asked over sockets that were made inside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use evenkeel_rehearsal::sandbox::{Sandbox, Side, Spec, Started};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Test, block_on};

pub(crate) const TESTS: &[Test] = &[(
    "client_of_the_world_reaches_nginx_and_nginx_its_upstream",
    client_of_the_world_reaches_nginx_and_nginx_its_upstream,
)];

pub(crate) const NGINX: &str = "/usr/sbin/nginx";

/// A directory with one file, `nginx.conf`.
pub(crate) fn tree(conf: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join("nginx.conf"), conf).unwrap();
    directory
}

pub(crate) fn spec(tree: &Path) -> Spec {
    let mut spec = Spec::new("/etc/nginx", tree);
    spec.nginx = vec![PathBuf::from(NGINX)];
    spec.addresses = Some(vec!["203.0.113.10".parse().unwrap()]);
    spec
}

/// Asks for a path and gives the whole answer.
pub(crate) async fn get(sandbox: &Sandbox, from: Option<&str>, to: &str, path: &str) -> String {
    let from = from.map(|from| from.parse().unwrap());
    let mut stream = sandbox.connect(from, to.parse().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: a.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Answers one connection and says whom it asked for.
pub(crate) async fn answer_once(listener: std::os::fd::OwnedFd) -> (SocketAddr, SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener.into()).unwrap();
    let (mut stream, from) = listener.accept().await.unwrap();
    let asked = stream.local_addr().unwrap();
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfrom the stub").await.unwrap();
    (asked, from)
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

const PROXY: &str = r"
user www-data;
error_log /var/log/nginx/error.log;
pid /run/nginx.pid;
events {}
http {
    access_log /var/log/nginx/access.log;
    server {
        listen 80;
        location / { return 200 hello-$remote_addr; }
        location /up { proxy_pass http://10.0.0.5:8080; }
    }
}
";

fn client_of_the_world_reaches_nginx_and_nginx_its_upstream() {
    let tree = tree(PROXY);
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let stub = sandbox.listen(Side::World, "[::]:8080".parse().unwrap()).await.unwrap();
        running(sandbox.start_nginx(Path::new(NGINX), &[]).await.unwrap());
        let answer = get(&sandbox, Some("198.51.100.77"), "203.0.113.10:80", "/").await;
        assert!(answer.ends_with("hello-198.51.100.77"), "{answer}");
        let (answer, (asked, from)) =
            tokio::join!(get(&sandbox, None, "203.0.113.10:80", "/up"), answer_once(stub));
        assert!(answer.ends_with("from the stub"), "{answer}");
        assert_eq!(asked, "[::ffff:10.0.0.5]:8080".parse().unwrap());
        assert!(from.to_string().contains("203.0.113.10"), "{from}");
        let log = sandbox.read(Path::new("/var/log/nginx/access.log"), 4096).await.unwrap();
        assert!(String::from_utf8(log).unwrap().contains("198.51.100.77"));
        sandbox.stop().await;
    });
}
