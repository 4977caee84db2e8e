//! Health, with all the noise that it makes: no cause is named.

use crate::app::{App, OK};
use crate::balancer::checked;
use crate::tls::authority;

const PROXY: &str = "location / { proxy_pass http://{APP}; proxy_read_timeout 300ms; }";

fn ask(request: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
}

cases! {
    application_that_answers => { server: PROXY, }
    file_that_is_there => {
        before: |stage| stage.file("www/cart", "cart"),
    }
    robots_that_ask_for_what_is_not_there => {
        server: "location = /cart { return 200; }",
        meanwhile: |stage| (0..5).for_each(|_| stage.client(&ask("GET /wp-login.php"))),
    }
    robot_that_is_refused => {
        server: "location = /admin { deny all; } location / { return 200; }",
        meanwhile: |stage| stage.client(&ask("GET /admin")),
    }
    upload_that_is_refused => {
        server: PROXY,
        meanwhile: |stage| stage.client("POST /cart HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"),
    }
    bytes_of_a_scanner => {
        level: "info",
        server: PROXY,
        meanwhile: |stage| stage.client("\u{16}\u{3}\u{1}\r\n\r\n"),
    }
    plain_greeting_to_a_port_with_tls => {
        level: "info",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; location / { return 200; }",
        before: authority,
        url: "https://shop.test:{TLSPORT}/cart",
        meanwhile: |stage| stage.hold_at(4, "GET / HTTP/1.0\r\n\r\n"),
    }
    reload_a_moment_ago => {
        level: "notice",
        server: PROXY,
        meanwhile: |stage| {
            stage.signal("-HUP");
            stage.wait_for_times("start worker process ", 2);
        },
    }
    log_that_was_rotated_a_moment_ago => {
        level: "notice",
        server: PROXY,
        meanwhile: |stage| {
            std::fs::rename(stage.path().join("error.log"), stage.path().join("error.log.1")).unwrap();
            std::fs::rename(stage.path().join("access.log"), stage.path().join("access.log.1")).unwrap();
            stage.signal("-USR1");
            stage.until("a new log", || stage.path().join("access.log").exists());
        },
    }
    bad_reload_that_the_next_one_mended => {
        level: "notice",
        server: PROXY,
        meanwhile: |stage| {
            let good = String::from_utf8(stage.log("nginx.conf")).unwrap();
            stage.file("nginx.conf", &format!("{good}\nlissten 1;\n"));
            stage.signal("-HUP");
            stage.wait_for("unknown directive");
            stage.file("nginx.conf", &good);
            stage.wait_for_age(std::time::Duration::from_millis(1_100));
            stage.signal("-HUP");
            stage.wait_for_times("start worker process ", 2);
        },
    }
    one_answer_that_came_too_late => {
        app: App::Late,
        server: PROXY,
        meanwhile: |stage| stage.client(&ask("GET /late")),
    }
    application_that_was_restarted => {
        app: App::Nobody,
        server: PROXY,
        meanwhile: |stage| {
            stage.client(&ask("GET /cart"));
            stage.start_application(OK);
        },
    }
    wrong_password_of_somebody => {
        server: "location /admin { auth_basic a; auth_basic_user_file {DIR}/users; } location / { return 200; }",
        before: |stage| stage.file("users", "u:{PLAIN}p\n"),
        meanwhile: |stage| stage.client("GET /admin HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic dTpx\r\nConnection: close\r\n\r\n"),
    }
    somebody_who_is_limited => {
        http: "limit_req_zone $arg_who zone=one:1m rate=1r/m;",
        server: "location / { limit_req zone=one; return 200; }",
        before: |stage| stage.file("www/cart", "cart"),
        meanwhile: |stage| (0..5).for_each(|_| stage.client(&ask("GET /cart?who=robot"))),
    }
    client_that_went_away => {
        level: "info",
        app: App::Late,
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        meanwhile: |stage| {
            stage.hold("GET /late HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            stage.wait_for_connection(1);
            stage.let_go();
            stage.wait_for("closed connection");
        },
    }
    worker_that_ends_while_a_long_answer_goes_on => {
        level: "notice",
        app: App::Late,
        server: "location / { proxy_pass http://{APP}; proxy_read_timeout 60s; }",
        meanwhile: |stage| {
            stage.hold("GET /late HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            stage.wait_for_connection(1);
            stage.signal("-HUP");
            stage.wait_for_times("start worker process ", 2);
        },
    }
    certificate_that_is_well => {
        server: "listen {TLS} ssl; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; location / { return 200; }",
        before: authority,
        url: "https://shop.test:{TLSPORT}/cart",
    }
    redirect_that_is_meant => {
        server: "location = /cart { return 302 http://shop.test:{PORT}/basket; } location / { return 200; }",
    }
    answer_of_another_protocol => {
        server: "location / { proxy_pass http://{APP}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }",
        app: App::Upgrades,
        url: "ws://shop.test:{PORT}/live",
    }
    firewall_that_is_closed_elsewhere => {
        apart: true,
        server: PROXY,
        meanwhile: |stage| stage.input("tcp dport 5432 drop"),
    }
    balancer_and_a_server_that_is_out_for_maintenance => {
        balancer: true,
        server: PROXY,
        url: "http://shop.test:{FRONTPORT}/cart",
        meanwhile: |stage| checked(stage, " server web1 {NGINX} check inter 50ms\n server web2 {DEAD} disabled", "L4OK"),
    }
    location_with_headers_of_its_own => {
        server: "add_header X-Frame-Options DENY; location /cart { add_header Cache-Control public; return 200; }",
    }
    cache_that_keeps_no_cookies => {
        http: "proxy_cache_path {DIR}/cache keys_zone=c:1m;",
        server: "location / { proxy_cache c; proxy_cache_valid 200 1m; proxy_pass http://{APP}; }",
        app: App::Cookies,
    }
}
