//! `rewrite`, `break`, `if`, `return`, `set`, and what they capture.

use crate::check;

#[test]
fn rewrite_looks_at_the_decoded_uri_and_its_case() {
    check(
        r#"server { @L@ rewrite ^/A /capital last; rewrite "^/a b$" /space last; location / { return 200 $uri; } }"#,
        &[("GET /a", "200 /a"), ("GET /A", "200 /capital"), ("GET /a%20b", "200 /space")],
    );
}

#[test]
fn replacement_with_a_scheme_is_a_redirect_whatever_its_flag() {
    check(
        r#"server { @L@
            rewrite ^/a http://b.test/x last;
            rewrite ^/b $scheme://b.test/y;
            rewrite ^/c https://b.test/z permanent;
            rewrite ^/d //b.test/w redirect;
            location / { return 200 $uri; }
        }"#,
        &[
            ("GET /a", "302 http://b.test/x"),
            ("GET /b?q", "302 http://b.test/y?q"),
            ("GET /c", "301 https://b.test/z"),
            ("GET /d", "302 http://a.test:@P@//b.test/w"),
        ],
    );
}

#[test]
fn rewrite_without_a_flag_goes_on_with_the_next_one() {
    check(
        r#"server { @L@
            location /a { rewrite ^/a /b; rewrite ^/b /c; return 200 "here $uri"; }
            location /l { rewrite ^/l /b last; return 200 never; }
            location /k { rewrite ^/k /b break; return 200 never; }
            location /n { rewrite ^/n /b; }
            location /b { return 200 b; }
        }"#,
        &[("GET /a", "200 here /c"), ("GET /l", "200 b"), ("GET /k", "404"), ("GET /n", "200 b")],
    );
}

#[test]
fn old_arguments_are_appended_unless_the_replacement_ends_in_a_question_mark() {
    check(
        r#"server { @L@
            rewrite ^/a /x?new=1 last;
            rewrite ^/b /x?new=1? last;
            rewrite ^/c /x? last;
            location / { return 200 "$uri|$args"; }
        }"#,
        &[("GET /a?old", "200 /x|new=1&old"), ("GET /b?old", "200 /x|new=1"), ("GET /c?old", "200 /x|")],
    );
}

#[test]
fn rewritten_request_reaches_internal_locations() {
    check(
        r#"server { @L@ rewrite ^/pub/(.*) /i/$1 last; location /i/ { internal; return 200 inside; } location / { return 200 out; } }"#,
        &[("GET /pub/x", "200 inside"), ("GET /i/x", "404")],
    );
}

#[test]
fn captures_in_the_arguments_are_escaped_only_where_the_uri_was_or_has_a_plus() {
    check(
        r#"server { @L@ rewrite ^/s/(.*)$ /x?q=$1 last; location / { return 200 "$args"; } }"#,
        &[
            ("GET /s/x+y", "200 q=x%2By"),
            ("GET /s/x&y", "200 q=x&y"),
            ("GET /s/x%26y", "200 q=x%26y"),
            ("GET /s/x%20y&z", "200 q=x%20y%26z"),
        ],
    );
}

#[test]
fn break_stops_only_the_directives_of_its_own_module() {
    check(
        r#"server { @L@ root www;
            location /r { break; return 200 never; }
            location /p { break; proxy_pass http://up; }
            location /q/ { rewrite ^/q/(.*)$ /new/$1 break; proxy_pass http://up/cut/; }
        }"#,
        &[("GET /r", "404"), ("GET /p", "upstream /p"), ("GET /q/x", "upstream /new/x")],
    );
}

#[test]
fn alias_after_a_rewrite_that_breaks_is_an_error() {
    check(
        r#"server { @L@ location /i/ { rewrite ^/i/x /i/f.html break; alias other/; } }"#,
        &[("GET /i/x", "500"), ("GET /i/f.html", "200 other/f.html")],
    );
}

#[test]
fn only_the_empty_value_and_a_zero_are_false() {
    check(
        r#"server { @L@ if ($arg_x) { return 200 "true $arg_x"; } return 200 false; }"#,
        &[
            ("GET /?x=", "200 false"),
            ("GET /?x=0", "200 false"),
            ("GET /?x=00", "200 true 00"),
            ("GET /?x=false", "200 true false"),
            ("GET /", "200 false"),
        ],
    );
}

#[test]
fn condition_compares_bytes_and_its_regex_is_not_anchored() {
    check(
        r#"server { @L@ root www;
            if ($arg_x = A) { return 200 equal; }
            if ($arg_x ~ b) { return 200 regex; }
            if ($arg_x ~* c) { return 200 caseless; }
            if ($arg_x !~ d) { return 200 none; }
            if (-f $document_root/a.html) { return 200 file; }
        }"#,
        &[
            ("GET /?x=A", "200 equal"),
            ("GET /?x=a", "200 none"),
            ("GET /?x=abd", "200 regex"),
            ("GET /?x=Cd", "200 caseless"),
            ("GET /?x=d", "200 file"),
        ],
    );
}

#[test]
fn last_condition_that_holds_owns_the_request() {
    check(
        r#"server { @L@ root www;
            location / {
                if ($arg_a) { root other; }
                if ($arg_b) { proxy_pass http://up; }
                if ($arg_c) { set $x 1; }
            }
            location /p { proxy_pass http://up;
                if ($arg_a) { set $x 1; }
                if ($arg_b) { return 200 b; }
            }
        }"#,
        &[
            ("GET /f.html", "404"),
            ("GET /f.html?a=1", "200 other/f.html"),
            ("GET /f.html?a=1&b=1", "upstream /f.html?a=1&b=1"),
            ("GET /a.html?a=1&c=1", "200 www/a.html"),
            ("GET /p?a=1", "upstream /p?a=1"),
            ("GET /f.html?b=1&c=1", "500"),
        ],
    );
}

#[test]
fn condition_that_holds_makes_try_files_be_forgotten() {
    check(
        r#"server { @L@ root www;
            location / { try_files /a.html =403; if ($arg_x) { set $y 1; } }
        }"#,
        &[("GET /none", "200 www/a.html"), ("GET /none?x=1", "404")],
    );
}

#[test]
fn map_with_a_regex_takes_over_the_captures() {
    check(
        r#"
        map $uri $mapped { ~^/c/(.) "m$1"; default d; }
        server { @L@
            location ~ ^/c/(.*)$ { return 200 "$mapped $1"; }
            location ~ ^/d/(.*)$ { set $kept $1; return 200 "$1 $mapped $kept"; }
            location ~ ^/e/(.*)$ { if ($uri ~ ^/(.)) { } return 200 "$1"; }
        }
        "#,
        &[("GET /c/xyz", "200 mx x"), ("GET /d/xyz", "200 xyz d xyz"), ("GET /e/xyz", "200 e")],
    );
}

#[test]
fn return_of_the_server_beats_every_location() {
    check(
        "server { @L@ location = / { return 200 location; } return 200 server; }",
        &[("GET /", "200 server")],
    );
}

#[test]
fn return_with_a_text_is_not_taken_by_a_page_and_one_without_is() {
    check(
        r#"server { @L@
            error_page 418 /page; error_page 404 /page;
            location /text { return 418 text; }
            location /bare { return 418; }
            location /page { return 200 page; }
            location /close { return 444; }
        }"#,
        &[("GET /text", "418 text"), ("GET /bare", "418 page"), ("GET /close", "closed")],
    );
}

#[test]
fn variables_are_set_in_order_and_empty_before() {
    check(
        r#"server { @L@ set $a "$b-"; set $b 1; set $a "$a$b"; return 200 "$a|$c"; location /never { set $c 1; } }"#,
        &[("GET /", "200 -1|")],
    );
}
