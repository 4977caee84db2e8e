//! What nginx answers by itself.

use evenkeel_diagnosis::Confidence;
use evenkeel_diagnosis::evidence::{Direct, Routed};

use crate::app::{App, OK};
use crate::case::{Case, PLAIN, play};

#[test]
fn body_too_large() {
    let request =
        "POST /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n";
    play(&Case {
        cause: "body-too-large",
        server: "location / { proxy_pass http://{APP}; }",
        request,
        ..PLAIN
    });
}

#[test]
fn user_unknown() {
    play(&Case {
        cause: "password-wrong",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        // u:p
        request: "GET / HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic dTpw\r\nConnection: close\r\n\r\n",
        before: |stage| std::fs::write(stage.path().join("users"), "v:{PLAIN}p\n").unwrap(),
        ..PLAIN
    });
}

#[test]
fn password_mismatch() {
    play(&Case {
        cause: "password-wrong",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        request: "GET / HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic dTpw\r\nConnection: close\r\n\r\n",
        before: |stage| std::fs::write(stage.path().join("users"), "u:{PLAIN}q\n").unwrap(),
        ..PLAIN
    });
}

#[test]
fn password_file_missing() {
    play(&Case {
        cause: "password-file-missing",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        request: "GET / HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic dTpw\r\nConnection: close\r\n\r\n",
        ..PLAIN
    });
}

#[test]
fn forbidden_by_rule() {
    play(&Case { cause: "forbidden-by-rule", server: "deny all;", ..PLAIN });
}

#[test]
fn index_missing() {
    let request = "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
    play(&Case { cause: "index-missing", request, ..PLAIN });
}

#[test]
fn file_not_readable() {
    play(&Case {
        cause: "file-not-readable",
        before: |stage| {
            use std::os::unix::fs::PermissionsExt as _;
            let file = stage.path().join("www/cart");
            std::fs::write(&file, "cart").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
        },
        ..PLAIN
    });
}

#[test]
fn file_missing() {
    play(&Case { cause: "file-missing", direct: false, ..PLAIN });
}

#[test]
fn configuration_says_404() {
    play(&Case {
        cause: "configuration-says-404",
        server: "location /cart { return 404; }",
        direct: false,
        known: |_, evidence| {
            evidence.route = Some(Routed {
                location: Some(String::from("/cart")),
                returns: Some(404),
                ..Routed::default()
            });
        },
        ..PLAIN
    });
}

#[test]
fn application_has_the_path_and_no_location_sends_it_there() {
    play(&Case {
        cause: "no-location-for-route",
        server: "location /shop/ { proxy_pass http://{APP}; }",
        direct: false,
        known: |stage, evidence| {
            evidence.route = Some(Routed { location: Some(String::from("/")), ..Routed::default() });
            let answer = crate::ask::ask(stage.at(1), b"GET /cart HTTP/1.0\r\n\r\n");
            let at = stage.at(1).to_string();
            let because = Some(String::from("location /shop/ sends requests there"));
            evidence.direct =
                Some(vec![Direct { at, configured: false, because, failure: answer.failure, took_ms: 1 }]);
        },
        app: OK,
        ..PLAIN
    });
}

#[test]
fn redirect_to_itself() {
    play(&Case { cause: "redirect-to-itself", server: "return 301 http://shop.test$request_uri;", ..PLAIN });
}

#[test]
fn redirect_cycle() {
    let server = "location / { try_files /nothing /nothing/index; error_page 404 /cart; error_page 500 /x; rewrite ^ /cart; }";
    play(&Case { cause: "redirect-cycle", server, ..PLAIN });
}

#[test]
fn named_location_missing() {
    let server = "location / { error_page 404 = @app; }";
    play(&Case { cause: "named-location-missing", server, ..PLAIN });
}

#[test]
fn auth_request_fails() {
    let server = "location / { auth_request /auth; } location = /auth { return 503; }";
    play(&Case { cause: "auth-request-fails", server, ..PLAIN });
}

#[test]
fn requests_limited_by_the_address_of_the_balancer() {
    play(&Case {
        cause: "limit-key-is-balancer",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
        server: "limit_req zone=one; location / { proxy_pass http://{APP}; }",
        times: 30,
        known: |_, evidence| evidence.access.as_mut().unwrap()[0].clients = 1,
        ..PLAIN
    });
}

#[test]
fn requests_limited() {
    play(&Case {
        cause: "requests-limited",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
        server: "limit_req zone=one; location / { proxy_pass http://{APP}; }",
        times: 30,
        known: |_, evidence| evidence.access.as_mut().unwrap()[0].clients = 30,
        ..PLAIN
    });
}

#[test]
fn connections_limited() {
    play(&Case {
        cause: "connections-limited",
        http: "limit_conn_zone $server_name zone=many:1m;",
        server: "limit_conn many 1; location / { proxy_pass http://{APP}; proxy_read_timeout 3s; }",
        app: App::Silent,
        direct: false,
        meanwhile: |stage| {
            use std::io::Write as _;
            let mut held = std::net::TcpStream::connect(stage.at(0)).unwrap();
            held.write_all(b"GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
            // The server name is counted from the headers on: this one is, when the next is answered after it.
            std::thread::spawn(move || {
                use std::io::Read as _;
                drop(held.read(&mut [0; 100]));
            });
        },
        times: 2,
        ..PLAIN
    });
}

#[test]
fn regex_explodes() {
    play(&Case {
        cause: "regex-explodes",
        main: "pcre_jit off;",
        server: "location ~ ^/(a+)+$ { return 200; }",
        request: "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
        ..PLAIN
    });
}

#[test]
fn worker_connections_exhausted() {
    play(&Case {
        cause: "worker-connections-exhausted",
        main: "events { worker_connections 8; }",
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 20s; }",
        app: App::Silent,
        direct: false,
        meanwhile: |stage| {
            use std::io::Write as _;
            let held: Vec<_> = (0..12)
                .filter_map(|_| {
                    let mut stream = std::net::TcpStream::connect(stage.at(0)).ok()?;
                    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").ok()?;
                    Some(stream)
                })
                .collect();
            stage.wait_for("worker_connections are not enough");
            // Held until the process of the test ends.
            std::mem::forget(held);
        },
        ..PLAIN
    });
}

#[test]
fn descriptors_exhausted() {
    play(&Case {
        cause: "descriptors-exhausted",
        main: "worker_rlimit_nofile 12;",
        server: "location / { return 200 ok; }",
        meanwhile: |stage| {
            let held: Vec<_> =
                (0..20).filter_map(|_| std::net::TcpStream::connect(stage.at(0)).ok()).collect();
            stage.wait_for("(24: ");
            std::mem::forget(held);
        },
        ..PLAIN
    });
}

#[test]
fn request_header_too_long() {
    let request = Box::leak(
        format!(
            "GET / HTTP/1.1\r\nHost: shop.test\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            "a".repeat(40_000)
        )
        .into_boxed_str(),
    );
    play(&Case { cause: "request-header-too-long", level: "info", request, ..PLAIN });
}

#[test]
fn uri_too_long() {
    let request = Box::leak(
        format!("GET /{} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n", "a".repeat(40_000))
            .into_boxed_str(),
    );
    play(&Case { cause: "uri-too-long", level: "info", request, ..PLAIN });
}

#[test]
fn no_host_header() {
    let request = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    play(&Case { cause: "host-header-bad", level: "info", request, ..PLAIN });
}

#[test]
fn bytes_that_are_no_http() {
    let request = "\u{16}\u{3}\u{1} hello\r\n\r\n";
    play(&Case { cause: "request-not-http", level: "info", request, ..PLAIN });
}

#[test]
fn plain_request_to_a_tls_port() {
    play(&Case {
        cause: "plain-request-to-tls",
        level: "info",
        http: "",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/key.pem; return 200;",
        before: crate::stage::certificate,
        known: |stage, evidence| {
            let answer = crate::ask::ask(
                stage.at(4),
                b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
            );
            evidence.samples[0].failure = answer.failure;
            crate::case::read_error_log(&stage.log("error.log"), evidence);
            evidence.note_answer("/", 400, evenkeel_diagnosis::evidence::Origin::Nginx, None);
        },
        ..PLAIN
    });
}

#[test]
fn closed_by_444() {
    play(&Case { cause: "closed-by-444", server: "return 444;", ..PLAIN });
}

#[test]
fn proxy_protocol_apart() {
    play(&Case {
        cause: "proxy-protocol-apart",
        http: "server { listen {TLS} proxy_protocol; return 200; }",
        known: |stage, evidence| {
            let answer = crate::ask::ask(stage.at(4), b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            evidence.samples[0].failure = answer.failure;
            crate::case::read_error_log(&stage.log("error.log"), evidence);
        },
        ..PLAIN
    });
}

#[test]
fn worker_killed() {
    play(&Case {
        cause: "worker-killed",
        main: "worker_processes 1;",
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 5s; }",
        app: App::Silent,
        direct: false,
        known: |stage, evidence| {
            use std::io::Write as _;
            let mut held = std::net::TcpStream::connect(stage.at(0)).unwrap();
            held.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
            stage.kill_workers();
            stage.wait_for("exited on signal 9");
            evidence.lines = None;
            crate::case::read_error_log(&stage.log("error.log"), evidence);
            evidence.samples[0].failure = Some(evenkeel_fleet::watch::Failure::Reset);
        },
        request: "GET /x HTTP/1.0\r\n\r\n",
        ..PLAIN
    });
}

#[test]
fn directory_for_bodies_is_gone() {
    play(&Case {
        cause: "temp-directory-not-writable",
        server: "location / { client_body_in_file_only on; client_body_temp_path {DIR}/bodies; proxy_pass http://{APP}; }",
        request: "POST / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
        meanwhile: |stage| {
            let bodies = stage.path().join("bodies");
            std::fs::remove_dir_all(&bodies).unwrap();
        },
        ..PLAIN
    });
}

#[test]
fn default_server_answers() {
    play(&Case {
        cause: "default-server-answers",
        request: "GET /cart HTTP/1.1\r\nHost: pay.test\r\nConnection: close\r\n\r\n",
        server: "location / { return 404; }",
        sure: Confidence::Likely,
        known: |_, evidence| {
            evidence.route =
                Some(Routed { server: String::from("shop.test"), by_default: true, ..Routed::default() });
            evidence.samples[0].failure =
                Some(evenkeel_fleet::watch::Failure::Content { reason: String::from("another page") });
        },
        ..PLAIN
    });
}

#[test]
fn healthy_files() {
    play(&Case { before: |stage| std::fs::write(stage.path().join("www/cart"), "cart").unwrap(), ..PLAIN });
}
