//! Who it was, from all that is listened to.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, KnownBy};

use super::audit::{Audit, Deed, Wanted, is_beginning};
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
    audit: Option<Audit>,
    last_deed: Option<(Deed, Author)>,
    /// What ran last, where the kernel names nobody.
    ran: Option<(Instant, Option<Author>)>,
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
        let (users, last, guard, audit, last_deed, ran) = Default::default();
        Self { starts, users, me, last, guard, audit, last_deed, ran }
    }

    /// Has the kernel's audit heard about a tree first, if it can be. What it is set to is kept in `state_dir` where it must be
    /// set back.
    ///
    /// # Errors
    /// Why it cannot be read, or tells nothing.
    pub fn audit(&mut self, root: &Path, state_dir: &Path, wanted: Wanted) -> io::Result<()> {
        self.audit = Audit::listen(root, state_dir, wanted)?;
        Ok(())
    }

    /// The audit, where it is heard.
    #[must_use]
    pub fn audited(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Whether somebody was asked to look at openings and no longer does.
    #[must_use]
    pub fn is_unguarded(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| !guard.lives())
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
        // Zero is one outside of our view: nothing that is seen here.
        let pid = match pid {
            None => return self.nearby(),
            Some(pid) => Some(pid).filter(|pid| *pid > 0)?,
        };
        if let Some((last, at, author)) = &self.last
            && *last == pid
            && at.elapsed() < AGAIN_AFTER
        {
            return Some(author.clone());
        }
        let opened = self.guard.as_ref().and_then(|guard| guard.opener(pid));
        let (process, known_by) = match opened {
            Some(process) => (process, KnownBy::Opening),
            None => {
                let (process, met) = find(&self.starts, pid)?;
                let known_by = match met {
                    Met::Alive => KnownBy::Process,
                    Met::AtItsStart => KnownBy::Start,
                    Met::BeforeItsStart => KnownBy::Nearby,
                };
                (process, known_by)
            }
        };
        let author = self.named(&process, known_by);
        self.last = Some((pid, Instant::now(), author.clone()));
        Some(author)
    }

    /// What ran when the kernel named nobody, if that is one thing alone.
    fn nearby(&mut self) -> Option<Author> {
        if let Some((at, author)) = &self.ran
            && at.elapsed() < AGAIN_AFTER
        {
            return author.clone();
        }
        let author = super::nearby::nearby(self.me).map(|process| self.named(&process, KnownBy::Nearby));
        self.ran = Some((Instant::now(), author.clone()));
        author
    }

    /// The author of a change at a path, when it is looked at: the best of all that was heard until now, and what was known
    /// when it happened.
    pub fn settle(&mut self, path: &Path, pid: Option<i32>, known: Option<Author>) -> Option<Author> {
        if self.was_me(pid) {
            return None;
        }
        let named = pid.filter(|pid| *pid > 0);
        if let Some(deed) = self.audit.as_mut().and_then(|audit| audit.deed(path, named)) {
            return Some(self.did(&deed));
        }
        let is_less = |known: &Option<Author>| known.as_ref().is_none_or(|it| it.known_by > KnownBy::Opening);
        let opened = named.filter(|_| is_less(&known)).and_then(|pid| self.guard.as_ref()?.opener(pid));
        if let Some(process) = opened {
            return Some(self.named(&process, KnownBy::Opening));
        }
        known.or_else(|| self.author(pid))
    }

    /// The author that a record of the audit names. It has the beginning of a command line; the rest, where the process was
    /// seen.
    fn did(&mut self, deed: &Deed) -> Author {
        if let Some((last, author)) = &self.last_deed
            && last.is_of_same(deed)
        {
            return author.clone();
        }
        let seen = find(&self.starts, deed.pid).map(|(process, _)| process);
        let seen = seen.filter(|seen| is_beginning(&deed.words, deed.cut, &seen.words));
        let is_cut = deed.cut && seen.is_none();
        let (words, unit) = seen.map_or_else(|| (deed.words.clone(), None), |seen| (seen.words, seen.unit));
        let Deed { pid, parent, user, login, .. } = *deed;
        let mut author = self.named(&Process { pid, parent, words, user, login, unit }, KnownBy::Audit);
        if is_cut {
            author.command.push('…');
        }
        self.last_deed = Some((deed.clone(), author.clone()));
        author
    }

    fn named(&mut self, process: &Process, known_by: KnownBy) -> Author {
        let Self { starts, users, .. } = self;
        author(process, known_by, users, |pid| find(starts, pid).map(|(process, _)| process))
    }
}

fn find(starts: &Result<Starts, String>, pid: i32) -> Option<(Process, Met)> {
    match starts {
        Ok(starts) => starts.find(pid),
        Err(_) => Process::look(pid).map(|process| (process, Met::Alive)),
    }
}
