//! The outages whose cause is routing: each is told, with the request that shows it.

use crate::lines;

/// Holds the lines of a difference against what they must be.
#[track_caller]
fn told(old: &str, new: &str, expected: &[&str]) {
    let lines = lines(old, new);
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
}

#[test]
fn g01_redirect_that_becomes_the_default_server_redirects_to_itself() {
    told(
        "server { listen 80; server_name _; location / { return 200 site; } }",
        "server { listen 80; server_name www.a.test; return 301 http://a.test$request_uri; }
         server { listen 80; server_name _; location / { return 200 site; } }",
        &["Outcome GET /* on *:80 | GET http://localhost/ | 200 site -> 301 http://a.test/"],
    );
}

#[test]
fn g03_default_server_that_moves_takes_every_unmatched_host_along() {
    told(
        "server { listen 80 default_server; return 404; }
         server { listen 80; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }",
        "server { listen 80 default_server; server_name x.test; location / { proxy_pass http://127.0.0.1:9999; } }",
        &["Outcome GET /* on *:80 | GET http://localhost/ | 404 -> http://127.0.0.1:9999/"],
    );
}

#[test]
fn g07_lost_slash_of_a_proxy_pass_keeps_the_prefix() {
    told(
        "server { listen 80; location /api/ { proxy_pass http://127.0.0.1:9001/; } }",
        "server { listen 80; location /api/ { proxy_pass http://127.0.0.1:9001; } }",
        &[
            "Outcome GET /api/* on *:80 | GET http://localhost/api/ | http://127.0.0.1:9001/ -> http://127.0.0.1:9001/api/",
        ],
    );
}

#[test]
fn g09_redirect_for_a_whole_domain_family() {
    told(
        "server { listen 80; server_name found.wm.test; location /wiki/ { return 301 http://www.wmf.test$request_uri; } }
         server { listen 80; server_name *.wm.test; location / { proxy_pass http://127.0.0.1:9001; } }",
        "server { listen 80; server_name *.wm.test; location /wiki/ { return 301 http://www.wmf.test$request_uri; }
                  location / { proxy_pass http://127.0.0.1:9001; } }",
        &[
            "Outcome GET /* on found.wm.test:80 | GET http://found.wm.test/ | file /usr/share/nginx/html/index.html -> http://127.0.0.1:9001/",
            "Outcome GET /wiki/* on *.wm.test:80 | GET http://a.wm.test/wiki/ | http://127.0.0.1:9001/wiki/ -> 301 http://www.wmf.test/wiki/",
        ],
    );
}

#[test]
fn g11_redirect_to_https_that_becomes_unconditional() {
    told(
        "map $http_x_forwarded_proto $r { default 0; http 1; }
         server { listen 80; if ($r) { return 301 https://$host$request_uri; }
                  location / { proxy_pass http://127.0.0.1:9001; } }",
        "map $http_x_forwarded_proto $r { default 1; https 0; }
         server { listen 80; if ($r) { return 301 https://$host$request_uri; }
                  location / { proxy_pass http://127.0.0.1:9001; } }",
        &[
            "Outcome GET /* on *:80 | GET http://localhost/ | http://127.0.0.1:9001/ -> 301 https://localhost/",
        ],
    );
}

#[test]
fn g23_deny_that_is_too_broad_shadows_a_route() {
    told(
        "server { listen 80; location = /api/report { return 403; } location / { proxy_pass http://127.0.0.1:9001; } }",
        "server { listen 80; location ~ report { return 404; } location / { proxy_pass http://127.0.0.1:9001; } }",
        &[
            "Outcome GET *report* on *:80 (takes from 2 locations) | GET http://localhost/report | http://127.0.0.1:9001/report -> 404",
        ],
    );
}

#[test]
fn g25_fallback_that_is_too_wide_answers_for_missing_assets() {
    told(
        "server { listen 80; root /srv/html; location /assets/ { try_files $uri =404; }
                  location / { try_files $uri /index.html; } }",
        "server { listen 80; root /srv/html; location / { try_files $uri /index.html; } }",
        &["Outcome GET /assets/* on *:80 | GET http://localhost/assets/ | 404 -> file /srv/html/index.html"],
    );
}

#[test]
fn g31_regex_that_is_added_wins_over_a_prefix() {
    told(
        "server { listen 80; location /static/ { root /srv/html; try_files /assets/a.js =404; } }",
        "server { listen 80; location /static/ { root /srv/html; try_files /assets/a.js =404; }
                  location ~ \\.js$ { proxy_pass http://127.0.0.1:9999; } }",
        &[
            "Outcome GET *.js on *:80 (takes from 2 locations) | GET http://localhost/.js | file /usr/share/nginx/html/.js -> http://127.0.0.1:9999/.js",
        ],
    );
}

#[test]
fn g33_wrong_port_of_an_upstream() {
    told(
        "upstream a { server 127.0.0.1:9001; } server { listen 80; location / { proxy_pass http://a; } }",
        "upstream a { server 127.0.0.1:9010; } server { listen 80; location / { proxy_pass http://a; } }",
        &["Upstream GET /* on *:80 | GET http://localhost/ | http://a/ -> http://a/"],
    );
}

#[test]
fn g39_lost_listen_of_ipv6_refuses_connections() {
    told(
        "server { listen 80; listen [::]:80; return 200 ok; }",
        "server { listen 80; return 200 ok; }",
        &[
            "Outcome GET /* on [::]:80 | GET http://localhost/ | 200 ok -> closed: nothing listens on [::1]:80",
        ],
    );
}
