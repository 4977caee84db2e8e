//! One server of 1,001 prefixes and 200 regexes, and one edit: nothing is left open, and one row tells it.

use std::fmt::Write as _;

use evenkeel_model::{DiffOptions, FileKind, diff};

use crate::line;
use crate::tree::config;

/// What the locations do.
type Body = fn(usize) -> String;

fn server(body: Body) -> Vec<String> {
    let mut lines = vec![String::from("location / { return 200 root; }")];
    for number in 0..1_000 {
        lines.push(format!("location /area{}/part{number}/ {{ {} }}", number % 40, body(number)));
    }
    for number in 0..200 {
        let pattern = match number % 4 {
            0 => format!("^/area{}/.*\\.x{number}$", number % 40),
            1 => format!("\\.(css|js|x{number})$"),
            2 => format!("^/v\\d+/item{number}/[a-z]+"),
            _ => format!("/deep{number}/"),
        };
        lines.push(format!("location ~ {pattern} {{ return 200 r{number}; }}"));
    }
    lines
}

fn told(body: Body, edit: fn(&mut Vec<String>)) -> Vec<String> {
    let old = server(body);
    let mut new = old.clone();
    edit(&mut new);
    let text = |lines: &[String]| {
        let mut text =
            String::from("upstream app { server 127.0.0.1:9001; } server { listen 80; root /srv;\n");
        lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
        text + "}"
    };
    let (old, new) = (config(&text(&old)), config(&text(&new)));
    let told = diff(&old, &new, &|_: &[u8]| FileKind::Unknown, &DiffOptions::default());
    let mut lines: Vec<String> = told.changes.iter().map(line).collect();
    lines.extend(told.incomplete_because.iter().map(|why| format!("incomplete: {why}")));
    lines
}

/// What is edited, how, and the row that it comes to.
type Edited = (Body, fn(&mut Vec<String>), &'static str);

const EDITS: [Edited; 4] = [
    (
        |number| format!("return 200 p{number};"),
        |lines| drop(lines.remove(500)),
        "Outcome GET /area19/part499/* on *:80 | GET http://localhost/area19/part499/ | 200 p499 -> 200 root",
    ),
    (
        |_| String::from("proxy_pass http://app;"),
        |lines| drop(lines.remove(500)),
        "Outcome GET /area19/part499/* on *:80 | GET http://localhost/area19/part499/ | http://app/area19/part499/ -> 200 root",
    ),
    (
        |number| format!("proxy_pass http://app/v{number}/;"),
        |lines| lines[500] = lines[500].replace('{', "{ return 403;"),
        "Outcome GET /area19/part499/* on *:80 | GET http://localhost/area19/part499/ | http://app/v499/ -> 403",
    ),
    (
        |_| String::from("proxy_pass http://app;"),
        |lines| lines[500] = lines[500].replace("location", "location ^~"),
        "Outcome GET /area19/part499/* on *:80 (takes from 100 locations) | GET http://localhost/area19/part499/.js | 200 r1 -> http://app/area19/part499/.js",
    ),
];

#[test]
fn one_edit_of_a_large_server_is_one_row_and_leaves_nothing_open() {
    for (body, edit, row) in EDITS {
        assert_eq!(told(body, edit), [row]);
    }
}
