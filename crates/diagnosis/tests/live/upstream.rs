//! The way to an upstream, and back.

use evenkeel_diagnosis::Confidence;
use evenkeel_diagnosis::evidence::{Direct, Name, Routed};

use crate::app::{App, OK};
use crate::case::{Case, PLAIN, play};

const PROXY: &str =
    "location / { proxy_pass http://{APP}; proxy_connect_timeout 300ms; proxy_read_timeout 300ms; }";

#[test]
fn application_down() {
    play(&Case { cause: "application-down", server: PROXY, app: App::Nobody, ..PLAIN });
}

#[test]
fn wrong_port_while_the_application_answers_on_another() {
    play(&Case { cause: "upstream-address-wrong", server: PROXY, app: App::Nobody, other: OK, ..PLAIN });
}

#[test]
fn application_slow() {
    play(&Case { cause: "application-slow", server: PROXY, app: App::Silent, ..PLAIN });
}

#[test]
fn answer_stalls() {
    let app = App::Stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    play(&Case { cause: "answer-stalls", server: PROXY, app, ..PLAIN });
}

#[test]
fn answer_cut() {
    let app = App::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    play(&Case { cause: "answer-cut", server: PROXY, app, ..PLAIN });
}

#[test]
fn answer_with_chunks_that_are_none() {
    let app = App::Says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n");
    let server = "location / { proxy_http_version 1.1; proxy_pass http://{APP}; }";
    play(&Case { cause: "answer-chunks-invalid", server, app, ..PLAIN });
}

#[test]
fn application_closes() {
    play(&Case { cause: "application-closes", server: PROXY, app: App::Closes, ..PLAIN });
}

#[test]
fn application_resets() {
    play(&Case { cause: "application-resets", server: PROXY, app: App::Resets, ..PLAIN });
}

#[test]
fn answer_header_too_big() {
    play(&Case { cause: "answer-header-too-big", server: PROXY, app: App::Header(20_000), ..PLAIN });
}

#[test]
fn answer_header_invalid() {
    let app = App::Says(b"HTTP/1.1 200 OK\r\nX-\x01Bad: 1\r\nContent-Length: 0\r\n\r\n");
    play(&Case { cause: "answer-header-invalid", server: PROXY, app, ..PLAIN });
}

#[test]
fn upstream_speaks_no_http() {
    let app = App::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    play(&Case { cause: "upstream-speaks-no-http", server: PROXY, app, ..PLAIN });
}

#[test]
fn plain_http_to_an_upstream_that_wants_tls() {
    play(&Case {
        cause: "upstream-wants-tls",
        http: "server { listen {TLS} ssl; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/key.pem; return 200; }",
        server: "location / { proxy_pass http://{TLS}; }",
        before: crate::stage::certificate,
        direct: false,
        known: |stage, evidence| {
            let tls = |at: &str, configured, failure| Direct {
                at: at.to_owned(),
                configured,
                because: None,
                failure,
                took_ms: 1,
            };
            let plain = crate::ask::ask(stage.at(4), b"GET / HTTP/1.0\r\n\r\n").failure;
            let at = stage.at(4).to_string();
            assert!(stage.speaks_tls(4));
            evidence.direct = Some(vec![tls(&at, true, plain), tls(&format!("https://{at}"), false, None)]);
        },
        ..PLAIN
    });
}

#[test]
fn tls_to_an_upstream_that_speaks_none() {
    let server = "location / { proxy_pass https://{APP}; }";
    play(&Case {
        cause: "upstream-speaks-no-tls",
        server,
        app: App::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ..PLAIN
    });
}

#[test]
fn no_tls_version_in_common_with_the_upstream() {
    play(&Case {
        cause: "upstream-tls-versions-apart",
        http: "server { listen {TLS} ssl; ssl_protocols TLSv1.3; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/key.pem; return 200; }",
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_protocols TLSv1.2; }",
        before: crate::stage::certificate,
        direct: false,
        ..PLAIN
    });
}

#[test]
fn certificate_of_the_upstream_is_not_trusted() {
    play(&Case {
        cause: "upstream-certificate-bad",
        http: "server { listen {TLS} ssl; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/key.pem; return 200; }",
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_verify on; proxy_ssl_name shop.test; proxy_ssl_trusted_certificate {DIR}/other.pem; }",
        before: crate::stage::certificate,
        direct: false,
        ..PLAIN
    });
}

#[test]
fn certificate_of_the_upstream_has_another_name() {
    play(&Case {
        cause: "upstream-certificate-other-name",
        http: "server { listen {TLS} ssl; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/key.pem; return 200; }",
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_verify on; proxy_ssl_name pay.test; proxy_ssl_trusted_certificate {DIR}/cert.pem; }",
        before: crate::stage::certificate,
        direct: false,
        ..PLAIN
    });
}

#[test]
fn fastcgi_to_an_http_port() {
    let server = "location / { fastcgi_pass {APP}; }";
    play(&Case { cause: "fastcgi-to-http", server, ..PLAIN });
}

#[test]
fn socket_missing() {
    let server = "location / { proxy_pass http://unix:{DIR}/app.sock; }";
    play(&Case { cause: "socket-missing", server, direct: false, ..PLAIN });
}

#[test]
fn socket_forbidden() {
    play(&Case {
        cause: "socket-forbidden",
        server: "location / { proxy_pass http://unix:{DIR}/closed/app.sock; }",
        // A directory that only root passes; an ordinary user takes the right away from itself.
        before: |stage| {
            use std::os::unix::fs::PermissionsExt as _;
            let closed = stage.path().join("closed");
            std::fs::create_dir(&closed).unwrap();
            let listener = std::os::unix::net::UnixListener::bind(closed.join("app.sock")).unwrap();
            std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
            drop(listener);
        },
        direct: false,
        ..PLAIN
    });
}

#[test]
fn whole_group_taken_out_by_one_bad_url() {
    play(&Case {
        cause: "group-disabled",
        http: "upstream shop { server {APP} max_fails=1 fail_timeout=60s; server {DEAD} max_fails=1 fail_timeout=60s; }",
        server: "location / { proxy_pass http://shop; proxy_next_upstream error timeout http_500; }",
        app: App::Says(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
        times: 3,
        direct: false,
        known: |stage, evidence| {
            // By now it answers, and nginx does not ask it.
            let up = Direct {
                at: stage.at(1).to_string(),
                configured: true,
                because: None,
                failure: None,
                took_ms: 1,
            };
            evidence.direct = Some(vec![up]);
        },
        ..PLAIN
    });
}

#[test]
fn every_server_marked_down() {
    play(&Case {
        cause: "group-empty",
        http: "upstream shop { server {APP} down; server {OTHER} down; }",
        server: "location / { proxy_pass http://shop; }",
        direct: false,
        known: |_, evidence| {
            let servers = vec![String::from("a down"), String::from("b down")];
            evidence.route =
                Some(Routed { upstream: Some(String::from("shop")), servers, ..Routed::default() });
        },
        ..PLAIN
    });
}

#[test]
fn variable_without_resolver() {
    let server = "set $where app.internal; location / { proxy_pass http://$where:9000; }";
    play(&Case { cause: "resolver-missing", server, direct: false, ..PLAIN });
}

#[test]
fn resolver_down() {
    let server = "resolver {DNS}; resolver_timeout 500ms; set $where app.internal; location / { proxy_pass http://$where:9000; }";
    play(&Case { cause: "resolver-down", server, direct: false, ..PLAIN });
}

#[test]
fn name_resolved_once_and_moved_since() {
    play(&Case {
        cause: "upstream-name-moved",
        server: PROXY,
        app: App::Nobody,
        known: |stage, evidence| {
            let name = Name {
                name: String::from("app.internal"),
                addresses: vec![String::from("127.0.0.9")],
                connected: vec![stage.at(1).ip().to_string()],
            };
            evidence.names = Some(vec![name]);
        },
        ..PLAIN
    });
}

#[test]
fn variable_in_proxy_pass_is_empty() {
    let http = "map $host $where { default ''; }";
    let server = "location / { proxy_pass http://$where; }";
    play(&Case { cause: "proxy-pass-empty", http, server, direct: false, ..PLAIN });
}

#[test]
fn proxy_bind_with_an_address_of_somebody_else() {
    let server = "location / { proxy_bind 192.0.2.1; proxy_pass http://{APP}; }";
    play(&Case { cause: "proxy-bind-not-here", server, ..PLAIN });
}

#[test]
fn application_answers_with_an_error() {
    let app = App::Says(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    play(&Case { cause: "application-fails-itself", server: PROXY, app, ..PLAIN });
}

#[test]
fn application_has_no_such_path() {
    let app = App::Says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    play(&Case { cause: "application-says-404", server: PROXY, app, ..PLAIN });
}

#[test]
fn application_was_restarted_and_answers_again() {
    play(&Case {
        cause: "application-was-restarted",
        server: PROXY,
        app: App::Nobody,
        direct: false,
        sure: Confidence::Confident,
        known: |stage, evidence| {
            let at = evidence.lines.as_ref().unwrap()[0].first;
            evidence.changes.push(evenkeel_diagnosis::evidence::Change {
                at,
                kind: evenkeel_diagnosis::evidence::ChangeKind::Application,
                what: String::from("shop.service was restarted"),
                author: None,
                meaning: Vec::new(),
                touches: Vec::new(),
                rollback: None,
            });
            let up = Direct {
                at: stage.at(1).to_string(),
                configured: true,
                because: None,
                failure: None,
                took_ms: 1,
            };
            evidence.direct = Some(vec![up]);
        },
        ..PLAIN
    });
}

#[test]
fn healthy_application() {
    play(&Case { server: PROXY, ..PLAIN });
}
