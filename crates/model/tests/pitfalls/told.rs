//! What the router and nginx say, in the same words: `200 body`, `301 /there`, `upstream /asked`, `404`, `closed`.

use std::path::Path;

use evenkeel_model::{HttpVersion, Outcome, PassKind, Route};

use crate::ask::{Answer, Question};

/// The headers of the request to an upstream that are told.
const SENT: &[&str] = &["host", "connection", "upgrade"];

/// The statuses that headers are added to without `always`.
const PLAIN: &[u16] = &[200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// Ports of this run as the test names them.
fn named(text: &str, ports: &[u16; 3]) -> String {
    let upstream = crate::ask::upstream();
    let text = text.replace(&format!(":{upstream}"), ":@U@");
    let ports = ["@P@", "@Q@", "@R@"].iter().zip(ports);
    ports.fold(text, |text, (name, port)| text.replace(&port.to_string(), name))
}

fn is_told(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-t-") || matches!(name.as_str(), "expires" | "cache-control")
}

/// What the router says.
pub(crate) fn route(route: &Route, question: &Question, directory: &Path) -> String {
    let head = question.request.method == b"HEAD";
    let headless = question.request.version == HttpVersion::V0_9;
    // Where an upstream decides the status, the client sees the upstream's.
    let status = route.status.unwrap_or(question.upstream_status);
    let mut told = match &route.outcome {
        Outcome::Pass { kind: PassKind::Proxy, pass, .. } => {
            let after = pass.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
            let slash = pass[after..].iter().position(|byte| matches!(byte, b'/' | b'?'));
            let uri = &pass[after + slash.unwrap_or(pass.len() - after)..];
            let mut told = format!("upstream {}", text(uri));
            if status != 200 {
                told = format!("{told} ={status}");
            }
            if question.tells_sent {
                for name in SENT {
                    let is =
                        |sent: &&evenkeel_model::SentHeader| sent.name.eq_ignore_ascii_case(name.as_bytes());
                    if let Some(sent) = route.facts.sent.iter().find(is) {
                        told.push_str(&format!(" {name}={}", text(&sent.value)));
                    }
                }
            }
            told
        }
        Outcome::Pass { .. } => format!("passed {:?}", route.outcome),
        Outcome::File { path } if path.ends_with(b"/") => String::from("200 listing"),
        Outcome::File { path } => {
            let directory = directory.display().to_string();
            let path = String::from_utf8_lossy(path).into_owned();
            let real = std::fs::canonicalize(&path).unwrap_or_default().display().to_string();
            let name = real.strip_prefix(&directory).unwrap_or(&real).trim_start_matches('/').to_owned();
            let status = route.status.unwrap_or(0);
            if head || status == 204 { format!("{status}") } else { format!("{status} {name}") }
        }
        Outcome::Files { .. } => format!("files {:?}", route.outcome),
        Outcome::Redirect { status, location } => format!("{status} {}", text(location)),
        Outcome::Return { status, body: Some(body) } if !head && *status != 204 => {
            format!("{status} {}", text(body)).trim_end().to_owned()
        }
        Outcome::Return { status, .. } | Outcome::Error { status, .. } => status.to_string(),
        Outcome::Close { .. } => String::from("closed"),
    };
    if headless {
        told = told.split_once(' ').map_or(String::new(), |(_, body)| body.to_owned());
    }
    let added: Vec<String> = route
        .facts
        .headers
        .iter()
        .filter(|header| header.always || PLAIN.contains(&status))
        .filter(|header| is_told(&String::from_utf8_lossy(&header.name)))
        .map(|header| (String::from_utf8_lossy(&header.name).into_owned(), header))
        .map(|(name, header)| {
            let value = if header.known { text(&header.value) } else { String::from("?") };
            format!("{name}: {value}").replace("\\n", "; ")
        })
        .collect();
    if !added.is_empty() {
        told.push_str(&format!(" [{}]", added.join("; ")));
    }
    let open: Vec<String> = route.depends_on.iter().map(ToString::to_string).collect();
    if !open.is_empty() {
        told.push_str(&format!(" ? {}", open.join(" ")));
    }
    named(&told, &question.ports)
}

/// What nginx says.
pub(crate) fn answer(answer: &Answer, ports: &[u16; 3]) -> String {
    // Frames of HTTP/2 are no answer to a request of HTTP/1.
    if answer.raw_is_empty || answer.body.starts_with(b"\0\0\x12\x04") {
        return String::from("closed");
    }
    let location = answer.header("Location").filter(|_| matches!(answer.status, 201 | 301..=308));
    let mut told = if let Some(hex) = answer.header("X-Echo") {
        let line = unhex(hex);
        let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
        let end = line.iter().rposition(|&byte| byte == b' ').unwrap_or(line.len());
        let start = line.iter().position(|&byte| byte == b' ').map_or(0, |at| at + 1);
        let mut told = format!("upstream {}", text(&line[start..end.max(start)]));
        if answer.status != 200 {
            told = format!("{told} ={}", answer.status);
        }
        if answer.tells_sent {
            let sent = String::from_utf8_lossy(answer.header("X-Sent").unwrap_or(b"")).into_owned();
            for name in SENT {
                let mut pairs = sent.split(';').filter_map(|pair| pair.split_once('='));
                if let Some((_, value)) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)) {
                    told.push_str(&format!(" {name}={value}"));
                }
            }
        }
        told
    } else if let Some(location) = location {
        format!("{} {}", answer.status, text(location))
    } else if answer.body.starts_with(b"<html>\r\n<head><title>Index of") {
        String::from("200 listing")
    } else if answer.body.starts_with(b"<html>\r\n<head><title>") {
        answer.status.to_string()
    } else if answer.status == 0 {
        text(&answer.body)
    } else {
        format!("{} {}", answer.status, text(&answer.body)).trim_end().to_owned()
    };
    let added: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| is_told(name))
        .map(|(name, value)| {
            let fixed = [&b"Thu, 01 Jan 1970 00:00:01 GMT"[..], b"Thu, 31 Dec 2037 23:55:55 GMT"];
            let is_time = name == "Expires" && !fixed.contains(&&value[..]);
            let value = if is_time { b"?" } else { &value[..] };
            format!("{name}: {}", text(value))
        })
        .collect();
    if !added.is_empty() {
        told.push_str(&format!(" [{}]", added.join("; ")));
    }
    named(&told, ports)
}

fn unhex(hex: &[u8]) -> Vec<u8> {
    let digit =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    hex.chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}
