//! Who it was, from all that is listened to.

use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, KnownBy};

use super::starts::{Met, Starts};
use super::{Process, Users, author};
use crate::drift::guard::Guard;

/// A process is not looked at again within this time: it does many things to many files.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Whoever is asked for the authors of changes.
#[derive(Debug)]
pub struct Witness {
    starts: Result<Starts, String>,
    users: Users,
    me: i32,
    last: Option<(i32, Instant, Author)>,
    guard: Option<Guard>,
}

impl Default for Witness {
    fn default() -> Self {
        Self::new()
    }
}

impl Witness {
    /// Begins to listen to what this user may listen to.
    #[must_use]
    pub fn new() -> Self {
        let me = i32::try_from(std::process::id()).unwrap_or(-1);
        let starts = Starts::listen().map_err(|error| error.to_string());
        Self { starts, users: Users::default(), me, last: None, guard: None }
    }

    /// Has the openings of files looked at too, while they wait.
    pub fn guard(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// Why the starts of processes are not seen, where they are not: short-lived authors stay unknown then.
    #[must_use]
    pub fn blind(&self) -> Option<&str> {
        self.starts.as_ref().err().map(String::as_str)
    }

    /// Whether this process did it itself.
    #[must_use]
    pub fn was_me(&self, pid: Option<i32>) -> bool {
        pid == Some(self.me)
    }

    /// The author of what a process just did; `None` where nobody can tell any more.
    pub fn author(&mut self, pid: Option<i32>) -> Option<Author> {
        let pid = pid.filter(|pid| *pid > 0)?;
        if let Some((last, at, author)) = &self.last
            && *last == pid
            && at.elapsed() < AGAIN_AFTER
        {
            return Some(author.clone());
        }
        let find = |pid| match &self.starts {
            Ok(starts) => starts.find(pid),
            Err(_) => Process::look(pid).map(|process| (process, Met::Alive)),
        };
        let opened = self.guard.as_ref().and_then(|guard| guard.opener(pid));
        let (process, known_by) = match opened {
            Some(process) => (process, KnownBy::Opening),
            None => {
                let (process, met) = find(pid)?;
                let known_by = match met {
                    Met::Alive => KnownBy::Process,
                    Met::AtItsStart => KnownBy::Start,
                    Met::BeforeItsStart => KnownBy::Nearby,
                };
                (process, known_by)
            }
        };
        let above = |pid| find(pid).map(|(process, _)| process);
        let author = author(&process, known_by, &mut self.users, above);
        self.last = Some((pid, Instant::now(), author.clone()));
        Some(author)
    }
}
