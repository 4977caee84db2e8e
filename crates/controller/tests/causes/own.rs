//! What nginx answers by itself.

use evenkeel_diagnosis::Confidence;

use crate::app::App;
use crate::stage::Stage;

/// u:p
const WITH_PASSWORD: &str =
    "GET /cart HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic dTpw\r\nConnection: close\r\n\r\n";
const GET: &str = "GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
const PROXY: &str = "location / { proxy_pass http://{APP}; }";

/// Answers that look like those of balancers and of many people.
fn clients(stage: &Stage, from: &[&str], each: usize) {
    for client in from {
        for _ in 0..each {
            stage.client(&GET.replace("Connection", &format!("X-Real-IP: {client}\r\nConnection")));
        }
    }
}

cases! {
    requests_with_a_body_that_is_too_large => {
        rows: &[28],
        cause: "body-too-large",
        server: PROXY,
        seen: &["413"],
        meanwhile: |stage| stage.client(
            "POST /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n",
        ),
    }
    user_that_is_not_in_the_file => {
        rows: &[30],
        cause: "password-wrong",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        seen: &["401"],
        before: |stage| stage.file("users", "v:{PLAIN}p\n"),
        meanwhile: |stage| stage.client(WITH_PASSWORD),
    }
    password_that_is_another => {
        rows: &[30],
        cause: "password-wrong",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        seen: &["401"],
        before: |stage| stage.file("users", "u:{PLAIN}q\n"),
        meanwhile: |stage| stage.client(WITH_PASSWORD),
    }
    password_file_that_is_missing => {
        rows: &[31],
        cause: "password-file-missing",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
        seen: &["403"],
        meanwhile: |stage| stage.client(WITH_PASSWORD),
    }
    password_that_nobody_gave => {
        cause: "password-wanted",
        level: "info",
        server: "auth_basic shop; auth_basic_user_file {DIR}/users;",
    }
    client_that_a_rule_forbids => {
        rows: &[32],
        cause: "forbidden-by-rule",
        server: "deny all;",
    }
    client_on_a_list_that_a_program_wrote => {
        rows: &[121],
        cause: "forbidden-by-rule",
        level: "notice",
        http: "include {DIR}/blocked.conf;",
        server: "location / { return 200; }",
        before: |stage| stage.file("blocked.conf", ""),
        meanwhile: |stage| {
            // As a program does after an alarm, that knows no way to take it back.
            stage.file("blocked.conf", "deny 127.0.0.1; # 2026-11-22 too many requests\n");
            stage.file("www/cart", "cart");
            stage.write(
                "",
                "include {DIR}/blocked.conf;\nserver { listen {NGINX}; server_name shop.test; }",
                "notice",
            );
            stage.signal("-HUP");
            // Until then the old one may take a connection.
            stage.wait_for("exited with code 0");
        },
    }
    directory_without_an_index => {
        rows: &[33],
        cause: "index-missing",
        url: "http://shop.test:{PORT}/",
    }
    file_that_nginx_may_not_read => {
        rows: &[34],
        cause: "file-not-readable",
        before: |stage| {
            use std::os::unix::fs::PermissionsExt as _;
            let file = stage.path().join("www/cart");
            std::fs::write(&file, "cart").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
        },
    }
    file_that_is_missing => {
        rows: &[35],
        cause: "file-missing",
    }
    path_that_the_configuration_answers_with_404 => {
        rows: &[36],
        cause: "configuration-says-404",
        server: "location /cart { return 404; }",
    }
    path_that_only_the_application_has => {
        rows: &[38],
        cause: "no-location-for-route",
        server: "location /shop/ { proxy_pass http://{APP}; }",
        app: App::Cart,
    }
    redirects_that_go_in_a_circle => {
        rows: &[50],
        cause: "redirect-cycle",
        server: "location / { try_files /nothing /nothing/index; error_page 404 /cart; error_page 500 /x; rewrite ^ /cart; }",
    }
    named_location_that_is_missing => {
        rows: &[51],
        cause: "named-location-missing",
        server: "location / { error_page 404 = @app; }",
    }
    service_that_should_say_yes_or_no => {
        rows: &[52],
        cause: "auth-request-fails",
        server: "location / { auth_request /auth; } location = /auth { return 503; }",
    }
    limit_that_counts_by_the_address_of_the_balancer => {
        rows: &[47],
        cause: "limit-key-is-balancer",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
        server: "limit_req zone=one; location / { proxy_pass http://{APP}; }",
        meanwhile: |stage| clients(stage, &["192.0.2.1"], 30),
    }
    limit_that_counts_by_person => {
        cause: "requests-limited",
        http: "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m; set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP;",
        server: "limit_req zone=one; location / { proxy_pass http://{APP}; }",
        seen: &["503"],
        meanwhile: |stage| {
            clients(stage, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"], 6);
        },
    }
    connections_over_their_limit => {
        cause: "connections-limited",
        http: "limit_conn_zone $server_name zone=many:1m;",
        server: "limit_conn many 1; location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        app: App::Late,
        meanwhile: |stage| {
            stage.hold("GET /late HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            // One more is counted as soon as the first is passed on.
            stage.client_until("503");
        },
    }
    expression_that_explodes => {
        rows: &[56],
        cause: "regex-explodes",
        main: "pcre_jit off;",
        server: "location ~ ^/(a+)+$ { return 200; }",
        url: "http://shop.test:{PORT}/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
    }
    connections_of_the_workers_that_are_all_taken => {
        rows: &[57],
        cause: "worker-connections-exhausted",
        main: "events { worker_connections 8; }",
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        app: App::Late,
        meanwhile: |stage| {
            for _ in 0..12 {
                stage.hold("GET /late HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            }
            stage.wait_for("worker_connections are not enough");
        },
    }
    descriptors_that_are_all_taken => {
        rows: &[58],
        cause: "descriptors-exhausted",
        main: "worker_rlimit_nofile 12;",
        server: "location / { return 200 ok; }",
        meanwhile: |stage| {
            for _ in 0..20 {
                stage.hold("");
            }
            stage.wait_for("(24: ");
        },
    }
    cookies_that_are_too_long => {
        rows: &[26],
        cause: "request-header-too-long",
        level: "info",
        seen: &["400"],
        server: "location / { return 200; }",
        meanwhile: |stage| stage.client(
            "GET /cart HTTP/1.1\r\nHost: shop.test\r\nCookie: {LONG}\r\nConnection: close\r\n\r\n",
        ),
    }
    query_that_is_too_long => {
        rows: &[27],
        cause: "uri-too-long",
        level: "info",
        url: "http://shop.test:{PORT}/cart?{LONG}",
    }
    check_without_a_host => {
        rows: &[25],
        cause: "host-header-bad",
        level: "info",
        seen: &["400"],
        server: "location / { return 200; }",
        meanwhile: |stage| stage.client("GET /cart HTTP/1.1\r\nConnection: close\r\n\r\n"),
    }
    bytes_that_are_no_http => {
        cause: "request-not-http",
        level: "info",
        seen: &["400"],
        server: "location / { return 200; }",
        meanwhile: |stage| stage.client("\u{16}\u{3}\u{1} hello\r\n\r\n"),
    }
    clients_that_give_up => {
        rows: &[29],
        cause: "clients-give-up",
        level: "info",
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        app: App::Late,
        seen: &["499"],
        meanwhile: |stage| {
            stage.hold("GET /cart?late HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            stage.wait_for_connection(1);
            stage.let_go();
            stage.wait_for("prematurely closed connection");
        },
        sure: Confidence::Likely,
    }
    name_that_is_closed_on_purpose => {
        rows: &[23],
        cause: "closed-by-444",
        server: "return 444;",
    }
    proxy_protocol_that_nobody_speaks => {
        rows: &[24],
        cause: "proxy-protocol-apart",
        http: "server { listen {TLS} proxy_protocol; server_name shop.test; return 200; }",
        url: "http://shop.test:{TLSPORT}/cart",
    }
    workers_that_are_killed => {
        rows: &[59],
        cause: "worker-killed",
        main: "worker_processes 1;",
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        seen: &["reset"],
        meanwhile: |stage| {
            stage.kill_workers();
            stage.wait_for("exited on signal 9");
            stage.wait_until_served();
        },
    }
    directory_for_bodies_that_is_gone => {
        cause: "temp-directory-not-writable",
        server: "location / { client_body_in_file_only on; client_body_temp_path {DIR}/bodies; proxy_pass http://{APP}; }",
        seen: &["500"],
        meanwhile: |stage| {
            std::fs::remove_dir_all(stage.path().join("bodies")).unwrap();
            stage.client("POST /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
        },
    }
    disk_that_is_full => {
        rows: &[55],
        apart: true,
        cause: "disk-full",
        server: "location / { client_body_buffer_size 1k; client_body_temp_path {DIR}/small; proxy_pass http://{APP}; }",
        seen: &["500"],
        before: |stage| {
            let small = stage.path().join("small");
            std::fs::create_dir(&small).unwrap();
            let small = small.display().to_string();
            stage.run("mount", &["-t", "tmpfs", "-o", "size=16k", "none", &small]);
        },
        meanwhile: |stage| {
            let head = "POST /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n{LONG}";
            stage.client(head);
        },
    }
}
