//! Paths at which something happened, until they are looked at, and until it is known who it was.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, Drift, KnownBy};
use evenkeel_fleet::watch::drift::Seen;
use evenkeel_host::drift::pass;
use evenkeel_syntax::fileset::RelPath;

use super::{FollowError, Follower};
use crate::diff;
use crate::local::now;

/// A new file of a program that still runs is looked at when nothing came of it for so long: many write one beside and rename it.
const NEWBORN: Duration = Duration::from_millis(10);
/// It is looked at after so long at the latest.
const NEWBORN_MAX: Duration = Duration::from_millis(25);
/// So many paths wait to be looked at; where there are more, a pass over the tree tells of them.
pub(super) const PENDING_MAX: usize = 10_000;
/// So many wait for a word on who it was.
const LATE_MAX: usize = 64;
/// How long they wait, and how often it is asked.
const LATE: Duration = Duration::from_secs(1);
const LATE_EVERY: Duration = Duration::from_millis(25);

/// A path at which something happened.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) author: Option<Author>,
    pub(super) pid: Option<i32>,
    /// When the first and the last of it happened.
    pub(super) since: Option<(Instant, Instant)>,
}

impl Pending {
    /// Whether a new file may be one that its program is about to give another name.
    pub(super) fn newborn(&self) -> bool {
        let lives = |pid: i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
        self.since.is_some_and(|(first, last)| first.elapsed() < NEWBORN_MAX && last.elapsed() < NEWBORN)
            && self.author.as_ref().and_then(|author| author.pid).is_none_or(lives)
    }
}

/// What was told of before it was known for certain who it was: the audit may say it a moment later.
#[derive(Debug, Default)]
pub(super) struct Late {
    paths: BTreeMap<RelPath, (Option<i32>, Instant)>,
    asked: Option<Instant>,
}

impl Late {
    /// When it is asked again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.filter(|_| !self.paths.is_empty()).map(|asked| asked + LATE_EVERY)
    }

    fn wait(&mut self, path: RelPath, pid: Option<i32>) {
        if self.paths.len() < LATE_MAX {
            let at = Instant::now();
            self.paths.insert(path, (pid, at));
            self.asked.get_or_insert(at);
        }
    }
}

impl Follower<'_> {
    /// Who changed what stands at a path: the best that is known when it is looked at.
    pub(super) fn settled(
        &mut self,
        path: &RelPath,
        pid: Option<i32>,
        known: Option<Author>,
    ) -> Option<Author> {
        let absolute = pass::absolute(self.events.root(), path.as_bytes());
        let author = self.witness.settle(&absolute, pid, known);
        let is_certain = author.as_ref().is_some_and(|author| author.known_by <= KnownBy::Process);
        if self.witness.audited().is_some() && !is_certain {
            self.late.wait(path.clone(), pid);
        } else {
            self.late.paths.remove(path);
        }
        author
    }

    /// Tells of authors that became known after what they did was told of.
    pub(super) fn named_late(&mut self) -> Result<Option<Drift>, FollowError> {
        if self.late.due().is_none_or(|due| Instant::now() < due) {
            return Ok(None);
        }
        self.late.asked = Some(Instant::now());
        let mut named = Vec::new();
        for (path, (pid, since)) in std::mem::take(&mut self.late.paths) {
            let absolute = pass::absolute(self.events.root(), path.as_bytes());
            match self.witness.settle(&absolute, pid, None) {
                Some(author) if author.known_by <= KnownBy::Process => named.push((path, author)),
                _ if since.elapsed() < LATE => {
                    self.late.paths.insert(path, (pid, since));
                }
                _ => {}
            }
        }
        let looks = named.into_iter().filter_map(|(path, author)| {
            let found = pass::one(self.events.root(), &self.keep, &path).ok()?;
            let path = diff::shown(&path);
            Some(Seen { path, now: found.map(|it| it.standing), author: Some(author) })
        });
        let looks: Vec<Seen> = looks.collect();
        let drift = if looks.is_empty() { None } else { self.watch.look(now(), looks) };
        self.record(drift)
    }
}
