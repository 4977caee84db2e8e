//! What a real nginx makes of the stubs.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Instant;

use evenkeel_model::Request;
use evenkeel_rehearsal::certificates::{Authority, self_signed};
use evenkeel_rehearsal::client::{Answer, AskError, ask};
use evenkeel_rehearsal::stub::{Behaviour, StubKind, Zone};
use tokio::net::TcpStream;

use super::private::{Nginx, free_port};
use super::{PATIENCE, Test, get, stub, stubs, within_patience};

pub(crate) const TESTS: &[Test] = &[
    ("every_protocol_answers_through_nginx", every_protocol_answers_through_nginx),
    ("one_stub_speaks_whatever_it_is_spoken_to_in", one_stub_speaks_whatever_it_is_spoken_to_in),
    ("verified_tls_reaches_the_stub_with_its_name", verified_tls_reaches_the_stub_with_its_name),
    ("client_shakes_hands_with_any_certificate_and_the_name_of_the_request", client_shakes_hands),
    ("names_are_resolved_by_the_stub", names_are_resolved_by_the_stub),
    ("backup_answers_for_a_stub_that_was_closed", backup_answers_for_a_stub_that_was_closed),
    ("upgrade_goes_through", upgrade_goes_through),
    ("round_trip_does_not_wait_for_acknowledgements", round_trip_does_not_wait),
];

/// An nginx with these lines in its only server, and where it listens.
fn nginx(lines: &str) -> (Nginx, SocketAddr) {
    server(|port| format!("server {{ listen 127.0.0.1:{port}; {lines} }}"))
}

fn server(text: impl FnOnce(u16) -> String) -> (Nginx, SocketAddr) {
    let mut nginx = Nginx::new();
    let port = free_port();
    nginx.write("conf.d/site.conf", &text(port));
    nginx.start();
    (nginx, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// What the body of an answer tells.
fn told(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer.body)))
}

fn every_protocol_answers_through_nginx() {
    within_patience(async {
        let stubs = stubs();
        let (_, http) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let (_, fastcgi) = stub(&stubs, StubKind::Fastcgi, "php").await;
        let (_, uwsgi) = stub(&stubs, StubKind::Uwsgi, "python").await;
        let (_, scgi) = stub(&stubs, StubKind::Scgi, "ruby").await;
        let (_, memcached) = stub(&stubs, StubKind::Memcached, "cache").await;
        let (_nginx, at) = nginx(&format!(
            "location /http {{ proxy_pass http://{http}/base; proxy_set_header X-By $server_port; }}
             location /fastcgi {{ fastcgi_param REQUEST_URI $request_uri; fastcgi_param SCRIPT_NAME x; fastcgi_pass {fastcgi}; }}
             location /uwsgi {{ uwsgi_param REQUEST_URI $request_uri; uwsgi_pass {uwsgi}; }}
             location /scgi {{ scgi_param REQUEST_URI $request_uri; scgi_pass {scgi}; }}
             location /memcached {{ set $memcached_key key:$uri; memcached_pass {memcached}; }}"
        ));
        for (path, name, protocol, target, local) in [
            ("/http/a?b=1", "web", "http", "/base/a?b=1", http),
            ("/fastcgi/a", "php", "fastcgi", "/fastcgi/a", fastcgi),
            ("/uwsgi/a", "python", "uwsgi", "/uwsgi/a", uwsgi),
            ("/scgi/a", "ruby", "scgi", "/scgi/a", scgi),
            ("/memcached/a", "cache", "memcached", "key:/memcached/a", memcached),
        ] {
            let answer = get(at, &format!("http://a.test{path}")).await.unwrap();
            assert_eq!(answer.status, 200, "{path}");
            let body = told(&answer);
            assert_eq!((&body["protocol"], &body["target"]), (&protocol.into(), &target.into()), "{body}");
            assert_eq!(body["local"], local.to_string(), "{body}");
            if protocol != "memcached" {
                assert_eq!(answer.header("x-evenkeel-stub"), Some(name), "{path}");
            }
            let seen = stubs.seen().await.unwrap();
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert_eq!((&seen[0].name[..], &seen[0].target[..]), (name, target));
            assert_eq!(serde_json::to_value(&seen[0]).unwrap(), body);
        }
        assert_eq!(stubs.seen().await.unwrap(), []);
    });
}

fn one_stub_speaks_whatever_it_is_spoken_to_in() {
    within_patience(async {
        let stubs = stubs();
        let tls = Some(self_signed(["app.test"]).unwrap());
        let (_, any) = stub(&stubs, StubKind::Any { tls }, "any").await;
        let (_nginx, at) = server(|port| {
            format!(
                "server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{} http2;
                    location /http {{ proxy_pass http://{any}; }}
                    location /https {{ proxy_pass https://{any}; }}
                    location /grpc {{ grpc_pass grpc://{any}; }}
                    location /grpcs {{ grpc_pass grpcs://{any}; }}
                    location /fastcgi {{ fastcgi_param REQUEST_URI $request_uri; fastcgi_pass {any}; }}
                    location /uwsgi {{ uwsgi_param REQUEST_URI $request_uri; uwsgi_pass {any}; }}
                    location /scgi {{ scgi_param REQUEST_URI $request_uri; scgi_pass {any}; }}
                    location /memcached {{ set $memcached_key x; memcached_pass {any}; }} }}",
                free_port()
            )
        });
        for path in ["http", "https", "fastcgi", "uwsgi", "scgi", "memcached", "grpc", "grpcs"] {
            let mut request = Request::parse(&format!("GET http://a.test/{path}")).unwrap();
            if path.starts_with("grpc") {
                request.headers.push((b"Content-Type".to_vec(), b"application/grpc".to_vec()));
                request.headers.push((b"TE".to_vec(), b"trailers".to_vec()));
            }
            let answer = ask(TcpStream::connect(at).await.unwrap(), &request, PATIENCE).await.unwrap();
            let seen = stubs.seen().await.unwrap();
            let protocol = path.trim_end_matches('s');
            assert_eq!((answer.status, seen.len()), (200, 1), "{path}: {seen:?}");
            assert_eq!((&seen[0].protocol[..], seen[0].tls), (protocol, path.ends_with('s')), "{path}");
            if protocol == "grpc" {
                assert_eq!(answer.body, [0; 5], "an empty message");
                assert_eq!(answer.header("content-type"), Some("application/grpc"));
            } else {
                assert_eq!(told(&answer)["name"], "any", "{path}");
            }
        }
    });
}

fn verified_tls_reaches_the_stub_with_its_name() {
    within_patience(async {
        let stubs = stubs();
        let authority = Authority::new().unwrap();
        let tls = Some(authority.issue(["app.test"]).unwrap());
        let (_, https) = stub(&stubs, StubKind::Http { tls }, "secure").await;
        let (nginx, at) = {
            let mut nginx = Nginx::new();
            nginx.write("authority.pem", &authority.pem());
            let (port, conf) = (free_port(), nginx.path("conf"));
            let conf = conf.display();
            nginx.write(
                "conf.d/site.conf",
                &format!(
                    "upstream app.test {{ server {https}; }}
                     server {{ listen 127.0.0.1:{port}; proxy_ssl_server_name on; proxy_ssl_verify on;
                        proxy_ssl_trusted_certificate {conf}/authority.pem;
                        location / {{ proxy_pass https://app.test; }}
                        location /other {{ proxy_pass https://app.test; proxy_ssl_name other.test; }} }}"
                ),
            );
            nginx.start();
            (nginx, SocketAddr::from(([127, 0, 0, 1], port)))
        };
        let answer = get(at, "http://a.test/x").await.unwrap();
        assert_eq!(answer.status, 200, "{}", nginx.log());
        assert_eq!((&told(&answer)["tls"], &told(&answer)["sni"]), (&true.into(), &"app.test".into()));
        assert_eq!(
            get(at, "http://a.test/other").await.unwrap().status,
            502,
            "the certificate has another name"
        );
    });
}

fn client_shakes_hands() {
    within_patience(async {
        let mut nginx = Nginx::new();
        let identity = self_signed(["a.test"]).unwrap();
        nginx.write("a.pem", &identity.certificate);
        nginx.write("a.key", &identity.key);
        let (port, conf) = (free_port(), nginx.path("conf"));
        let conf = conf.display();
        let certificate = format!("ssl_certificate {conf}/a.pem; ssl_certificate_key {conf}/a.key;");
        nginx.write(
            "conf.d/site.conf",
            &format!(
                "server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}
                 server {{ listen 127.0.0.1:{port} ssl; server_name a.test; {certificate} return 200 $ssl_server_name; }}"
            ),
        );
        nginx.start();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let answer = get(at, "https://a.test/").await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"a.test"[..]));
        let refused = get(at, "https://b.test/").await.unwrap_err();
        assert!(matches!(&refused, AskError::Handshake { .. }), "{refused}");
        let mut nameless = Request::parse("GET https://a.test/").unwrap();
        nameless.sni = None;
        let refused = ask(TcpStream::connect(at).await.unwrap(), &nameless, PATIENCE).await.unwrap_err();
        assert!(matches!(&refused, AskError::Handshake { .. }), "{refused}");
    });
}

fn names_are_resolved_by_the_stub() {
    within_patience(async {
        let stubs = stubs();
        let (_, web) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let zone = Zone { names: [("app.test".to_owned(), vec![web.ip()])].into(), others_exist: false };
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = udp.local_addr().unwrap();
        stubs.serve(udp.into(), StubKind::Dns(zone), "names").await.unwrap();
        let (_nginx, at) = nginx(&format!(
            "resolver {resolver}; resolver_timeout 5s; proxy_pass_request_headers off;
             location / {{ set $where app.test; proxy_pass http://$where:{}; }}
             location /absent {{ set $where absent.test; proxy_pass http://$where:{}; }}",
            web.port(),
            web.port()
        ));
        let answer = get(at, "http://a.test/x").await.unwrap();
        assert_eq!(
            (answer.status, &told(&answer)["host"]),
            (200, &format!("app.test:{}", web.port()).into())
        );
        assert_eq!(get(at, "http://a.test/absent").await.unwrap().status, 502);
        let seen = stubs.seen().await.unwrap();
        let asked = |name: &str| seen.iter().any(|seen| seen.protocol == "dns" && seen.target == name);
        assert!(asked("app.test") && asked("absent.test"), "{seen:?}");
    });
}

fn backup_answers_for_a_stub_that_was_closed() {
    within_patience(async {
        let stubs = stubs();
        let (first, one) = stub(&stubs, StubKind::Http { tls: None }, "first").await;
        let (_, two) = stub(&stubs, StubKind::Http { tls: None }, "second").await;
        let (_nginx, at) = server(|port| {
            format!(
                "upstream app {{ server {one} max_fails=0; server {two} backup; keepalive 4; }}
                 server {{ listen 127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Connection '';
                    location / {{ proxy_pass http://app; proxy_next_upstream error timeout http_503; }} }}"
            )
        });
        let answers = async |expected: &str| {
            let answer = get(at, "http://a.test/x").await.unwrap();
            assert_eq!(answer.header("x-evenkeel-stub"), Some(expected));
        };
        answers("first").await;
        stubs.behave(first, Behaviour::Status(503)).await.unwrap();
        answers("second").await;
        stubs.behave(first, Behaviour::Close).await.unwrap();
        answers("second").await;
        stubs.behave(first, Behaviour::Echo).await.unwrap();
        answers("first").await;
        stubs.close(first).await.unwrap();
        assert!(TcpStream::connect(one).await.is_err(), "a closed stub refuses");
        answers("second").await;
        assert!(stubs.close(first).await.is_err(), "it is closed once");
    });
}

fn upgrade_goes_through() {
    within_patience(async {
        let stubs = stubs();
        let (_, web) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let (_nginx, at) = nginx(&format!(
            "location / {{ proxy_pass http://{web}; proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}"
        ));
        let mut request = Request::parse("GET http://a.test/socket").unwrap();
        request.headers.push((b"Upgrade".to_vec(), b"websocket".to_vec()));
        request.headers.push((b"Connection".to_vec(), b"upgrade".to_vec()));
        let answer = ask(TcpStream::connect(at).await.unwrap(), &request, PATIENCE).await.unwrap();
        assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
        assert_eq!(answer.header("x-evenkeel-stub"), Some("web"));
    });
}

fn round_trip_does_not_wait() {
    within_patience(async {
        let stubs = stubs();
        let (web, at) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let socket = tempfile::tempdir().unwrap();
        let path = socket.path().join("app.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        stubs.serve(listener.into(), StubKind::Http { tls: None }, "unix").await.unwrap();
        allow_everybody(socket.path(), &path);
        let (_nginx, front) = nginx(&format!(
            "location / {{ proxy_pass http://{at}; }} location /unix {{ proxy_pass http://unix:{}; }}",
            path.display()
        ));
        for url in ["http://a.test/", "http://a.test/unix"] {
            for behaviour in [Behaviour::Echo, Behaviour::Headers(2000)] {
                stubs.behave(web, behaviour).await.unwrap();
                let mut took = Vec::new();
                for _ in 0..100 {
                    let started = Instant::now();
                    assert_eq!(get(front, url).await.unwrap().status, 200);
                    took.push(started.elapsed());
                }
                took.sort_unstable();
                // A wait for a delayed acknowledgement is 40 ms.
                assert!(took[50].as_millis() < 20, "{url}, {behaviour:?}: {took:?}");
            }
        }
        let seen = stubs.seen().await.unwrap();
        assert!(
            seen.iter().any(|seen| seen.local == format!("unix:{}", path.display())),
            "{:?}",
            seen.last()
        );
    });
}

/// Lets the workers of nginx connect, whoever they are.
fn allow_everybody(directory: &Path, socket: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777)).unwrap();
}
