//! `__lab ask ADDRESS METHOD TARGET [COOKIE]`: one question, as a user asks it, from inside a host.
//! `__lab await good|bad ADDRESS LIMIT_MS`: asks for the front page again and again until the answer is so.
//! `__lab visit ADDRESS SESSION FOR_MS`: looks at the cart again and again.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::failover::Visit;
use super::layout::SITE;
use super::{Lab, LabError};

/// How long a user of the lab waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a user waits who asks again and again, and how long in between.
const AGAIN: (Duration, Duration) = (Duration::from_millis(700), Duration::from_millis(20));
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What came of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: u64,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Which application answered, and its version.
    pub served_by: Option<String>,
    /// The session that it began.
    pub session: Option<String>,
    /// The beginning of the answer.
    pub body: String,
    /// Why there was none.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Reply {
    /// Whether a user gets what they want.
    pub fn is_good(&self) -> bool {
        self.status == Some(200)
    }

    /// What a user sees, in a few words.
    pub fn words(&self) -> String {
        match (self.status, &self.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "nothing".to_owned(),
        }
    }
}

pub(super) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<String> = arguments.map(|it| it.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let reply = match words.as_slice() {
        ["ask", to, method, target] => ask(to, method, target, None, PATIENCE),
        ["ask", to, method, target, cookie] => ask(to, method, target, Some(cookie), PATIENCE),
        ["await", wanted, to, limit] => {
            let limit = Duration::from_millis(limit.parse().unwrap_or(0));
            let (begin, mut reply) = (Instant::now(), ask(to, "GET", "/", None, AGAIN.0));
            while reply.is_good() != (*wanted == "good") && begin.elapsed() < limit {
                std::thread::sleep(AGAIN.1);
                reply = ask(to, "GET", "/", None, AGAIN.0);
            }
            reply
        }
        ["visit", to, session, ms] => {
            return print(&visit(to, session, Duration::from_millis(ms.parse().unwrap_or(0))));
        }
        _ => return ExitCode::from(2),
    };
    print(&reply)
}

fn print(what: &impl Serialize) -> ExitCode {
    match serde_json::to_string(what) {
        Ok(text) => println!("{text}"),
        Err(_) => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// Looks at the cart until the time is over.
fn visit(to: &str, session: &str, time: Duration) -> Visit {
    let (begin, mut visit, mut good) = (Instant::now(), Visit::default(), Instant::now());
    while begin.elapsed() < time {
        let reply = ask(to, "GET", "/cart", Some(session), AGAIN.0);
        visit.asked += 1;
        match reply.status {
            Some(200) => good = Instant::now(),
            Some(403) => visit.logged_out += 1,
            _ => visit.bad += 1,
        }
        let gap = u64::try_from(good.elapsed().as_millis()).unwrap_or(u64::MAX);
        visit.longest_ms = visit.longest_ms.max(gap);
        visit.last = reply;
        std::thread::sleep(AGAIN.1);
    }
    visit
}

fn ask(to: &str, method: &str, target: &str, cookie: Option<&str>, patience: Duration) -> Reply {
    let begin = Instant::now();
    let mut reply = Reply { at_ms: now_ms(), ..Reply::default() };
    match converse(to, method, target, cookie, patience) {
        Ok(text) => read(&text, &mut reply),
        Err(error) => reply.error = Some(in_words(&error)),
    }
    reply.took_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    reply
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

fn converse(
    to: &str,
    method: &str,
    target: &str,
    cookie: Option<&str>,
    patience: Duration,
) -> io::Result<String> {
    let until = Instant::now() + patience;
    let address = to.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    let cookie = cookie.map(|session| format!("Cookie: session={session}\r\n")).unwrap_or_default();
    let asked = format!(
        "{method} {target} HTTP/1.1\r\nHost: {SITE}\r\nUser-Agent: evenkeel-lab\r\n{cookie}Content-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(asked.as_bytes())?;
    let mut bytes = Vec::new();
    let mut room = [0; 8 << 10];
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut room)? {
            0 => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            read if bytes.len() as u64 > ANSWER_BYTES_MAX => {
                return Err(io::Error::other(format!("more than {read} bytes")));
            }
            read => bytes.extend_from_slice(&room[..read]),
        }
        if Instant::now() >= until {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

fn read(text: &str, reply: &mut Reply) {
    const BODY_MAX: usize = 300;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    if status.is_none() {
        reply.error = Some("closed without an answer".to_owned());
        return;
    }
    reply.status = status;
    reply.body = body.chars().take(BODY_MAX).collect();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        match name.to_ascii_lowercase().as_str() {
            "x-served-by" => reply.served_by = Some(value.to_owned()),
            "set-cookie" => {
                let session = value.split(';').next().and_then(|pair| pair.strip_prefix("session="));
                reply.session = session.map(str::to_owned);
            }
            _ => {}
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Lab {
    /// Asks something from inside a host: `to` is an address or a name with a port.
    ///
    /// # Errors
    /// [`LabError`] when nobody could ask; that no answer comes is a [`Reply`].
    pub fn ask(
        &self,
        from: &str,
        to: &str,
        (method, target): (&str, &str),
        session: Option<&str>,
    ) -> Result<Reply, LabError> {
        let mut words = vec![super::enter::OWN, "__lab", "ask", to, method, target];
        words.extend(session);
        self.reply(from, &words, PATIENCE + Duration::from_secs(10))
    }

    /// Asks for the front page of the site until it is good, or until it is not; gives the last answer.
    pub(super) fn wait_for(&self, good: bool, from: &str, limit: Duration) -> Result<Reply, LabError> {
        let (wanted, ms) = (if good { "good" } else { "bad" }, limit.as_millis().to_string());
        let to = format!(
            "{}:80",
            super::layout::Member::named("lb").map_or(String::new(), |lb| lb.v4().to_string())
        );
        let words = [super::enter::OWN, "__lab", "await", wanted, &to, &ms];
        self.reply(from, &words, limit + Duration::from_secs(10))
    }

    fn reply(&self, from: &str, words: &[&str], limit: Duration) -> Result<Reply, LabError> {
        let output = self.run(from, words, "", limit)?;
        serde_json::from_slice(&output.stdout).map_err(|error| LabError::Run {
            what: format!("ask from {from}"),
            source: match String::from_utf8_lossy(&output.stderr).trim() {
                "" => error.into(),
                said => io::Error::other(said.to_owned()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_and_application_are_read_from_the_answer() {
        let mut reply = Reply::default();
        let text =
            "HTTP/1.1 200 OK\r\nX-Served-By: app1 1.0\r\nset-cookie: session=ab12; Path=/\r\n\r\nHello\n";
        read(text, &mut reply);
        assert_eq!((reply.status, reply.session.as_deref()), (Some(200), Some("ab12")));
        assert_eq!((reply.served_by.as_deref(), reply.body.as_str()), (Some("app1 1.0"), "Hello\n"));
        let mut nothing = Reply::default();
        read("", &mut nothing);
        assert_eq!(nothing.words(), "closed without an answer");
    }
}
