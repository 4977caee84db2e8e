//! Starts and reloads that nginx refuses, and what runs though it would not start again.

use std::net::TcpListener;

use crate::app::{App, OK};
use crate::case::On;
use crate::stage::Stage;
use crate::tls::authority;

/// A module that was built for another nginx: what nginx looks at before it looks at anything else.
///
/// Source: `struct ngx_module_s`, src/core/ngx_module.h; `ngx_load_module`, src/core/nginx.c
const OTHER_MODULE: &str = r#"
struct module { unsigned long place, index; char *name; unsigned long spare, spare_too, version; const char *signature; void *rest[20]; };
struct module ngx_http_other_module = { -1, -1, 0, 0, 0, 1009009, "8,4,8" };
struct module *ngx_modules[] = { &ngx_http_other_module, 0 };
char *ngx_module_names[] = { "ngx_http_other_module", 0 };
char *ngx_module_order[] = { 0 };
"#;

fn reload_with(stage: &Stage, server: &str, says: &str) {
    let http = format!("server {{ listen {{NGINX}}; server_name shop.test; {server} }}");
    stage.write("", &http, "notice");
    stage.signal("-HUP");
    stage.wait_for(says);
}

cases! {
    nginx_that_has_ended => {
        rows: &[1],
        cause: "nginx-not-running",
        server: "return 200;",
        meanwhile: |stage| stage.end(),
    }
    port_that_another_program_has => {
        rows: &[97],
        cause: "port-taken",
        and: "nginx-not-running",
        server: "listen {OTHER};",
        other: OK,
    }
    address_that_is_not_here => {
        rows: &[98],
        cause: "address-not-here",
        server: "listen 192.0.2.1:8080;",
    }
    directive_that_nginx_does_not_know => {
        rows: &[99],
        cause: "directive-unknown",
        server: "prroxy_pass http://a;",
    }
    module_that_is_missing => {
        rows: &[99],
        cause: "module-not-loaded",
        main: "load_module {DIR}/ngx_http_gone_module.so;",
    }
    module_of_another_nginx => {
        rows: &[100],
        on: On::Installed,
        cause: "module-incompatible",
        main: "load_module {DIR}/ngx_http_other_module.so;",
        before: |stage| {
            stage.file("other.c", OTHER_MODULE);
            let path = |name: &str| stage.path().join(name).display().to_string();
            stage.run("cc", &["-shared", "-fPIC", "-o", &path("ngx_http_other_module.so"), &path("other.c")]);
        },
    }
    key_of_another_certificate => {
        rows: &[101],
        cause: "key-mismatch",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/other.key;",
        before: authority,
    }
    certificate_that_is_missing => {
        rows: &[101],
        cause: "certificate-not-loaded",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/gone.pem; ssl_certificate_key {DIR}/gone.key;",
    }
    hash_that_is_too_small => {
        rows: &[102],
        cause: "hash-not-built",
        http: "map_hash_max_size 8; map_hash_bucket_size 64; map $host $x { a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i 1; }",
    }
    zone_that_is_defined_nowhere => {
        rows: &[103],
        cause: "zone-missing",
        server: "limit_req zone=gone;",
    }
    cache_that_is_defined_nowhere => {
        rows: &[103],
        cause: "zone-missing",
        server: "location / { proxy_cache gone; proxy_pass http://{APP}; }",
    }
    one_buffer_directive_alone => {
        rows: &[104],
        cause: "buffers-disagree",
        server: "location / { proxy_buffer_size 64k; proxy_pass http://{APP}; }",
    }
    name_that_is_gone_at_the_start => {
        rows: &[96],
        cause: "name-gone-at-start",
        http: "upstream a { server app.invalid; }",
        server: "location / { proxy_pass http://a; }",
    }
    brace_that_is_missing => {
        cause: "syntax-broken",
        server: "location / { ",
    }
    included_file_that_is_missing => {
        cause: "file-missing-at-start",
        server: "include {DIR}/gone.conf;",
    }
    reload_with_a_broken_line => {
        rows: &[94],
        cause: "directive-unknown",
        and: "reload-refused",
        level: "notice",
        server: "location / { return 200; }",
        meanwhile: |stage| reload_with(stage, "lissten 1;", "unknown directive"),
    }
    reload_with_a_taken_port => {
        rows: &[94],
        cause: "port-taken",
        and: "reload-refused",
        level: "notice",
        server: "location / { return 200; }",
        meanwhile: |stage| {
            let taken = TcpListener::bind(stage.at(3)).unwrap();
            reload_with(stage, "listen {DEAD};", "still could not bind");
            drop(taken);
        },
    }
    zone_that_cannot_change_while_nginx_runs => {
        cause: "zone-in-use-otherwise",
        level: "notice",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=9r/s;",
        server: "location / { limit_req zone=one; return 200; }",
        meanwhile: |stage| {
            let http = "limit_req_zone $uri zone=one:1m rate=9r/s;\nserver { listen {NGINX}; limit_req zone=one; }";
            stage.write("", http, "notice");
            stage.signal("-HUP");
            stage.wait_for("while previously");
        },
    }
    name_that_two_servers_claim => {
        rows: &[105],
        cause: "name-claimed-twice",
        level: "warn",
        http: "server { listen {NGINX}; server_name shop.test; return 200; }",
        server: "return 200;",
    }
    start_that_would_fail => {
        rows: &[96],
        cause: "next-start-fails",
        apart: true,
        server: "location /api { proxy_pass http://app.internal:9; } location / { return 200; }",
        before: |stage| {
            stage.file("hosts", "{IP} app.internal\n");
            stage.over("hosts", "/etc/hosts");
        },
        meanwhile: |stage| stage.file("hosts", "{IP} another.internal\n"),
    }
    change_that_was_never_loaded => {
        cause: "change-not-loaded",
        server: "location / { return 200; }",
        meanwhile: |stage| {
            stage.wait_for_age(std::time::Duration::from_millis(1_100));
            stage.write("", "server { listen {NGINX}; location / { return 200; } }", "error");
        },
    }
    workers_that_do_not_end => {
        rows: &[95],
        cause: "old-workers-stay",
        on: On::Newest,
        main: "worker_processes 1;",
        level: "notice",
        server: "location = /cart { return 200; } location / { proxy_pass http://{APP}; proxy_read_timeout 600s; }",
        app: App::Silent,
        meanwhile: |stage| {
            for generation in 1..=4 {
                stage.hold("GET /events HTTP/1.1\r\nHost: shop.test\r\n\r\n");
                stage.wait_for_connection(generation);
                stage.wait_for_age(std::time::Duration::from_millis(2_200));
                stage.signal("-HUP");
                stage.wait_for_times("start worker process ", generation + 1);
                stage.wait_for_times("gracefully shutting down", generation);
            }
        },
    }
    file_that_a_package_replaced => {
        rows: &[106],
        cause: "package-replaced-file",
        apart: true,
        server: "location / { return 200; }",
        meanwhile: |stage| {
            let served = String::from_utf8(stage.log("nginx.conf")).unwrap();
            stage.package("1", "# as the package brings it\n");
            // Somebody makes it theirs, and the next version of the package brings its own again.
            stage.file("nginx.conf", &served);
            stage.package("2", &format!("# of version 2\n{served}"));
            stage.written(std::time::Duration::from_hours(1));
        },
    }
}
