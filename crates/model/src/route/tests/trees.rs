//! Outcomes as decision trees, and worlds that decide them.

use super::{config, request, told};
use crate::{Config, Router, Tree, World};

/// A tree with a line for every end: what must be, and where the request ends.
fn tree(config: &Config, asked: &str, assumed: &[&str]) -> Vec<String> {
    let mut world = World::default();
    assumed.iter().for_each(|text| world.assume(text).unwrap());
    let mut lines = Vec::new();
    tell(config, &Router::new(config).outcomes(&request(asked), &world), "", &mut lines);
    lines
}

fn tell(config: &Config, tree: &Tree, before: &str, lines: &mut Vec<String>) {
    match tree {
        Tree::End(route) => lines.push(format!("{before}{}", told(config, route))),
        Tree::Cut => lines.push(format!("{before}…")),
        Tree::Fork { atom, branches } => {
            for (answers, tree) in branches {
                let answers: Vec<_> = answers.iter().map(|is| atom.with(*is)).collect();
                tell(config, tree, &format!("{before}{}: ", answers.join(" or ")), lines);
            }
        }
    }
}

#[test]
fn try_files_is_told_by_what_lies_there() {
    let config = config(
        "server { root /srv; location / { try_files $uri $uri/ @app; }\n\
         location @app { proxy_pass http://127.0.0.1:1; } }",
    );
    assert_eq!(
        tree(&config, "GET http://h/a", &[]),
        [
            "file-exists:/srv/a=no: 3 pass http://127.0.0.1:1/a",
            "file-exists:/srv/a=yes: 2 file /srv/a",
            "file-exists:/srv/a=dir: 2 301 http://h/a/",
        ]
    );
    assert_eq!(tree(&config, "GET http://h/a", &["file-exists:/srv/a=yes"]), ["2 file /srv/a"]);
}

#[test]
fn what_an_upstream_answers_is_told_where_a_page_takes_its_place() {
    let config = config(
        "server { error_page 502 =200 /sorry; error_page 404 /gone; proxy_intercept_errors on;\n\
         location / { proxy_pass http://127.0.0.1:1; } location /sorry { return 200 sorry; }\n\
         location /gone { return 410 gone; } }",
    );
    assert_eq!(
        tree(&config, "GET http://h/a", &[]),
        [
            "upstream-response:http://127.0.0.1:1/a=200: 3 pass http://127.0.0.1:1/a",
            "upstream-response:http://127.0.0.1:1/a=404: 4 return 404 gone",
            "upstream-response:http://127.0.0.1:1/a=502 or upstream-response:http://127.0.0.1:1/a=down: 3 return 200 sorry",
        ]
    );
    assert_eq!(tree(&config, "GET http://h/a", &["upstream-response=503"]), ["3 pass http://127.0.0.1:1/a"]);
    assert_eq!(
        tree(&config, "GET http://h/a", &["upstream-response:127.0.0.1:1=down"]),
        ["3 return 200 sorry"]
    );
}

#[test]
fn nobody_s_client_comes_from_everywhere() {
    let config = config(
        "server { allow 10.0.0.0/8; deny all; return 200 server;\nlocation / { return 200 in; } location /x { } }",
    );
    assert_eq!(tree(&config, "GET http://h/", &[]), ["2 return 200 server"], "return comes before who may");
    let config =
        super::config("server { location / { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:1; } }");
    assert_eq!(
        tree(&config, "GET http://h/", &[]),
        [
            "client-address:10.0.0.0/8=no: 2 error 403",
            "client-address:10.0.0.0/8=yes: 2 pass http://127.0.0.1:1/"
        ]
    );
}

#[test]
fn ends_beyond_many_are_cut() {
    let names: String = (0..12).map(|name| format!(" $uri.{name} $uri.{name}/x")).collect();
    let config = config(&format!("server {{ root /srv; location / {{ try_files{names} =404; }} }}"));
    let lines = tree(&config, "GET http://h/a", &[]);
    assert!(lines.len() <= 300, "{} ends", lines.len());
}
