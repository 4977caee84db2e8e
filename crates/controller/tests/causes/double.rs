//! Two faults at a time: the one that users meet comes first, and both are named.

use std::net::TcpListener;

use crate::app::{App, OK};
use crate::balancer::checked;
use crate::stage::Stage;
use crate::tls::{authority, renew};

const PROXY: &str =
    "location / { proxy_pass http://{APP}; proxy_connect_timeout 300ms; proxy_read_timeout 300ms; }";
const GET: &str = "GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";

/// A reload with a line that nginx does not take; what it serves stays as it was.
fn bad_reload(stage: &Stage) {
    stage.wait_for_age(std::time::Duration::from_millis(1_100));
    let before = String::from_utf8(stage.log("nginx.conf")).unwrap();
    stage.file("nginx.conf", &format!("{before}\nlissten 1;\n"));
    stage.signal("-HUP");
    stage.wait_for("unknown directive");
}

/// A change that nobody loads.
fn change(stage: &Stage) {
    stage.wait_for_age(std::time::Duration::from_millis(1_100));
    let before = String::from_utf8(stage.log("nginx.conf")).unwrap();
    stage.file("nginx.conf", &format!("{before}\n# edited\n"));
}

cases! {
    application_down_and_a_reload_that_failed => {
        cause: "application-down",
        and: "directive-unknown",
        level: "notice",
        app: App::Nobody,
        server: PROXY,
        meanwhile: |stage| bad_reload(stage),
    }
    application_down_and_a_change_not_loaded => {
        cause: "application-down",
        and: "change-not-loaded",
        app: App::Nobody,
        server: PROXY,
        meanwhile: |stage| change(stage),
    }
    application_down_and_the_group_out_for_it => {
        cause: "application-down",
        and: "group-disabled",
        app: App::Nobody,
        http: "upstream shop { server {APP} max_fails=1 fail_timeout=60s; server {OTHER} max_fails=1 fail_timeout=60s; }",
        server: "location / { proxy_pass http://shop; }",
        meanwhile: |stage| stage.client(GET),
    }
    application_down_and_a_start_that_would_fail => {
        cause: "application-down",
        and: "next-start-fails",
        apart: true,
        app: App::Nobody,
        server: "location /api { proxy_pass http://app.internal:9; } location / { proxy_pass http://{APP}; }",
        before: |stage| {
            stage.file("hosts", "{IP} app.internal\n");
            stage.over("hosts", "/etc/hosts");
        },
        meanwhile: |stage| stage.file("hosts", "{IP} another.internal\n"),
    }
    application_down_and_a_name_claimed_twice => {
        cause: "application-down",
        and: "name-claimed-twice",
        level: "warn",
        app: App::Nobody,
        http: "server { listen {TLS}; server_name a.test; return 200; } server { listen {TLS}; server_name a.test; return 200; }",
        server: PROXY,
    }
    header_too_big_and_the_group_out_for_it => {
        cause: "answer-header-too-big",
        and: "group-disabled",
        app: App::Header(20_000),
        other: App::Header(20_000),
        http: "upstream shop { server {APP} max_fails=1 fail_timeout=60s; server {OTHER} max_fails=1 fail_timeout=60s; }",
        server: "location / { proxy_pass http://shop; proxy_next_upstream invalid_header; }",
        meanwhile: |stage| stage.client(GET),
    }
    slow_application_and_a_reload_that_found_a_taken_port => {
        cause: "application-slow",
        and: "port-taken",
        level: "notice",
        app: App::Silent,
        server: PROXY,
        meanwhile: |stage| {
            let taken = TcpListener::bind(stage.at(3)).unwrap();
            stage.write("", &format!("server {{ listen {{NGINX}}; listen {{DEAD}}; server_name shop.test; {PROXY} }}"), "notice");
            stage.signal("-HUP");
            stage.wait_for("still could not bind");
            drop(taken);
        },
    }
    nginx_down_and_its_port_taken => {
        cause: "port-taken",
        and: "nginx-not-running",
        server: "listen {OTHER};",
        other: OK,
    }
    nginx_down_and_a_certificate_missing => {
        cause: "certificate-not-loaded",
        and: "nginx-not-running",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/gone.pem; ssl_certificate_key {DIR}/gone.key;",
    }
    nginx_down_and_a_name_gone => {
        cause: "name-gone-at-start",
        and: "nginx-not-running",
        http: "upstream a { server app.invalid; }",
        server: "location / { proxy_pass http://a; }",
    }
    nginx_down_and_a_file_missing => {
        cause: "file-missing-at-start",
        and: "nginx-not-running",
        server: "include {DIR}/gone.conf;",
    }
    certificate_not_loaded_and_a_change_not_loaded => {
        cause: "certificate-not-reloaded",
        and: "change-not-loaded",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/expired.pem; ssl_certificate_key {DIR}/expired.key;",
        before: authority,
        meanwhile: |stage| {
            renew(stage);
            change(stage);
        },
        url: "https://shop.test:{TLSPORT}/cart",
    }
    ipv6_closed_and_the_application_down => {
        cause: "application-down",
        and: "firewall-rejects",
        apart: true,
        app: App::Nobody,
        server: "listen 127.0.0.1:{PORT}; listen [::1]:{PORT}; location / { proxy_pass http://{APP}; }",
        url: "http://localhost:{PORT}/cart",
        before: |stage| {
            stage.file("hosts", "127.0.0.1 localhost\n::1 localhost\n");
            stage.over("hosts", "/etc/hosts");
        },
        meanwhile: |stage| stage.input("ip6 daddr ::1 tcp dport {PORT} reject with icmpv6 type admin-prohibited"),
    }
    firewall_that_drops_and_a_reload_that_failed => {
        cause: "firewall-drops",
        and: "directive-unknown",
        level: "notice",
        apart: true,
        server: "location / { return 200; }",
        meanwhile: |stage| {
            bad_reload(stage);
            stage.input("tcp dport {PORT} drop");
        },
    }
    upstream_filtered_and_a_change_not_loaded => {
        cause: "upstream-filtered",
        and: "change-not-loaded",
        apart: true,
        server: PROXY,
        before: |stage| stage.input("tcp dport {APPPORT} drop"),
        meanwhile: |stage| change(stage),
    }
    no_location_and_a_reload_that_failed => {
        cause: "no-location-for-route",
        and: "directive-unknown",
        level: "notice",
        server: "location /shop/ { proxy_pass http://{APP}; }",
        app: App::Cart,
        meanwhile: |stage| bad_reload(stage),
    }
    index_missing_and_a_name_claimed_twice => {
        cause: "index-missing",
        and: "name-claimed-twice",
        level: "warn",
        http: "server { listen {TLS}; server_name a.test; return 200; } server { listen {TLS}; server_name a.test; return 200; }",
        url: "http://shop.test:{PORT}/",
    }
    balancer_without_a_server_and_nginx_down => {
        cause: "balancer-server-refuses",
        and: "port-taken",
        balancer: true,
        server: "listen {OTHER};",
        other: OK,
        url: "http://shop.test:{FRONTPORT}/cart",
        before: |stage| checked(stage, " server web1 {NGINX} check inter 50ms fall 1", "L4CON"),
    }
    listens_elsewhere_and_a_change_not_loaded => {
        cause: "listens-elsewhere",
        and: "change-not-loaded",
        server: "location / { return 200; }",
        former: "listen {DEAD}; location / { return 200; }",
        url: "http://shop.test:{DEADPORT}/cart",
        meanwhile: |stage| change(stage),
    }
    limit_by_the_address_of_the_balancer_and_a_slow_application => {
        cause: "application-slow",
        and: "limit-key-is-balancer",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
        server: "limit_req zone=one; location / { proxy_pass http://{APP}; proxy_read_timeout 300ms; }",
        app: App::Silent,
        seen: &["504"],
        meanwhile: |stage| (0..30).for_each(|_| stage.client(GET)),
    }
}
