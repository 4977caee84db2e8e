//! Starts and reloads that nginx refuses.

use std::net::TcpListener;

use crate::case::{Case, PLAIN, play};
use crate::stage::Stage;

fn start(cause: &'static str, http: &'static str, server: &'static str) {
    play(&Case { cause, http, server, direct: false, ..PLAIN });
}

#[test]
fn port_taken() {
    play(&Case {
        cause: "port-taken",
        server: "listen {OTHER};",
        other: crate::app::OK,
        direct: false,
        ..PLAIN
    });
}

#[test]
fn address_not_here() {
    start("address-not-here", "", "listen 192.0.2.1:8080;");
}

#[test]
fn directive_unknown() {
    start("directive-unknown", "", "prroxy_pass http://a;");
}

#[test]
fn module_not_loaded() {
    play(&Case {
        cause: "module-not-loaded",
        main: "load_module {DIR}/ngx_http_gone_module.so;",
        direct: false,
        ..PLAIN
    });
}

#[test]
fn key_of_another_certificate() {
    play(&Case {
        cause: "key-mismatch",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/cert.pem; ssl_certificate_key {DIR}/other.key;",
        before: crate::stage::certificate,
        direct: false,
        ..PLAIN
    });
}

#[test]
fn certificate_missing() {
    start(
        "certificate-not-loaded",
        "",
        "listen {TLS} ssl; ssl_certificate {DIR}/gone.pem; ssl_certificate_key {DIR}/gone.key;",
    );
}

#[test]
fn hash_not_built() {
    start(
        "hash-not-built",
        "map_hash_max_size 8; map_hash_bucket_size 64; map $host $x { a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i 1; }",
        "",
    );
}

#[test]
fn zone_defined_nowhere() {
    start("zone-missing", "", "limit_req zone=gone;");
}

#[test]
fn cache_defined_nowhere() {
    start("zone-missing", "", "location / { proxy_cache gone; proxy_pass http://{APP}; }");
}

#[test]
fn one_buffer_directive_alone() {
    start("buffers-disagree", "", "location / { proxy_buffer_size 64k; proxy_pass http://{APP}; }");
}

#[test]
fn name_gone_at_start() {
    start("name-gone-at-start", "upstream a { server app.invalid; }", "location / { proxy_pass http://a; }");
}

#[test]
fn brace_missing() {
    start("syntax-broken", "", "location / { ");
}

#[test]
fn included_file_missing() {
    start("file-missing-at-start", "", "include {DIR}/gone.conf;");
}

fn reload_with(stage: &Stage, server: &str, says: &str) {
    let http = format!("server {{ listen {{NGINX}}; {server} }}");
    stage.write("", &http, "notice");
    stage.signal("-HUP");
    stage.wait_for(says);
}

#[test]
fn reload_with_a_broken_line_leaves_the_old_configuration() {
    play(&Case {
        cause: "directive-unknown",
        level: "notice",
        server: "location / { return 200; }",
        meanwhile: |stage| reload_with(stage, "lissten 1;", "unknown directive"),
        direct: false,
        ..PLAIN
    });
}

#[test]
fn reload_with_a_taken_port_leaves_the_old_configuration() {
    play(&Case {
        cause: "port-taken",
        level: "notice",
        server: "location / { return 200; }",
        meanwhile: |stage| {
            let taken = TcpListener::bind(stage.at(3)).unwrap();
            reload_with(stage, "listen {DEAD};", "still could not bind");
            drop(taken);
        },
        direct: false,
        ..PLAIN
    });
}

#[test]
fn zone_that_cannot_change_while_nginx_runs() {
    play(&Case {
        cause: "zone-in-use-otherwise",
        level: "notice",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=9r/s;",
        server: "location / { limit_req zone=one; return 200; }",
        meanwhile: |stage| {
            let http =
                "limit_req_zone $uri zone=one:1m rate=9r/s;\nserver { listen {NGINX}; limit_req zone=one; }";
            stage.write("", http, "notice");
            stage.signal("-HUP");
            stage.wait_for("while previously");
        },
        direct: false,
        ..PLAIN
    });
}

#[test]
fn name_claimed_twice() {
    play(&Case {
        cause: "name-claimed-twice",
        level: "warn",
        http: "server { listen {NGINX}; server_name shop.test; return 200; }",
        server: "return 200;",
        direct: false,
        ..PLAIN
    });
}

#[test]
fn nginx_stopped() {
    play(&Case {
        cause: "nginx-not-running",
        server: "return 200;",
        times: 0,
        direct: false,
        meanwhile: |stage| stage.signal("-TERM"),
        known: |stage, evidence| {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
            let failure = loop {
                let failure = crate::ask::ask(stage.at(0), b"GET / HTTP/1.0\r\n\r\n").failure;
                if failure == Some(evenkeel_fleet::watch::Failure::Refused)
                    || std::time::Instant::now() > until
                {
                    break failure;
                }
            };
            evidence.samples.push(evenkeel_diagnosis::evidence::Seen {
                vantage: String::from("here"),
                host: String::from("web"),
                address: Some(stage.at(0)),
                url: String::from("http://shop.test/"),
                failure,
                redirect: None,
                took_ms: 1,
            });
            evidence.nginx.as_mut().unwrap().runs = false;
        },
        ..PLAIN
    });
}
