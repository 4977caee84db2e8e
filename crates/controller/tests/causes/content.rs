//! Answers that are there, and are not the right ones.

use crate::app::{App, OK};
use crate::network::nobody_has_a_name;

cases! {
    page_in_place_of_a_script => {
        rows: &[40],
        cause: "page-instead-of-file",
        http: "types { text/html html; text/javascript js; }",
        server: "location / { try_files $uri /index.html; }",
        before: |stage| stage.file("www/index.html", "<html>shop</html>"),
        url: "http://shop.test:{PORT}/assets/app.3f2.js",
    }
    default_server_in_place_of_the_site => {
        rows: &[41],
        cause: "default-server-answers",
        server: "location / { return 200 'Welcome to nginx'; }",
        url: "http://pay.test:{PORT}/cart",
        seen: &["content"],
    }
    redirect_to_itself_without_a_trusted_scheme => {
        rows: &[42],
        cause: "redirect-to-itself",
        server: "if ($http_x_forwarded_proto != https) { return 301 http://shop.test:{PORT}$request_uri; } location / { return 200; }",
    }
    redirect_that_became_the_default_server => {
        rows: &[43],
        cause: "redirect-to-itself",
        http: "server { listen {NGINX}; server_name www.shop.test; return 301 http://$host:{PORT}$request_uri; }",
        server: "location / { return 200; }",
        url: "http://pay.test:{PORT}/cart",
    }
    redirect_whose_host_and_path_ran_into_each_other => {
        rows: &[44],
        cause: "redirect-to-no-host",
        apart: true,
        server: "return 302 http://cdn.testcart;",
        before: nobody_has_a_name,
    }
    redirect_to_https_for_clients_that_do_not_follow => {
        rows: &[45],
        cause: "redirected-to-https",
        server: "return 301 https://shop.test$request_uri;",
        seen: &["301"],
    }
    server_for_many_names_that_redirects => {
        rows: &[46],
        cause: "redirected-by-wildcard",
        apart: true,
        http: "server { listen {NGINX}; server_name *.shop.test; return 301 http://www.example.test/; }",
        before: |stage| {
            stage.file("hosts", "{IP} www.example.test\n");
            stage.over("hosts", "/etc/hosts");
        },
        url: "http://blog.shop.test:{PORT}/cart",
        seen: &["301"],
    }
    route_that_the_last_change_sent_to_another_application => {
        rows: &[90],
        cause: "route-moved",
        former: "location / { proxy_pass http://{APP}; }",
        server: "location / { proxy_pass http://{APP}; } location /c { proxy_pass http://{OTHER}; }",
        other: OK,
        before: |stage| stage.written(std::time::Duration::from_secs(60)),
        seen: &["content"],
    }
    cookies_of_others_from_a_cache => {
        rows: &[91],
        cause: "cookies-cached",
        http: "proxy_cache_path {DIR}/cache keys_zone=c:1m;",
        server: "location / { proxy_cache c; proxy_cache_valid 200 1m; proxy_ignore_headers Set-Cookie Cache-Control; proxy_pass http://{APP}; }",
        app: App::Cookies,
    }
    headers_that_a_location_does_not_inherit => {
        rows: &[92],
        cause: "headers-not-inherited",
        server: "add_header X-Frame-Options DENY; location /cart { add_header Cache-Control public; return 200; }",
        seen: &["content"],
    }
    wish_for_another_protocol_that_is_not_passed_on => {
        rows: &[93],
        cause: "upgrade-not-passed",
        server: "location / { proxy_pass http://{APP}; }",
        app: App::Upgrades,
        url: "ws://shop.test:{PORT}/live",
    }
    name_that_does_not_exist => {
        cause: "name-does-not-resolve",
        apart: true,
        before: nobody_has_a_name,
        url: "http://shop.example:{PORT}/cart",
    }
    name_of_an_upstream_that_does_not_exist => {
        cause: "upstream-name-gone",
        apart: true,
        server: "resolver 127.0.0.1; set $where app.internal; location / { proxy_pass http://$where:9000; }",
        before: nobody_has_a_name,
    }
}
