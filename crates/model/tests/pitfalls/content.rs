//! Files, pages, maps, and how redirects look.

use crate::{check, check_refused};

#[test]
fn alias_replaces_the_text_of_its_location_even_within_a_word() {
    check(
        r#"server { @L@
            location /i { alias other/; }
            location /j/ { alias other/; }
            location ~ ^/k/(.*)$ { alias other/$1; }
            location /r/ { root www; }
        }"#,
        &[
            ("GET /i../www/a.html", "200 www/a.html"),
            ("GET /if.html", "200 other/f.html"),
            ("GET /j/f.html", "200 other/f.html"),
            ("GET /k/f.html", "200 other/f.html"),
            ("GET /r/a.html", "404"),
        ],
    );
}

#[test]
fn index_file_is_looked_for_a_location_again() {
    check(
        r#"server { @L@ root www;
            location ~ \.html$ { return 200 "html $uri"; }
            location /empty/ { index /absolute; }
            location /noindex/ { index none.html; }
            location = /absolute { return 200 absolute; }
        }"#,
        &[
            ("GET /d/", "200 html /d/index.html"),
            ("GET /empty/", "200 absolute"),
            ("GET /noindex/", "403"),
            ("GET /none/", "404"),
        ],
    );
}

#[test]
fn post_to_an_index_file_is_refused_by_the_files() {
    check(
        "server { @L@ root www; location /d/ { } }",
        &[("POST /d/", "405"), ("GET /d/", "200 www/d/index.html"), ("PUT /d/", "405")],
    );
}

#[test]
fn directory_without_its_slash_is_a_redirect_with_the_port_of_the_socket() {
    check(
        r#"
        server { @L@ root www; }
        server { listen 127.0.0.1:@Q@; root www; port_in_redirect off; }
        server { listen 127.0.0.1:@R@; root www; absolute_redirect off; }
        "#,
        &[
            ("GET /d", "301 http://a.test:@P@/d/"),
            ("GET /d?x=1", "301 http://a.test:@P@/d/?x=1"),
            ("GET /d | Host: b.test:99", "301 http://b.test:@P@/d/"),
            ("{Q} GET /d", "301 http://a.test/d/"),
            ("{R} GET /d", "301 /d/"),
            ("{1.0} {no host} GET /d", "301 http://127.0.0.1:@P@/d/"),
        ],
    );
}

#[test]
fn host_of_a_redirect_is_the_name_of_the_server_only_where_it_is_told_so() {
    check(
        r#"
        server { @L@ server_name own.test; root www; return 301 /x; }
        server { listen 127.0.0.1:@Q@; server_name own.test; server_name_in_redirect on; return 301 /x; }
        server { listen 127.0.0.1:@R@ ssl; @TLS@ return 301 /x; }
        "#,
        &[
            ("GET /", "301 http://a.test:@P@/x"),
            ("{Q} GET /", "301 http://own.test:@Q@/x"),
            ("{R} {tls a.test} GET /", "301 https://a.test:@R@/x"),
        ],
    );
}

#[test]
fn only_the_last_name_of_try_files_leads_elsewhere() {
    check(
        r#"server { @L@ root www;
            location /a/ { try_files /b.php /fallback; }
            location /b/ { try_files $uri/none @named; }
            location /c/ { try_files /none =410; }
            location /e/ { try_files /none /fallback?u=$uri; }
            location ~ \.php$ { return 200 never; }
            location /fallback { return 200 "fallback $uri $args"; }
            location @named { return 200 "named $uri"; }
            rewrite ^/fallback2 /rewritten;
            location /f/ { try_files /none /fallback2; }
            location /rewritten { return 200 rewritten; }
        }"#,
        &[
            ("GET /a/x", "200 www/b.php"),
            ("GET /b/x", "200 named /b/x"),
            ("GET /c/x", "410"),
            ("GET /e/x%20y", "200 fallback /fallback u=/e/x y"),
            ("GET /f/x", "200 rewritten"),
        ],
    );
}

#[test]
fn name_that_try_files_finds_becomes_the_uri() {
    check(
        "server { @L@ root www; location / { try_files /a.html =404; proxy_pass http://up; } }",
        &[("GET /x?q", "upstream /x?q")],
    );
}

#[test]
fn page_of_an_error_is_got_without_arguments_and_a_named_location_keeps_all() {
    check(
        r#"server { @L@
            location /a { error_page 404 /page; return 404; }
            location /b { error_page 404 @page; return 404; }
            location /c { error_page 404 =200 /page; return 404; }
            location /d { error_page 404 = /page; return 404; }
            location /e { error_page 404 http://b.test/x; return 404; }
            location /f { error_page 404 =301 http://b.test/x; return 404; }
            location /page { return 200 "$request_method $uri $args"; }
            location @page { return 200 "$request_method $uri $args"; }
        }"#,
        &[
            ("POST /a?x=1", "404 GET /page"),
            ("POST /b?x=1", "404 POST /b x=1"),
            ("GET /c", "200 GET /page"),
            ("GET /d", "200 GET /page"),
            ("GET /e", "302 http://b.test/x"),
            ("GET /f", "301 http://b.test/x"),
        ],
    );
}

#[test]
fn any_page_of_a_level_hides_those_of_the_outer_ones() {
    check(
        r#"server { @L@ error_page 404 /page;
            location /a { error_page 403 /page; return 404; }
            location /b { return 404; }
            location /page { return 200 page; }
        }"#,
        &[("GET /a", "404"), ("GET /b", "404 page")],
    );
}

#[test]
fn page_of_a_page_is_shown_only_where_it_may_recur() {
    check(
        r#"server { @L@
            location /a { error_page 404 /b; return 404; }
            location /b { error_page 403 /page; return 403; }
            location /c { error_page 404 /d; return 404; recursive_error_pages on; }
            location /d { error_page 403 /page; return 403; recursive_error_pages on; }
            location /page { return 200 page; }
        }"#,
        &[("GET /a", "403"), ("GET /c", "403 page")],
    );
}

#[test]
fn answer_of_an_upstream_has_no_page_unless_it_is_intercepted() {
    check(
        r#"server { @L@ error_page 404 /page;
            location /a { proxy_pass http://up; }
            location /b { proxy_pass http://up; proxy_intercept_errors on; }
            location /page { return 200 page; }
        }"#,
        &[
            ("{status 404} GET /a", "upstream /a =404"),
            ("{status 404} GET /b", "404 page"),
            ("GET /b", "upstream /b"),
        ],
    );
}

#[test]
fn redirect_of_the_configuration_takes_a_page_too() {
    check(
        r#"server { @L@ error_page 302 /page; location /a { return 302 /x; } location /r { rewrite ^ /y redirect; } location /page { return 200 page; } }"#,
        &[("GET /a", "302 http://a.test:@P@/x"), ("GET /r", "302 http://a.test:@P@/y")],
    );
}

#[test]
fn page_is_guarded_as_any_other() {
    check(
        r#"server { @L@ error_page 403 /page; location / { deny all; } location /page { try_files /none =404; } }
           server { listen 127.0.0.1:@Q@; error_page 403 /page; deny all; location /page { allow all; root www; try_files /a.html =404; } }
           server { listen 127.0.0.1:@R@; error_page 403 /a.html; root www; deny all; }"#,
        &[("GET /", "404"), ("{Q} GET /", "403 www/a.html"), ("{R} GET /", "403")],
    );
}

#[test]
fn internal_location_is_not_found_and_that_takes_a_page() {
    check(
        r#"server { @L@ error_page 404 /page; location /i { internal; return 200 i; } location /page { internal; return 200 page; } }"#,
        &[("GET /i", "404 page"), ("GET /page", "404 page")],
    );
}

#[test]
fn limit_except_takes_over_before_the_rewrites_and_head_follows_get() {
    check(
        r#"server { @L@
            location /a { limit_except GET { deny all; } root www; }
            location /b { limit_except GET { proxy_pass http://up; } return 200 b; }
            location /c { limit_except POST { deny all; } proxy_pass http://up; }
        }"#,
        &[
            ("GET /a", "404"),
            ("HEAD /a", "404"),
            ("POST /a", "403"),
            ("GET /b", "200 b"),
            ("POST /b | Content-Length: 0", "upstream /b"),
            ("GET /c", "403"),
            ("POST /c | Content-Length: 0", "upstream /c"),
        ],
    );
}

#[test]
fn map_is_looked_up_once_unless_it_is_volatile() {
    check(
        r#"
        map $uri $kept { /a A; /b B; default D; }
        map $uri $fresh { volatile; /a A; /b B; default D; }
        server { @L@
            location /a { set $x "$kept$fresh"; rewrite ^ /b last; }
            location /b { return 200 "$x $kept $fresh"; }
        }
        "#,
        &[("GET /a", "200 AA A B"), ("GET /b", "200  B B")],
    );
}

#[test]
fn map_takes_equal_keys_then_stars_then_regexes_in_order_then_the_default() {
    check(
        r#"
        map $arg_h $h { hostnames; default d; a.test exact; *.test star; www.* tail; ~^w regex; .dot.com dot; }
        map $arg_h $plain { default d; a.test exact; *.test never; ~*^A regex; }
        server { @L@ return 200 "$h $plain"; }
        "#,
        &[
            ("GET /?h=A.TEST", "200 exact exact"),
            ("GET /?h=a.test.", "200 exact regex"),
            ("GET /?h=www.a.test", "200 star d"),
            ("GET /?h=www.x", "200 tail d"),
            ("GET /?h=wxyz", "200 regex d"),
            ("GET /?h=dot.com", "200 dot d"),
            ("GET /?h=x.dot.com", "200 dot d"),
            ("GET /", "200 d d"),
        ],
    );
}

#[test]
fn dot_and_star_of_the_same_name_do_not_go_together_in_a_map() {
    check_refused("map $host $x { hostnames; .a.test 1; *.a.test 2; }", "conflicting parameter");
}

#[test]
fn listing_is_asked_for_by_get_only_and_comes_after_the_index() {
    check(
        r#"server { @L@ root www; autoindex on; }
           server { listen 127.0.0.1:@Q@; root www; autoindex on; autoindex_format json; }"#,
        &[
            ("GET /noindex/", "200 listing"),
            ("GET /d/", "200 www/d/index.html"),
            ("POST /noindex/", "403"),
            ("GET /none/", "404"),
        ],
    );
}

#[test]
fn answers_of_a_directive_are_for_get_and_head() {
    check("server { @L@ location /g { empty_gif; } }", &[("POST /g", "405"), ("HEAD /g", "200")]);
}

#[test]
fn text_of_the_configuration_and_what_an_upstream_sends_are_answered_whole() {
    check(
        r#"server { @L@ location / { return 200 text; } location /p { proxy_pass http://up; } }"#,
        &[
            ("GET / | Range: bytes=0-0", "200 text"),
            ("GET / | If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT", "200 text"),
            ("GET / | If-None-Match: \"x\"", "200 text"),
            ("GET / | If-Range: \"x\" | Range: bytes=0-1", "200 text"),
            ("GET /p | Range: bytes=0-0", "upstream /p"),
            ("GET /p | If-None-Match: *", "upstream /p"),
            ("GET /p | If-Match: x", "upstream /p"),
        ],
    );
}

#[test]
fn packed_file_is_for_those_who_take_it_unless_it_is_for_all() {
    crate::play::check_own(
        r#"server { @L@ root www; gzip_static on; }
           server { listen 127.0.0.1:@Q@; root www; gzip_static always; }"#,
        &[
            ("GET /packed.html", "200 www/packed.html"),
            ("GET /packed.html | Accept-Encoding: gzip, br", "200 www/packed.html.gz"),
            ("GET /packed.html | Accept-Encoding: br", "200 www/packed.html"),
            ("GET /only.html", "404"),
            ("GET /only.html | Accept-Encoding: gzip", "200 www/only.html.gz"),
            ("{Q} GET /only.html", "200 www/only.html.gz"),
            ("POST /packed.html | Accept-Encoding: gzip", "405"),
            ("{Q} GET /a.html", "200 www/a.html"),
            ("{Q} GET /d", "301 http://a.test:@Q@/d/"),
        ],
    );
}
