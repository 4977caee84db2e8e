//! What went wrong, as people read it and as a test that can be kept.

use std::fmt::Write as _;
use std::path::Path;

use evenkeel_model::{Config, HttpVersion, LocalAddress, Outcome, Request, Route};

use crate::ask::bytes;
use crate::block::FIXED;
use crate::compare::{Seen, describe};
use crate::echo;
use crate::nginx::PORTS;
use crate::requests::Question;

/// Everything about one mistake.
pub(crate) struct Told<'a> {
    pub(crate) why: &'a str,
    pub(crate) version: &'a str,
    /// The configuration as it ran.
    pub(crate) text: &'a str,
    pub(crate) ports: &'a [u16; PORTS],
    pub(crate) place: &'a Path,
    pub(crate) config: &'a Config,
    pub(crate) question: &'a Question,
    pub(crate) route: &'a Route,
    pub(crate) seen: &'a Seen,
    /// The files that were asked for and are there.
    pub(crate) files: &'a [String],
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (route, request) = (self.route, &self.question.request);
        writeln!(f, "--- {}", self.why)?;
        writeln!(f, "{}", self.test())?;
        writeln!(f, "sent: {}", bytes(request, &self.question.body).escape_ascii())?;
        writeln!(f, "predicted: {} uri {} {:?}", said(route), route.uri.escape_ascii(), route.depends_on)?;
        for step in &route.steps {
            let line = step.node.map_or(0, |node| self.config.node(node).line());
            writeln!(
                f,
                "   step {}: {} (line {})",
                step.what,
                self.hidden(&step.text),
                self.shown_line(line)
            )?;
        }
        let logged = self.seen.logged.as_ref().map(|(_, entry)| entry);
        writeln!(f, "observed: {}; log: {logged:?}", self.hidden(&describe(&self.seen.answer)))
    }
}

impl Told<'_> {
    /// Ports and paths of the run as those of a test.
    fn hidden(&self, text: &str) -> String {
        let mut text = text.replace(&self.place.display().to_string(), "/srv");
        for (index, port) in self.ports.iter().enumerate() {
            text = text.replace(&port.to_string(), &format!("800{index}"));
        }
        for (index, port) in echo::ports().iter().enumerate() {
            text = text.replace(&port.to_string(), &format!("900{index}"));
        }
        text
    }

    /// The lines inside of `http`, each with its number in the file.
    fn lines(&self) -> Vec<(u32, String)> {
        let all = self.text.lines().zip(1..).skip_while(|(line, _)| !line.starts_with("http {")).skip(1);
        let inside = all.take_while(|(line, _)| *line != "}");
        let wanted = inside.filter(|(line, _)| !FIXED.iter().any(|noise| line.contains(noise)));
        let plain = |line: &str| {
            let line = line.split(" access_log access.log T").next().unwrap_or_default();
            self.hidden(line.strip_prefix("    ").unwrap_or(line))
        };
        wanted.map(|(line, number)| (number, plain(line))).collect()
    }

    /// The number that a line has in the test, whose servers begin on its second line.
    fn shown_line(&self, line: u32) -> u32 {
        let at = self.lines().iter().position(|(number, _)| *number == line);
        at.map_or(0, |at| u32::try_from(at + 2).expect("configurations are short"))
    }

    /// A test of `crates/model/src/route/tests/found.rs`.
    fn test(&self) -> String {
        let request = &self.question.request;
        let mut test = String::from("#[test]\nfn name_it_as_a_sentence() {\n");
        let lines: Vec<String> = self.lines().into_iter().map(|(_, line)| line).collect();
        let method = String::from_utf8_lossy(&request.method).into_owned();
        let scheme = if request.tls { "https" } else { "http" };
        writeln!(test, "    let mut asked = request(\"{method} {scheme}://h/\");").unwrap();
        for line in asked(request) {
            writeln!(test, "    asked.{};", self.hidden(&line)).unwrap();
        }
        let files =
            self.files.iter().map(|file| format!("\"{}\"", self.hidden(file))).collect::<Vec<_>>().join(", ");
        writeln!(
            test,
            "    nginx_says(\n        \"{}\",\n        r#\"{}\"#,\n        &[{files}],\n        &asked,\n        \"{}\",\n    );\n}}",
            self.version,
            lines.join("\n"),
            self.hidden(&self.observed()).escape_default()
        )
        .unwrap();
        test
    }

    /// What nginx did, in the words of the test.
    fn observed(&self) -> String {
        let answer = &self.seen.answer;
        let line = self.seen.logged.as_ref().map_or(0, |(line, _)| self.shown_line(*line));
        if answer.empty {
            return format!("{line} close");
        }
        if let Some(echo) = answer.header("X-Echo") {
            let asked = crate::compare::unhex(echo);
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let uri = asked.split(' ').nth(1).unwrap_or(&asked).to_owned();
            let upstream = match &self.route.outcome {
                Outcome::Pass { upstream: Some(upstream), .. } => upstream.clone(),
                _ => format!("127.0.0.1:{}", answer.header("X-Echo-Port").unwrap_or_default().escape_ascii()),
            };
            return format!("{line} {} pass http://{upstream}{uri}", answer.status);
        }
        if let Some(location) = answer.header("Location") {
            return format!("{line} {} to {}", answer.status, location.escape_ascii());
        }
        let body = answer.body.trim_ascii_end();
        if body.starts_with(b"<html>") || body.is_empty() {
            return format!("{line} {}", answer.status);
        }
        if body.starts_with(self.place.as_os_str().as_encoded_bytes()) {
            return format!("{line} {} file {}", answer.status, body.escape_ascii());
        }
        format!("{line} {} body {}", answer.status, answer.body.escape_ascii())
    }
}

/// A route in the words of the test, without its line.
fn said(route: &Route) -> String {
    let status = route.status.map_or_else(|| String::from("?"), |status| status.to_string());
    match &route.outcome {
        Outcome::Pass { pass, .. } => format!("{status} pass {}", pass.escape_ascii()),
        Outcome::File { path } => format!("{status} file {}", path.escape_ascii()),
        Outcome::Files { candidates } => format!("{status} files {}", candidates.len()),
        Outcome::Redirect { status, location } => format!("{status} to {}", location.escape_ascii()),
        Outcome::Return { status, body } => {
            format!("{status} body {}", body.as_deref().unwrap_or_default().escape_ascii())
        }
        Outcome::Close { reason } => format!("close: {reason}"),
        Outcome::Error { status, reason } => format!("{status}: {reason}"),
    }
}

/// What a request has that a plain one has not, as statements.
fn asked(request: &Request) -> Vec<String> {
    let text = |bytes: &[u8]| format!("b\"{}\"", bytes.escape_ascii());
    let mut lines = vec![match &request.listen {
        Some(LocalAddress::Inet(address)) => {
            format!("listen = Some(LocalAddress::Inet(\"{address}\".parse().unwrap()))")
        }
        Some(LocalAddress::Unix(path)) => {
            format!("listen = Some(LocalAddress::Unix({}.to_vec()))", text(path))
        }
        None => String::from("listen = None"),
    }];
    if request.target != b"/" {
        lines.push(format!("target = {}.to_vec()", text(&request.target)));
    }
    let headers: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| name != b"Connection")
        .map(|(name, value)| format!("({}.to_vec(), {}.to_vec())", text(name), text(value)))
        .collect();
    lines.push(format!("headers = vec![{}]", headers.join(", ")));
    match request.version {
        HttpVersion::V0_9 => lines.push(String::from("version = HttpVersion::V0_9")),
        HttpVersion::V1_0 => lines.push(String::from("version = HttpVersion::V1_0")),
        HttpVersion::V1_1 | HttpVersion::V2 => {}
    }
    if request.tls {
        lines.push(match &request.sni {
            Some(name) => format!("sni = Some({}.to_vec())", text(name)),
            None => String::from("sni = None"),
        });
    }
    if let Some(client) = request.client {
        lines.push(format!("client = Some(\"{client}\".parse().unwrap())"));
    }
    lines
}
