//! What a start or a reload of nginx came to, told from its processes and its logs.

use std::collections::BTreeSet;

use evenkeel_syntax::secret::redact_str;

/// What the process table and the logs show at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// The master's children: their number on this machine, and what they are.
    pub(crate) children: Vec<(i32, Role)>,
    /// Whether the master is there.
    pub(crate) master: bool,
    /// Whether the master waits for signals and none waits for it.
    pub(crate) idle: bool,
    /// New lines of its logs.
    pub(crate) lines: Vec<Line>,
}

/// What a process says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It serves.
    Worker,
    /// It finishes its requests.
    Leaving,
    /// Just forked, or none of these.
    Other,
}

/// A line of an error log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: String,
    /// The process that wrote it, as it is numbered inside.
    pub(crate) pid: i32,
    pub(crate) message: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// New workers serve and stay.
    Works(Vec<String>),
    /// nginx did not take the configuration.
    Refused(Vec<String>),
    /// It took it, and its workers died.
    Died(Vec<String>),
    /// It is not known that it works.
    Unproven(Vec<String>),
}

/// How many messages are kept.
const SAID_MAX: usize = 20;
/// How long the same workers must be there, in milliseconds. A worker has its title only when it is ready to serve
/// (`ngx_worker_process_cycle`), so that one that cannot begin is never counted.
const STAY_MS: u64 = 60;
/// How long a master that waits for signals again may be without what was expected, in milliseconds.
const GRACE_MS: u64 = 250;

/// One start or reload, followed.
#[derive(Debug)]
pub(crate) struct Story {
    /// The master's number inside.
    master: i32,
    /// The children that it had before.
    before: BTreeSet<i32>,
    /// How many workers there must be.
    workers: usize,
    refusals: Vec<String>,
    deaths: Vec<String>,
    complaints: Vec<(i32, String)>,
    chosen: Option<(Vec<i32>, u64)>,
    idle_since: Option<u64>,
}

impl Story {
    /// Begins to follow. `before`: the children that the master has now.
    pub(crate) fn begin(master: i32, before: impl IntoIterator<Item = i32>, workers: usize) -> Story {
        Story {
            master,
            before: before.into_iter().collect(),
            workers,
            refusals: Vec::new(),
            deaths: Vec::new(),
            complaints: Vec::new(),
            chosen: None,
            idle_since: None,
        }
    }

    /// Takes in one look, `now_ms` after the beginning; says how it ended, once that is known.
    pub(crate) fn take_in(&mut self, look: Look, now_ms: u64) -> Option<Ending> {
        for line in look.lines {
            self.hear(line);
        }
        if !self.refusals.is_empty() {
            return Some(Ending::Refused(self.refusals.clone()));
        }
        if !self.deaths.is_empty() {
            return Some(Ending::Died(self.last_words()));
        }
        if !look.master {
            let mut said = self.last_words();
            said.push("the master process ended".to_owned());
            return Some(Ending::Died(said));
        }
        let is_old = |pid: &i32| self.before.contains(pid);
        let serving = || look.children.iter().filter(|(_, role)| *role == Role::Worker).map(|(pid, _)| *pid);
        let new: Vec<i32> = serving().filter(|pid| !is_old(pid)).collect();
        let old = serving().filter(is_old).count();
        self.idle_since = if look.idle { self.idle_since.or(Some(now_ms)) } else { None };
        if new.len() >= self.workers && old == 0 {
            return self.stays(new, now_ms);
        }
        self.chosen = None;
        let settled = self.idle_since.is_some_and(|since| now_ms.saturating_sub(since) >= GRACE_MS);
        if !settled || (old > 0 && !new.is_empty()) {
            return None;
        }
        Some(match (new.len(), old) {
            (0, 0) => {
                Ending::Died(self.words_or("no worker is left, and the master still accepts connections"))
            }
            (0, _) => Ending::Refused(self.words_or("nginx kept its old workers and started no new ones")),
            (found, _) => Ending::Unproven(
                self.words_or(&format!("{found} of {} workers serve the new configuration", self.workers)),
            ),
        })
    }

    /// What is known when the time is up.
    pub(crate) fn give_up(&self, after_ms: u64) -> Ending {
        Ending::Unproven(self.words_or(&format!("no sign of new workers within {after_ms} ms")))
    }

    fn stays(&mut self, new: Vec<i32>, now_ms: u64) -> Option<Ending> {
        match &self.chosen {
            Some((chosen, since)) if *chosen == new => {
                let stayed = now_ms.saturating_sub(*since);
                (stayed >= STAY_MS).then(|| Ending::Works(self.rests_on(new.len(), stayed)))
            }
            _ => {
                self.chosen = Some((new, now_ms));
                None
            }
        }
    }

    fn rests_on(&self, workers: usize, stayed: u64) -> Vec<String> {
        let count = if workers == 1 { "1 new worker".to_owned() } else { format!("{workers} new workers") };
        let mut said = vec![format!("{count}, the same for {stayed} ms")];
        if !self.before.is_empty() {
            said.push("no worker of the live tree takes requests any longer".to_owned());
        }
        said.push("no [emerg] in the error logs".to_owned());
        said
    }

    fn hear(&mut self, line: Line) {
        let serious = matches!(line.level.as_str(), "emerg" | "alert" | "crit");
        if line.pid != self.master {
            if serious && !is_alias_noise(&line.message) && self.complaints.len() < SAID_MAX {
                self.complaints.push((line.pid, line.message));
            }
            return;
        }
        let ended = line.message.contains(" exited with fatal code ")
            || (line.message.starts_with("worker process ") && line.message.contains(" exited on signal "));
        let kept = match line.level.as_str() {
            "emerg" => &mut self.refusals,
            "alert" if ended => &mut self.deaths,
            _ => return,
        };
        if kept.len() < SAID_MAX && !kept.contains(&line.message) {
            kept.push(line.message);
        }
    }

    /// What the workers said before they died, then what the master said of it.
    fn last_words(&self) -> Vec<String> {
        // What it says last is what it dies of: `setpriority() failed` does not end a worker, and `chdir() failed` does.
        let mut said: Vec<String> = Vec::new();
        for (_, message) in self.complaints.iter().rev() {
            if !said.contains(message) {
                said.push(message.clone());
            }
        }
        // nginx numbers its processes; the number changes from one rehearsal to the next and says nothing.
        said.extend(self.deaths.iter().take(1).map(|death| without_number(death)));
        said
    }

    fn words_or(&self, otherwise: &str) -> Vec<String> {
        match self.last_words() {
            said if said.is_empty() => vec![otherwise.to_owned()],
            said => said,
        }
    }
}

/// `initgroups(www-data, 0) failed (1: …)`: in a sandbox with a single user number no worker may change its groups.
fn is_alias_noise(message: &str) -> bool {
    message.starts_with("initgroups(")
}

fn without_number(death: &str) -> String {
    let Some(rest) = death.strip_prefix("worker process ") else { return death.to_owned() };
    let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    format!("worker process{rest}")
}

/// Reads a line of an error log (`ngx_log_error_core`, src/core/ngx_log.c); `None` for anything else.
pub(crate) fn parse_line(line: &str) -> Option<Line> {
    const STAMP: usize = "2026/11/21 09:37:36 [".len();
    let (stamp, rest) = line.split_at_checked(STAMP)?;
    if !stamp.ends_with(" [") || !stamp.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (level, rest) = rest.split_once("] ")?;
    let (pid, rest) = rest.split_once('#')?;
    let (_thread, message) = rest.split_once(": ")?;
    let message = redact_str(message).into_owned();
    Some(Line { level: level.to_owned(), pid: pid.parse().ok()?, message })
}

/// Takes the messages out of what nginx writes to its terminal: `nginx: [emerg] …`, the worst alone when there are any.
pub(crate) fn from_terminal(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let message = |line: &str, level: &str| {
        let stamped = parse_line(line).filter(|it| it.level == level).map(|it| it.message);
        let plain = || line.strip_prefix(&format!("nginx: [{level}] ")).map(|it| redact_str(it).into_owned());
        stamped.or_else(plain)
    };
    for level in ["emerg", "alert", "crit", "error"] {
        let mut found: Vec<String> = text.lines().filter_map(|line| message(line, level)).collect();
        found.retain(|message| !is_alias_noise(message));
        found.dedup();
        if !found.is_empty() {
            found.truncate(SAID_MAX);
            return found;
        }
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| redact_str(line.trim()).into_owned()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, pid: i32, message: &str) -> Line {
        Line { level: level.to_owned(), pid, message: message.to_owned() }
    }

    fn workers(pids: &[i32]) -> Look {
        let children = pids.iter().map(|pid| (*pid, Role::Worker)).collect();
        Look { children, master: true, idle: true, lines: Vec::new() }
    }

    #[test]
    fn reload_works_when_new_workers_stay_and_old_ones_leave() {
        let mut story = Story::begin(1, [10], 1);
        assert_eq!(story.take_in(workers(&[10, 11]), 5), None);
        assert_eq!(story.take_in(workers(&[11]), 110), None);
        assert_eq!(story.take_in(workers(&[11]), 111), None);
        assert!(matches!(story.take_in(workers(&[11]), 171), Some(Ending::Works(_))));
    }

    #[test]
    fn worker_that_is_replaced_has_not_stayed() {
        let mut story = Story::begin(1, [10], 1);
        assert_eq!(story.take_in(workers(&[11]), 100), None);
        assert_eq!(story.take_in(workers(&[12]), 190), None);
        assert_eq!(story.take_in(workers(&[12]), 200), None);
    }

    #[test]
    fn emergency_of_the_master_refuses_and_that_of_a_worker_does_not() {
        let mut story = Story::begin(1, [10], 1);
        let noise = line("emerg", 7, "initgroups(www-data, 0) failed (1: Operation not permitted)");
        assert_eq!(story.take_in(Look { lines: vec![noise], ..workers(&[10]) }, 5), None);
        let said = line("emerg", 1, "bind() to 0.0.0.0:80 failed (98: Address already in use)");
        let Some(Ending::Refused(words)) = story.take_in(Look { lines: vec![said], ..workers(&[10]) }, 9)
        else {
            panic!("refused");
        };
        assert!(words[0].starts_with("bind()"));
    }

    #[test]
    fn death_of_workers_is_told_in_their_own_words() {
        let mut story = Story::begin(1, [10], 1);
        let lines = vec![
            line("alert", 7, "chdir(\"/nowhere\") failed (2: No such file or directory)"),
            line("alert", 1, "worker process 7 exited with fatal code 2 and cannot be respawned"),
        ];
        let Some(Ending::Died(words)) = story.take_in(Look { lines, ..workers(&[]) }, 9) else {
            panic!("died")
        };
        assert!(words[0].starts_with("chdir("), "{words:?}");
        assert_eq!(words[1], "worker process exited with fatal code 2 and cannot be respawned");
    }

    #[test]
    fn refusal_without_a_log_is_known_from_the_processes() {
        let mut story = Story::begin(1, [10], 1);
        assert_eq!(story.take_in(workers(&[10]), 5), None);
        assert_eq!(story.take_in(workers(&[10]), 200), None);
        assert!(matches!(story.take_in(workers(&[10]), 255), Some(Ending::Refused(_))));
    }

    #[test]
    fn what_nginx_says_on_its_terminal_is_taken_apart() {
        let output =
            b"nginx: [warn] conflicting\n2026/11/21 10:00:00 [emerg] 9#9: bind() to 0.0.0.0:80 failed\n\
                       nginx: [emerg] bind() to 0.0.0.0:80 failed\nnginx: [emerg] still could not bind()\n";
        assert_eq!(from_terminal(output), ["bind() to 0.0.0.0:80 failed", "still could not bind()"]);
        assert_eq!(from_terminal(b"Illegal instruction\n\n"), ["Illegal instruction"]);
        assert!(from_terminal(b"").is_empty());
    }

    #[test]
    fn a_worker_dies_of_what_it_said_last() {
        let mut story = Story::begin(9, [], 1);
        let line = |pid, level: &str, message: &str| Line {
            pid,
            level: level.to_owned(),
            message: message.to_owned(),
        };
        let lines = vec![
            line(10, "alert", "setpriority(-5) failed (13: Permission denied)"),
            line(10, "alert", "chdir(\"/nowhere\") failed (2: No such file or directory)"),
            line(9, "alert", "worker process 10 exited with fatal code 2 and cannot be respawned"),
        ];
        let look = Look { lines, master: true, ..Look::default() };
        let Some(Ending::Died(words)) = story.take_in(look, 5) else { panic!("it died") };
        assert!(words[0].starts_with("chdir("), "{words:?}");
        assert!(words[1].starts_with("setpriority("), "{words:?}");
    }
}
