//! What a release must expect of an nginx that runs this configuration: workers, logs, sockets, files.

use crate::config::{Config, NodeId};
use crate::files::Path;
use crate::listen::ListenAddress;
use crate::number::atoi;

/// How many worker processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Fixed(u32),
    /// One for each processor.
    Auto,
}

/// An `error_log` at the top of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLog {
    /// Where it goes.
    pub target: LogTarget,
    /// The least level that is written, for example `warn`; `error` when none is given.
    pub level: String,
    /// The directive; `None` for the compiled-in log.
    pub node: Option<NodeId>,
}

impl ErrorLog {
    /// Whether lines of `level` are written: `error_log x notice` shows `notice`, `warn` and worse.
    pub fn shows(&self, level: &str) -> bool {
        const LEVELS: [&str; 9] =
            ["stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];
        let rank = |name: &str| LEVELS.iter().position(|known| *known == name).unwrap_or(LEVELS.len());
        rank(level) <= rank(&self.level)
    }
}

/// Where a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// A file, by its absolute path.
    File(Path),
    /// Standard error, which a daemon keeps from its start.
    Stderr,
    /// `syslog:…`
    Syslog(String),
    /// `memory:…`
    Memory,
}

/// A path that nginx itself writes while it runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuntimePath {
    /// The absolute path.
    pub path: Path,
    /// What for.
    pub what: RuntimeUse,
    /// Whether the configuration names it; otherwise it was compiled in.
    pub configured: bool,
}

/// What nginx writes a path for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuntimeUse {
    /// The master's process id.
    Pid,
    /// The accept mutex and shared memory.
    Lock,
    /// A log file.
    Log,
    /// Request or response bodies.
    Temp,
    /// A cache.
    Cache,
}

/// The directives whose first argument is a directory that nginx writes to.
const TEMP_PATHS: [&str; 5] =
    ["client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path"];
const CACHE_PATHS: [&str; 4] =
    ["proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path"];

impl Config {
    /// `worker_processes`; one when it is not given.
    pub fn worker_processes(&self) -> Workers {
        match self.main_value("worker_processes") {
            Some(b"auto") => Workers::Auto,
            Some(value) => Workers::Fixed(atoi(value).and_then(|n| u32::try_from(n).ok()).unwrap_or(1)),
            None => Workers::Fixed(1),
        }
    }

    /// `user` and its group, as they stand.
    pub fn user(&self) -> Option<(&[u8], Option<&[u8]>)> {
        let node = self.root().find("user").last()?;
        Some((node.arg(0)?, node.arg(1)))
    }

    /// `working_directory`, where workers change to (and die when they cannot).
    pub fn working_directory(&self) -> Option<&[u8]> {
        self.main_value("working_directory")
    }

    /// `worker_rlimit_nofile`
    pub fn worker_rlimit_nofile(&self) -> Option<u64> {
        self.main_value("worker_rlimit_nofile").and_then(atoi).and_then(|n| u64::try_from(n).ok())
    }

    /// `daemon`; on when it is not given.
    pub fn is_daemon(&self) -> bool {
        self.main_value("daemon").is_none_or(|value| value.eq_ignore_ascii_case(b"on"))
    }

    /// `master_process`; on when it is not given.
    pub fn has_master(&self) -> bool {
        self.main_value("master_process").is_none_or(|value| value.eq_ignore_ascii_case(b"on"))
    }

    /// Where the master writes its notices: every `error_log` of the top level, or the compiled-in one.
    /// An `error_log` inside http or a server is for requests only.
    pub fn error_logs(&self) -> Vec<ErrorLog> {
        let logs = self.root().find("error_log").filter_map(|node| {
            let level = node.arg_str(1).unwrap_or("error").to_owned();
            Some(ErrorLog { target: self.log_target(node.arg(0)?), level, node: Some(node.id()) })
        });
        let logs: Vec<ErrorLog> = logs.collect();
        if !logs.is_empty() {
            return logs;
        }
        let target = self.log_target(&self.settings().built.error_log);
        vec![ErrorLog { target, level: String::from("error"), node: None }]
    }

    /// Every address that some server of http, stream or mail listens on, each once, sorted.
    pub fn listens(&self) -> Vec<ListenAddress> {
        let listens = self.servers().iter().flat_map(|server| &server.listens);
        let mut addresses: Vec<ListenAddress> = listens.map(|listen| listen.address.clone()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// The files and directories that nginx writes while it runs, each once.
    pub fn runtime_paths(&self) -> Vec<RuntimePath> {
        let settings = self.settings();
        let built = &settings.built;
        let mut paths = Vec::new();
        let mut add = |path: Path, what, configured| paths.push(RuntimePath { path, what, configured });
        let pid = self.main_value("pid");
        add(settings.in_prefix(pid.unwrap_or(&built.pid)), RuntimeUse::Pid, pid.is_some());
        let lock = self.main_value("lock_file");
        add(settings.in_prefix(lock.unwrap_or(&built.lock)), RuntimeUse::Lock, lock.is_some());
        for log in self.error_logs() {
            if let LogTarget::File(path) = log.target {
                add(path, RuntimeUse::Log, log.node.is_some());
            }
        }
        let mut seen = [false; TEMP_PATHS.len()];
        let mut access_logs = false;
        let writing = TEMP_PATHS.iter().chain(&CACHE_PATHS).chain(&["access_log", "error_log"]);
        for node in writing.flat_map(|name| self.named(name)) {
            let Some(value) = node.arg(0).filter(|value| !value.contains(&b'$')) else { continue };
            let name = node.name();
            if let Some(index) = TEMP_PATHS.iter().position(|known| *known == name) {
                seen[index] |= node.context() == crate::Context::Http;
                add(settings.in_prefix(value), RuntimeUse::Temp, true);
            } else if CACHE_PATHS.contains(&name) {
                add(settings.in_prefix(value), RuntimeUse::Cache, true);
            } else if matches!(name, "access_log" | "error_log") && !node.context().is_raw() {
                access_logs |= name == "access_log" && node.context() == crate::Context::Http;
                if let LogTarget::File(path) = self.log_target(value)
                    && value != b"off"
                {
                    add(path, RuntimeUse::Log, true);
                }
            }
        }
        if self.http().is_some() {
            let compiled = [&built.client_body_temp, &built.proxy_temp, &built.fastcgi_temp];
            let compiled = compiled.into_iter().chain([&built.uwsgi_temp, &built.scgi_temp]);
            for (path, _) in compiled.zip(seen).filter(|(_, seen)| !seen) {
                add(settings.in_prefix(path), RuntimeUse::Temp, false);
            }
            if !access_logs {
                add(settings.in_prefix(&built.http_log), RuntimeUse::Log, false);
            }
        }
        paths.sort_unstable();
        paths.dedup_by(|b, a| a.path == b.path && a.what == b.what);
        paths
    }

    fn main_value(&self, name: &str) -> Option<&[u8]> {
        self.root().find(name).last()?.arg(0)
    }

    fn log_target(&self, value: &[u8]) -> LogTarget {
        match value {
            b"stderr" => LogTarget::Stderr,
            _ if value.starts_with(b"syslog:") => {
                LogTarget::Syslog(String::from_utf8_lossy(&value[7..]).into_owned())
            }
            _ if value.starts_with(b"memory:") => LogTarget::Memory,
            _ => LogTarget::File(self.settings().in_prefix(value)),
        }
    }
}
