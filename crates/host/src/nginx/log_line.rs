//! One line of an error log, and what it means for a reload.

use std::path::{Path, PathBuf};

use evenkeel_syntax::secret::redact_str;

/// Levels of nginx's log, the worst first.
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
    /// Reads nginx's name of a level.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "emerg" => Self::Emerg,
            "alert" => Self::Alert,
            "crit" => Self::Crit,
            "error" => Self::Error,
            "warn" => Self::Warn,
            "notice" => Self::Notice,
            "info" => Self::Info,
            "debug" => Self::Debug,
            _ => return None,
        })
    }
}

/// One line in nginx's own format. Text that merely looks like one, in the middle of a line, is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub level: Level,
    /// The process that wrote it.
    pub pid: i32,
    /// Its thread.
    pub tid: i32,
    /// The text behind the numbers, without secrets: nginx quotes the configuration that it refuses.
    pub message: String,
    /// The log it stood in.
    pub path: PathBuf,
}

/// What a line means for a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// The master begins a reload, asked by this process.
    Reconfiguring {
        /// Who sent the signal; 0 when it is in another process namespace.
        from: i32,
    },
    /// The master started a worker.
    WorkerStarted {
        /// The worker.
        pid: i32,
    },
    /// A worker ended and will not be started again.
    WorkerFatal {
        /// The worker.
        pid: i32,
        /// Its exit code.
        code: i32,
    },
    /// A worker was ended by a signal.
    WorkerKilled {
        /// The worker.
        pid: i32,
        /// The signal.
        signal: i32,
    },
    /// An address could not be bound.
    BindFailed {
        /// As nginx writes it.
        address: String,
        /// `errno`.
        code: i32,
    },
    /// A shared zone is used in a way that the running generation excludes.
    ZoneConflict,
    /// Any other line that ends a reload.
    Emerg,
    /// Nothing about a reload.
    Other,
}

impl LogLine {
    /// Reads `2026/11/21 09:37:36 [notice] 12#12: text` (`ngx_log_error_core`, src/core/ngx_log.c).
    pub(super) fn parse(line: &[u8], path: &Path) -> Option<Self> {
        const STAMP: &[u8] = b"0000/00/00 00:00:00 [";
        let (stamp, rest) = line.split_at_checked(STAMP.len())?;
        let fits =
            |(&shape, &byte): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { shape == byte };
        if !STAMP.iter().zip(stamp).all(fits) {
            return None;
        }
        let rest = String::from_utf8_lossy(rest);
        let (level, rest) = rest.split_once("] ")?;
        let (pid, rest) = rest.split_once('#')?;
        let (tid, message) = rest.split_once(": ")?;
        Some(Self {
            level: Level::from_name(level)?,
            pid: pid.parse().ok()?,
            tid: tid.parse().ok()?,
            message: redact_str(message).into_owned(),
            path: path.to_owned(),
        })
    }

    /// Says what the line means for a reload.
    ///
    /// Sources: `ngx_signal_handler` and `ngx_process_get_status`, src/os/unix/ngx_process.c;
    /// `ngx_open_listening_sockets`, src/core/ngx_connection.c.
    pub fn meaning(&self) -> Meaning {
        let message = self.message.as_str();
        if self.level == Level::Emerg {
            return emergency(message);
        }
        if let Some(rest) = message.strip_prefix("signal 1 (SIGHUP) received") {
            let from = rest.strip_prefix(" from ").and_then(leading).map_or(0, |(from, _)| from);
            return if rest.ends_with(", reconfiguring") {
                Meaning::Reconfiguring { from }
            } else {
                Meaning::Other
            };
        }
        if let Some(pid) = message.strip_prefix("start worker process ").and_then(|rest| rest.parse().ok()) {
            return Meaning::WorkerStarted { pid };
        }
        message.strip_prefix("worker process ").and_then(ending).unwrap_or(Meaning::Other)
    }
}

fn emergency(message: &str) -> Meaning {
    if let Some((address, rest)) =
        message.strip_prefix("bind() to ").and_then(|rest| rest.split_once(" failed ("))
    {
        let code = leading(rest).map_or(0, |(code, _)| code);
        return Meaning::BindFailed { address: address.to_owned(), code };
    }
    if message.contains(" while previously it used ") { Meaning::ZoneConflict } else { Meaning::Emerg }
}

/// How a worker ended: `12 exited on signal 9`, `12 exited with fatal code 2 and cannot be respawned`.
fn ending(rest: &str) -> Option<Meaning> {
    let (pid, rest) = leading(rest)?;
    if let Some(rest) = rest.strip_prefix(" exited on signal ") {
        return Some(Meaning::WorkerKilled { pid, signal: leading(rest)?.0 });
    }
    let (code, rest) = leading(rest.strip_prefix(" exited with fatal code ")?)?;
    rest.starts_with(" and cannot be respawned").then_some(Meaning::WorkerFatal { pid, code })
}

/// Splits the number off the beginning of a text.
fn leading(text: &str) -> Option<(i32, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(level: &str, message: &str) -> Meaning {
        let line = format!("2026/11/21 10:00:00 [{level}] 12#13: {message}");
        LogLine::parse(line.as_bytes(), Path::new("/x")).unwrap().meaning()
    }

    #[test]
    fn lines_of_a_reload_are_understood() {
        let hup = "signal 1 (SIGHUP) received from 4711, reconfiguring";
        assert_eq!(meaning("notice", hup), Meaning::Reconfiguring { from: 4711 });
        let unknown = "signal 1 (SIGHUP) received, reconfiguring";
        assert_eq!(meaning("notice", unknown), Meaning::Reconfiguring { from: 0 });
        assert_eq!(meaning("notice", "start worker process 7"), Meaning::WorkerStarted { pid: 7 });
        let fatal = "worker process 7 exited with fatal code 2 and cannot be respawned";
        assert_eq!(meaning("alert", fatal), Meaning::WorkerFatal { pid: 7, code: 2 });
        let killed = "worker process 7 exited on signal 11 (core dumped)";
        assert_eq!(meaning("alert", killed), Meaning::WorkerKilled { pid: 7, signal: 11 });
        let bind = "bind() to 127.0.0.1:80 failed (98: Address already in use)";
        assert_eq!(
            meaning("emerg", bind),
            Meaning::BindFailed { address: "127.0.0.1:80".to_owned(), code: 98 }
        );
        let zone = r#"limit_req "one" uses the "$a" key while previously it used the "$b" key"#;
        assert_eq!(meaning("emerg", zone), Meaning::ZoneConflict);
        assert_eq!(meaning("emerg", "still could not bind()"), Meaning::Emerg);
        assert_eq!(meaning("notice", "worker process 7 exited with code 0"), Meaning::Other);
        assert_eq!(meaning("crit", "SSL_do_handshake() failed"), Meaning::Other);
    }

    #[test]
    fn secret_that_nginx_quotes_is_taken_out() {
        let line = br#"2026/11/21 10:00:00 [emerg] 1#1: unknown directive "password=hunter2hunter2""#;
        let message = LogLine::parse(line, Path::new("/x")).unwrap().message;
        assert!(message.starts_with("unknown directive") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn text_that_only_looks_like_a_line_is_not_taken() {
        for line in [
            "GET /2026/11/21 10:00:00 [emerg] 12#12: x",
            " 2026/11/21 10:00:00 [emerg] 12#12: x",
            "2026/11/21 10:00:00 [emergency] 12#12: x",
            "2026/11/21 10:00:00 [emerg] 12: x",
            "nginx: [emerg] x",
            "",
        ] {
            assert_eq!(LogLine::parse(line.as_bytes(), Path::new("/x")), None, "{line}");
        }
    }
}
