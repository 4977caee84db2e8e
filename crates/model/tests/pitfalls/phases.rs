//! The order of the phases, and how often the URI may change.

use crate::check;

/// Locations that lead to one another by `rewrite … last`, so many times.
fn chain(length: usize) -> String {
    let links = (0..length).map(|at| format!("location = /{at} {{ rewrite ^ /{} last; }}\n", at + 1));
    let links: String = links.collect();
    format!("server {{ @L@ {links} location = /{length} {{ return 200 end; }} }}")
}

#[test]
fn ten_changes_of_the_uri_are_allowed_and_the_eleventh_is_an_error() {
    check(&chain(10), &[("GET /0", "200 end")]);
    check(&chain(11), &[("GET /0", "500"), ("GET /1", "200 end")]);
}

#[test]
fn rewrites_of_the_server_do_not_count() {
    let rewrites: String = (0..15).map(|at| format!("rewrite ^/{at}$ /{};\n", at + 1)).collect();
    check(
        &format!("server {{ @L@ {rewrites} location / {{ return 200 $uri; }} }}"),
        &[("GET /0", "200 /15")],
    );
}

#[test]
fn internal_redirects_and_named_locations_count() {
    check(
        r#"server { @L@
            location /a { error_page 404 = /a; return 404; recursive_error_pages on; }
            location /b { try_files /none @b; }
            location @b { try_files /none @b; }
        }"#,
        &[("GET /a", "500"), ("GET /b", "500")],
    );
}

#[test]
fn internal_redirect_begins_at_the_rewrites_of_the_server_and_a_named_location_does_not() {
    check(
        r#"server { @L@
            rewrite ^/page$ /rewritten;
            set $seen "${seen}s";
            location /a { error_page 404 /page; return 404; }
            location /b { error_page 404 = @page; return 404; }
            location /page { return 200 page; }
            location /rewritten { return 200 "rewritten $seen"; }
            location @page { return 200 "named $seen $uri"; }
        }"#,
        &[("GET /a", "404 rewritten ss"), ("GET /b", "200 named s /b"), ("GET /page", "200 rewritten s")],
    );
}

#[test]
fn internal_location_and_body_and_missing_slash_come_before_the_rewrites_of_the_location() {
    check(
        r#"server { @L@
            location /i { internal; return 200 i; }
            location /b { client_max_body_size 2; return 200 b; }
            location /p/ { rewrite ^ /x; proxy_pass http://up; }
            error_page 413 =413 /large;
            location /large { return 200 large; }
        }"#,
        &[
            ("GET /i", "404"),
            ("POST /b | Content-Length: 3 || abc", "413 large"),
            ("POST /b | Content-Length: 2 || ab", "200 b"),
            ("GET /p", "301 http://a.test:@P@/p/"),
        ],
    );
}

#[test]
fn server_answers_before_the_body_is_measured_and_before_any_location() {
    check(
        r#"server { @L@ client_max_body_size 2;
            if ($request_method = POST) { return 200 server; }
            location / { deny all; }
        }"#,
        &[("POST / | Content-Length: 9 || 123456789", "200 server"), ("GET /", "403")],
    );
}

#[test]
fn return_comes_before_every_guard() {
    check(
        r#"server { @L@
            location /r { deny all; auth_basic who; auth_basic_user_file users; return 200 r; }
            location /d { deny all; try_files /none =404; }
        }"#,
        &[("GET /r", "200 r"), ("GET /d", "403")],
    );
}

#[test]
fn page_of_a_maintenance_is_caught_by_the_condition_that_sends_there() {
    check(
        r#"
        server { @L@ root www;
            set $down 1;
            if ($down) { return 503; }
            error_page 503 /50x.html;
        }
        server { listen 127.0.0.1:@Q@; root www;
            if ($arg_x) { return 503; }
            error_page 503 /50x.html;
        }
        server { listen 127.0.0.1:@R@; root www;
            set $down 1;
            if ($down) { return 503; }
            error_page 503 @m;
            location @m { rewrite ^ /50x.html break; }
        }
        "#,
        &[("GET /", "503"), ("{Q} GET /?x=1", "503 www/50x.html"), ("{R} GET /", "503 www/50x.html")],
    );
}

#[test]
fn subrequest_is_not_guarded() {
    check(
        r#"server { @L@ root www;
            location / { auth_request /auth; }
            location = /auth { internal; deny all; auth_basic who; auth_basic_user_file users; try_files /a.html =403; }
        }"#,
        &[("GET /a.html", "200 www/a.html")],
    );
}

#[test]
fn files_are_tried_after_the_guards() {
    check(
        r#"server { @L@ root www;
            location /none { deny all; try_files $uri =404; }
            location / { allow 127.0.0.0/8; deny all; try_files $uri =404; }
        }"#,
        &[("GET /none", "403"), ("GET /a.html", "200 www/a.html"), ("GET /b.html", "404")],
    );
}
