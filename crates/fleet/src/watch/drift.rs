//! Drift: from what is seen of the paths of a tree to the few events that are worth a line in the journal.
//!
//! The first change after a quiet time is told of at once. When many come together, the first [`AT_ONCE`] are told of
//! one by one and the others together, when it is quiet again or after [`HOLD_MAX`]: an unpacked archive is one drift
//! with a few events, not thousands. What a release of our own writes is expected, and is none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::journal::{Author, Drift, DriftChange, DriftEnd, DriftHow, DriftStage};
use crate::{BundleId, Digest, HostId, Span, Timestamp};

/// So many changes within [`WINDOW`] are told of as they come.
pub const AT_ONCE: usize = 12;
/// The time over which they are counted.
pub const WINDOW: Span = Span::from_millis(2_000);
/// What is held back is told of when nothing came for so long.
pub const QUIET: Span = Span::from_millis(300);
/// What is held back is told of after so long at the latest.
pub const HOLD_MAX: Span = Span::from_millis(2_000);
/// So many paths are named for the first time in one event; the others are counted.
pub const NAMED_MAX: usize = 100;
/// So many are named as long as a drift is open. One that was named is told of again, however many others there are: whoever
/// reads the events knows of it what is so.
pub const NAMED_AT_ALL_MAX: usize = 1_000;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The digest of what it holds.
    pub digest: Digest,
    /// The permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
}

/// One look at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where, in the tree.
    pub path: String,
    /// What stands there; `None`: nothing.
    pub now: Option<Standing>,
    /// Who wrote there, where that is known.
    pub author: Option<Author>,
}

/// A bundle, as far as drift must know it: path → digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Its name.
    pub bundle: BundleId,
    /// What it holds.
    pub entries: BTreeMap<String, Digest>,
}

/// The drift of one host.
#[derive(Debug, Clone)]
pub struct Watch {
    host: HostId,
    released: Baseline,
    /// Where an open release is going to.
    coming: Option<Baseline>,
    /// The tree as it was seen last.
    stands: BTreeMap<String, Standing>,
    /// The paths that differ.
    differs: BTreeMap<String, DriftChange>,
    open: bool,
    /// The paths that were named as differing, and not as released again since.
    named: BTreeSet<String>,
    /// Whether others that differ were only counted, and nobody has asked since how many of them are left.
    counted: bool,
    held: BTreeMap<String, DriftChange>,
    held_since: Option<Timestamp>,
    last: Timestamp,
    told: VecDeque<Timestamp>,
}

impl Watch {
    /// Begins with what stands there now. What differs already is the first event.
    pub fn new(
        host: HostId,
        released: Baseline,
        at: Timestamp,
        stands: impl IntoIterator<Item = Seen>,
    ) -> (Self, Option<Drift>) {
        let mut watch = Self {
            host,
            released,
            coming: None,
            stands: BTreeMap::new(),
            differs: BTreeMap::new(),
            open: false,
            named: BTreeSet::new(),
            counted: false,
            held: BTreeMap::new(),
            held_since: None,
            last: at,
            told: VecDeque::new(),
        };
        let drift = watch.pass(at, stands);
        (watch, drift)
    }

    /// Whether something differs.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What differs now, by path.
    pub fn differing(&self) -> impl ExactSizeIterator<Item = &DriftChange> {
        self.differs.values()
    }

    /// In what one path differs now.
    pub fn differs(&self, path: &str) -> Option<&DriftChange> {
        self.differs.get(path)
    }

    /// What was released.
    pub fn released(&self) -> &Baseline {
        &self.released
    }

    /// The paths below a directory at which something stands.
    pub fn below(&self, directory: &str) -> Vec<String> {
        let start = format!("{directory}/");
        let from = self.stands.range(start.clone()..).map(|(path, _)| path);
        from.take_while(|path| path.starts_with(&start)).cloned().collect()
    }

    /// Whether something stood at a path when it was seen last, or should.
    pub fn knows(&self, path: &str) -> bool {
        self.stands.contains_key(path) || self.released.entries.contains_key(path)
    }

    /// While a release is open its files are expected, beside those that stand released.
    pub fn coming(&mut self, coming: Option<Baseline>) {
        self.coming = coming;
    }

    /// Another bundle is the released one from now on. Gives what that means for an open drift.
    pub fn rebase(&mut self, at: Timestamp, released: Baseline, end: DriftEnd) -> Option<Drift> {
        self.released = released;
        self.coming = None;
        let was_open = self.open;
        let stands: Vec<(String, Standing)> =
            self.stands.iter().map(|(path, it)| (path.clone(), *it)).collect();
        let before = std::mem::take(&mut self.differs);
        self.held.clear();
        self.held_since = None;
        for (path, it) in stands {
            if let Some(mut change) = self.difference(&path, Some(it), at) {
                change.author = before.get(&path).and_then(|change| change.author.clone());
                self.differs.insert(path, change);
            }
        }
        let gone: Vec<String> = self.missing();
        for path in gone {
            if let Some(change) = self.difference(&path, None, at) {
                self.differs.insert(path, change);
            }
        }
        self.open = !self.differs.is_empty();
        self.named.clear();
        match (was_open, self.open) {
            (true, false) => Some(self.event(DriftStage::Ended(end), Vec::new())),
            (_, true) => {
                let changes = self.differs.values().cloned().collect();
                let stage = if was_open { DriftStage::Updated } else { DriftStage::Opened };
                Some(self.event(stage, changes))
            }
            (false, false) => None,
        }
    }

    /// Takes in a look at some paths; gives the event to be written down at once, if there is one.
    pub fn look(&mut self, at: Timestamp, seen: impl IntoIterator<Item = Seen>) -> Option<Drift> {
        for seen in seen {
            self.one(at, seen);
        }
        self.tell(at)
    }

    /// Takes in a look at the whole tree: what is not in it is gone.
    pub fn pass(&mut self, at: Timestamp, all: impl IntoIterator<Item = Seen>) -> Option<Drift> {
        let mut gone: BTreeMap<String, ()> = self.stands.keys().map(|path| (path.clone(), ())).collect();
        gone.extend(self.missing().into_iter().map(|path| (path, ())));
        for seen in all {
            gone.remove(&seen.path);
            self.one(at, seen);
        }
        for (path, ()) in gone {
            self.one(at, Seen { path, now: None, author: None });
        }
        self.tell(at)
    }

    /// Tells what was held back, when it is time.
    pub fn tick(&mut self, at: Timestamp) -> Option<Drift> {
        self.tell(at)
    }

    /// When [`Watch::tick`] has something to tell.
    pub fn next(&self) -> Option<Timestamp> {
        let Some(since) = self.held_since else { return self.counted.then_some(self.last + HOLD_MAX) };
        let quiet = self.last.as_millis() + QUIET.as_millis();
        Some(Timestamp::from_millis(quiet.min(since.as_millis() + HOLD_MAX.as_millis())))
    }

    fn missing(&self) -> Vec<String> {
        self.released.entries.keys().filter(|path| !self.stands.contains_key(*path)).cloned().collect()
    }

    fn one(&mut self, at: Timestamp, seen: Seen) {
        let Seen { path, now, author } = seen;
        let before = match now {
            Some(now) => self.stands.insert(path.clone(), now),
            None => self.stands.remove(&path),
        };
        if before == now && self.differs.contains_key(&path) == self.difference(&path, now, at).is_some() {
            // Seen before; who did it may be known only now.
            if let (Some(known), Some(author)) = (self.differs.get_mut(&path), author)
                && known.author.as_ref().is_none_or(|it| it.known_by > author.known_by)
            {
                known.author = Some(author);
                let change = known.clone();
                self.hold(at, path, change);
            }
            return;
        }
        let expected = self
            .coming
            .as_ref()
            .is_some_and(|coming| coming.entries.get(&path).copied() == now.map(|now| now.digest));
        match self.difference(&path, now, at) {
            Some(_) if expected => {
                self.differs.remove(&path);
                self.held.remove(&path);
            }
            Some(mut change) => {
                change.author = author;
                self.differs.insert(path.clone(), change.clone());
                self.hold(at, path, change);
            }
            None => {
                let new = now.map(|now| now.digest);
                let old = self.released.entries.get(&path).copied();
                let was = self.differs.remove(&path);
                let how = match (before, now) {
                    // As released, and something that no release says was changed.
                    (Some(was), Some(now)) if was.digest == now.digest => in_what(was, now),
                    _ => was.map(|_| DriftHow::Back),
                };
                if let Some(how) = how {
                    self.hold(at, path.clone(), DriftChange { path, how, old, new, at, author });
                }
            }
        }
    }

    fn hold(&mut self, at: Timestamp, path: String, change: DriftChange) {
        self.held.insert(path, change);
        self.held_since.get_or_insert(at);
        self.last = at;
    }

    fn difference(&self, path: &str, now: Option<Standing>, at: Timestamp) -> Option<DriftChange> {
        let old = self.released.entries.get(path).copied();
        let new = now.map(|now| now.digest);
        let how = match (old, new) {
            (None, Some(_)) => DriftHow::Added,
            (Some(_), None) => DriftHow::Removed,
            (Some(old), Some(new)) if old != new => DriftHow::Changed,
            _ => return None,
        };
        Some(DriftChange { path: path.to_owned(), how, old, new, at, author: None })
    }

    fn tell(&mut self, at: Timestamp) -> Option<Drift> {
        if self.held_since.is_none() {
            return self.name_counted(at);
        }
        while self.told.front().is_some_and(|told| at.since(*told) >= WINDOW) {
            self.told.pop_front();
        }
        let many = self.told.len() >= AT_ONCE;
        if many && self.next().is_some_and(|next| at < next) {
            return None;
        }
        self.held_since = None;
        let held: Vec<DriftChange> = std::mem::take(&mut self.held).into_values().collect();
        // A file that came and went between two looks leaves nothing to tell.
        if held.is_empty() {
            return None;
        }
        self.told.push_back(at);
        let was_open = std::mem::replace(&mut self.open, !self.differs.is_empty());
        let stage = match (was_open, self.open) {
            (false, true) => DriftStage::Opened,
            (true, false) => DriftStage::Ended(DriftEnd::Undone),
            (_, _) => DriftStage::Updated,
        };
        Some(self.event(stage, held))
    }

    /// When a storm is over and few are left of those that were only counted, they are named.
    fn name_counted(&mut self, at: Timestamp) -> Option<Drift> {
        if !self.counted || at < self.last + HOLD_MAX {
            return None;
        }
        self.counted = false;
        let left = self.differs.values().filter(|change| !self.named.contains(&change.path));
        let left: Vec<DriftChange> = left.take(NAMED_MAX + 1).cloned().collect();
        let is_few = !left.is_empty() && left.len() <= NAMED_MAX;
        (is_few && self.named.len() < NAMED_AT_ALL_MAX).then(|| self.event(DriftStage::Updated, left))
    }

    fn event(&mut self, stage: DriftStage, changes: Vec<DriftChange>) -> Drift {
        let all = changes.len();
        let (mut changes, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| self.named.contains(&change.path));
        let room = NAMED_MAX.min(NAMED_AT_ALL_MAX.saturating_sub(self.named.len()));
        changes.extend(others.into_iter().take(room));
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        for change in &changes {
            match change.how {
                DriftHow::Added | DriftHow::Changed | DriftHow::Removed => {
                    self.named.insert(change.path.clone());
                }
                DriftHow::Back => {
                    self.named.remove(&change.path);
                }
                DriftHow::Mode { .. } | DriftHow::Owner { .. } => {}
            }
        }
        if matches!(stage, DriftStage::Ended(_)) {
            self.named.clear();
        }
        let more = (all - changes.len()) as u64;
        self.counted = more > 0 || self.differs.len() > self.named.len();
        let (host, released) = (self.host.clone(), self.released.bundle);
        Drift { host, released, stage, changes, more, meaning: Vec::new() }
    }
}

/// What was changed of a file that says what it said.
fn in_what(was: Standing, now: Standing) -> Option<DriftHow> {
    if was.mode != now.mode {
        Some(DriftHow::Mode { from: was.mode, to: now.mode })
    } else {
        (was.owner != now.owner).then_some(DriftHow::Owner { from: was.owner, to: now.owner })
    }
}

#[cfg(test)]
mod tests;
