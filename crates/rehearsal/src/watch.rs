//! Follows a start or a reload of the nginx in the sandbox until it is known what came of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_model::{Config, LogTarget, Workers};

use crate::sandbox::processes::children;
use crate::stage::Stage;
use crate::story::{Ending, Line, Look, Role, Story, parse_line};

/// How long a start or reload may take until its workers are there.
const LIMIT: Duration = Duration::from_secs(10);
/// How soon is looked again.
const LOOK_AGAIN: Duration = Duration::from_millis(3);
/// How much of a log is read.
const LOG_BYTES_MAX: usize = 4 << 20;

/// Where logs end, so that what is written later is news.
#[derive(Debug, Default)]
pub(crate) struct Logs(BTreeMap<PathBuf, usize>);

impl Logs {
    /// Notes where the logs of a configuration end now, those that are known already excepted.
    pub(crate) async fn note(&mut self, stage: &Stage, config: &Config) {
        for path in log_files(config) {
            self.note_file(stage, path).await;
        }
    }

    /// Notes where one log ends now, if it is not known already.
    pub(crate) async fn note_file(&mut self, stage: &Stage, path: PathBuf) {
        let Entry::Vacant(place) = self.0.entry(path) else { return };
        let is_stderr = place.key() == Path::new(STDERR);
        let end = if is_stderr { Ok(Vec::new()) } else { stage.read(place.key(), LOG_BYTES_MAX).await };
        place.insert(end.map_or(0, |bytes| bytes.len()));
    }
}

/// The master in the sandbox, and its logs.
#[derive(Debug)]
pub(crate) struct Nginx {
    /// Its number on this machine.
    pub(crate) master: i32,
    inside: i32,
    pub(crate) logs: Logs,
}

impl Nginx {
    /// Takes over a master that was just started. `logs`: where they ended before that.
    pub(crate) fn started(master: i32, logs: Logs) -> Nginx {
        Nginx { master, inside: inside(master), logs }
    }

    /// Waits until new workers serve `config`, or it is known that they do not. `before`: the workers of the time before.
    pub(crate) async fn settle(&mut self, stage: &Stage, config: &Config, before: Vec<i32>) -> Ending {
        if !config.has_master() {
            return Ending::Works(vec!["one process, without workers (master_process off)".to_owned()]);
        }
        let mut story = Story::begin(self.inside, before, wanted(config));
        let began = Instant::now();
        loop {
            let look = self.look(stage).await;
            if let Some(ending) = story.take_in(look, millis(began.elapsed())) {
                return ending;
            }
            if began.elapsed() >= LIMIT {
                return story.give_up(millis(LIMIT));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The children that the master has now.
    pub(crate) fn children(&self) -> Vec<i32> {
        children(self.master)
    }

    async fn look(&mut self, stage: &Stage) -> Look {
        let idle_before = is_idle(self.master);
        let lines = self.new_lines(stage).await;
        let children = children(self.master).into_iter().map(|pid| (pid, role(pid))).collect();
        let idle_after = is_idle(self.master);
        let idle = idle_before == Some(true) && idle_after == Some(true);
        Look { children, master: idle_after.is_some(), idle, lines }
    }

    /// What the logs say that was not read yet.
    pub(crate) async fn new_lines(&mut self, stage: &Stage) -> Vec<Line> {
        let mut logs = std::mem::take(&mut self.logs);
        let lines = self.new_lines_of(&mut logs, stage).await;
        self.logs = logs;
        lines
    }

    /// What these logs say that was not read yet.
    pub(crate) async fn new_lines_of(&self, logs: &mut Logs, stage: &Stage) -> Vec<Line> {
        let mut lines = Vec::new();
        for (path, end) in &mut logs.0 {
            let bytes = self.read(stage, path).await;
            let from = (*end).min(bytes.len());
            let news = &bytes[from..];
            let Some(last) = news.iter().rposition(|byte| *byte == b'\n') else { continue };
            lines.extend(String::from_utf8_lossy(&news[..last]).lines().filter_map(parse_line));
            *end = from + last + 1;
        }
        lines
    }

    async fn read(&self, stage: &Stage, path: &Path) -> Vec<u8> {
        if path == Path::new(STDERR) {
            let stderr = format!("/proc/{}/fd/2", self.master);
            let is_file = fs::metadata(&stderr).is_ok_and(|meta| meta.is_file());
            return if is_file { fs::read(stderr).unwrap_or_default() } else { Vec::new() };
        }
        stage.read(path, LOG_BYTES_MAX).await.unwrap_or_default()
    }
}

/// Stands for standard error among the logs.
const STDERR: &str = "stderr";

fn log_files(config: &Config) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let path = |log: evenkeel_model::ErrorLog| match log.target {
        LogTarget::File(path) if path.starts_with(b"/dev/std") => Some(PathBuf::from(STDERR)),
        LogTarget::File(path) => Some(PathBuf::from(std::ffi::OsStr::from_bytes(&path))),
        LogTarget::Stderr => Some(PathBuf::from(STDERR)),
        LogTarget::Syslog(_) | LogTarget::Memory => None,
    };
    config.error_logs().into_iter().filter_map(path).collect()
}

fn wanted(config: &Config) -> usize {
    match config.worker_processes() {
        Workers::Fixed(count) => (count as usize).max(1),
        Workers::Auto => 1,
    }
}

fn role(pid: i32) -> Role {
    let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let title = String::from_utf8_lossy(&title);
    if title.starts_with("nginx: worker process is shutting down") {
        Role::Leaving
    } else if title.starts_with("nginx: worker process") {
        Role::Worker
    } else {
        Role::Other
    }
}

/// Whether the master waits for signals and no SIGHUP waits for it; `None` when it is gone.
fn is_idle(pid: i32) -> Option<bool> {
    const HUP: u64 = 1;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    if status.lines().any(|line| line.starts_with("State:") && line.contains('Z')) {
        return None;
    }
    let pending = mask("SigPnd:").unwrap_or(0) | mask("ShdPnd:").unwrap_or(0);
    Some((mask("SigBlk:").unwrap_or(0) | pending) & HUP == 0)
}

/// The number of a process in its own namespace.
fn inside(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.and_then(|numbers| numbers.split_whitespace().last()?.parse().ok()).unwrap_or(pid)
}

/// Milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
