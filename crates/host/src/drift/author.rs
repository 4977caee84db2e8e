//! Who changed a file: what `/proc` shows of a process, in time.
//!
//! The kernel names the process that did something; by the time we read of it, a short-lived one has ended and with it
//! its command line. So its start is listened for ([`starts`]), which comes long before what it does to a file. Where the
//! kernel's audit is in use it tells better ([`audit`]).

pub mod audit;
mod nearby;
pub mod starts;
mod witness;

pub use witness::Witness;

use std::collections::HashMap;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;

use evenkeel_fleet::journal::{Author, KnownBy};
use evenkeel_syntax::secret::redact_str;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How much of a command line is kept, in bytes.
const COMMAND_BYTES_MAX: usize = 1_000;
/// How many processes above are named.
const ABOVE_MAX: usize = 4;
/// The login of a process that nobody logged in for, as the kernel writes it.
const NO_LOGIN: u32 = u32::MAX;

/// A process, as `/proc` showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The number of the one above it.
    pub parent: i32,
    /// Its words, as it was started.
    pub words: Vec<Vec<u8>>,
    /// The user that it runs as.
    pub user: u32,
    /// The user whose login it began with.
    pub login: Option<u32>,
    /// The unit of systemd in which it runs.
    pub unit: Option<String>,
}

impl Process {
    /// Looks at a process. `None` when it has ended: what is left of it has no command line.
    #[must_use]
    pub fn look(pid: i32) -> Option<Self> {
        // What goes first is read first.
        let read = || fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty());
        let mut line = read()?;
        // One that ends in this moment shows a beginning of it; one that gave itself a title, the same again.
        if line.last() != Some(&0) {
            line = read()?;
        }
        let words = line.strip_suffix(&[0]).unwrap_or(&line).split(|&byte| byte == 0).map(<[u8]>::to_vec);
        let user = fs::metadata(format!("/proc/{pid}")).map_or(NO_LOGIN, |meta| meta.uid());
        let login = fs::read_to_string(format!("/proc/{pid}/loginuid"));
        let login = login.ok().and_then(|text| text.trim().parse().ok()).filter(|login| *login != NO_LOGIN);
        Some(Self {
            pid,
            parent: parent(pid).unwrap_or(0),
            words: words.collect(),
            user,
            login,
            unit: unit(pid),
        })
    }

    /// Whether this is the same command line, and only a beginning of it: the pages of one that is ending go one by one.
    #[must_use]
    pub fn is_cut_of(&self, whole: &Self) -> bool {
        let (words, whole) = (self.words.join(&0), whole.words.join(&0));
        whole.len() > words.len() && whole.starts_with(&words)
    }

    /// Its command line as one would type it, redacted and bounded.
    #[must_use]
    pub fn command(&self) -> String {
        command(&self.words)
    }
}

/// A command line as one would type it: words that a shell would take apart are quoted, secrets are redacted.
#[must_use]
pub fn command(words: &[Vec<u8>]) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        let word = String::from_utf8_lossy(word);
        let plain = |letter: char| letter.is_alphanumeric() || "-_./=:,+@%^#~".contains(letter);
        if !word.is_empty() && word.chars().all(plain) {
            line.push_str(&word);
        } else {
            line.push('\'');
            for letter in word.chars() {
                match letter {
                    '\'' => line.push_str("'\\''"),
                    '\n' => line.push_str("\\n"),
                    letter if letter.is_control() => line.push('?'),
                    letter => line.push(letter),
                }
            }
            line.push('\'');
        }
        if line.len() > 4 * COMMAND_BYTES_MAX {
            break;
        }
    }
    let mut line = redact_str(&line).into_owned();
    if line.len() > COMMAND_BYTES_MAX {
        line.truncate(line.floor_char_boundary(COMMAND_BYTES_MAX));
        line.push('…');
    }
    line
}

/// Waits until something comes from the kernel; not when whoever listens is to stop.
fn comes(from: BorrowedFd<'_>, stopped: BorrowedFd<'_>) -> bool {
    loop {
        let mut wanted = [PollFd::new(from, PollFlags::POLLIN), PollFd::new(stopped, PollFlags::POLLIN)];
        match poll(&mut wanted, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
            Ok(_) => return !wanted[1].any().unwrap_or(true),
        }
    }
}

/// Field 4 of `/proc/PID/stat`.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    std::str::from_utf8(stat.get(after..)?).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The last part of the control group that is a service.
fn unit(pid: i32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let part = groups.lines().find_map(|line| {
        line.rsplit(':').next()?.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned)
    })?;
    let named = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@:\\".contains(&byte));
    named.then_some(part)
}

/// The names of users, asked for once each.
#[derive(Debug, Default)]
pub struct Users(HashMap<u32, String>);

impl Users {
    /// The name of a user, or its number where it has none.
    pub fn name(&mut self, user: u32) -> String {
        let named = self.0.entry(user).or_insert_with(|| {
            let found = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(user)).ok().flatten();
            found.map_or_else(|| format!("user {user}"), |found| found.name)
        });
        named.clone()
    }
}

/// The author that a process is, with those above it.
pub fn author(
    process: &Process,
    known_by: KnownBy,
    users: &mut Users,
    mut find: impl FnMut(i32) -> Option<Process>,
) -> Author {
    let (mut above, mut next, mut login, mut unit) =
        (Vec::new(), process.parent, process.login, process.unit.clone());
    while next > 1 && above.len() < ABOVE_MAX {
        let Some(parent) = find(next) else { break };
        above.push(parent.command());
        login = login.or(parent.login);
        unit = unit.or(parent.unit);
        next = parent.parent;
    }
    Author {
        command: process.command(),
        pid: Some(process.pid),
        user: Some(users.name(process.user)),
        login: login.map(|login| users.name(login)),
        unit,
        above,
        known_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn command_line_is_what_one_would_type_without_its_secrets() {
        let line = command(&words(&["sh", "-c", "echo it's > /etc/nginx/a.conf"]));
        assert_eq!(line, r"sh -c 'echo it'\''s > /etc/nginx/a.conf'");
        assert_eq!(command(&words(&["sed", "-i", "s/a/b/", "x.conf", ""])), "sed -i s/a/b/ x.conf ''");
        let line = command(&words(&["curl", "-H", "Authorization: Bearer c2VjcmV0LXNlY3JldC1zZWNyZXQ", "x"]));
        assert!(!line.contains("c2VjcmV0"), "{line}");
        assert!(command(&words(&[&"x".repeat(100_000)])).len() < 1_100);
    }

    #[test]
    fn beginning_of_a_command_line_is_told_from_the_whole() {
        let process = |line: &[&str]| {
            let (pid, parent, user, login, unit) = (7, 1, 0, None, None);
            Process { pid, parent, words: words(line), user, login, unit }
        };
        let whole = process(&["cp", "/tmp/a", "/etc/site/a.conf"]);
        for cut in [&["cp", "/tmp/a", "/etc/si"][..], &["cp", "/tmp/a"], &["cp", "/tmp/a", ""]] {
            assert!(process(cut).is_cut_of(&whole), "{cut:?}");
        }
        assert!(!whole.is_cut_of(&whole) && !process(&["mv", "/tmp/a"]).is_cut_of(&whole));
    }

    #[test]
    fn this_process_is_seen_with_those_above_it() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Process::look(pid).unwrap();
        assert_eq!(me.user, nix::unistd::geteuid().as_raw());
        let author = author(&me, KnownBy::Process, &mut Users::default(), Process::look);
        assert_eq!(author.pid, Some(pid));
        assert!(!author.command.is_empty() && !author.above.is_empty(), "{author:?}");
        assert_eq!(Process::look(-1), None);
    }
}
