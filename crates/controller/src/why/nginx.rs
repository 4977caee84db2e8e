//! The nginx of this host: whether it runs, how old its workers are, what its logs say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use evenkeel_diagnosis::evidence::Nginx;
use evenkeel_fleet::Timestamp;
use evenkeel_host::follow::{Follower, last_lines};
use evenkeel_host::nginx::check::{self, Question};
use evenkeel_host::nginx::find::{FindError, find};
use evenkeel_host::nginx::log::STDERR;
use evenkeel_host::nginx::workers::workers;
use evenkeel_model::{ErrorLine, LogPhase, Message};
use jiff::tz::TimeZone;

use super::Look;
use crate::stages::outside;

/// How much of the end of a log is read, in bytes.
const LOG_BYTES_MAX: u64 = 4 << 20;
/// Workers that started within this time of each other are of one generation.
const GENERATION: Duration = Duration::from_secs(2);
/// A request of this length may have been cut in the log.
const CUT_BYTES_MIN: usize = 1_000;
/// How long `nginx -t` may take.
const CHECK: Duration = Duration::from_secs(10);

/// A log, and where it ended before anything was asked.
pub(super) struct Log {
    path: PathBuf,
    follower: Follower,
}

impl Look<'_> {
    /// Notes where the error logs end, so that what nginx writes of our own request is known.
    pub(super) fn where_logs_end(&self) -> Vec<Log> {
        let Some(config) = self.asked.config else { return Vec::new() };
        let mut paths = outside(config).error_logs;
        paths.extend(config.nodes().filter(|node| node.is("error_log")).filter_map(|node| {
            let path = std::str::from_utf8(node.arg(0)?).ok()?;
            path.starts_with('/').then(|| PathBuf::from(path))
        }));
        paths.sort_unstable();
        paths.dedup();
        paths.retain(|path| path.as_os_str() != STDERR);
        let log = |path: PathBuf| Log { follower: Follower::from_end(&path), path };
        paths.into_iter().map(log).collect()
    }

    pub(super) fn look_at_nginx(&mut self) {
        let changed = self.config_changed();
        let nginx = match find(self.asked.place) {
            Ok(master) => {
                let mut ages: Vec<Duration> = workers(master.id).iter().map(|worker| worker.age()).collect();
                ages.sort_unstable();
                let youngest = ages.first().and_then(|age| at(SystemTime::now().checked_sub(*age)?));
                ages.dedup_by(|older, younger| older.saturating_sub(*younger) < GENERATION);
                let generations = ages.len();
                Nginx {
                    runs: true,
                    generations,
                    youngest_worker: youngest,
                    config_changed: changed,
                    disk: None,
                }
            }
            Err(FindError::NotRunning { .. } | FindError::Stale { .. }) => {
                Nginx { config_changed: changed, ..Nginx::default() }
            }
            // It may run all the same: another user's, or one that its pid file does not name.
            Err(error) => {
                self.unseen.push(format!("the nginx that reads this tree: {error}"));
                return;
            }
        };
        self.evidence.nginx = Some(nginx);
    }

    /// Asks whether nginx would start again with what lies on disk.
    pub(super) fn check_disk(&mut self) {
        let (Some(config), Some(nginx)) = (self.asked.config, &mut self.evidence.nginx) else { return };
        if nginx.disk.is_some() {
            return;
        }
        let Ok(master) = find(self.asked.place) else { return };
        let written = outside(config).written;
        let question = Question {
            place: self.asked.place,
            master: Some(&master),
            kept: &[],
            written: &written,
            limit: CHECK,
        };
        match check::live(&question) {
            Ok(check::Verdict::Accepted { .. }) => nginx.disk = Some(Ok(())),
            Ok(check::Verdict::Refused { messages }) => {
                let said = messages.into_iter().map(|message| message.text).next_back().unwrap_or_default();
                nginx.disk = Some(Err(said));
            }
            Err(error) => self.unseen.push(format!("whether nginx would start again: failed to {error}")),
        }
    }

    /// When a file of the configuration last changed.
    fn config_changed(&self) -> Option<Timestamp> {
        let files = self.asked.config?.files().iter();
        let times =
            files.filter_map(|file| std::fs::metadata(OsStr::from_bytes(&file.path)).ok()?.modified().ok());
        at(times.max()?)
    }

    /// Reads what the logs say of our own request; when they say nothing, what they said lately.
    pub(super) fn read_logs(&mut self, logs: &[Log], fails: bool) {
        if self.asked.config.is_none() {
            return;
        }
        let mut read = false;
        let mut own = Vec::new();
        let mut lately = Vec::new();
        let since = self.since();
        for log in logs {
            match last_lines(&log.path, LOG_BYTES_MAX) {
                Ok(bytes) => {
                    read = true;
                    lately.push(bytes);
                }
                Err(error) => self.unseen.push(format!("{}: {error}", log.path.display())),
            }
            let position = log.follower.position();
            let mut again = match position {
                Some(position) => Follower::resume(&log.path, position),
                None => Follower::from_start(&log.path),
            };
            if let Err(error) = again.read(|line| own.push(line.to_vec())) {
                self.unseen.push(format!("{}: {error}", log.path.display()));
            }
        }
        if !read {
            return;
        }
        self.evidence.lines.get_or_insert_default();
        let request = format!("GET {} ", self.request.uri);
        // Where others are asked about, theirs counts as much as ours.
        let others = (!self.asked.seen.is_empty()).then(|| self.path());
        let ours: Vec<&Vec<u8>> = own
            .iter()
            .filter(|line| ErrorLine::read(line).is_some_and(|line| is_ours(&line, &request, None)))
            .collect();
        // Where our own request says what fails, other requests only mislead; unless the group was taken out for them.
        let of_group = |line: &&Vec<u8>| {
            ErrorLine::read(line).is_some_and(|line| line.message == Message::NoLiveUpstreams)
        };
        let alone = fails && others.is_none() && !ours.is_empty() && !ours.iter().any(of_group);
        for line in &ours {
            note(self, line, since);
        }
        for line in lately.iter().flat_map(|bytes| bytes.split(|&byte| byte == b'\n')) {
            let Some(read) = ErrorLine::read(line) else { continue };
            let of_client = read.about.client.is_some();
            let noted = of_client && ours.iter().any(|own| own.as_slice() == line);
            if !(noted || of_client && (alone || of_other_place(&read, &request, others.as_deref()))) {
                note(self, line, since);
            }
        }
    }
}

/// Whether a line is of another request than ours, so that it explains nothing: a file that is missing elsewhere. What is said of
/// an upstream counts whoever asked.
fn of_other_place(line: &ErrorLine<'_>, request: &str, others: Option<&str>) -> bool {
    let at_upstream =
        line.phase.is_some_and(LogPhase::at_upstream) || line.message == Message::NoLiveUpstreams;
    line.about.request.is_some() && !is_ours(line, request, others) && !at_upstream
}

/// Whether a line is of our request, or of the path that others ask for.
fn is_ours(line: &ErrorLine<'_>, request: &str, others: Option<&str>) -> bool {
    let Some(asked) = line.about.request else { return false };
    // A line ends where nginx has no more room for it.
    let ours = asked.starts_with(request.as_bytes())
        || asked.len() >= CUT_BYTES_MIN && request.as_bytes().starts_with(asked);
    let path = || {
        let uri = asked.split(|&byte| byte == b' ').nth(1)?;
        uri.split(|&byte| byte == b'?').next().filter(|path| path.starts_with(b"/"))
    };
    // What is no request at all has no path.
    ours || others.is_some_and(|others| path().is_none_or(|path| path == others.as_bytes()))
}

fn note(look: &mut Look<'_>, line: &[u8], since: Timestamp) {
    let Some(line) = ErrorLine::read(line) else { return };
    let Some(at) = line.stamp.and_then(|stamp| {
        let date = jiff::civil::datetime(
            i16::try_from(stamp.year).ok()?,
            i8::try_from(stamp.month).ok()?,
            i8::try_from(stamp.day).ok()?,
            i8::try_from(stamp.hour).ok()?,
            i8::try_from(stamp.minute).ok()?,
            i8::try_from(stamp.second.min(59)).ok()?,
            0,
        );
        let moment = date.to_zoned(TimeZone::system()).ok()?.timestamp().as_millisecond();
        Some(Timestamp::from_millis(u64::try_from(moment).ok()?))
    }) else {
        return;
    };
    // A log counts whole seconds.
    if at.as_millis() + 1_000 > since.as_millis() {
        look.evidence.note_line(&line, at);
    }
}

pub(super) fn at(time: SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?))
}
