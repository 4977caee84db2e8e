use evenkeel_model::Catalog;

use super::*;
use crate::check::{Input, check};
use crate::testing::{Fixture, config, fixture};

fn rendered_with(fixture: &Fixture, style: Style) -> String {
    let config = config(fixture);
    let problems = evenkeel_model::validate(&config, &Catalog::for_version(None));
    let settings = crate::Settings::default();
    let report = check(&Input { config: &config, problems: &problems, live: None, settings: &settings });
    text(&report, &config, style)
}

fn rendered(text: &str) -> String {
    rendered_with(&fixture(text), Style::default())
}

#[test]
fn a_finding_shows_its_text_where_it_rests_and_what_to_do() {
    insta::assert_snapshot!(rendered(
        "#- nginx.conf
events { }
http {
    error_page 404 500 502 504 /oops.html;
    include sites/*;
}
#- sites/shop.conf
server {
    listen 80;
    add_header X-Frame-Options DENY;
    location /img/ {
        alias /srv/img/;
        add_header Cache-Control public;
    }
}
"
    ), @"
    warning[dropped-inherited-headers]: `add_header` drops inherited X-Frame-Options
     --> sites/shop.conf:6:9
      |
    3 |     add_header X-Frame-Options DENY;
      |     ---------- inherited only by blocks that have none of their own
    ...
    6 |         add_header Cache-Control public;
      |         ^^^^^^^^^^
      |
      = help: repeat what is lost in this block, or say `add_header_inherit merge;` (nginx 1.29.3 and later)

    1 warning in 2 files (10 directives)
    ");
}

#[test]
fn one_rule_does_not_drown_the_others() {
    let mut text = String::from("server { location /img { alias /srv/img/; return 204; } }\n");
    for port in 1_000..1_100 {
        text.push_str(&format!(
            "server {{ listen {port}; location / {{ proxy_pass http://127.0.0.1; }} }}\n"
        ));
    }
    text.push_str("server { listen 90; location /i { alias /srv/i/; error_page 404 502 504 /x; } }\n");
    let shown = rendered(&text);
    assert_eq!(shown.matches("note[missing-error-page]").count(), 3, "{shown}");
    assert!(shown.contains("… and 97 more of missing-error-page, in http.conf"), "{shown}");
    assert!(shown.contains("warning[alias-traversal]"), "{shown}");
    assert!(shown.contains("1 warning, 100 notes in 2 files"), "{shown}");
}

#[test]
fn nothing_found_is_said() {
    assert_eq!(rendered(""), "nothing found in 2 files (3 directives)\n");
}

#[test]
fn secrets_are_not_printed() {
    let shown = rendered(
        r#"server {
    error_page 404 502 504 /x;
    proxy_set_header Host $host;
    location / { proxy_pass http://127.0.0.1; proxy_set_header Authorization "Bearer s3cr3t-t0ken-0123456789"; }
    flux_capacitor Authorization "Bearer s3cr3t-t0ken-0123456789";
}"#,
    );
    assert!(shown.contains("dropped-inherited-headers"), "{shown}");
    assert!(shown.contains("unknown-directive"), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn bytes_that_are_no_text_are_printed_as_text() {
    let mut tree = fixture("#- nginx.conf\nevents { }\n");
    tree.insert("nginx.conf".into(), b"events { }\nlis\x01ten\x1b[31m \x7f80\xff\0;\n".to_vec());
    let shown = rendered_with(&tree, Style::default());
    assert!(shown.contains("unknown-directive"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
}

#[test]
fn long_lines_are_cut_around_what_matters() {
    let padding = "a".repeat(3_000);
    let shown = rendered(&format!(
        "server {{ set $a {padding}; location /i {{ alias /srv/i/; }} set $b {padding}; }}"
    ));
    assert!(shown.contains("^^^^^"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    let huge = "b ".repeat(500_000);
    let shown = rendered(&format!("server {{ location /i {{ alias /srv/i/; }} }} # {huge}"));
    assert!(shown.len() < 20_000, "{}", shown.len());
}

#[test]
fn colour_is_only_used_when_asked_for() {
    let tree = fixture("server { location /i { alias /srv/i/; } }");
    assert!(!rendered_with(&tree, Style::default()).contains('\u{1b}'));
    assert!(rendered_with(&tree, Style { colour: true, ..Style::default() }).contains("\u{1b}["));
}

#[test]
fn whatever_the_bytes_and_the_places_are_it_is_printed() {
    let words: &[&[u8]] = &[
        b"add_header X 'y z';",
        b"\n",
        b"\r\n",
        b"\t",
        b"\xff\xfe",
        "\u{20ac}\u{1f600}\u{301}".as_bytes(),
        b"{",
        b"}",
        b"\0",
        b"\x1b[31m",
        b"Bearer 0123456789abcdef0123456789abcdef",
        b"listen 80;",
        b"'open",
        b"",
    ];
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for round in 0..2_000 {
        let bytes: Vec<u8> = (0..next(12)).flat_map(|_| words[next(words.len())]).copied().collect();
        let mut tree = Fixture::new();
        tree.insert("nginx.conf".into(), bytes.clone());
        let config = config(&tree);
        let mut place = || {
            let start = next(bytes.len() + 3);
            start..start + next(9)
        };
        let (span, other) = (place(), place());
        let related = crate::Related {
            file: "nginx.conf".into(),
            line: config.files()[0].tree.line_column(other.start).0,
            column: 1,
            span: other,
            message: "because".into(),
        };
        let finding = Finding {
            rule: "alias-traversal".into(),
            severity: Severity::Warning,
            file: "nginx.conf".into(),
            line: config.files()[0].tree.line_column(span.start).0,
            column: 1,
            span,
            message: "message".into(),
            help: None,
            related: vec![related],
            places: 1,
        };
        let shown = text(&Report::default().with(vec![finding]), &config, Style::default());
        assert!(shown.starts_with("warning[alias-traversal]: message\n"), "round {round}: {shown}");
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "round {round}: {shown:?}");
    }
}
