//! Counts the lines of access logs as they come.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use evenkeel_fleet::Timestamp;
use evenkeel_host::follow::Follower;
use evenkeel_model::{LogFormat, Maker, Rates};

use super::{Counts, Failures, Made, Serves};

/// So many upstreams of a kind of failures are named.
const UPSTREAMS_MAX: usize = 5;
/// How often a log that is longer than one call reads is read before what there is counts.
const READS_MAX: usize = 64;
/// How our own probes call themselves.
const OWN_AGENT: &[u8] = b"evenkeel-probe";

struct Log {
    path: PathBuf,
    format: LogFormat,
    follower: Follower,
}

/// Follows logs and counts.
pub struct Counter {
    logs: Vec<Log>,
    rates: Rates,
    since: Timestamp,
}

impl Counter {
    /// Counts what is written from now on into these logs.
    #[must_use]
    pub fn new(logs: Vec<(Vec<u8>, LogFormat)>, now: Timestamp) -> Counter {
        let mut counter = Counter { logs: Vec::new(), rates: Rates::default(), since: now };
        counter.follow(logs);
        counter
    }

    /// The logs that are followed.
    #[must_use]
    pub fn logs(&self) -> Vec<&PathBuf> {
        self.logs.iter().map(|log| &log.path).collect()
    }

    /// Follows these from now on. One that was followed before goes on where it is.
    pub fn follow(&mut self, logs: Vec<(Vec<u8>, LogFormat)>) {
        let mut before: BTreeMap<PathBuf, Log> =
            self.logs.drain(..).map(|log| (log.path.clone(), log)).collect();
        let log = |(path, format): (Vec<u8>, LogFormat)| {
            let path = PathBuf::from(OsString::from_vec(path));
            let follower = match before.remove(&path) {
                Some(log) => log.follower,
                None => Follower::from_end(&path),
            };
            Log { path, format, follower }
        };
        self.logs = logs.into_iter().map(log).collect();
    }

    /// Gives what was answered since the last call. What cannot be read is said once a log, with its path.
    pub fn count(&mut self, now: Timestamp, serves: Option<Serves>) -> (Counts, Vec<String>) {
        let (mut lost, mut troubles) = (false, Vec::new());
        for Log { path, format, follower } in &mut self.logs {
            for _ in 0..READS_MAX {
                match follower.read(|line| self.rates.note(format, line, OWN_AGENT, |_| 0)) {
                    Ok(progress) => {
                        lost |= progress.lost;
                        if !progress.more {
                            break;
                        }
                    }
                    Err(error) => {
                        troubles.push(format!("{}: {error}", path.display()));
                        break;
                    }
                }
            }
        }
        let at = std::mem::replace(&mut self.since, now);
        let counts = Counts {
            at,
            took_ms: now.since(at).as_millis(),
            probes: self.rates.probes,
            unread: self.rates.unread,
            lost,
            serves,
            ..counted(&mut self.rates)
        };
        (counts, troubles)
    }
}

fn counted(rates: &mut Rates) -> Counts {
    let makers = [Maker::Nginx, Maker::Upstream(0), Maker::Unknown];
    let kinds: Vec<(Maker, u16)> = makers.into_iter().flat_map(|maker| [(maker, 4), (maker, 5)]).collect();
    let clients: Vec<u64> = kinds.iter().map(|(maker, hundred)| rates.clients(*maker, *hundred)).collect();
    let (mut answered, all) = (rates.others, rates.take());
    let mut failed = Vec::new();
    answered += all.iter().map(|rate| rate.count).sum::<u64>();
    for ((maker, hundred), clients) in kinds.into_iter().zip(clients) {
        let of_kind = || all.iter().filter(|it| it.maker.kind() == maker && it.status / 100 == hundred);
        let count = of_kind().map(|it| it.count).sum();
        if count == 0 {
            continue;
        }
        let mut upstreams: BTreeMap<&str, u64> = BTreeMap::new();
        for rate in of_kind() {
            if let Some(upstream) = &rate.upstream {
                *upstreams.entry(upstream).or_default() += rate.count;
            }
        }
        let mut upstreams: Vec<(String, u64)> =
            upstreams.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        upstreams.sort_by_key(|(_, count)| Reverse(*count));
        upstreams.truncate(UPSTREAMS_MAX);
        let by = match maker {
            Maker::Nginx => Made::Nginx,
            Maker::Upstream(_) => Made::Upstream,
            Maker::Unknown => Made::Unknown,
        };
        failed.push(Failures { by, hundred, count, clients, upstreams });
    }
    failed.sort_by_key(|it| Reverse(it.count));
    let (at, serves) = (Timestamp::default(), None);
    Counts { at, took_ms: 0, answered, failed, probes: 0, unread: 0, lost: false, serves }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use evenkeel_model::Escape;

    use super::*;

    #[test]
    fn answers_are_counted_through_a_rotation_and_those_of_probes_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let text =
            br#"$remote_addr "$request" $status "$upstream_addr" "$upstream_status" "$http_user_agent""#;
        let format = LogFormat::new("t", Escape::Default, text).unwrap();
        let write = |lines: &[(&str, u16, &str, &str)]| {
            let mut log = std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
            for (client, status, upstream, agent) in lines {
                let (address, made) =
                    if upstream.is_empty() { ("-", "-".to_owned()) } else { (*upstream, status.to_string()) };
                writeln!(log, "{client} \"GET / HTTP/1.1\" {status} \"{address}\" \"{made}\" \"{agent}\"")
                    .unwrap();
            }
        };
        write(&[("10.0.0.1", 500, "", "before")]);
        let logs = vec![(path.as_os_str().as_encoded_bytes().to_vec(), format)];
        let mut counter = Counter::new(logs, Timestamp::from_millis(1_000));
        write(&[
            ("10.0.0.1", 200, "10.0.0.9:80", "curl"),
            ("10.0.0.1", 502, "10.0.0.9:80", "curl"),
            ("10.0.0.2", 502, "10.0.0.9:80", "curl"),
            ("10.0.0.2", 502, "10.0.0.8:80", "curl"),
            ("10.0.0.2", 404, "", "curl"),
            ("10.0.0.3", 503, "", "evenkeel-probe/0.1.0"),
        ]);
        std::fs::rename(&path, dir.path().join("access.log.1")).unwrap();
        write(&[("10.0.0.1", 404, "", "curl")]);
        let (counts, troubles) = counter.count(Timestamp::from_millis(3_000), None);
        assert_eq!(troubles, Vec::<String>::new());
        assert_eq!((counts.answered, counts.probes, counts.took_ms), (6, 1, 2_000));
        let kind = |it: &Failures| (it.by, it.hundred, it.count, it.clients);
        let kinds: Vec<_> = counts.failed.iter().map(kind).collect();
        assert_eq!(kinds, [(Made::Upstream, 5, 3, 2), (Made::Nginx, 4, 2, 2)]);
        assert_eq!(counts.failed[0].upstreams[0], ("10.0.0.9:80".to_owned(), 2));
        assert_eq!(counts.broken(), (0, 3));
        let (counts, _) = counter.count(Timestamp::from_millis(4_000), None);
        assert_eq!((counts.answered, counts.failed.len(), counts.at), (0, 0, Timestamp::from_millis(3_000)));
    }
}
