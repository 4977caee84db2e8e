//! Lines of HAProxy's log: how a session ended, and on which server.
//!
//! Source: doc/configuration.txt of HAProxy 2.6, sections 8.2.3 (the HTTP format) and 8.5 (the letters of the end)

/// The most words that stand before the date: a syslog header, the name of the program, the client.
const WORDS_BEFORE_MAX: usize = 12;

/// A session that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<'l> {
    /// When it was accepted, as the log writes it: `22/Nov/2026:01:40:00.123`.
    pub accepted: &'l str,
    /// The backend; the frontend's name where none was chosen.
    pub backend: &'l str,
    /// The server; `None`: none was chosen, or none is there.
    pub server: Option<&'l str>,
    /// The status that the client got; `None`: none.
    pub status: Option<u16>,
    /// How it ended: four letters.
    pub code: &'l str,
    /// The request line; `None`: there was none that HAProxy took for one.
    pub request: Option<&'l str>,
}

impl<'l> Ended<'l> {
    /// Reads a line of `option httplog`, whatever a syslog put before it; `None`: it is none.
    #[must_use]
    pub fn read(line: &'l str) -> Option<Ended<'l>> {
        let mut words = line.split_ascii_whitespace();
        let is_date = |word: &str| word.starts_with('[') && word.ends_with(']') && word.contains(':');
        let accepted = words.by_ref().take(WORDS_BEFORE_MAX).find(|word| is_date(word))?;
        let _frontend = words.next()?;
        let (backend, server) = words.next()?.split_once('/')?;
        let timers = words.next()?;
        let status: i32 = words.next()?.parse().ok()?;
        // Bytes, the cookie of the request, the one of the answer.
        let code = words.nth(3)?;
        let is_http = timers.split('/').count() == 5 && code.len() == 4 && code.is_ascii();
        let request = line.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"'));
        is_http.then_some(Ended {
            accepted: accepted.trim_matches(['[', ']']),
            backend,
            server: (!matches!(server, "<NOSRV>" | "-" | "")).then_some(server),
            status: u16::try_from(status).ok(),
            code,
            request: request.map(|(request, _)| request).filter(|request| *request != "<BADREQ>"),
        })
    }

    /// The path that was asked for, without its query.
    #[must_use]
    pub fn path(&self) -> Option<&'l str> {
        let uri = self.request?.split_ascii_whitespace().nth(1)?;
        uri.split('?').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"127.0.0.1:51234 [22/Nov/2026:01:40:00.123] front shop/web1 0/0/-1/-1/3 503 217 - - SC-- 1/1/0/0/3 0/0 "GET /cart?a=1 HTTP/1.1""#;

    #[test]
    fn line_says_how_a_session_ended_with_and_without_a_syslog_before_it() {
        for line in [LINE.to_owned(), format!("Nov 22 01:40:00 lb1 haproxy[812]: {LINE}")] {
            let ended = Ended::read(&line).unwrap();
            assert_eq!((ended.backend, ended.server), ("shop", Some("web1")));
            assert_eq!((ended.status, ended.code, ended.path()), (Some(503), "SC--", Some("/cart")));
        }
    }

    #[test]
    fn session_without_a_server_or_a_request_has_none() {
        let line = LINE
            .replace("web1", "<NOSRV>")
            .replace("GET /cart?a=1 HTTP/1.1", "<BADREQ>")
            .replace("503", "-1");
        let ended = Ended::read(&line).unwrap();
        assert_eq!((ended.server, ended.status, ended.request), (None, None, None));
    }

    #[test]
    fn what_is_no_line_of_a_session_is_none() {
        let tcp = r"127.0.0.1:1 [22/Nov/2026:01:40:00.123] front shop/web1 0/0/3 217 SC 1/1/0/0/3 0/0";
        let health = "[WARNING]  (812) : Server shop/web1 is DOWN, reason: Layer4 connection problem";
        for line in ["", "hello", "[NOTICE] (1) : New worker", tcp, health] {
            assert_eq!(Ended::read(line), None, "{line}");
        }
    }
}
