//! What changes nothing is told as nothing, and proven.

use crate::lines;

/// Nothing changes, and nothing is left open.
#[track_caller]
fn nothing(old: &str, new: &str) {
    let lines = lines(old, new);
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn order_of_prefixes_does_not_matter() {
    nothing(
        "server { listen 80; location /a { return 200 a; } location /b { proxy_pass http://127.0.0.1:1; } }",
        "server { listen 80; location /b { proxy_pass http://127.0.0.1:1; } location /a { return 200 a; } }",
    );
}

#[test]
fn order_of_named_servers_does_not_matter() {
    nothing(
        "server { listen 80 default_server; return 404; } server { listen 80; server_name a; return 200 a; }
         server { listen 80; server_name b; return 200 b; }",
        "server { listen 80; server_name b; return 200 b; } server { listen 80; server_name a; return 200 a; }
         server { listen 80 default_server; return 404; }",
    );
}

#[test]
fn regex_that_is_a_prefix_may_be_one() {
    nothing(
        "server { listen 80; location ~ ^/img/ { return 200 img; } location / { return 200 rest; } }",
        "server { listen 80; location /img/ { return 200 img; } location / { return 200 rest; } }",
    );
}

#[test]
fn if_may_become_a_map() {
    nothing(
        "server { listen 80; location / { if ($http_x ~* ^a\\z) { return 403; } return 200 ok; } }",
        "map $http_x $bad { default 0; a 1; }
         server { listen 80; location / { if ($bad) { return 403; } return 200 ok; } }",
    );
}

#[test]
fn keys_of_a_map_ignore_case_and_an_if_does_not() {
    assert_eq!(
        lines(
            "server { listen 80; location / { if ($http_x = a) { return 403; } return 200 ok; } }",
            "map $http_x $bad { default 0; a 1; }
             server { listen 80; location / { if ($bad) { return 403; } return 200 ok; } }",
        ),
        ["Outcome GET /* on *:80 with header x: A | GET http://localhost/ | 200 ok -> 403"]
    );
}

#[test]
fn host_of_the_only_name_may_be_written_out() {
    nothing(
        "server { listen 80 default_server; return 444; }
         server { listen 80; server_name a.test; return 301 https://$host$request_uri; }",
        "server { listen 80 default_server; return 444; }
         server { listen 80; server_name a.test; return 301 https://a.test$request_uri; }",
    );
}

#[test]
fn what_logs_or_tunes_does_not_matter() {
    nothing(
        "gzip on; server { listen 80; location / { proxy_pass http://127.0.0.1:1; } }",
        "sendfile on; server { listen 80; access_log off; location / { proxy_read_timeout 5s; proxy_pass http://127.0.0.1:1; } }",
    );
}

#[test]
fn redirect_to_a_directory_is_the_same_whoever_sends_it() {
    let pass = "location /img/ { proxy_pass http://127.0.0.1:1; }";
    assert_eq!(
        lines(
            &format!("server {{ listen 80; {pass} }}"),
            &format!("server {{ listen 80; {pass} location = /img {{ root /srv; }} }}"),
        ),
        ["Outcome GET /img on *:80 | GET http://localhost/img | 301 http://localhost/img/ -> file /srv/img"]
    );
}

#[test]
fn path_of_host_and_uri_may_be_put_together_anywhere() {
    nothing(
        "server { listen 80; location / { root /srv/$host; autoindex on; } }",
        "server { listen 80; root /srv/$host/; location / { autoindex on; } }",
    );
}

#[test]
fn host_that_nobody_names_is_the_first_name() {
    assert_eq!(
        lines(
            "server { listen 80; server_name a.test; location / { return 302 /x$host; } }",
            "server { listen 80; server_name b.test; location / { return 302 /x$host; } }",
        ),
        [
            "Outcome GET /* on no name:80 | GET http://localhost/ | 302 http://127.0.0.1/xa.test -> 302 http://127.0.0.1/xb.test"
        ]
    );
}

#[test]
fn address_that_nobody_listens_on_any_more_is_one_row_a_server() {
    assert_eq!(
        lines(
            "server { listen 80; listen 81; server_name a; location / { return 200 a; } location /b { return 200 b; } }
             server { listen 81; server_name c; return 200 c; }",
            "server { listen 80; server_name a; location / { return 200 a; } location /b { return 200 b; } }",
        ),
        [
            "Outcome GET /* on a:81 | GET http://a:81/ | 200 a -> closed: nothing listens on port 81",
            "Outcome GET /* on c:81 | GET http://c:81/ | 200 c -> closed: nothing listens on port 81",
        ]
    );
}

#[test]
fn target_may_be_spelled_otherwise_than_the_uri_that_it_means() {
    let server = |body: &str| {
        format!(
            "server {{ listen 80; if ($request_uri ~ ^/a) {{ return 444; }} location /a/b {{ return 200 {body}; }} }}"
        )
    };
    assert_eq!(
        lines(&server("one"), &server("two")),
        ["Outcome GET /a/b* on *:80 | GET http://localhost//a/b | 200 one -> 200 two"]
    );
    let locked = |body: &str| {
        format!(
            "server {{ listen 80; if ($request_uri !~ ^/b) {{ return 444; }} location = /a {{ return 200 {body}; }} }}"
        )
    };
    assert_eq!(
        lines(&locked("one"), &locked("two")),
        ["Outcome GET /a on *:80 | GET http://localhost/b/../a | 200 one -> 200 two"]
    );
}
