//! Follows the tree of this host and writes each drift down as it happens.

mod error;
mod pending;
mod standing;

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use evenkeel_fleet::journal::{Author, Drift, DriftEnd, DriftStage};
use evenkeel_fleet::watch::drift::{Seen, Watch};
use evenkeel_fleet::{BundleId, Input, What};
use evenkeel_host::configdir::{self, Keep};
use evenkeel_host::drift::author::Witness;
use evenkeel_host::drift::events::{Events, Happened, Happening, Means};
use evenkeel_host::drift::guard::Guard;
use evenkeel_host::drift::pass::{self, Found, Pass};
use evenkeel_syntax::fileset::RelPath;

use super::packages::packages_ran_lately;
use super::{baseline, path};
use crate::diff;
use crate::local::{Host, HostError, Journal, now};
pub use error::FollowError;
use pending::Pending;
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
    pub fn begin(host: &'h Host) -> Result<Self, FollowError> {
        let journal = host.open_journal()?;
        let alone = alone(&host.settings.place.state_dir)?;
        let compiled = host.compiled(None)?;
        let (_, keep) = host.live(&host.model_settings(&compiled, None))?;
        let root = &host.settings.place.config_dir;
        let witness = Witness::new();
        evenkeel_host::drift::wake_early();
        // Before the first pass, so that nothing happens in between.
        let events =
            Events::open(root, &keep).map_err(|source| FollowError::Events { path: root.clone(), source })?;
        let standing = standing(host, &journal)?.ok_or(FollowError::NothingReleased)?;
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
        let all = [held, settled, explained, Some(pass), Some(self.asked + ASK_EVERY)];
        all.into_iter().flatten().min().unwrap_or(pass)
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Lost => self.lost = true,
            Happened::File(Happening { path, at, pid }) => {
                let Ok(path) = RelPath::new(path) else { return };
                let author = self.author(pid);
                self.happened(at);
                let known = self.pending.entry(path).or_default();
                known.author = author.or(known.author.take());
                known.first.get_or_insert(at);
            }
            Happened::Directory(Happening { path: directory, at, pid }) => {
                let author = self.author(pid);
                self.happened(at);
                let text = String::from_utf8_lossy(&directory).into_owned();
                let gone = self.watch.below(&text).into_iter().filter_map(|text| path(&text));
                let there = pass::below(self.events.root(), &self.keep, &directory).unwrap_or_default();
                for path in gone.chain(there.into_keys()) {
                    let known = self.pending.entry(path).or_default();
                    known.author = known.author.take().or_else(|| author.clone());
                }
            }
        }
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
            if let Some(standing) = standing(self.host, &self.journal)? {
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
            let looks: Vec<Seen> = now_due
                .into_iter()
                .filter_map(|(path, Pending { author, .. })| {
                    // One that cannot be read now is found by the next pass.
                    let found = pass::one(self.events.root(), &self.keep, &path).ok()?;
                    Some(Seen { path: diff::shown(&path), now: found.map(|it| it.standing), author })
                })
                .collect();
            let drift = self.watch.look(now(), looks);
            told.extend(self.record(drift)?);
        }
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

    /// What the drift means now; `None` when it cannot be told, or there is none.
    fn explained(&self) -> Option<Drift> {
        if !self.watch.is_open() {
            return None;
        }
        let explain = || -> Result<Vec<String>, HostError> {
            let compiled = self.host.compiled(None)?;
            let (live, _) = self.host.live(&self.host.model_settings(&compiled, None))?;
            let released = self.host.bundle(self.watch.released().bundle)?;
            self.host.means(&released, &live)
        };
        let meaning =
            explain().unwrap_or_else(|error| vec![format!("not known: {}", evenkeel_agent::chain(&error))]);
        let (host, released) = (self.host.settings.name.clone(), self.watch.released().bundle);
        let open = self.journal.fleet().host(&host)?.drift()?;
        let drift =
            Drift { host, released, stage: DriftStage::Updated, changes: Vec::new(), more: 0, meaning };
        (open.meaning != drift.meaning).then_some(drift)
    }

    /// Writes an event down, and gives it when it is durable.
    fn record(&mut self, drift: Option<Drift>) -> Result<Option<Drift>, FollowError> {
        let Some(drift) = drift else { return Ok(None) };
        self.unexplained = Some(Instant::now());
        let _ = self.journal.tell(&self.host.runtime, &Input::Drift(drift.clone()))?;
        // What happened first; that a package did it may come in a line of its own.
        if drift.changes.iter().any(|change| change.author.is_none()) && packages_ran_lately() {
            let mut named = Drift { stage: DriftStage::Updated, ..drift.clone() };
            self.afterwards(&mut named);
            named.changes.retain(|change| !drift.changes.contains(change));
            if !named.changes.is_empty() && self.watch.is_open() {
                let _ = self.journal.tell(&self.host.runtime, &Input::Drift(named.clone()))?;
                self.first.push(named);
            }
        }
        Ok(Some(drift))
    }

    /// Asks the books of package managers where nobody was seen.
    fn afterwards(&self, drift: &mut Drift) {
        let files = || -> Result<_, HostError> {
            let keep = &self.keep;
            let live = configdir::read_any(self.events.root(), keep).map_err(HostError::from)?;
            Ok((self.host.bundle(drift.released)?, live.files))
        };
        // Who it was is a help; that something changed is what must be told.
        if let Ok((released, live)) = files() {
            let _named = self.host.by_packages(&mut drift.changes, (&released, &live));
        }
    }

    /// What the first look found, unless the journal knows it.
    fn begun(&mut self, drift: Option<Drift>) -> Result<Vec<Drift>, FollowError> {
        let host = self.journal.fleet().host(&self.host.settings.name);
        let known = host.and_then(evenkeel_fleet::Host::drift);
        let same = |drift: &Drift| {
            known.is_some_and(|known| {
                known.changes.len() == drift.changes.len()
                    && drift
                        .changes
                        .iter()
                        .all(|it| known.changes.get(&it.path).is_some_and(|known| known.new == it.new))
            })
        };
        let drift = match drift {
            Some(drift) if same(&drift) => None,
            Some(mut drift) => {
                self.afterwards(&mut drift);
                Some(drift)
            }
            // It ended while nobody looked.
            None if known.is_some() => Some(Drift {
                host: self.host.settings.name.clone(),
                released: self.watch.released().bundle,
                stage: DriftStage::Ended(DriftEnd::Undone),
                changes: Vec::new(),
                more: 0,
                meaning: Vec::new(),
            }),
            None => None,
        };
        Ok(self.record(drift)?.into_iter().collect())
    }

    /// Takes in which bundles are right now.
    fn stand(&mut self, standing: Standing) -> Result<Option<Drift>, FollowError> {
        if self.standing == Some(standing) {
            return Ok(None);
        }
        let before = self.standing.replace(standing);
        let mut told = None;
        if before.is_some_and(|before| before.released != standing.released) {
            let files = self.host.bundle(standing.released)?;
            let drift =
                self.watch.rebase(now(), baseline(standing.released, &files), self.how(standing.released));
            told = self.record(drift)?;
        }
        let coming =
            standing.coming.map(|bundle| Ok::<_, HostError>(baseline(bundle, &self.host.bundle(bundle)?)));
        // A bundle that cannot be read is expected nowhere: what it brings is told of.
        self.watch.coming(coming.and_then(Result::ok));
        Ok(told)
    }

    /// How another bundle came to be the released one.
    fn how(&self, released: BundleId) -> DriftEnd {
        let newest = self.journal.events().iter().rev().find_map(|event| match &event.what {
            What::Adopted(adoption) if adoption.bundle == released => Some(DriftEnd::Adopted),
            What::Proposed { proposal, .. } if proposal.to == released && proposal.goes_back => {
                Some(DriftEnd::RolledBack)
            }
            What::Proposed { proposal, .. } if proposal.to == released => Some(DriftEnd::Released),
            _ => None,
        });
        newest.unwrap_or(DriftEnd::Released)
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
