//! From the request target to the URI.

use crate::{check, check_each};

const SHOW: &str = r#"server { @L@ return 200 "$uri|$args"; }"#;

#[test]
fn arguments_begin_at_the_first_question_mark_and_a_fragment_ends_all() {
    check(
        SHOW,
        &[
            ("GET /a?b?c=/../d", "200 /a|b?c=/../d"),
            ("GET /a#b?c", "200 /a|"),
            ("GET /a?b#c", "200 /a|b"),
            ("GET /a%3Fb?c", "200 /a?b|c"),
        ],
    );
}

#[test]
fn percent_is_decoded_once_and_before_dots_and_slashes_act() {
    check(
        SHOW,
        &[
            ("GET /a/%2e%2E/b", "200 /b|"),
            ("GET /a%2F%2fb", "200 /a/b|"),
            ("GET /a%2F..%2Fb", "200 /b|"),
            ("GET /%61%2562", "200 /a%62|"),
        ],
    );
}

#[test]
fn decoded_percent_hash_and_question_mark_are_letters() {
    check(
        SHOW,
        &[("GET /a%25%32f", "200 /a%2f|"), ("GET /a%23b", "200 /a#b|"), ("GET /a%3Fb%3f/../c", "200 /c|")],
    );
}

#[test]
fn slashes_are_merged_and_dots_removed() {
    check(
        SHOW,
        &[
            ("GET //a///b//", "200 /a/b/|"),
            ("GET /a/./b/.", "200 /a/b/|"),
            ("GET /a/b/..", "200 /a/|"),
            ("GET /...", "200 /...|"),
        ],
    );
}

#[test]
fn dots_above_the_root_are_refused() {
    check(SHOW, &[("GET /..", "400"), ("GET /a/../..", "400"), ("GET /a/..", "200 /|")]);
}

#[test]
fn broken_escapes_and_zero_bytes_are_refused() {
    check(SHOW, &[("GET /%00", "400"), ("GET /%zz", "400"), ("GET /%", "400"), ("GET /a%2", "400")]);
}

#[test]
fn plus_stays_a_plus() {
    check(SHOW, &[("GET /a+b?c+d", "200 /a+b|c+d")]);
}

#[test]
fn spaces_and_control_bytes_are_refused_and_high_bytes_are_not() {
    check(
        SHOW,
        &[
            ("GET /a b", "400"),
            ("GET /a\x01b", "400"),
            ("GET /a\x7fb", "400"),
            ("GET /a\u{e9}b", "200 /a\\xe9b|"),
            ("GET /a%E9b", "200 /a\\xe9b|"),
        ],
    );
}

#[test]
fn asterisk_is_refused() {
    check(SHOW, &[("OPTIONS *", "400"), ("GET *", "400")]);
}

#[test]
fn absolute_target_without_a_path_has_the_root_as_its_uri() {
    check(
        SHOW,
        &[("GET http://h?x", "200 /|x"), ("GET http://h", "200 /|"), ("GET http://h/a?x", "200 /a|x")],
    );
}

#[test]
fn location_is_compared_with_the_decoded_uri_and_never_decoded_itself() {
    check(
        r#"server { @L@ location /a%20b { return 200 escaped; } location "/a b" { return 200 plain; } location / { return 200 rest; } }"#,
        &[("GET /a%20b", "200 plain"), ("GET /a%2520b", "200 escaped"), ("GET /x", "200 rest")],
    );
}

#[test]
fn request_uri_stays_as_it_was_sent() {
    check(
        r#"server { @L@ rewrite ^ /x?y=1; location / { return 200 "$request_uri $uri $args"; } }"#,
        &[
            ("GET //a/../%62?c", "200 //a/../%62?c /x y=1&c"),
            ("GET http://a.test//b", "200 //b /x y=1"),
            ("GET /a#b", "200 /a#b /x y=1"),
        ],
    );
}

#[test]
fn invalid_header_names_are_passed_over_unless_the_default_server_says_otherwise() {
    check_each(
        r#"
        server { @L@ return 200 "[$http_x_y]"; }
        server { listen 127.0.0.1:@Q@; ignore_invalid_headers off; return 200 "[$http_x_y]"; }
        server { listen 127.0.0.1:@R@; underscores_in_headers on; return 200 "[$http_x_y]"; }
        "#,
        &[
            ("GET / | X_Y: 1", "200 []", "200 []"),
            ("GET / | X-Y: 1", "200 [1]", "200 [1]"),
            ("{Q} GET / | X_Y: 1", "200 [1]", "200 [1]"),
            ("{R} GET / | X_Y: 1", "200 [1]", "200 [1]"),
            ("{R} GET / | X-Y: 1 | X_Y: 2", "200 [1]", "200 [1, 2]"),
            ("GET / | X(Y: 1", "200 []", "200 []"),
        ],
    );
}
