//! Lines of logs, counted into evidence.

use evenkeel_fleet::Timestamp;
use evenkeel_model::ErrorLine;

use crate::Evidence;
use crate::evidence::{Answers, Lines, Origin};

/// The most groups of lines that are kept apart; what comes after them is counted nowhere.
const GROUPS_MAX: usize = 1_000;
/// The longest text that is kept of a line, in bytes.
const TEXT_BYTES_MAX: usize = 300;

impl Evidence {
    /// Counts a line of an error log. `at`: when, by the caller's reckoning of the host's zone.
    pub fn note_line(&mut self, line: &ErrorLine<'_>, at: Timestamp) {
        let upstream = line.about.upstream.map(|upstream| base(&text(upstream)).to_owned());
        let groups = self.lines.get_or_insert_default();
        let same = |group: &&mut Lines| {
            group.message == line.message
                && group.phase == line.phase
                && group.errno == line.errno
                && group.level == line.level
                && group.upstream == upstream
        };
        if let Some(group) = groups.iter_mut().find(same) {
            group.count += 1;
            group.first = group.first.min(at);
            group.last = group.last.max(at);
        } else if groups.len() < GROUPS_MAX {
            groups.push(Lines {
                message: line.message,
                phase: line.phase,
                level: line.level,
                errno: line.errno,
                upstream,
                server: line.about.server.map(text),
                request: line.about.request.map(text),
                names: line.captures.map(|capture| capture.map(text)),
                text: text(line.text),
                count: 1,
                first: at,
                last: at,
            });
        }
    }

    /// Counts an answer of an access log.
    pub fn note_answer(&mut self, route: &str, status: u16, origin: Origin, upstream: Option<&str>) {
        let groups = self.access.get_or_insert_default();
        let same = |group: &&mut Answers| {
            group.status == status
                && group.origin == origin
                && group.route == route
                && group.upstream.as_deref() == upstream
        };
        if let Some(group) = groups.iter_mut().find(same) {
            group.count += 1;
        } else if groups.len() < GROUPS_MAX {
            groups.push(Answers {
                route: route.to_owned(),
                status,
                origin,
                upstream: upstream.map(str::to_owned),
                count: 1,
                clients: 0,
            });
        }
    }
}

impl Origin {
    /// Reads `$upstream_status`: the last of several attempts counts.
    pub fn of(upstream_status: Option<&[u8]>) -> Origin {
        let Some(value) = upstream_status else { return Origin::Unknown };
        let last = value.rsplit(|byte| matches!(byte, b',' | b':')).next().unwrap_or_default().trim_ascii();
        match (last, std::str::from_utf8(last).ok().and_then(|last| last.parse().ok())) {
            (b"-" | b"", _) => Origin::Nginx,
            (_, Some(status)) => Origin::Upstream(status),
            (_, None) => Origin::Unknown,
        }
    }
}

/// Scheme and address of a URL: `http://127.0.0.1:9000/cart` → `http://127.0.0.1:9000`.
fn base(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    let rest = &url[from..];
    // The path of a socket ends at a colon.
    let end = match rest.strip_prefix("unix:") {
        Some(path) => path.find(':').map_or(rest.len(), |at| at + 5),
        None => rest.find('/').unwrap_or(rest.len()),
    };
    &url[..from + end]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_named_without_what_was_asked_of_it() {
        assert_eq!(base("http://127.0.0.1:9000/cart?a=http://b/"), "http://127.0.0.1:9000");
        assert_eq!(base("fastcgi://unix:/run/php.sock:"), "fastcgi://unix:/run/php.sock");
        assert_eq!(base("http://unix:/run/a.sock:/x/y"), "http://unix:/run/a.sock");
        assert_eq!(base("127.0.0.1:5432"), "127.0.0.1:5432");
    }

    #[test]
    fn the_last_attempt_says_who_made_a_status() {
        assert_eq!(Origin::of(Some(b"502, 200")), Origin::Upstream(200));
        assert_eq!(Origin::of(Some(b"-")), Origin::Nginx);
        assert_eq!(Origin::of(Some(b"404 : 500")), Origin::Upstream(500));
        assert_eq!(Origin::of(None), Origin::Unknown);
        assert_eq!(Origin::of(Some(b"x")), Origin::Unknown);
    }
}
