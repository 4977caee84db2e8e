//! Asks nginx as a user does, over a connection of its own, and compares the answer with what was expected.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

use super::requests::{Answer, Request};
use super::tls;

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What the answer to a request lacks of what is expected, or nothing.
pub(super) fn lacks(request: &Request, wanted: &Answer) -> Option<String> {
    Answers::to(request).lack(wanted).map(|how| format!("{}: {how}", request.request))
}

/// The answers to all who asked at once.
pub(super) struct Answers(Vec<anyhow::Result<Got>>);

impl Answers {
    /// What they lack of what is expected, or nothing.
    pub(super) fn lack(&self, wanted: &Answer) -> Option<String> {
        if wanted.fails_some {
            let fails = |answer: &anyhow::Result<Got>| !answer.as_ref().is_ok_and(|got| got.status == 200);
            let all_well = !self.0.iter().any(fails);
            return all_well.then(|| format!("all of {} got an answer", self.0.len()));
        }
        self.0.iter().find_map(|answer| wanted.differs(answer))
    }

    /// Asks. Each of them is connected before the first asks.
    pub(super) fn to(request: &Request) -> Answers {
        let url = match Url::read(&request.request) {
            Ok(url) => url,
            Err(error) => return Answers(vec![Err(error)]),
        };
        let address = SocketAddr::from((request.address, url.port));
        let connect = |_| TcpStream::connect_timeout(&address, PATIENCE);
        let connected: Vec<_> = (0..request.at_once).map(connect).collect();
        std::thread::scope(|scope| {
            let url = &url;
            let asks = |stream: std::io::Result<TcpStream>| scope.spawn(move || over(stream?, request, url));
            let asking: Vec<_> = connected.into_iter().map(asks).collect();
            let died = || Err(anyhow::anyhow!("somebody who asked died"));
            Answers(asking.into_iter().map(|asks| asks.join().unwrap_or_else(|_| died())).collect())
        })
    }
}

impl Answer {
    fn differs(&self, answer: &anyhow::Result<Got>) -> Option<String> {
        let got = match (answer, self.silent) {
            (Err(_), true) => return None,
            (Err(error), false) => return Some(format!("{error:#}")),
            (Ok(got), true) => return Some(format!("answered {}, no answer was expected", got.status)),
            (Ok(got), false) => got,
        };
        if let Some(wanted) = self.status.filter(|wanted| *wanted != got.status) {
            return Some(format!("answered {}, not {wanted}", got.status));
        }
        let lines = || got.head.lines().skip(1);
        if let Some(wanted) =
            self.header.as_ref().filter(|wanted| !lines().any(|line| line == wanted.as_str()))
        {
            return Some(format!("answered {} without \"{wanted}\": {}", got.status, got.head));
        }
        let named =
            |line: &str, name: &str| line.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(name));
        if let Some(name) = self.no_header.as_ref().filter(|name| lines().any(|line| named(line, name))) {
            return Some(format!("answered {} with {name}", got.status));
        }
        let text = self.contains.as_ref().filter(|text| !got.body.contains(text.as_str()))?;
        Some(format!("answered {} without \"{text}\"", got.status))
    }
}

/// An answer, in full.
struct Got {
    status: u16,
    head: String,
    body: String,
}

struct Url<'a> {
    method: &'a str,
    tls: bool,
    host: &'a str,
    port: u16,
    target: &'a str,
}

impl Url<'_> {
    fn read(request: &str) -> anyhow::Result<Url<'_>> {
        let (method, url) = request.split_once(' ').context("METHOD URL")?;
        let (scheme, rest) = url.split_once("://").context("a URL")?;
        let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let tls = scheme == "https";
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().context("a port")?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        Ok(Url { method, tls, host, port, target })
    }
}

fn over(mut stream: TcpStream, request: &Request, url: &Url<'_>) -> anyhow::Result<Got> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", url.method, url.target, url.host);
    for (name, value) in &request.headers {
        question += &format!("{name}: {value}\r\n");
    }
    let upgrades = request.headers.contains_key("Upgrade");
    question += if upgrades { "Connection: upgrade\r\n\r\n" } else { "Connection: close\r\n\r\n" };
    let text = if url.tls {
        talk(&mut tls::over(stream, url.host, request.tls.as_deref())?, &question)?
    } else {
        talk(&mut stream, &question)?
    };
    let (head, body) = text.split_once("\r\n\r\n").context("no answer came")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status came")?;
    Ok(Got { status, head: head.to_owned(), body: body.to_owned() })
}

fn talk(stream: &mut (impl Read + Write), question: &str) -> anyhow::Result<String> {
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 8192];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&part[..read]),
            // What came before is an answer all the same, as with a connection that stays open after a 101.
            Err(_) if !answer.is_empty() => break,
            Err(error) => return Err(error.into()),
        }
        let begun = String::from_utf8_lossy(&answer);
        if answer.len() as u64 > ANSWER_BYTES_MAX || begun.starts_with("HTTP/1.1 101") {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
