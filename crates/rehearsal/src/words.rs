//! What nginx itself says in its error logs of a request that went wrong: the reason that a status does not tell.

use std::path::PathBuf;

use evenkeel_model::{Config, Request};

use crate::stage::Stage;
use crate::story::Line;
use crate::watch::{Logs, Nginx};

/// For how many requests of a tree the logs are looked into. They are read for each anew.
const REQUESTS_MAX: usize = 60;
/// How many messages are kept of one request.
const MESSAGES_MAX: usize = 3;
/// How many error logs are looked into.
const LOGS_MAX: usize = 16;

/// The error logs of a tree while it is asked.
#[derive(Debug)]
pub(crate) struct Words {
    logs: Logs,
    left: usize,
}

impl Words {
    /// Notes where every error log of a configuration ends now.
    pub(crate) async fn listen(stage: &Stage, config: &Config) -> Words {
        let mut logs = Logs::default();
        logs.note(stage, config).await;
        let settings = config.settings();
        let named = config.named("error_log").filter_map(|node| node.arg(0));
        let is_file = |value: &&[u8]| {
            *value != b"stderr" && !value.starts_with(b"syslog:") && !value.starts_with(b"memory:")
        };
        let paths = named.filter(is_file).map(|value| {
            let path = settings.in_prefix(value);
            PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&path))
        });
        for path in paths.filter(|path| !path.starts_with("/dev")).take(LOGS_MAX) {
            logs.note_file(stage, path).await;
        }
        Words { logs, left: REQUESTS_MAX }
    }

    /// What was said of a request that was answered just now.
    pub(crate) async fn about(&mut self, nginx: &Nginx, stage: &Stage, request: &Request) -> Vec<String> {
        if self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        let lines = nginx.new_lines_of(&mut self.logs, stage).await;
        gist(&lines, request)
    }
}

/// The messages that are about a request, without what they say of the request itself.
fn gist(lines: &[Line], request: &Request) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let asked = format!("request: \"{} {}", text(&request.method), text(&request.target));
    let mut said: Vec<String> = Vec::new();
    for Line { level, message, .. } in lines {
        if !matches!(level.as_str(), "error" | "crit" | "alert" | "emerg") {
            continue;
        }
        let Some((what, about)) = message.split_once(", client: ") else { continue };
        // Of a handshake nothing is known yet of the request behind it.
        if about.contains("request: \"") && !about.contains(&asked) {
            continue;
        }
        let what = what.split(" (SSL: ").next().unwrap_or(what);
        let what = what.strip_suffix(" while SSL handshaking").unwrap_or(what);
        let what = match what.strip_prefix('*').and_then(|rest| rest.split_once(' ')) {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => what,
        };
        if said.len() < MESSAGES_MAX && !said.iter().any(|known| known == what) {
            said.push(what.to_owned());
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[(&str, &str)]) -> Vec<String> {
        let line = |(level, message): &(&str, &str)| Line {
            level: (*level).to_owned(),
            pid: 7,
            message: (*message).to_owned(),
        };
        let lines: Vec<Line> = lines.iter().map(line).collect();
        gist(&lines, &Request::parse("GET http://shop.test/a").unwrap())
    }

    #[test]
    fn words_about_a_request_are_told_from_words_about_another() {
        let about = |path: &str| {
            format!("client: 10.0.0.1, server: s, request: \"GET {path} HTTP/1.1\", host: \"s\"")
        };
        let mine = format!("*3 no resolver defined to resolve app.internal, {}", about("/a"));
        let others = format!("*4 open() \"/gone/b\" failed (2: No such file or directory), {}", about("/b"));
        let lines = [
            ("error", mine.as_str()),
            ("error", others.as_str()),
            ("warn", mine.as_str()),
            ("notice", "signal 1"),
        ];
        assert_eq!(said(&lines), ["no resolver defined to resolve app.internal"]);
    }

    #[test]
    fn words_about_a_handshake_name_no_request() {
        let line = "*5 cannot load certificate \"/tls/a.test.pem\": BIO_new_file() failed (SSL: error:80000002:system \
                    library::No such file or directory) while SSL handshaking, client: 10.0.0.1, server: 0.0.0.0:443";
        let said = said(&[("error", line)]);
        assert_eq!(said, ["cannot load certificate \"/tls/a.test.pem\": BIO_new_file() failed"]);
    }
}
