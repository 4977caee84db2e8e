//! What was predicted against what was seen.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use evenkeel_model::{Config, FileKind, HttpVersion, LocalAddress, Outcome, PassKind, Route};

use crate::ask::Answer;
use crate::echo;
use crate::play::kind;
use crate::requests::Question;

/// What nginx did with one question.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) answer: Answer,
    /// The line of the block that logged the request, and the whole entry.
    pub(crate) logged: Option<(u32, String)>,
}

/// An access log.
#[derive(Debug)]
pub(crate) struct Log(HashMap<String, Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    line: u32,
    /// What the request had as its `X-Id`, as far as nginx read it.
    id: String,
    text: String,
}

impl Log {
    /// Its entries, by the addresses from which was asked.
    pub(crate) fn read(path: &Path) -> Log {
        let bytes = std::fs::read(path).unwrap();
        let mut entries: HashMap<String, Vec<Entry>> = HashMap::new();
        for text in String::from_utf8_lossy(&bytes).lines() {
            let mut words = text.split(' ');
            let (Some(line), Some(address), Some(port)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(line) = line.parse() else { continue };
            let id = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(id, _)| id);
            let from = format!("{} {port}", address.trim_start_matches("::ffff:"));
            let from = if address.starts_with("unix:") { String::from("unix") } else { from };
            let entry = Entry { line, id: id.to_owned(), text: text.to_owned() };
            entries.entry(from).or_default().push(entry);
        }
        Log(entries)
    }

    /// The entry of an answer to the question of this number. The address alone is not enough: one that was used before,
    /// for a handshake that failed, comes again. Over a Unix socket, all of them are the same. A subrequest may have put
    /// another address in its place, of which the request above it does not know that it is another: then only the number
    /// tells.
    ///
    /// Source: nginx 1.22.1, `ngx_http_realip_module.c`, `ngx_http_realip_get_module_ctx`
    pub(crate) fn entry(&self, id: usize, question: &Question, answer: &Answer) -> Option<(u32, String)> {
        let failed = question.request.tls && answer.empty;
        let from = answer.from;
        let key = from.map_or_else(|| String::from("unix"), |from| format!("{} {}", from.ip(), from.port()));
        let is_it =
            |entry: &&Entry| entry.id == id.to_string() || (from.is_some() && !failed && entry.id == "-");
        let known = self.0.get(&key).and_then(|entries| entries.iter().find(is_it));
        let named = || self.0.values().flatten().find(|entry| entry.id == id.to_string());
        known.or_else(named).map(|entry| (entry.line, entry.text.clone()))
    }
}

/// What is wrong with a prediction; nothing when all of it came true.
pub(crate) fn mismatch(config: &Config, route: &Route, question: &Question, seen: &Seen) -> Option<String> {
    let answer = &seen.answer;
    if question.request.tls && route.server.is_none() && matches!(route.outcome, Outcome::Close { .. }) {
        // A port without TLS calls the handshake a bad request, in words that are none to the client.
        return (!answer.empty)
            .then(|| format!("a failed handshake was predicted, but {}", describe(answer)));
    }
    if let Some(wrong) = block(config, route, question, seen) {
        return Some(wrong);
    }
    if question.request.version == HttpVersion::V0_9 {
        // HTTP/0.9 has no status; the block must do, and the log.
        let logged = seen.logged.as_ref().and_then(|(_, entry)| entry.split(' ').nth(3)?.parse::<u16>().ok());
        return match (status(route, question), logged) {
            (Some(0), _) => None,
            (Some(predicted), Some(logged)) if predicted != logged => {
                Some(format!("status {logged} was logged, {predicted} was predicted"))
            }
            _ => None,
        };
    }
    let got = || describe(answer);
    if let Some(predicted) = status(route, question)
        && predicted != answer.status
    {
        return Some(format!("status {predicted} was predicted, but {}", got()));
    }
    let reached = answer.header("X-Echo-Port").is_some() || answer.body.starts_with(MEMCACHED);
    // What a memcached says is in the body, which is not always there.
    let silent =
        matches!(route.outcome, Outcome::Pass { kind: PassKind::Memcached, .. }) && answer.body.is_empty();
    if reached != matches!(route.outcome, Outcome::Pass { .. }) && !silent {
        return Some(format!(
            "it was {}predicted to be passed on, but {}",
            if reached { "not " } else { "" },
            got()
        ));
    }
    if let Some(wrong) = added_headers(route, answer) {
        return Some(wrong);
    }
    let location = answer.header("Location");
    match &route.outcome {
        Outcome::Redirect { location: predicted, .. } => {
            let line = [b"\r\nLocation: ", predicted.as_slice(), b"\r\n"].concat();
            let there = answer.head.windows(line.len()).any(|window| window == line);
            (!there).then(|| format!("Location {} was predicted, but {}", predicted.escape_ascii(), got()))
        }
        Outcome::Pass { .. } => pass_mismatch(route, answer),
        // nginx leaves the Location of a redirect that an error page has taken over; a client passes over it.
        _ if location.is_some() && matches!(answer.status, 201 | 301..=308) => {
            Some(format!("no Location was predicted, but {}", got()))
        }
        Outcome::File { path } => {
            let size = std::fs::metadata(Path::new(OsStr::from_bytes(path))).map_or(0, |meta| meta.len());
            let length = answer.header("Content-Length").map(|value| value == size.to_string().as_bytes());
            let same = if question.request.method == b"HEAD" || matches!(answer.status, 204 | 304) {
                length.unwrap_or(true)
            } else if kind(path) == FileKind::Directory {
                answer.body.starts_with(b"<html>\r\n<head><title>Index of ")
            } else {
                answer.body.trim_ascii_end() == simple(path)
            };
            (!same).then(|| {
                format!("the file {} ({size} bytes) was predicted, but {}", path.escape_ascii(), got())
            })
        }
        Outcome::Return { body: Some(body), .. } => {
            let has_body =
                question.request.method != b"HEAD" && !matches!(answer.status, 204 | 304 | 100..=199);
            (has_body && *body != answer.body)
                .then(|| format!("the body {} was predicted, but {}", body.escape_ascii(), got()))
        }
        Outcome::Close { .. } => {
            (!answer.empty).then(|| format!("a closed connection was predicted, but {}", got()))
        }
        Outcome::Return { .. } | Outcome::Error { .. } | Outcome::Files { .. } => None,
    }
}

/// The block that a request ends in: the line of the location, or that of the server.
fn block(config: &Config, route: &Route, question: &Question, seen: &Seen) -> Option<String> {
    let predicted = route.location.or(route.server).map(|node| config.node(node).line());
    let logged = seen.logged.as_ref().map(|(line, _)| location_of(config, *line));
    match (predicted, logged) {
        (Some(predicted), Some(logged)) if predicted != logged => {
            Some(format!("line {predicted} was predicted, line {logged} answered"))
        }
        (None, Some(logged)) => Some(format!("no block was predicted, line {logged} answered")),
        // A refused handshake is no request.
        (_, None) if question.request.tls && seen.answer.empty => None,
        // Over a Unix socket, an entry is known by a header, which nginx does not read of what it cannot read.
        (_, None) if matches!(question.request.listen, Some(LocalAddress::Inet(_))) => {
            Some("nothing was logged".to_owned())
        }
        _ => None,
    }
}

/// The line of the location or server that a logged line belongs to: that of a `limit_except` is its location's.
fn location_of(config: &Config, line: u32) -> u32 {
    let limited = config.named("limit_except").find(|node| node.line() == line);
    limited.and_then(|node| node.parent()).map_or(line, |parent| parent.line())
}

fn status(route: &Route, question: &Question) -> Option<u16> {
    match &route.outcome {
        Outcome::Close { .. } => Some(0),
        Outcome::Files { .. } => route.status,
        Outcome::Pass { .. } => Some(route.status.unwrap_or_else(|| echo::status_for(&question.request))),
        _ => Some(route.status.expect("the status of an exact answer is known")),
    }
}

/// What the configuration adds to the answer, by names that nobody else uses.
fn added_headers(route: &Route, answer: &Answer) -> Option<String> {
    /// Source: `ngx_http_headers_filter`, src/http/modules/ngx_http_headers_filter_module.c
    const USUAL: &[u16] = &[200, 201, 204, 206, 301, 302, 303, 304, 307, 308];
    let is_ours = |name: &str| matches!(name, "X-A" | "X-B" | "X-C" | "X-If" | "Cache-Control");
    let added = route.facts.headers.iter().filter(|header| header.always || USUAL.contains(&answer.status));
    let predicted: Vec<(String, Vec<u8>)> = added
        .map(|header| (String::from_utf8_lossy(&header.name).into_owned(), header.value.clone()))
        .filter(|(name, _)| is_ours(name))
        .collect();
    let got: Vec<(String, Vec<u8>)> =
        answer.headers.iter().filter(|(name, _)| is_ours(name)).cloned().collect();
    let shown = |headers: &[(String, Vec<u8>)]| {
        let lines = headers.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
        lines.collect::<Vec<_>>().join(", ")
    };
    // The end of a line in a value is one.
    let plain = !predicted.iter().any(|(_, value)| value.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
    (plain && predicted != got && !answer.empty && answer.status != 0)
        .then(|| format!("headers [{}] were predicted, [{}] came", shown(&predicted), shown(&got)))
}

fn pass_mismatch(route: &Route, answer: &Answer) -> Option<String> {
    let Outcome::Pass { kind, upstream, servers, pass } = &route.outcome else { return None };
    let port = answer.header("X-Echo-Port").or_else(|| answer.body.strip_prefix(MEMCACHED))?;
    let port = String::from_utf8_lossy(port).into_owned();
    if !servers.iter().any(|server| server.ends_with(&format!(":{port}"))) {
        return Some(format!("one of {servers:?} was predicted, port {port} was asked"));
    }
    let told = unhex(answer.header("X-Echo")?);
    let begin = format!("://{}", upstream.as_deref().unwrap_or_default());
    let after = pass.windows(3).position(|three| three == b"://").map(|at| &pass[at..]);
    let predicted = after.and_then(|rest| rest.strip_prefix(begin.as_bytes()));
    let (predicted, asked) = if *kind == PassKind::Proxy {
        let line = told.strip_suffix(b"\r\n").unwrap_or(&told);
        let line = line.strip_suffix(b" HTTP/1.0").or(line.strip_suffix(b" HTTP/1.1")).unwrap_or(line);
        let space = line.iter().position(|&byte| byte == b' ')?;
        let asked = &line[space + 1..];
        // A line feed in a variable ends the line for the upstream.
        let end = predicted.and_then(|uri| uri.iter().position(|&byte| byte == b'\n'));
        let predicted = predicted.map(|uri| {
            let line = &uri[..end.unwrap_or(uri.len())];
            line.strip_suffix(b"\r").filter(|_| end.is_some()).unwrap_or(line).to_vec()
        });
        (predicted, asked.strip_suffix(b"\n").unwrap_or(asked).to_vec())
    } else {
        (predicted.map(unescaped), told)
    };
    (predicted.as_ref() != Some(&asked)).then(|| {
        format!("{} was predicted, the upstream was asked for {}", pass.escape_ascii(), asked.escape_ascii())
    })
}

/// What a memcached of ours says, before its port.
const MEMCACHED: &[u8] = b"X-Echo-Port: ";

/// A URI with its escapes resolved, up to its arguments.
fn unescaped(uri: &[u8]) -> Vec<u8> {
    let end = uri.iter().position(|&byte| byte == b'?').unwrap_or(uri.len());
    let mut out = Vec::with_capacity(uri.len());
    let mut rest = &uri[..end];
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' && after.len() >= 2 {
            out.extend(unhex(&after[..2]));
            rest = &after[2..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    [&out[..], &uri[end..]].concat()
}

/// A path as its file holds it: without what leads nowhere.
fn simple(path: &[u8]) -> Vec<u8> {
    let path = Path::new(OsStr::from_bytes(path)).canonicalize().unwrap_or_default();
    path.as_os_str().as_bytes().to_vec()
}

pub(crate) fn unhex(hex: &[u8]) -> Vec<u8> {
    let digit =
        |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    hex.chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

/// An answer, for people.
pub(crate) fn describe(answer: &Answer) -> String {
    if answer.empty {
        return "the connection was closed without an answer".to_owned();
    }
    let mut text = format!("status {} came", answer.status);
    if let Some(location) = answer.header("Location") {
        text.push_str(&format!(", Location {}", location.escape_ascii()));
    }
    if let Some(echo) = answer.header("X-Echo") {
        let port = answer.header("X-Echo-Port").unwrap_or_default().escape_ascii();
        text.push_str(&format!(", from upstream {port} asked for {}", unhex(echo).escape_ascii()));
    }
    let end = answer.body.len().min(200);
    text.push_str(&format!(", body {}", answer.body[..end].trim_ascii_end().escape_ascii()));
    text
}

/// What kind of mismatch this is: its words without numbers and names.
pub(crate) fn class(why: &str) -> String {
    let why = why.split('[').next().unwrap_or_default();
    let words = why.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic));
    words.take(4).collect::<Vec<_>>().join(" ")
}
