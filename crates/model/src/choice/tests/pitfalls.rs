//! What surprises people about locations, each as a small server.

use super::{choice, locations, sought};

fn check(lines: &str, expected: &[(&str, &str)]) {
    let config = locations(lines);
    let choice = choice(&config);
    for (wanted, outcome) in expected {
        assert_eq!(sought(&config, &choice, wanted), *outcome, "{wanted}");
    }
}

#[test]
fn inner_mark_does_not_stop_outer_regexes_nor_outer_mark_inner_ones() {
    check(
        "location /a { location ^~ /a/b { } }\nlocation ~ ^/a { }",
        &[("/a", "shadowed by ~ ^/a"), ("^~ /a/b", "shadowed by ~ ^/a"), ("~ ^/a", "/a")],
    );
    check("location ^~ /a { location ~ ^/a/b { } }", &[("~ ^/a/b", "/a/b"), ("^~ /a", "/a")]);
}

#[test]
fn longer_plain_prefix_makes_the_mark_void() {
    check(
        "location ^~ /a { }\nlocation /a/b { }\nlocation ~ ^/a/b/c { }",
        &[("~ ^/a/b/c", "/a/b/c"), ("^~ /a", "/a")],
    );
    check(
        "location ^~ /a { }\nlocation ^~ /a/b { }\nlocation ~ ^/a/b/c { }",
        &[("~ ^/a/b/c", "shadowed by ^~ /a/b")],
    );
}

#[test]
fn inner_regex_comes_before_outer_ones() {
    check(
        "location ~ c$ { }\nlocation /a { location ~ c$ { return 204; } }\nlocation /b { }",
        &[("/a", "/a"), ("~ c$", "c")],
    );
    check(
        "location ~ ^/a { }\nlocation /a { location ~* ^/a { } }",
        &[("~ ^/a", "shadowed by ~* ^/a"), ("~* ^/a", "/a"), ("/a", "shadowed by ~* ^/a")],
    );
}

#[test]
fn passing_location_redirects_before_any_regex_unless_the_text_is_there() {
    let text = "location /x/ { proxy_pass http://127.0.0.1; }\nlocation ~ ^/x$ { }\nlocation / { }";
    check(text, &[("301 /x/", "/x"), ("~ ^/x$", "odd /x\\n"), ("/x/", "/x/")]);
    check(&format!("{text}\nlocation = /x {{ }}"), &[("301 /x/", "shadowed by = /x"), ("= /x", "/x")]);
    check(&format!("{text}\nlocation /x {{ }}"), &[("301 /x/", "shadowed by ~ ^/x$"), ("~ ^/x$", "/x")]);
}

#[test]
fn text_inside_a_regex_is_never_compared() {
    check(
        r"location ~ ^/a { location /a/b { } location = /a/c { } location ~ d$ { } }",
        &[("/a/b", "shadowed by ~ ^/a"), ("= /a/c", "shadowed by ~ ^/a"), ("~ d$", "/ad")],
    );
}

#[test]
fn prefix_takes_longer_words_and_marked_root_stops_every_regex() {
    check("location /api { }\nlocation /api/ { }", &[("/api", "/api"), ("/api/", "/api/")]);
    check("location ^~ / { }\nlocation ~ ^/x { }", &[("~ ^/x", "shadowed by ^~ /")]);
    check("location ^~ / { }\nlocation ~ x$ { }", &[("~ x$", "x")]);
}

#[test]
fn nothing_is_left_for_the_server_below_the_empty_text() {
    check("location \"\" { }\nlocation /a { }", &[("-", "shadowed by ")]);
    check("location / { }", &[("-", "")]);
}

#[test]
fn dollar_matches_before_a_last_newline_only_and_dot_takes_none() {
    check("location ~ ^/a$ { }\nlocation = /a { }", &[("~ ^/a$", "odd /a\\n")]);
    check("location ~ ^/a(.*)$ { }\nlocation ~ ^/a { }", &[("~ ^/a", "odd /a\\na")]);
}

#[test]
fn several_together_shadow_one() {
    check(
        "location ~ ^/[a-m] { }\nlocation ~ ^/[n-z] { }\nlocation ~ ^/[0-9] { }\nlocation ~ ^/[a-z] { }",
        &[("~ ^/[a-z]", "shadowed by ~ ^/[a-m], ~ ^/[n-z]")],
    );
    check(
        "location ^~ /a { location ~ ^/a/b { } }\nlocation ~ ^/a/b/c { }\nlocation /a/b/ { }",
        &[("~ ^/a/b/c", "/a/b/c"), ("/a/b/", "/a/b/")],
    );
}

#[test]
fn nested_regex_stands_in_the_way_of_an_outer_one_only_below_its_own_prefix() {
    check("location /a { location ~ b { } }\nlocation ~ ^/a.*b { }", &[("~ ^/a.*b", "shadowed by ~ b")]);
    check(
        "location /a { location ^~ /a/x { } location ~ b { } }\nlocation ~ ^/a.*b { }",
        &[("~ ^/a.*b", "/a/xb")],
    );
}

#[test]
fn regex_that_is_no_language_is_still_tried() {
    check(
        r"location ~ ^/(a)\1$ { }",
        &[(r"~ ^/(a)\1$", r"undecided: the regex ^/(a)\1$ uses a back reference")],
    );
    check(
        r"location ~ ^/(.)\1$ { } location ~ ^/aa$ { }",
        &[("~ ^/aa$", r"undecided: the regex ^/(.)\1$ uses a back reference")],
    );
}
