//! Routes of small configurations. That they are nginx's own is what `tests/route` asks a real one.

use crate::{
    Answer, Config, FileKind, Files, HttpVersion, LocalAddress, Outcome, Request, Route, Router, Settings,
    Want, Wants, load, witnesses,
};

mod bad_input;
mod entry;
mod error_pages;
mod found;
mod near;
mod reached;
mod served;
mod trees;
mod uncertain;

/// The configuration of a text; the servers of `http` begin on line 2.
fn config(http: &str) -> Config {
    of_text(&format!("events {{}} http {{\n{http}\n}}"))
}

/// The configuration of a whole main file.
pub(crate) fn of_text(text: &str) -> Config {
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == b"/etc/nginx/nginx.conf" => {
                        Answer::Bytes(text.as_bytes().into())
                    }
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
}

/// The files of the tests: what ends in `.html` or `.php` is there, so are directories named `d`; of `/unknown` nobody knows.
fn files(path: &[u8]) -> FileKind {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path.starts_with(b"/unknown") {
        FileKind::Unknown
    } else if path.ends_with(b".html") || path.ends_with(b".php") {
        FileKind::File
    } else if path.ends_with(b"/d") || path == b"/www" {
        FileKind::Directory
    } else {
        FileKind::Absent
    }
}

fn request(text: &str) -> Request {
    Request::parse(text).unwrap()
}

fn route(config: &Config, request: &Request) -> Route {
    Router::new(config).with_files(files).route(request)
}

/// Where a request ends: the line of the block that answers, and what it answers.
fn end(config: &Config, request: &Request) -> String {
    told(config, &route(config, request))
}

fn told(config: &Config, route: &Route) -> String {
    let line = route.location.or(route.server).map_or(0, |node| config.node(node).line());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let what = match &route.outcome {
        Outcome::Pass { pass, .. } => format!("pass {}", text(pass)),
        Outcome::File { path } => format!("file {}", text(path)),
        Outcome::Files { candidates } => {
            format!("files {}", candidates.iter().map(|path| text(path)).collect::<Vec<_>>().join(" "))
        }
        Outcome::Redirect { status, location } => format!("{status} {}", text(location)),
        Outcome::Return { status, body } => {
            format!("return {status} {}", text(body.as_deref().unwrap_or(b"")))
        }
        Outcome::Close { reason } => format!("close: {reason}"),
        Outcome::Error { status, .. } => format!("error {status}"),
    };
    let open: Vec<String> = route.depends_on.iter().map(ToString::to_string).collect();
    let open = if open.is_empty() { String::new() } else { format!(" ? {}", open.join(" ")) };
    format!("{line} {}{open}", what.trim_end())
}

/// Asks all of these and compares where they end.
fn check(http: &str, cases: &[(&str, &str)]) {
    let config = config(http);
    for (asked, expected) in cases {
        assert_eq!(end(&config, &request(asked)), *expected, "{asked}");
    }
}
