use super::*;
use crate::finding::Finding;
use crate::testing::{fixture, report};

/// What is said of a tree, as `rule line`, and what is allowed, as `rule: reason`.
fn of(text: &str) -> (Vec<String>, Vec<String>) {
    let report = report(&fixture(text), None);
    let at = |finding: &Finding| format!("{} {}", finding.rule, finding.line);
    let wanted = |finding: &Finding| finding.rule.starts_with("allow-") || finding.rule == "alias-traversal";
    (
        report.findings.iter().filter(|finding| wanted(finding)).map(at).collect(),
        report
            .suppressed
            .iter()
            .map(|allowed| format!("{}: {}", allowed.finding.rule, allowed.reason))
            .collect(),
    )
}

#[track_caller]
fn is_allowed(text: &str) {
    let (found, allowed) = of(text);
    assert_eq!(found, [""; 0]);
    assert_eq!(allowed, ["alias-traversal: it is public"]);
}

#[test]
fn a_comment_on_the_line_before_allows() {
    is_allowed(
        "server { location /img {
    # evenkeel:allow(alias-traversal) because it is public
    alias /srv/img/;
} }",
    );
}

#[test]
fn a_comment_at_the_end_of_the_line_allows() {
    is_allowed(
        "server { location /img {\n alias /srv/img/; # evenkeel:allow(alias-traversal) because it is public\n} }",
    );
}

#[test]
fn a_comment_among_the_arguments_allows() {
    is_allowed(
        "server { location /img {\n alias # evenkeel:allow(alias-traversal) because it is public\n  /srv/img/;\n} }",
    );
}

#[test]
fn a_comment_at_a_block_allows_everything_inside() {
    is_allowed(
        "# evenkeel:allow(alias-traversal) because it is public
# another comment may lie in between
server { location /img { alias /srv/img/; } }",
    );
    is_allowed(
        "server { # evenkeel:allow(alias-traversal) because it is public\n location /img { alias /srv/img/; } }",
    );
    is_allowed(
        "server { location /img { alias /srv/img/; }\n} # evenkeel:allow(alias-traversal) because it is public",
    );
}

#[test]
fn a_comment_at_an_include_allows_what_it_brings_in() {
    is_allowed(
        "#- nginx.conf
events { }
http { server {
    # evenkeel:allow(alias-traversal) because it is public
    include a.conf;
} }
#- a.conf
location /img { alias /srv/img/; }
",
    );
}

#[test]
fn what_is_allowed_in_one_place_stands_in_another_that_includes_the_same_file() {
    let (found, allowed) = of("#- nginx.conf
events { }
http {
    server {
        # evenkeel:allow(alias-traversal) because it is public
        include a.conf;
    }
    server { include a.conf; }
}
#- a.conf
location /img { alias /srv/img/; }
");
    assert_eq!(found, ["alias-traversal 1"]);
    assert_eq!(allowed, ["alias-traversal: it is public"]);
}

#[test]
fn a_comment_holds_no_further_than_its_directive() {
    let (found, allowed) = of("server {
    # evenkeel:allow(alias-traversal) because it is public
    location /img { alias /srv/img/; }
    location /css { alias /srv/css/; }
}");
    assert_eq!(found, ["alias-traversal 4"]);
    assert_eq!(allowed.len(), 1);
}

#[test]
fn without_a_reason_nothing_is_allowed() {
    for comment in
        ["evenkeel:allow(alias-traversal)", "evenkeel:allow(alias-traversal) because", "evenkeel:allow"]
    {
        let (found, allowed) = of(&format!("# {comment}\nserver {{ location /img {{ alias /srv/img/; }} }}"));
        assert_eq!(found, ["allow-without-reason 1", "alias-traversal 2"], "{comment}");
        assert!(allowed.is_empty());
    }
}

#[test]
fn an_unknown_rule_and_an_unused_comment_are_told() {
    let (found, _) = of("# evenkeel:allow(alias-traversel) because it is public
server { location /img { alias /srv/img/; } }");
    assert_eq!(found, ["allow-unknown-rule 1", "alias-traversal 2"]);

    let (found, _) = of("# evenkeel:allow(alias-traversal) because an empty line ends its reach\n
server { location /img { alias /srv/img/; } }");
    assert_eq!(found, ["allow-unused 1", "alias-traversal 3"]);

    let (found, _) = of("server { location /img/ { alias /srv/img/; }
    # evenkeel:allow(alias-traversal) because nothing follows
}");
    assert_eq!(found, ["allow-unused 2"]);
}

#[test]
fn a_comment_for_a_rule_that_had_nothing_to_compare_with_is_not_unused() {
    let (found, _) = of("# evenkeel:allow(include-matches-nothing) because the directory is filled later
include conf.d/*.conf;");
    assert_eq!(found, [""; 0]);
}

#[test]
fn several_rules_may_share_a_comment() {
    let (found, allowed) = of("# evenkeel:allow(alias-traversal, missing-error-page) because it is public
server { location /img { alias /srv/img/; } }");
    assert_eq!(found, [""; 0]);
    assert_eq!(allowed, ["missing-error-page: it is public", "alias-traversal: it is public"]);
}

#[test]
fn what_nginx_would_refuse_can_be_allowed_too() {
    let (_, allowed) =
        of("# evenkeel:allow(unknown-directive) because our nginx has the module\nflux_capacitor on;");
    assert_eq!(allowed, ["unknown-directive: our nginx has the module"]);
}

#[test]
fn other_comments_are_left_alone() {
    assert_eq!(words("# see evenkeel:allow in the book"), None);
    assert_eq!(words("# evenkeel"), None);
    assert_eq!(
        words("#evenkeel:allow( a , b )because of that "),
        Some(Words { rules: vec!["a", "b"], reason: Some("of that") })
    );
}
