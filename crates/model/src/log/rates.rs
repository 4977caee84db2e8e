//! How often which status is answered, by route and upstream, and who made it: nginx or the upstream.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::LogFormat;
use super::split::Spans;

/// The most groups that are counted apart; what comes behind them is counted together.
const GROUPS_MAX: usize = 10_000;
/// The most upstreams that have a number of their own.
const UPSTREAMS_MAX: usize = 1_000;
/// The most clients of failures of one kind that are told apart.
const CLIENTS_MAX: usize = 10_000;
/// From here on an answer is a failure, its client's or ours.
const FAILURES_FROM: u16 = 400;

/// What a line says of an answer, as its bytes stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<'l> {
    /// The status that the client got.
    pub status: u16,
    /// Who made it.
    pub maker: Maker,
    /// The last upstream that was asked.
    pub upstream: Option<&'l [u8]>,
    /// The path that was asked for.
    pub path: &'l [u8],
    /// How the client calls itself.
    pub agent: Option<&'l [u8]>,
    /// The client's address.
    pub client: Option<&'l [u8]>,
}

/// Who made a status.
///
/// `$upstream_status` of an upstream that could not be asked is 502 too, or 504: that an upstream made these two is not sure.
///
/// Source: src/http/ngx_http_upstream.c (`ngx_http_upstream_status_variable`, `ngx_http_upstream_next`)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// nginx: no upstream was asked.
    Nginx,
    /// The upstream answered with this status; the client may have got another.
    Upstream(u16),
    /// The log does not say.
    Unknown,
}

impl Maker {
    /// Reads `$upstream_status`: of several attempts, and of several groups of upstreams, the last counts.
    pub fn of(upstream_status: &[u8]) -> Maker {
        match last(upstream_status) {
            b"-" | b"" => Maker::Nginx,
            value => std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse().ok())
                .map_or(Maker::Unknown, Maker::Upstream),
        }
    }
}

impl Maker {
    /// Without the status: who it was.
    #[must_use]
    pub fn kind(self) -> Maker {
        match self {
            Maker::Upstream(_) => Maker::Upstream(0),
            other => other,
        }
    }
}

/// The last of `a, b : c`.
fn last(values: &[u8]) -> &[u8] {
    // An address has colons of its own; those between groups stand between spaces.
    let from = values.iter().rposition(|&byte| byte == b' ').map_or(0, |at| at + 1);
    values[from..].trim_ascii()
}

impl LogFormat {
    /// What a line says of its answer, after [`LogFormat::split`]; `None`: the format has no status.
    pub fn answered<'l>(&self, line: &'l [u8], spans: &Spans) -> Option<Answered<'l>> {
        let maker = match self.slots.upstream_status {
            None => Maker::Unknown,
            slot => spans.get(line, slot).map_or(Maker::Unknown, Maker::of),
        };
        let upstream =
            spans.get(line, self.slots.upstream_addr).map(last).filter(|value| !matches!(*value, b"-" | b""));
        Some(Answered {
            status: self.status(line, spans)?,
            maker,
            upstream,
            path: self.path(line, spans),
            agent: spans.get(line, self.slots.agent),
            client: self.client(line, spans),
        })
    }
}

/// Answers that are alike, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The class of the route, as the caller numbers them.
    pub route: u32,
    /// The status that clients got.
    pub status: u16,
    /// Who made it.
    pub maker: Maker,
    /// The upstream, as the log writes it.
    pub upstream: Option<String>,
    /// How many.
    pub count: u64,
}

/// Counts of answers.
#[derive(Debug, Default)]
pub struct Rates {
    spans: Spans,
    groups: HashMap<(u32, u16, Maker, u32), u64>,
    upstreams: HashMap<Vec<u8>, u32>,
    /// Who failed, by who made it and the hundred of the status: what stands for each address.
    clients: HashMap<(Maker, u16), HashSet<u64>>,
    /// Lines of probes of our own: they are not traffic.
    pub probes: u64,
    /// Lines that are not of the format.
    pub unread: u64,
    /// Answers beyond the bound on groups.
    pub others: u64,
}

impl Rates {
    /// Counts a line. `own_agent`: how our own probes call themselves, without their version. `route`: the class of a path.
    pub fn note(
        &mut self,
        format: &LogFormat,
        line: &[u8],
        own_agent: &[u8],
        route: impl FnOnce(&[u8]) -> u32,
    ) {
        let answered = match format.split(line, &mut self.spans) {
            Ok(()) => format.answered(line, &self.spans),
            Err(_) => None,
        };
        let Some(answered) = answered else {
            self.unread += 1;
            return;
        };
        if !own_agent.is_empty() && answered.agent.is_some_and(|agent| agent.starts_with(own_agent)) {
            self.probes += 1;
            return;
        }
        if let (FAILURES_FROM.., Some(client)) = (answered.status, answered.client) {
            let kind = (answered.maker.kind(), answered.status / 100);
            let of_kind = self.clients.entry(kind).or_default();
            if of_kind.len() < CLIENTS_MAX {
                let mut hasher = DefaultHasher::new();
                client.hash(&mut hasher);
                of_kind.insert(hasher.finish());
            }
        }
        let upstream = answered.upstream.map_or(0, |upstream| self.number(upstream));
        let group = (route(answered.path), answered.status, answered.maker, upstream);
        if let Some(count) = self.groups.get_mut(&group) {
            *count += 1;
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.insert(group, 1);
        } else {
            self.others += 1;
        }
    }

    /// The number of an upstream; 0: none, or one beyond the bound.
    fn number(&mut self, upstream: &[u8]) -> u32 {
        if let Some(number) = self.upstreams.get(upstream) {
            return *number;
        }
        if self.upstreams.len() >= UPSTREAMS_MAX {
            return 0;
        }
        let number = u32::try_from(self.upstreams.len() + 1).unwrap_or(0);
        self.upstreams.insert(upstream.to_vec(), number);
        number
    }

    /// How many clients met failures of a kind (`Upstream(0)` for all of upstreams), with a status of that hundred; at most so many
    /// as are told apart. Asked before [`Rates::take`].
    #[must_use]
    pub fn clients(&self, maker: Maker, hundred: u16) -> u64 {
        let of_kind = self.clients.get(&(maker.kind(), hundred));
        of_kind.map_or(0, |all| u64::try_from(all.len()).unwrap_or(u64::MAX))
    }

    /// Everything that was counted, the most frequent first, and counts from nothing again.
    pub fn take(&mut self) -> Vec<Rate> {
        let names: HashMap<u32, String> = self
            .upstreams
            .iter()
            .map(|(name, number)| (*number, String::from_utf8_lossy(name).into_owned()))
            .collect();
        let rate = |((route, status, maker, upstream), count)| Rate {
            route,
            status,
            maker,
            upstream: names.get(&upstream).cloned(),
            count,
        };
        let mut rates: Vec<Rate> = self.groups.drain().map(rate).collect();
        rates.sort_by(|a, b| {
            (b.count, a.route, a.status, a.maker, &a.upstream).cmp(&(
                a.count,
                b.route,
                b.status,
                b.maker,
                &b.upstream,
            ))
        });
        (self.probes, self.unread, self.others) = (0, 0, 0);
        self.clients.clear();
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::super::Escape;
    use super::*;

    fn format() -> LogFormat {
        let text = br#"$remote_addr [$time_local] "$request" $status "$upstream_addr" "$upstream_status" "$http_user_agent""#;
        LogFormat::new("t", Escape::Default, text).unwrap()
    }

    fn route(path: &[u8]) -> u32 {
        u32::from(path.starts_with(b"/api/"))
    }

    #[test]
    fn statuses_of_nginx_and_of_upstreams_are_counted_apart_and_our_probes_not_at_all() {
        let lines = [
            r#"10.0.0.1 [21/Nov/2026:09:00:00 +0000] "GET /api/a HTTP/1.1" 502 "10.0.0.5:80, 10.0.0.6:80" "502, 502" "curl""#,
            r#"10.0.0.1 [21/Nov/2026:09:00:00 +0000] "GET /api/a HTTP/1.1" 200 "10.0.0.5:80, 10.0.0.6:80" "502, 200" "curl""#,
            r#"10.0.0.1 [21/Nov/2026:09:00:00 +0000] "GET /b HTTP/1.1" 404 "-" "-" "curl""#,
            r#"10.0.0.1 [21/Nov/2026:09:00:00 +0000] "GET /b HTTP/1.1" 404 "[::1]:80" "404" "curl""#,
            r#"10.0.0.1 [21/Nov/2026:09:00:00 +0000] "GET /b HTTP/1.1" 404 "[::1]:80" "404" "evenkeel-probe/0.1.0""#,
            "what is this",
        ];
        let (format, mut rates) = (format(), Rates::default());
        for line in lines {
            rates.note(&format, line.as_bytes(), b"evenkeel-probe", route);
        }
        assert_eq!((rates.probes, rates.unread), (1, 1));
        // One client, however often; and only those of failures.
        let clients =
            [(Maker::Nginx, 4), (Maker::Upstream(404), 4), (Maker::Upstream(0), 5), (Maker::Nginx, 5)];
        assert_eq!(clients.map(|(maker, hundred)| rates.clients(maker, hundred)), [1, 1, 1, 0]);
        let mut seen: Vec<_> = rates
            .take()
            .into_iter()
            .map(|rate| (rate.route, rate.status, rate.maker, rate.upstream.unwrap_or_default()))
            .collect();
        seen.sort();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            seen,
            [
                (0, 404, Maker::Nginx, text("")),
                (0, 404, Maker::Upstream(404), text("[::1]:80")),
                (1, 200, Maker::Upstream(200), text("10.0.0.6:80")),
                (1, 502, Maker::Upstream(502), text("10.0.0.6:80")),
            ]
        );
        assert_eq!(rates.take(), Vec::new());
        assert_eq!(rates.clients(Maker::Nginx, 4), 0);
    }

    #[test]
    fn format_without_a_status_counts_nothing() {
        let format = LogFormat::new("t", Escape::Default, b"$request").unwrap();
        let mut rates = Rates::default();
        rates.note(&format, b"GET / HTTP/1.1", b"", route);
        assert_eq!((rates.unread, rates.take()), (1, Vec::new()));
    }
}
