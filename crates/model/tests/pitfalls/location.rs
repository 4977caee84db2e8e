//! From the URI to the location.

use crate::check;

#[test]
fn equal_text_ends_the_search_and_else_the_longest_prefix_waits_for_the_regexes() {
    check(
        r#"server { @L@
            location ~ \.php$ { return 200 regex1; }
            location ~ ^/a { return 200 regex2; }
            location = /a.php { return 200 exact; }
            location /a { return 200 short; }
            location /abc { return 200 long; }
            location /b { return 200 b; }
        }"#,
        &[
            ("GET /a.php", "200 exact"),
            ("GET /a.php/", "200 regex2"),
            ("GET /abc", "200 regex2"),
            ("GET /b", "200 b"),
            ("GET /b.php", "200 regex1"),
            ("GET /a/b.php", "200 regex1"),
        ],
    );
}

#[test]
fn mark_of_an_inner_prefix_does_not_silence_outer_regexes_nor_that_of_an_outer_one_inner_regexes() {
    check(
        r#"server { @L@
            location ~ x$ { return 200 outer-regex; }
            location /in/ { location ^~ /in/marked { return 200 inner; } }
            location ^~ /out/ { return 200 marked; location ~ y$ { return 200 inner-regex; } }
        }"#,
        &[
            ("GET /in/marked/x", "200 outer-regex"),
            ("GET /in/marked/z", "200 inner"),
            ("GET /out/x", "200 marked"),
            ("GET /out/y", "200 inner-regex"),
        ],
    );
}

#[test]
fn mark_is_void_where_an_unmarked_prefix_is_longer() {
    check(
        r#"server { @L@
            location ^~ /a { return 200 marked; }
            location /a/b { return 200 longer; }
            location ~ \.png$ { return 200 regex; }
        }"#,
        &[("GET /a/1.png", "200 marked"), ("GET /a/b/1.png", "200 regex"), ("GET /a/b/1", "200 longer")],
    );
}

#[test]
fn inner_regex_beats_an_outer_one_that_comes_first() {
    check(
        r#"server { @L@
            location ~ \.php$ { return 200 outer; }
            location /a/ { location ~ ^/a/x { return 200 inner; } }
        }"#,
        &[("GET /a/x.php", "200 inner"), ("GET /a/y.php", "200 outer")],
    );
}

#[test]
fn location_that_passes_on_brings_a_redirect_before_any_regex() {
    check(
        r#"server { @L@
            location / { return 200 root; }
            location /x/ { proxy_pass http://up; }
            location /y/ { return 200 y; }
            location /z/ { proxy_pass http://up; }
            location = /z { return 200 exact; }
            location /in/ { location /in/w/ { proxy_pass http://up; } }
            location ~ x { return 200 regex; }
            location @named { return 200 named; }
        }"#,
        &[
            ("GET /x", "301 http://a.test:@P@/x/"),
            ("GET /x?q=1", "301 http://a.test:@P@/x/?q=1"),
            ("GET /x/", "200 regex"),
            ("GET /y", "200 root"),
            ("GET /z", "200 exact"),
            ("GET /z/", "upstream /z/"),
            ("GET /in/w", "301 http://a.test:@P@/in/w/"),
        ],
    );
}

#[test]
fn prefix_inside_a_regex_never_takes_anything() {
    check(
        r#"server { @L@
            location ~ ^/a { location ^/a/b { return 200 never; } location = ^/a { return 200 never; } return 200 regex; }
        }"#,
        &[("GET /a/b", "200 regex"), ("GET /%5E/a/b", "404")],
    );
}

#[test]
fn prefix_ends_in_the_middle_of_a_word() {
    check(
        "server { @L@ location /api { return 200 api; } location / { return 200 rest; } }",
        &[("GET /apixyz", "200 api"), ("GET /ap", "200 rest")],
    );
}

#[test]
fn marked_root_silences_every_regex_of_the_server() {
    check(
        r#"server { @L@ location ^~ / { return 200 root; } location ~ \.php$ { return 200 never; } location /a { return 200 a; } }"#,
        &[("GET /x.php", "200 root"), ("GET /a.php", "200 never")],
    );
}

#[test]
fn server_itself_serves_files_where_no_location_fits() {
    check(
        "server { @L@ location /x { return 200 x; } }",
        &[
            ("GET /h.html", "200 html/h.html"),
            ("GET /none", "404"),
            ("GET /", "200 html/index.html"),
            ("POST /h.html", "405"),
        ],
    );
}

#[test]
fn dollar_matches_before_a_last_newline_and_a_dot_matches_none() {
    check(
        r#"server { @L@
            location ~ ^/a$ { return 200 a; }
            location ~ ^/b.$ { return 200 dot; }
            location ~ ^/c\z { return 200 strict; }
            location ~ ^/.x$ { return 200 byte; }
            location ~ (*UTF8)^/y.$ { return 200 character; }
            location / { return 200 rest; }
        }"#,
        &[
            ("GET /a%0a", "200 a"),
            ("GET /a%0a%0a", "200 rest"),
            ("GET /b%0a", "200 rest"),
            ("GET /c%0a", "200 rest"),
            ("GET /%e9x", "200 byte"),
            ("GET /%c3%a9x", "200 rest"),
            ("GET /y%c3%a9", "200 character"),
        ],
    );
}

#[test]
fn inner_location_has_none_of_what_the_outer_one_does() {
    check(
        r#"server { @L@ root www;
            location /c { proxy_pass http://up; location /c/d { } }
            location /r { return 200 r; location /r/d { } }
            location /w { rewrite ^ /a.html break; location /w/d { } }
            location /t { try_files /a.html =404; location /t/d { } }
        }"#,
        &[
            ("GET /c/x", "upstream /c/x"),
            ("GET /c/d", "404"),
            ("GET /r/d", "404"),
            ("GET /w/x", "200 www/a.html"),
            ("GET /w/d", "404"),
            ("GET /t/x", "200 www/a.html"),
            ("GET /t/d", "404"),
        ],
    );
}

#[test]
fn empty_location_takes_everything() {
    check(
        r#"server { @L@ location "" { return 200 empty; } location /a { return 200 a; } }"#,
        &[("GET /x", "200 empty"), ("GET /a", "200 a"), ("GET /", "200 empty")],
    );
}
