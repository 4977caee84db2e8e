//! Follows the tree of this host and writes each drift down as it happens.

mod error;
mod pending;
mod silence;
mod standing;
mod tell;

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, Drift};
use evenkeel_fleet::watch::drift::{Seen, Watch};
use evenkeel_host::configdir::Keep;
use evenkeel_host::drift::author::Witness;
use evenkeel_host::drift::author::audit::{Audit, Wanted};
use evenkeel_host::drift::events::{Events, Happened, Happening, Means};
use evenkeel_host::drift::guard::Guard;
use evenkeel_host::drift::pass::{self, Found, Pass};
use evenkeel_syntax::fileset::RelPath;

use super::{baseline, path};
use crate::diff;
use crate::local::{Host, Journal, now};
pub use error::FollowError;
use pending::{Late, PENDING_MAX, Pending};
use standing::{Standing, alone, standing};

/// A path is looked at when nothing came for so long: most edits are a few system calls.
const SETTLED: Duration = Duration::from_millis(4);
/// It is looked at after so long at the latest.
const SETTLED_MAX: Duration = Duration::from_millis(15);
/// The whole tree is looked at so often, and less often where that takes long.
const PASS_EVERY: Duration = Duration::from_secs(60);
/// A pass takes at most one part in so many of the time.
const PASS_SHARE: u32 = 500;
/// Whether something else was released is asked so often, and before each look.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What a drift means is worked out when it was quiet for so long.
const QUIET: Duration = Duration::from_secs(2);

/// The tree of one host, followed. Not to be moved between threads while it waits: it blocks.
#[derive(Debug)]
pub struct Follower<'h> {
    host: &'h Host,
    journal: Journal,
    events: Events,
    witness: Witness,
    keep: Keep,
    watch: Watch,
    /// Paths at which something happened, and who it was.
    pending: BTreeMap<RelPath, Pending>,
    /// Those that were told of and that nobody is known for yet.
    late: Late,
    /// When the first and the last of it happened.
    since: Option<(Instant, Instant)>,
    lost: bool,
    passed: Instant,
    pass_took: Duration,
    asked: Instant,
    standing: Option<Standing>,
    /// When something was told last whose meaning nobody has worked out.
    unexplained: Option<Instant>,
    /// What was seen before anybody asked.
    first: Vec<Drift>,
    /// As long as this is held nobody else follows.
    _alone: File,
}

impl<'h> Follower<'h> {
    /// Begins to follow: what differs already is the first that [`Follower::next`] gives.
    ///
    /// # Errors
    /// [`FollowError`]
    pub fn begin(host: &'h Host, audit: Wanted) -> Result<Self, FollowError> {
        // Before the journal: what writes it is woken early, too.
        evenkeel_host::drift::wake_early();
        let journal = host.open_journal()?;
        let alone = alone(&host.settings.place.state_dir)?;
        let compiled = host.compiled(None)?;
        let (_, keep) = host.live(&host.model_settings(&compiled, None))?;
        let root = &host.settings.place.config_dir;
        let mut witness = Witness::new();
        // Before the first pass, so that nothing happens in between.
        let events =
            Events::open(root, &keep).map_err(|source| FollowError::Events { path: root.clone(), source })?;
        match witness.audit(events.root(), &host.settings.place.state_dir, audit) {
            Err(source) if audit == Wanted::On => return Err(FollowError::Audit(source)),
            // Nobody asked for it, and there are other means.
            Err(_) | Ok(()) => {}
        }
        let standing = standing(host, &journal, None)?.ok_or(FollowError::NothingReleased)?;
        let files = host.bundle(standing.released)?;
        let pass = pass::pass(events.root(), &keep)?;
        let (passed, pass_took) = (Instant::now(), pass.took);
        let baseline = baseline(standing.released, &files);
        let (watch, drift) = Watch::new(host.settings.name.clone(), baseline, now(), seen(pass));
        let mut follower = Self {
            host,
            journal,
            events,
            witness,
            keep,
            watch,
            pending: BTreeMap::new(),
            late: Late::default(),
            since: None,
            lost: false,
            passed,
            pass_took,
            asked: passed,
            standing: None,
            unexplained: None,
            first: Vec::new(),
            _alone: alone,
        };
        follower.first = follower.begun(drift)?;
        follower.stand(standing)?;
        Ok(follower)
    }

    /// Has the openings of files looked at, too, by a helper of its own; `program` is one that knows how to be it.
    ///
    /// # Errors
    /// [`FollowError::Guard`] when there can be no such helper: it takes root.
    pub fn guard(&mut self, program: &std::path::Path) -> Result<(), FollowError> {
        let guard = Guard::start(program, self.events.root()).map_err(FollowError::Guard)?;
        self.witness.guard(guard);
        Ok(())
    }

    /// By which means changes are seen.
    #[must_use]
    pub fn means(&self) -> &Means {
        self.events.means()
    }

    /// The kernel's audit, where it tells who it was.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        self.witness.audited()
    }

    /// Whether openings were to be looked at, and no longer are: the helper has ended.
    #[must_use]
    pub fn is_unguarded(&self) -> bool {
        self.witness.is_unguarded()
    }

    /// Why short-lived authors stay unknown, where they do.
    #[must_use]
    pub fn blind(&self) -> Option<&str> {
        self.witness.blind()
    }

    /// The drift as it is now.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Waits at most so long, and gives what was written down meanwhile.
    ///
    /// # Errors
    /// [`FollowError`]; the watch is over then.
    pub fn next(&mut self, limit: Duration) -> Result<Vec<Drift>, FollowError> {
        let mut told = std::mem::take(&mut self.first);
        let until = Instant::now() + if told.is_empty() { limit } else { Duration::ZERO };
        loop {
            let wait = self.due().saturating_duration_since(Instant::now());
            let left = until.saturating_duration_since(Instant::now());
            let happened = self
                .events
                .wait(wait.min(left))
                .map_err(|source| FollowError::Events { path: self.events.root().to_owned(), source })?;
            for happened in happened {
                self.take(happened);
            }
            told.extend(self.work()?);
            if !told.is_empty() || Instant::now() >= until {
                return Ok(told);
            }
        }
    }

    /// When there is something to do though nothing happens.
    fn due(&self) -> Instant {
        let now_ms = now().as_millis();
        let held = self
            .watch
            .next()
            .map(|at| Instant::now() + Duration::from_millis(at.as_millis().saturating_sub(now_ms)));
        let settled = self.since.map(|(first, last)| (first + SETTLED_MAX).min(last + SETTLED));
        let pass = if self.lost {
            Instant::now()
        } else {
            self.passed + PASS_EVERY.max(self.pass_took * PASS_SHARE)
        };
        let explained = self.unexplained.map(|at| at + QUIET);
        let all = [
            held,
            settled,
            explained,
            self.silence_over(),
            self.late.due(),
            Some(pass),
            Some(self.asked + ASK_EVERY),
        ];
        all.into_iter().flatten().min().unwrap_or(pass)
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Lost => self.lost = true,
            Happened::File(Happening { path, at, pid }) => {
                let Ok(path) = RelPath::new(path) else { return };
                let author = self.author(pid);
                self.happened(at);
                if let Some(known) = self.pending_at(path) {
                    known.author = author.or(known.author.take());
                    known.pid = pid.or(known.pid);
                    known.since = Some((known.since.map_or(at, |(first, _)| first), at));
                }
            }
            Happened::Directory(Happening { path: directory, at, pid }) => {
                let author = self.author(pid);
                self.happened(at);
                let text = String::from_utf8_lossy(&directory).into_owned();
                let gone = self.watch.below(&text).into_iter().filter_map(|text| path(&text));
                let there = pass::below(self.events.root(), &self.keep, &directory).unwrap_or_default();
                for path in gone.chain(there.into_keys()) {
                    if let Some(known) = self.pending_at(path) {
                        known.author = known.author.take().or_else(|| author.clone());
                        known.pid = known.pid.or(pid);
                    }
                }
            }
        }
    }

    /// What is known of a path at which something happened. `None`: of too many; a pass tells what became of them.
    fn pending_at(&mut self, path: RelPath) -> Option<&mut Pending> {
        if self.pending.len() >= PENDING_MAX && !self.pending.contains_key(&path) {
            self.lost = true;
            return None;
        }
        Some(self.pending.entry(path).or_default())
    }

    fn author(&mut self, pid: Option<i32>) -> Option<Author> {
        if self.witness.was_me(pid) { None } else { self.witness.author(pid) }
    }

    fn happened(&mut self, at: Instant) {
        let first = self.since.map_or(at, |(first, _)| first);
        self.since = Some((first, at));
    }

    fn work(&mut self) -> Result<Vec<Drift>, FollowError> {
        let mut told = Vec::new();
        let instant = Instant::now();
        let settled = self
            .since
            .is_some_and(|(first, last)| instant >= first + SETTLED_MAX || instant >= last + SETTLED);
        if settled || self.lost || instant >= self.asked + ASK_EVERY {
            self.asked = instant;
            self.journal.catch_up(&self.host.runtime)?;
            if let Some(standing) = standing(self.host, &self.journal, self.standing)? {
                told.extend(self.stand(standing)?);
            }
        }
        if self.lost || instant >= self.passed + PASS_EVERY.max(self.pass_took * PASS_SHARE) {
            self.lost = false;
            let pass = pass::pass(self.events.root(), &self.keep)?;
            (self.passed, self.pass_took) = (Instant::now(), pass.took);
            let drift = self.watch.pass(now(), seen(pass));
            told.extend(self.record(drift)?);
        }
        if settled {
            let (later, now_due): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.pending)
                .into_iter()
                .partition(|(path, pending)| pending.newborn() && !self.watch.knows(&diff::shown(path)));
            self.since = (!later.is_empty()).then_some((instant, instant));
            self.pending = later;
            let looks: Vec<Seen> =
                now_due.into_iter().filter_map(|(path, pending)| self.look(&path, pending)).collect();
            let drift = self.watch.look(now(), looks);
            told.extend(self.record(drift)?);
        }
        told.extend(self.named_late()?);
        told.extend(self.end_silences()?);
        let drift = self.watch.tick(now());
        told.extend(self.record(drift)?);
        if self.unexplained.is_some_and(|at| Instant::now() >= at + QUIET) {
            self.unexplained = None;
            let drift = self.explained();
            told.extend(self.record(drift)?);
            self.unexplained = None;
        }
        Ok(told)
    }

    /// What stands at a path, and who made it so as far as that is known by now.
    fn look(&mut self, path: &RelPath, Pending { author, pid, .. }: Pending) -> Option<Seen> {
        // One that cannot be read now is found by the next pass.
        let found = pass::one(self.events.root(), &self.keep, path).ok()?;
        let author = self.settled(path, pid, author);
        Some(Seen { path: diff::shown(path), now: found.map(|it| it.standing), author })
    }
}

fn seen(pass: Pass) -> impl Iterator<Item = Seen> {
    let seen = |(path, found): (RelPath, Found)| Seen {
        path: diff::shown(&path),
        now: Some(found.standing),
        author: None,
    };
    pass.files.into_iter().map(seen)
}
