//! A line of an error log: when, how bad, which process, what it says (as a class), in which phase, and of which request.
//!
//! Nothing is copied, and nothing is believed: a client may put whatever it likes into a path, a user name or a header, and nginx
//! writes most of it as it came. The class is read from the beginning of the message, where nothing of a client stands. What is
//! read of client and request is what the first place says that has the whole shape of it.
//!
//! Source: src/core/ngx_log.c (`ngx_log_error_core`), src/http/ngx_http_request.c (`ngx_http_log_error`,
//! `ngx_http_log_error_handler`), src/stream/ngx_stream_handler.c (`ngx_stream_log_error`)

mod about;
mod message;
mod pattern;
mod phase;
mod stamp;
#[cfg(test)]
mod tests;

pub use about::About;
pub use message::Message;
pub use phase::Phase;
pub use stamp::Stamp;

pub use pattern::Captures;

use pattern::find;

/// How much of a line is looked at. nginx cuts its own at 2048 (`NGX_MAX_ERROR_STR`, src/core/ngx_log.h).
pub const LINE_BYTES_MAX: usize = 4096;

/// How bad nginx thinks it is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "nginx's own names")]
pub enum Level {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

impl Level {
    fn of(name: &[u8]) -> Option<Level> {
        Some(match name {
            b"emerg" => Level::Emerg,
            b"alert" => Level::Alert,
            b"crit" => Level::Crit,
            b"error" => Level::Error,
            b"warn" => Level::Warn,
            b"notice" => Level::Notice,
            b"info" => Level::Info,
            b"debug" => Level::Debug,
            _ => return None,
        })
    }
}

/// One line of an error log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLine<'l> {
    /// When, by the clock of the host, in its zone; `None`: what nginx prints before it has a log (`nginx: [emerg] …`).
    pub stamp: Option<Stamp>,
    /// How bad.
    pub level: Level,
    /// The process that wrote it; 0 where it does not say.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// The number of the connection.
    pub connection: Option<u64>,
    /// What it says.
    pub message: Message,
    /// What stands at the `*` of the message's pattern, in order.
    pub captures: Captures<'l>,
    /// The number of the error of the operating system.
    pub errno: Option<u32>,
    /// What nginx was at.
    pub phase: Option<Phase>,
    /// Which client and request.
    pub about: About<'l>,
    /// The message as it stands there, without what nginx was at and whom it served.
    pub text: &'l [u8],
}

impl<'l> ErrorLine<'l> {
    /// Reads one line, without its line end. `None`: it does not begin as nginx begins a line.
    pub fn read(line: &'l [u8]) -> Option<ErrorLine<'l>> {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (stamp, rest) = match line.strip_prefix(b"nginx: ") {
            Some(rest) => (None, rest),
            None => {
                let (stamp, rest) = Stamp::read(line)?;
                (Some(stamp), rest.strip_prefix(b" ")?)
            }
        };
        let rest = rest.strip_prefix(b"[")?;
        let end = rest.iter().take(8).position(|&byte| byte == b']')?;
        let level = Level::of(&rest[..end])?;
        let rest = rest[end + 1..].strip_prefix(b" ")?;
        let (pid, tid, rest) = match stamp {
            None => (0, 0, rest),
            Some(_) => {
                let (pid, rest) = number(rest)?;
                let (tid, rest) = number(rest.strip_prefix(b"#")?)?;
                (u32::try_from(pid).ok()?, u32::try_from(tid).ok()?, rest.strip_prefix(b": ")?)
            }
        };
        let (connection, rest) = connection(rest);
        let (said, about) = About::split(rest);
        let (text, phase) = Phase::split(said);
        let (message, captures) = Message::of(text);
        let errno = errno(text);
        Some(ErrorLine { stamp, level, pid, tid, connection, message, captures, errno, phase, about, text })
    }

    /// The file and the line of the configuration that a message of a start names: `… in /etc/nginx/nginx.conf:12`.
    pub fn place(&self) -> Option<(&'l [u8], u32)> {
        let colon = self.text.iter().rposition(|&byte| byte == b':')?;
        let (line, rest) = number(&self.text[colon + 1..])?;
        let at = self.text[..colon].windows(4).rposition(|window| window == b" in ")?;
        rest.is_empty().then_some((&self.text[at + 4..colon], u32::try_from(line).ok()?))
    }
}

/// `*12 ` in front of a message.
fn connection(text: &[u8]) -> (Option<u64>, &[u8]) {
    let split = || {
        let (number, rest) = number(text.strip_prefix(b"*")?)?;
        Some((number, rest.strip_prefix(b" ")?))
    };
    split().map_or((None, text), |(number, rest)| (Some(number), rest))
}

/// What `ngx_log_errno` puts at the end of a message: `(111: Connection refused)`.
fn errno(text: &[u8]) -> Option<u32> {
    let at = |from: usize| {
        let (errno, rest) = number(&text[from + 2..])?;
        rest.starts_with(b": ").then_some(u32::try_from(errno).ok()?)
    };
    let opens = |window: &[u8]| window == b" (";
    // At the end; where more is said behind it, the first one.
    let last = text.windows(2).rposition(opens).filter(|_| text.ends_with(b")"));
    last.and_then(at).or_else(|| find(text, b" (").and_then(at))
}

/// A number at the beginning of a text, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |sum, &digit| sum * 10 + u64::from(digit - b'0'));
    Some((value, &text[digits..]))
}
