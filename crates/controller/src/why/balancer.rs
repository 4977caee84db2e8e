//! What the balancer in front says: how its sessions end, and what its checks saw.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_diagnosis::evidence::Session;
use evenkeel_host::balancer::haproxy::{Haproxy, Server, ServerState};
use evenkeel_host::balancer::sessions::Ended;
use evenkeel_host::follow::{Follower, last_lines};

use super::Look;

/// How long HAProxy may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of the end of its log is read, in bytes.
const LOG_BYTES_MAX: u64 = 4 << 20;
/// How long the line of our own request is waited for.
const LINE_WITHIN: Duration = Duration::from_millis(1_000);
const STEP: Duration = Duration::from_millis(20);

/// Where the HAProxy of this machine can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancer {
    /// Its stats socket.
    pub socket: Option<PathBuf>,
    /// The log of its sessions, in the format of `option httplog`.
    pub log: Option<PathBuf>,
}

impl Look<'_> {
    pub(super) fn where_balancer_log_ends(&self) -> Option<Follower> {
        self.asked.balancer.log.as_ref().map(Follower::from_end)
    }

    pub(super) async fn balancer(&mut self, end: Option<&Follower>) {
        let servers = self.servers().await;
        let Some(path) = self.asked.balancer.log.clone() else { return };
        let until = tokio::time::Instant::now() + LINE_WITHIN;
        let mut lines = self.lines(&path, end);
        while lines.is_empty() && tokio::time::Instant::now() < until {
            tokio::time::sleep(STEP).await;
            lines = self.lines(&path, end);
        }
        let sessions = self.evidence.balancer.get_or_insert_default();
        for line in &lines {
            let Some(ended) = Ended::read(line) else { continue };
            let check = servers.iter().flatten().find_map(|server| check(&ended, server));
            let session = Session {
                code: ended.code.to_owned(),
                status: ended.status.unwrap_or_default(),
                server: ended.server.map(str::to_owned),
                check,
                count: 1,
            };
            let same = |one: &&mut Session| Session { count: 1, ..(*one).clone() } == session;
            match sessions.iter_mut().find(same) {
                Some(one) => one.count += 1,
                None => sessions.push(session),
            }
        }
    }

    async fn servers(&mut self) -> Option<Vec<Server>> {
        let socket = self.asked.balancer.socket.clone()?;
        match Haproxy::at(socket, LIMIT).servers().await {
            Ok(servers) => Some(servers),
            Err(error) => {
                self.unseen.push(format!("the balancer: failed to {error}"));
                None
            }
        }
    }

    /// The sessions that count: those of our own request, or those of the path that others complain about.
    fn lines(&mut self, path: &std::path::Path, end: Option<&Follower>) -> Vec<String> {
        let asked = self.path();
        let fits =
            |line: &str| Ended::read(line).is_some_and(|ended| ended.path().is_none_or(|path| path == asked));
        let mut lines = Vec::new();
        if self.asked.seen.is_empty() {
            let mut again = match end.and_then(Follower::position) {
                Some(position) => Follower::resume(path, position),
                None => Follower::from_start(path),
            };
            let _what_cannot_be_read_is_told_below =
                again.read(|line| lines.push(String::from_utf8_lossy(line).into_owned()));
        } else if let Ok(bytes) = last_lines(path, LOG_BYTES_MAX) {
            lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
        }
        if let Err(error) = std::fs::File::open(path) {
            let unseen = format!("{}: {error}", path.display());
            if !self.unseen.contains(&unseen) {
                self.unseen.push(unseen);
            }
        }
        lines.retain(|line| fits(line));
        lines
    }
}

/// What the check of the session's server says; where none was chosen, that of one that takes no traffic.
fn check(ended: &Ended<'_>, server: &Server) -> Option<String> {
    if server.backend != ended.backend {
        return None;
    }
    let meant = match ended.server {
        Some(name) => server.name == name,
        None => !server.state.takes_traffic() && server.state != ServerState::Maintenance,
    };
    let check = server.check.as_ref().filter(|_| meant)?;
    Some(if check.code == 0 { check.class.clone() } else { format!("{}/{}", check.class, check.code) })
}
