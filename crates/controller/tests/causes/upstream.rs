//! The way to an upstream, and back.

use crate::app::{App, OK};
use crate::tls::authority;

const PROXY: &str =
    "location / { proxy_pass http://{APP}; proxy_connect_timeout 300ms; proxy_read_timeout 300ms; }";
const TLS: &str = "server { listen {TLS} ssl; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; return 200; }";

cases! {
    application_that_is_down => {
        rows: &[60],
        cause: "application-down",
        server: PROXY,
        app: App::Nobody,
    }
    upstream_that_the_last_change_moved_to_where_nobody_listens => {
        rows: &[61],
        cause: "upstream-address-wrong",
        server: "location / { proxy_pass http://{DEAD}; }",
        former: PROXY,
    }
    application_that_does_not_answer => {
        rows: &[67],
        cause: "application-slow",
        server: PROXY,
        app: App::Silent,
    }
    answer_that_stalls => {
        rows: &[69],
        cause: "answer-stalls",
        server: PROXY,
        app: App::Stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    }
    answer_that_is_cut => {
        rows: &[69],
        cause: "answer-cut",
        server: PROXY,
        app: App::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    }
    answer_with_chunks_that_are_none => {
        rows: &[70],
        cause: "answer-chunks-invalid",
        server: "location / { proxy_http_version 1.1; proxy_pass http://{APP}; }",
        app: App::Says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n"),
    }
    application_that_closes => {
        rows: &[71],
        cause: "application-closes",
        server: PROXY,
        app: App::Closes,
    }
    application_that_resets => {
        rows: &[72],
        cause: "application-resets",
        server: PROXY,
        app: App::Resets,
    }
    answer_with_a_header_that_is_too_big => {
        rows: &[73],
        cause: "answer-header-too-big",
        server: PROXY,
        app: App::Header(20_000),
    }
    answer_with_a_header_that_is_none => {
        rows: &[74],
        cause: "answer-header-invalid",
        server: PROXY,
        app: App::Says(b"HTTP/1.1 200 OK\r\nX-\x01Bad: 1\r\nContent-Length: 0\r\n\r\n"),
    }
    upstream_that_speaks_no_http => {
        rows: &[75],
        cause: "upstream-speaks-no-http",
        server: PROXY,
        app: App::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    }
    plain_http_to_an_upstream_that_wants_tls => {
        rows: &[76],
        cause: "upstream-wants-tls",
        http: TLS,
        server: "location / { proxy_pass http://{TLS}; }",
        before: authority,
    }
    tls_to_an_upstream_that_speaks_none => {
        rows: &[77],
        cause: "upstream-speaks-no-tls",
        server: "location / { proxy_pass https://{APP}; }",
        app: App::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    }
    upstream_without_a_version_of_tls_in_common => {
        rows: &[78],
        cause: "upstream-tls-versions-apart",
        http: "server { listen {TLS} ssl; ssl_protocols TLSv1.3; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; return 200; }",
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_protocols TLSv1.2; }",
        before: authority,
    }
    upstream_with_a_certificate_of_nobody_that_is_trusted => {
        rows: &[79],
        cause: "upstream-certificate-bad",
        http: TLS,
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_verify on; proxy_ssl_name shop.test; proxy_ssl_trusted_certificate {DIR}/self.pem; }",
        before: authority,
    }
    upstream_with_a_certificate_for_another_name => {
        rows: &[79],
        cause: "upstream-certificate-other-name",
        http: TLS,
        server: "location / { proxy_pass https://{TLS}; proxy_ssl_verify on; proxy_ssl_name pay.test; proxy_ssl_trusted_certificate {DIR}/ca.pem; }",
        before: authority,
    }
    fastcgi_to_a_port_of_http => {
        rows: &[80],
        cause: "fastcgi-to-http",
        server: "location / { fastcgi_pass {APP}; }",
    }
    socket_that_is_missing => {
        rows: &[81],
        cause: "socket-missing",
        server: "location / { proxy_pass http://unix:{DIR}/app.sock; }",
    }
    socket_that_nginx_may_not_use => {
        rows: &[82],
        cause: "socket-forbidden",
        server: "location / { proxy_pass http://unix:{DIR}/closed/app.sock; }",
        // A directory that only root passes; an ordinary user takes the right away from itself.
        before: |stage| {
            use std::os::unix::fs::PermissionsExt as _;
            let closed = stage.path().join("closed");
            std::fs::create_dir(&closed).unwrap();
            drop(std::os::unix::net::UnixListener::bind(closed.join("app.sock")).unwrap());
            std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
        },
    }
    group_that_one_bad_url_took_out => {
        rows: &[83],
        cause: "group-disabled",
        http: "upstream shop { server {APP} max_fails=1 fail_timeout=60s; server {OTHER} max_fails=1 fail_timeout=60s; }",
        server: "location / { proxy_pass http://shop; proxy_next_upstream error timeout http_500; }",
        app: App::Breaks,
        other: App::Breaks,
        meanwhile: |stage| {
            // The last one that is asked is not taken out for its answer: the next request does that.
            let export = "GET /export HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
            (0..3).for_each(|_| stage.client(export));
        },
    }
    group_whose_servers_are_all_marked_down => {
        rows: &[84],
        cause: "group-empty",
        http: "upstream shop { server {APP} down; server {OTHER} down; }",
        server: "location / { proxy_pass http://shop; }",
    }
    variable_without_a_resolver => {
        rows: &[85],
        cause: "resolver-missing",
        server: "set $where app.internal; location / { proxy_pass http://$where:9000; }",
    }
    resolver_that_is_down => {
        rows: &[86],
        cause: "resolver-down",
        server: "resolver {DNS}; resolver_timeout 500ms; set $where app.internal; location / { proxy_pass http://$where:9000; }",
    }
    name_that_nginx_resolved_once_and_that_moved => {
        rows: &[87],
        cause: "upstream-name-moved",
        apart: true,
        server: "location / { proxy_pass http://app.internal:{APPPORT}; }",
        app: App::Nobody,
        before: |stage| {
            stage.file("hosts", "{IP} app.internal\n");
            stage.over("hosts", "/etc/hosts");
        },
        meanwhile: |stage| stage.file("hosts", "127.0.0.9 app.internal\n"),
    }
    local_ports_that_are_all_taken => {
        rows: &[88],
        cause: "local-ports-exhausted",
        apart: true,
        server: PROXY,
        app: App::Silent,
        meanwhile: |stage| {
            std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009").unwrap();
            for _ in 0..10 {
                stage.hold_at(1, "");
            }
        },
    }
    variable_in_proxy_pass_that_is_empty => {
        rows: &[53],
        cause: "proxy-pass-empty",
        http: "map $host $where { default ''; }",
        server: "location / { proxy_pass http://$where; }",
    }
    proxy_bind_with_an_address_of_somebody_else => {
        rows: &[54],
        cause: "proxy-bind-not-here",
        server: "location / { proxy_bind 192.0.2.1; proxy_pass http://{APP}; }",
    }
    application_that_answers_with_an_error => {
        cause: "application-fails-itself",
        server: PROXY,
        app: App::Says(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
    }
    path_that_the_application_does_not_have => {
        rows: &[37],
        cause: "application-says-404",
        server: PROXY,
        app: App::Says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    }
    application_that_was_restarted_and_answers_again => {
        cause: "application-was-restarted",
        server: PROXY,
        app: App::Nobody,
        seen: &["502"],
        meanwhile: |stage| {
            stage.client("GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
            stage.start_application(OK);
        },
    }
}
