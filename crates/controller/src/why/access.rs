//! What the access logs say of the path that is asked about: which status, and who made it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_diagnosis::evidence::Origin;
use evenkeel_fleet::Timestamp;
use evenkeel_host::follow::{Follower, last_lines};
use evenkeel_model::{LogFormat, Spans, named_formats};
use jiff::fmt::strtime;

use super::Look;

/// How much of the end of a log is read, in bytes.
const LOG_BYTES_MAX: u64 = 4 << 20;
/// The most logs that are read.
const LOGS_MAX: usize = 16;
/// How long the line of our own request is waited for: nginx writes it when the answer is sent.
const LINE_WITHIN: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);
/// The statuses of limits: whose requests they stop says what the limit counts by.
const LIMITED: [u16; 2] = [429, 503];

/// An access log, and where it ended before anything was asked.
pub(super) struct AccessLog {
    path: PathBuf,
    format: LogFormat,
    follower: Follower,
}

impl Look<'_> {
    pub(super) fn where_access_logs_end(&self) -> Vec<AccessLog> {
        let Some(config) = self.asked.config else { return Vec::new() };
        let formats = named_formats(config);
        let mut logs: Vec<AccessLog> = Vec::new();
        for node in config.nodes().filter(|node| node.is("access_log")) {
            let Some(path) = node.arg_str(0).filter(|path| path.starts_with('/') && !path.contains('$'))
            else {
                continue;
            };
            let name = node.arg_str(1).filter(|name| !name.contains('=')).unwrap_or("combined");
            let format = formats.iter().find(|format| format.name == name).cloned();
            let Some(format) = format.or_else(|| LogFormat::well_known(name)) else { continue };
            let path = PathBuf::from(path);
            if logs.len() < LOGS_MAX && logs.iter().all(|log| log.path != path) {
                logs.push(AccessLog { follower: Follower::from_end(&path), path, format });
            }
        }
        logs
    }

    /// Reads what the logs say of our own request; where others are asked about, what they say of theirs.
    pub(super) async fn read_access(&mut self, logs: &[AccessLog]) {
        let until = tokio::time::Instant::now() + LINE_WITHIN;
        while !self.read_own_lines(logs)
            && self.evidence.samples.iter().any(|seen| seen.reply.is_some())
            && !logs.is_empty()
            && tokio::time::Instant::now() < until
        {
            tokio::time::sleep(STEP).await;
        }
        for log in logs {
            match last_lines(&log.path, LOG_BYTES_MAX) {
                Ok(bytes) => self.read_lately(log, &bytes),
                Err(error) => self.unseen.push(format!("{}: {error}", log.path.display())),
            }
        }
    }

    /// Whether the line of our own request was there.
    fn read_own_lines(&mut self, logs: &[AccessLog]) -> bool {
        let path = self.path();
        let mut own = Vec::new();
        for log in logs {
            let mut again = match log.follower.position() {
                Some(position) => Follower::resume(&log.path, position),
                None => Follower::from_start(&log.path),
            };
            let mut spans = Spans::default();
            let _what_cannot_be_read_is_told_below = again.read(|line| {
                if log.format.split(line, &mut spans).is_err() {
                    return;
                }
                let Some(answer) = log.format.answered(line, &spans) else { return };
                if answer.path == path.as_bytes() {
                    let upstream = answer.upstream.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                    own.push((answer.status, origin(answer.maker), upstream));
                }
            });
        }
        for (status, origin, upstream) in &own {
            self.evidence.note_answer(&path, *status, *origin, upstream.as_deref());
        }
        !own.is_empty()
    }

    fn read_lately(&mut self, log: &AccessLog, bytes: &[u8]) {
        self.evidence.access.get_or_insert_default();
        let (path, since) = (self.path(), self.since());
        let mut limited: BTreeMap<u16, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut spans = Spans::default();
        for line in bytes.split(|&byte| byte == b'\n') {
            if line.is_empty()
                || written(line).is_some_and(|at| at < since)
                || log.format.split(line, &mut spans).is_err()
            {
                continue;
            }
            let Some(answer) = log.format.answered(line, &spans) else { continue };
            let asked_about = self.asked.seen.iter().any(|seen| seen.fits(answer.status));
            if asked_about && answer.path == path.as_bytes() || LIMITED.contains(&answer.status) {
                let upstream = answer.upstream.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                self.evidence.note_answer(&path, answer.status, origin(answer.maker), upstream.as_deref());
            }
            if LIMITED.contains(&answer.status)
                && let Some(client) = answer.client
            {
                limited.entry(answer.status).or_default().insert(client.to_vec());
            }
        }
        for answers in self.evidence.access.iter_mut().flatten() {
            if let Some(clients) = limited.get(&answers.status) {
                answers.clients = u64::try_from(clients.len()).unwrap_or(u64::MAX);
            }
        }
    }

    /// The path that is asked about, without its query.
    pub(super) fn path(&self) -> String {
        self.request.uri.split('?').next().unwrap_or_default().to_owned()
    }
}

/// When a line was written, where it says so as `$time_local` does.
fn written(line: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once('[')?;
    let (time, _) = rest.split_once(']')?;
    let at = strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).ok()?.to_timestamp().ok()?;
    Some(Timestamp::from_millis(u64::try_from(at.as_millisecond()).ok()?))
}

fn origin(maker: evenkeel_model::Maker) -> Origin {
    match maker {
        evenkeel_model::Maker::Nginx => Origin::Nginx,
        evenkeel_model::Maker::Upstream(status) => Origin::Upstream(status),
        evenkeel_model::Maker::Unknown => Origin::Unknown,
    }
}
